//! What is looked at: time range, scroll, selection, search; and how keys and the pointer change that.
//!
//! A pure state machine: [`View::key`] and [`View::pointer`] change the view and answer with an [`Effect`],
//! which tells the shell what to paint and what to ask. Nothing here draws.

mod effect;
mod keys;
mod pointer;
mod range;

use std::collections::BTreeSet;

pub use effect::{Effect, Request};
pub use keys::{Action, Binding, KEYS, Key, Modifiers};
pub use pointer::{Button, PointerEvent};
pub use range::{Range, exact, moment};

use crate::scene::{Scene, SliceRef};

/// What of a scene is looked at.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The time that is seen.
    pub range: Range,
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
    /// Where the pointer is.
    pub pointer: Option<(f32, f32)>,
    /// What is searched for; empty for nothing.
    pub search: String,
    /// A range that is measured.
    pub measured: Option<Range>,
    /// Lanes that are folded to one thin row: group and lane.
    pub folded: BTreeSet<(u16, u16)>,
    /// The help is shown.
    pub help: bool,
}

impl View {
    /// A view of the whole scene on a canvas of this size.
    pub fn new(scene: &Scene, width: f32, height: f32, char_width: f32) -> View {
        let mut view = View { range: Range::whole(scene.end.0), ..View::default() };
        view.resize(width, height, char_width);
        view
    }

    /// The canvas has this size now, and its font this width.
    pub fn resize(&mut self, width: f32, height: f32, char_width: f32) {
        let sane =
            |length: f32, max: f32| if length.is_finite() { length.clamp(0.0, max) } else { 0.0 };
        self.width = sane(width, 16_384.0);
        self.height = sane(height, 16_384.0);
        self.char_width = sane(char_width, 64.0).max(1.0);
    }

    /// A key was pressed while the timeline had the focus.
    pub fn key(&mut self, _scene: &Scene, key: Key, modifiers: Modifiers) -> Effect {
        let Some(action) = keys::action(key, modifiers) else { return Effect::none() };
        let middle = self.range.middle();
        match action {
            Action::ZoomIn => self.range = self.range.zoomed(0.5, middle),
            Action::ZoomOut => self.range = self.range.zoomed(2.0, middle),
            _ => return Effect::none(),
        }
        Effect::moved()
    }
}
