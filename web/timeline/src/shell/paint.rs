//! Paints a list of shapes on a canvas.
//!
//! A change of the colour costs more than a rectangle, so what cannot lie upon each other is painted colour by
//! colour. Edges are put on whole pixels of the screen: half-painted pixels would blur what stands next to
//! each other, and flicker when the view moves.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use wasm_bindgen::JsCast;
use web_sys::{CanvasPattern, CanvasRenderingContext2d, Document, HtmlCanvasElement};

use super::palette::Palette;
use crate::draw::{DrawList, Paint, Shape};

/// All characters are of one width in it, so the layout knows what fits.
const FONT_FAMILY: &str =
    "ui-monospace, \"Cascadia Mono\", Menlo, Consolas, \"DejaVu Sans Mono\", monospace";

/// In CSS pixels.
const FONT_SIZE: f64 = 12.0;

/// The distance of the lines of a hatch, in CSS pixels; see [`Shape::Hatch`].
const HATCH: u32 = 6;

/// The length of the head of an arrow, in CSS pixels.
const ARROW_HEAD: f64 = 6.0;

pub struct Painter {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    palette: Palette,
    /// Pixels of the screen in a CSS pixel.
    ratio: f64,
    /// Made when a colour is first hatched with.
    hatches: BTreeMap<String, CanvasPattern>,
    /// The order in which the last frame was painted, kept for its memory.
    order: Vec<(u16, u32)>,
}

impl Painter {
    pub fn new(canvas: HtmlCanvasElement, palette: Palette) -> Option<Painter> {
        let context = canvas.get_context("2d").ok()??.dyn_into().ok()?;
        Some(Painter {
            canvas,
            context,
            palette,
            ratio: 1.0,
            hatches: BTreeMap::new(),
            order: Vec::new(),
        })
    }

    pub fn set_palette(&mut self, palette: Palette) {
        self.palette = palette;
        self.hatches.clear();
    }

    /// The width of a character, in CSS pixels.
    pub fn char_width(&self) -> f64 {
        self.context.set_font(&font(100.0));
        self.context.measure_text("0").map_or(0.6, |metrics| metrics.width() / 100.0) * FONT_SIZE
    }

    /// Gives the canvas as many pixels as the screen has for it. Says whether it had others, and is empty now.
    pub fn resize(&mut self, width: f64, height: f64, ratio: f64) -> bool {
        if self.ratio != ratio {
            self.hatches.clear();
            self.ratio = ratio;
        }
        let (width, height) = (pixels(width * ratio), pixels(height * ratio));
        let other = (self.canvas.width(), self.canvas.height()) != (width, height);
        if other {
            self.canvas.set_width(width);
            self.canvas.set_height(height);
        }
        other
    }

    pub fn paint(&mut self, list: &DrawList) {
        let mut order = std::mem::take(&mut self.order);
        sort(list, &mut order);
        self.context.set_font(&font(FONT_SIZE * self.ratio));
        self.context.set_text_baseline("middle");
        self.context.set_line_width(self.ratio.round().max(1.0));
        let mut brush = None;
        for &(_, index) in &order {
            if let Some(shape) = list.shapes.get(index as usize) {
                self.shape(shape, &mut brush);
            }
        }
        self.order = order;
    }

    fn shape(&mut self, shape: &Shape, brush: &mut Option<Brush>) {
        match *shape {
            Shape::Rect { x, y, width, height, paint } => {
                self.take(brush, Brush::Fill(paint));
                let [left, top, right, bottom] = self.edges(x, y, width, height);
                self.context.fill_rect(left, top, right - left, bottom - top);
            }
            Shape::Hatch { x, y, width, height, paint } => {
                self.take(brush, Brush::Hatch(paint));
                let [left, top, right, bottom] = self.edges(x, y, width, height);
                self.context.fill_rect(left, top, right - left, bottom - top);
            }
            Shape::Frame { x, y, width, height, paint } => {
                self.take(brush, Brush::Fill(paint));
                let [left, top, right, bottom] = self.edges(x, y, width, height);
                let line = self.ratio.round().max(1.0);
                let (width, height) = (right - left, bottom - top);
                self.context.fill_rect(left, top, width, line.min(height));
                self.context.fill_rect(left, bottom - line.min(height), width, line.min(height));
                self.context.fill_rect(left, top, line.min(width), height);
                self.context.fill_rect(right - line.min(width), top, line.min(width), height);
            }
            Shape::Diamond { x, y, radius, paint } => {
                self.take(brush, Brush::Fill(paint));
                let (x, y, radius) = (self.place(x), self.place(y), self.place(radius));
                self.context.begin_path();
                self.context.move_to(x, y - radius);
                self.context.line_to(x + radius, y);
                self.context.line_to(x, y + radius);
                self.context.line_to(x - radius, y);
                self.context.fill();
            }
            Shape::Line { x1, y1, x2, y2, paint } => {
                let (x1, y1) = (self.place(x1), self.place(y1));
                let (x2, y2) = (self.place(x2), self.place(y2));
                let line = self.ratio.round().max(1.0);
                if x1 == x2 {
                    self.take(brush, Brush::Fill(paint));
                    self.context.fill_rect(x1.floor(), y1.round(), line, (y2 - y1).round());
                } else if y1 == y2 {
                    self.take(brush, Brush::Fill(paint));
                    self.context.fill_rect(x1.round(), y1.floor(), (x2 - x1).round(), line);
                } else {
                    self.take(brush, Brush::Stroke(paint));
                    self.context.begin_path();
                    self.context.move_to(x1, y1);
                    self.context.line_to(x2, y2);
                    self.context.stroke();
                }
            }
            Shape::Arrow { x1, y1, x2, y2, paint } => {
                self.take(brush, Brush::Stroke(paint));
                self.arrow([self.place(x1), self.place(y1)], [self.place(x2), self.place(y2)]);
            }
            Shape::Text { x, y, ref text, paint } => {
                self.take(brush, Brush::Fill(paint));
                // A text of which only the place is bad is not worth the frame.
                let _ = self.context.fill_text(text, self.place(x).round(), self.place(y).round());
            }
        }
    }

