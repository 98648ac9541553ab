//! From a scene and a view to a list of shapes. Pure: the same scene and view give the same list.
//!
//! The work for a frame is bounded by its pixels, not by the number of events.

mod axis;
mod lanes;
mod place;

pub use place::{LanePlace, Places};

use crate::draw::{DrawList, Paint, Shape};
use crate::scene::Scene;
use crate::view::View;

/// The frame that shows this view of the scene.
pub fn frame(scene: &Scene, view: &View) -> DrawList {
    let places = Places::new(scene, view);
    let mut list = DrawList { width: view.width, height: view.height, shapes: Vec::new() };
    list.area([0.0, 0.0, view.width, view.height], Paint::Background);
    lanes::draw(&mut list, scene, view, &places);
    axis::draw(&mut list, view, &places);
    list
}

impl DrawList {
    /// A filled rectangle, cut to the canvas; none if nothing is left of it.
    fn area(&mut self, [x, y, width, height]: [f32; 4], paint: Paint) {
        let (right, bottom) = ((x + width).min(self.width), (y + height).min(self.height));
        let (x, y) = (x.max(0.0), y.max(0.0));
        if right > x && bottom > y {
            self.shapes.push(Shape::Rect { x, y, width: right - x, height: bottom - y, paint });
        }
    }

    /// A text that is cut to this width.
    fn text(&mut self, [x, y]: [f32; 2], width: f32, text: &str, paint: Paint, char_width: f32) {
        let inside = x >= 0.0 && y >= 0.0 && x <= self.width && y <= self.height;
        let width = width.min(self.width - x);
        if let Some(text) = inside.then(|| lanes::fitting(text, width, char_width)).flatten() {
            self.shapes.push(Shape::Text { x, y, text, paint });
        }
    }
}
