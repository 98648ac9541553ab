//! What is looked at: time range, scroll, selection, search; and how keys and the pointer change that.

use loopbox_trace::Nanos;

use crate::scene::SliceRef;

/// What of a scene is looked at.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The left edge.
    pub from: Nanos,
    /// The right edge; after the left one.
    pub to: Nanos,
    /// How far down, in CSS pixels.
    pub scroll: f32,
    /// Size of the canvas in CSS pixels.
    pub width: f32,
    /// Size of the canvas in CSS pixels.
    pub height: f32,
    /// The width of a character of the canvas's font, in CSS pixels.
    pub char_width: f32,
    /// The selected slice.
    pub selected: Option<SliceRef>,
    /// What the pointer is on.
    pub hovered: Option<SliceRef>,
    /// What is searched for; empty for nothing.
    pub search: String,
}
