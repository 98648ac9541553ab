//! What is drawn: a list of shapes in CSS pixels, in the order of painting.
//!
//! The list knows neither fonts nor colours: paints are named, and the shell has a palette for light and for
//! dark. Texts are cut by the layout, with the width of a character that the shell has measured.

use std::fmt;

use crate::scene::Look;

/// A frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DrawList {
    /// In CSS pixels.
    pub width: f32,
    /// In CSS pixels.
    pub height: f32,
    /// The first is painted first.
    pub shapes: Vec<Shape>,
}

/// One thing to paint.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A filled rectangle.
    Rect { x: f32, y: f32, width: f32, height: f32, paint: Paint },
    /// The edge of a rectangle, one pixel wide inside of it.
    Frame { x: f32, y: f32, width: f32, height: f32, paint: Paint },
    /// A mark of one moment: a diamond around this point.
    Diamond { x: f32, y: f32, radius: f32, paint: Paint },
    /// A straight line.
    Line { x1: f32, y1: f32, x2: f32, y2: f32, paint: Paint },
    /// A curved arrow.
    Arrow { x1: f32, y1: f32, x2: f32, y2: f32, paint: Paint },
    /// A text whose left end, at half its height, is here.
    Text { x: f32, y: f32, text: String, paint: Paint },
}

/// What a shape is painted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Paint {
    /// What is behind everything.
    Background,
    /// What is behind the titles of lanes.
    Gutter,
    /// Every second lane.
    Stripe,
    /// Lines of the grid.
    Grid,
    /// Text of the axis, titles.
    Text,
    /// Text that matters less.
    Dim,
    /// Text on a slice.
    OnSlice,
    /// A slice that looks like this.
    Slice(Look),
    /// Several slices that fall into the same pixels, of which the longest looks like this.
    Dense(Look),
    /// The selected slice, and arrows from and to it.
    Selection,
    /// What the search found.
    Found,
    /// What the pointer is on.
    Hover,
    /// What lies outside of the view, in the minimap.
    Shade,
}

impl fmt::Display for DrawList {
    /// One shape a line, for goldens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} x {}", self.width, self.height)?;
        for shape in &self.shapes {
            writeln!(f, "{shape:?}")?;
        }
        Ok(())
    }
}
