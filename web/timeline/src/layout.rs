//! From a scene and a view to a list of shapes. Pure: the same scene and view give the same list.
//!
//! The work for a frame is bounded by its pixels, not by the number of events.

use crate::draw::DrawList;
use crate::scene::Scene;
use crate::view::View;

/// The frame that shows this view of the scene.
pub fn frame(_scene: &Scene, view: &View) -> DrawList {
    DrawList { width: view.width, height: view.height, shapes: Vec::new() }
}
