//! What is drawn: a list of shapes in CSS pixels, in the order of painting.
//!
//! The list knows neither fonts nor colours: paints are named, and [`crate::theme`] has a palette for light and
//! for dark. Texts are cut by the layout, with the width of a character that the shell has measured.

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
#[expect(
    missing_docs,
    reason = "x and y are the left and top edge, or points, and sizes are sizes"
)]
pub enum Shape {
    /// A filled rectangle.
    Rect { x: f32, y: f32, width: f32, height: f32, paint: Paint },
    /// Diagonal lines inside of a rectangle, one pixel wide, rising to the right, where `x + y` is a multiple
    /// of six: what is painted so is told apart without its colour.
    Hatch { x: f32, y: f32, width: f32, height: f32, paint: Paint },
    /// The edge of a rectangle, one pixel wide inside of it.
    Frame { x: f32, y: f32, width: f32, height: f32, paint: Paint },
    /// A mark of one moment: a diamond around this point.
    Diamond { x: f32, y: f32, radius: f32, paint: Paint },
    /// A straight line, one pixel wide.
    Line { x1: f32, y1: f32, x2: f32, y2: f32, paint: Paint },
    /// A curved arrow: it leaves and arrives horizontally, and its head is at the second point.
    Arrow { x1: f32, y1: f32, x2: f32, y2: f32, paint: Paint },
    /// A text whose left end, at half its height, is here.
    Text { x: f32, y: f32, text: String, paint: Paint },
}

/// What a shape is painted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Paint {
    /// What is behind everything.
    Background,
    /// What is behind the titles of lanes, the axis and the minimap.
    Gutter,
    /// Every second lane.
    Stripe,
    /// Lines of the grid, and between areas.
    Grid,
    /// Text of the axis, titles.
    Text,
    /// Text that matters less.
    Dim,
    /// Text on a slice that looks like this.
    OnSlice(Look),
    /// A slice that looks like this.
    Slice(Look),
    /// Several slices that fall into the same pixels, of which the most telling one looks like this.
    Dense(Look),
    /// The lines of a hatch, and the edge, of a slice that looks like this.
    Edge(Look),
    /// The edge of the selected slice.
    Selection,
    /// Arrows from and to the selected slice.
    Flow,
    /// The edge of what the search found.
    Found,
    /// The edge of what the pointer is on.
    Hover,
    /// Something that is wrong, on the axis and in the minimap.
    Issue,
    /// What lies outside of the view, in the minimap: translucent.
    Shade,
    /// The measured range: translucent.
    Range,
    /// The edges of the measured range and of the window in the minimap.
    RangeEdge,
    /// The line at the pointer's moment.
    Cursor,
    /// A signal that is being dragged to another moment.
    Ghost,
    /// What is behind the text of a tooltip or a label.
    Panel,
    /// The edge of a tooltip or a label.
    PanelEdge,
    /// Text on a panel.
    PanelText,
    /// Text on a panel that matters less.
    PanelDim,
}

/// A number as a golden has it: a hundredth of a pixel is exact enough to see one move.
struct Short(f32);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.2}", self.0);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut area = |kind: &str, [x, y, width, height]: [f32; 4], paint: Paint| {
            let (x, y, width, height) = (Short(x), Short(y), Short(width), Short(height));
            write!(f, "{kind} {x} {y} {width}x{height} {paint:?}")
        };
        match *self {
            Shape::Rect { x, y, width, height, paint } => {
                area("rect", [x, y, width, height], paint)
            }
            Shape::Hatch { x, y, width, height, paint } => {
                area("hatch", [x, y, width, height], paint)
            }
            Shape::Frame { x, y, width, height, paint } => {
                area("frame", [x, y, width, height], paint)
            }
            Shape::Diamond { x, y, radius, paint } => {
                write!(f, "diamond {} {} r{} {paint:?}", Short(x), Short(y), Short(radius))
            }
            Shape::Line { x1, y1, x2, y2, paint } | Shape::Arrow { x1, y1, x2, y2, paint } => {
                let kind = if matches!(self, Shape::Line { .. }) { "line" } else { "arrow" };
                let (x1, y1, x2, y2) = (Short(x1), Short(y1), Short(x2), Short(y2));
                write!(f, "{kind} {x1} {y1} to {x2} {y2} {paint:?}")
            }
            Shape::Text { x, y, ref text, paint } => {
                write!(f, "text {} {} {paint:?} {text:?}", Short(x), Short(y))
            }
        }
    }
}

impl fmt::Display for DrawList {
    /// One shape a line, for goldens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} x {}", self.width, self.height)?;
        for shape in &self.shapes {
            writeln!(f, "{shape}")?;
        }
        Ok(())
    }
}
