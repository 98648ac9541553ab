//! The pointer: what its events are, and what is being dragged.

use super::{Effect, Modifiers, View};
use crate::scene::Scene;

/// What the pointer does, at a point of the canvas in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PointerEvent {
    /// A button or a finger goes down.
    Down {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
        /// Which finger; a mouse has one number.
        id: i32,
        /// Which button it is.
        button: Button,
        /// What is held down.
        modifiers: Modifiers,
    },
    /// It moves, whether pressed or not.
    Move {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
        /// Which finger.
        id: i32,
    },
    /// It goes up.
    Up {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
        /// Which finger.
        id: i32,
    },
    /// It was taken away by the browser: nothing is let go anywhere.
    Cancel,
    /// It left the canvas.
    Leave,
    /// Twice in a short time.
    Double {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
    },
    /// The wheel turns, or two fingers move on a pad. A pinch on a pad comes with control held down.
    Wheel {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
        /// To the right, in pixels.
        dx: f32,
        /// Down, in pixels.
        dy: f32,
        /// What is held down.
        modifiers: Modifiers,
    },
}

/// What presses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    /// The first button of a mouse, or a pen.
    Primary,
    /// The wheel.
    Middle,
    /// A finger: it pans.
    Touch,
    /// Any other: the browser's.
    Other,
}

impl View {
    /// What the pointer does.
    pub fn pointer(&mut self, _scene: &Scene, _event: PointerEvent) -> Effect {
        Effect::none()
    }
}