    /// Leaves and arrives horizontally.
    fn arrow(&self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
        let head = ARROW_HEAD * self.ratio;
        let bend = ((x2 - x1).abs() / 2.0).clamp(head * 2.0, head * 10.0);
        let context = &self.context;
        context.begin_path();
        context.move_to(x1, y1);
        context.bezier_curve_to(x1 + bend, y1, x2 - bend, y2, x2, y2);
        context.move_to(x2 - head, y2 - head / 2.0);
        context.line_to(x2, y2);
        context.line_to(x2 - head, y2 + head / 2.0);
        context.stroke();
        // Where it begins.
        context.begin_path();
        let _ = context.arc(x1, y1, head / 3.0, -PI, PI);
        context.stroke();
    }

    /// Sets the colour, if it is another one.
    fn take(&mut self, brush: &mut Option<Brush>, wanted: Brush) {
        if *brush == Some(wanted) {
            return;
        }
        *brush = Some(wanted);
        match wanted {
            Brush::Fill(paint) => self.context.set_fill_style_str(&self.palette.colour(paint)),
            Brush::Stroke(paint) => self.context.set_stroke_style_str(&self.palette.colour(paint)),
            Brush::Hatch(paint) => {
                let colour = self.palette.colour(paint);
                if !self.hatches.contains_key(&*colour)
                    && let Some(hatch) = self.hatch(&colour)
                {
                    self.hatches.insert(colour.clone().into_owned(), hatch);
                }
                if let Some(hatch) = self.hatches.get(&*colour) {
                    self.context.set_fill_style_canvas_pattern(hatch);
                }
            }
        }
    }

    /// A tile of diagonal lines. Tiles begin at the corner of the canvas, so hatches that touch go together.
    fn hatch(&self, colour: &str) -> Option<CanvasPattern> {
        let side = (f64::from(HATCH) * self.ratio).round();
        let document: Document = self.canvas.owner_document()?;
        let tile: HtmlCanvasElement = document.create_element("canvas").ok()?.dyn_into().ok()?;
        tile.set_width(pixels(side));
        tile.set_height(pixels(side));
        let context: CanvasRenderingContext2d = tile.get_context("2d").ok()??.dyn_into().ok()?;
        context.set_stroke_style_str(colour);
        context.set_line_width(self.ratio.max(1.0));
        context.begin_path();
        // Neighbouring tiles' lines reach into the corners.
        for shift in [-side, 0.0, side] {
            context.move_to(shift - 1.0, side + 1.0);
            context.line_to(shift + side + 1.0, -1.0);
        }
        context.stroke();
        self.context.create_pattern_with_html_canvas_element(&tile, "repeat").ok()?
    }

    /// Left, top, right and bottom in whole pixels of the screen. Nothing is too small to be seen.
    fn edges(&self, x: f32, y: f32, width: f32, height: f32) -> [f64; 4] {
        let (left, top) = (self.place(x).round(), self.place(y).round());
        let (right, bottom) = (self.place(x + width).round(), self.place(y + height).round());
        [left, top, right.max(left + 1.0), bottom.max(top + 1.0)]
    }

    fn place(&self, at: f32) -> f64 {
        f64::from(at) * self.ratio
    }
}

/// What the canvas paints with.
#[derive(Clone, Copy, PartialEq)]
enum Brush {
    Fill(Paint),
    Stroke(Paint),
    Hatch(Paint),
}

/// Puts neighbours that cannot lie upon each other in an order by colour: rectangles of slices that come one
/// after the other are of one row. Everything else keeps its place.
fn sort(list: &DrawList, order: &mut Vec<(u16, u32)>) {
    order.clear();
    let mut begin = 0;
    for (index, shape) in (0u32..).zip(&list.shapes) {
        match colour(shape) {
            Some(colour) => order.push((colour, index)),
            None => {
                order[begin..].sort_unstable();
                order.push((0, index));
                begin = order.len();
            }
        }
    }
    order[begin..].sort_unstable();
}

/// A number for the colour of a slice's rectangle.
fn colour(shape: &Shape) -> Option<u16> {
    match *shape {
        Shape::Rect { paint: Paint::Slice(look), .. } => Some(look as u16),
        Shape::Rect { paint: Paint::Dense(look), .. } => Some(256 + look as u16),
        _ => None,
    }
}

fn font(size: f64) -> String {
    format!("{size}px {FONT_FAMILY}")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float stops at the ends of the integer's range"
)]
fn pixels(length: f64) -> u32 {
    length.round().max(1.0) as u32
}
