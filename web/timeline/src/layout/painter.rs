//! Adds shapes to a list, and keeps them inside of the canvas: what lies outside is cut or left out.

use crate::draw::{DrawList, Paint, Shape};

/// Draws onto a list.
#[derive(Default)]
pub struct Painter {
    list: DrawList,
    char_width: f32,
}

impl Painter {
    /// Begins an empty list.
    pub fn new(width: f32, height: f32, char_width: f32) -> Painter {
        Painter { list: DrawList { width, height, shapes: Vec::new() }, char_width }
    }

    /// The list.
    pub fn finish(self) -> DrawList {
        self.list
    }

    /// How many shapes there are.
    pub fn count(&self) -> usize {
        self.list.shapes.len()
    }

    /// The canvas's height.
    pub fn height(&self) -> f32 {
        self.list.height
    }

    /// How wide a text is.
    pub fn text_width(&self, text: &str) -> f32 {
        text.chars().map(cells).sum::<f32>() * self.char_width
    }

    /// A filled rectangle.
    pub fn rect(&mut self, area: [f32; 4], paint: Paint) {
        if let Some([x, y, width, height]) = self.cut(area) {
            self.list.shapes.push(Shape::Rect { x, y, width, height, paint });
        }
    }

    /// Diagonal lines.
    pub fn hatch(&mut self, area: [f32; 4], paint: Paint) {
        if let Some([x, y, width, height]) = self.cut(area) {
            self.list.shapes.push(Shape::Hatch { x, y, width, height, paint });
        }
    }

    /// An edge.
    pub fn frame(&mut self, area: [f32; 4], paint: Paint) {
        if let Some([x, y, width, height]) = self.cut(area) {
            self.list.shapes.push(Shape::Frame { x, y, width, height, paint });
        }
    }

    /// A mark; none if its middle is outside.
    pub fn diamond(&mut self, [x, y]: [f32; 2], radius: f32, paint: Paint) {
        if self.holds(x, y) && radius > 0.0 {
            self.list.shapes.push(Shape::Diamond { x, y, radius, paint });
        }
    }

    /// An arrow between points that are moved into the canvas.
    pub fn arrow(&mut self, [x1, y1]: [f32; 2], [x2, y2]: [f32; 2], paint: Paint) {
        let (width, height) = (self.list.width, self.list.height);
        let (x1, x2) = (x1.clamp(0.0, width), x2.clamp(0.0, width));
        let (y1, y2) = (y1.clamp(0.0, height), y2.clamp(0.0, height));
        self.list.shapes.push(Shape::Arrow { x1, y1, x2, y2, paint });
    }

    /// As much of a text as fits this width, and the canvas.
    pub fn text(&mut self, [x, y]: [f32; 2], width: f32, text: &str, paint: Paint) {
        let width = width.min(self.list.width - x);
        if !self.holds(x, y) {
            return;
        }
        if let Some(text) = fitting(text, width, self.char_width) {
            self.list.shapes.push(Shape::Text { x, y, text, paint });
        }
    }

    /// A text on a ground of its own, with this left end and middle, moved into the canvas.
    pub fn label(&mut self, [x, y]: [f32; 2], text: &str) {
        let width = (self.text_width(text) + 8.0).min(self.list.width);
        let x = x.min(self.list.width - width).max(0.0);
        self.panel([x, y - 8.0, width, 16.0]);
        self.text([x + 4.0, y], width - 8.0, text, Paint::PanelText);
    }

    /// The ground for texts that lie over everything.
    pub fn panel(&mut self, area: [f32; 4]) {
        self.rect(area, Paint::Panel);
        self.frame(area, Paint::PanelEdge);
    }

    fn holds(&self, x: f32, y: f32) -> bool {
        (0.0..=self.list.width).contains(&x) && (0.0..=self.list.height).contains(&y)
    }

    /// The part of a rectangle that is on the canvas.
    fn cut(&self, [x, y, width, height]: [f32; 4]) -> Option<[f32; 4]> {
        if ![x, y, width, height].iter().all(|number| number.is_finite()) {
            return None;
        }
        let right = (x + width).min(self.list.width);
        let bottom = (y + height).min(self.list.height);
        let (x, y) = (x.max(0.0), y.max(0.0));
        (right > x && bottom > y).then_some([x, y, right - x, bottom - y])
    }
}

/// How many columns a character takes at most: those of East Asia and pictures take two.
fn cells(char: char) -> f32 {
    if char < '\u{1100}' || char == '…' || ('\u{2190}'..='\u{21ff}').contains(&char) {
        1.0
    } else {
        2.0
    }
}

/// As much of a text as fits, with an ellipsis if it was cut; none if nothing does.
fn fitting(text: &str, width: f32, char_width: f32) -> Option<String> {
    let room = width / char_width;
    let mut used = 0.0;
    // Where to cut so that the ellipsis fits, too.
    let mut short = 0;
    for (at, char) in text.char_indices() {
        used += cells(char);
        if used > room {
            return (short > 0).then(|| format!("{}…", &text[..short]));
        }
        if used + 1.0 <= room {
            short = at + char.len_utf8();
        }
    }
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_to_its_room() {
        for (text, room, shown) in [
            ("fetch", 5.0, Some("fetch")),
            ("fetch", 4.9, Some("fet…")),
            ("fetch", 2.0, Some("f…")),
            ("fetch", 1.9, None),
            ("f", 1.0, Some("f")),
            ("", 9.0, None),
            ("世界", 4.0, Some("世界")),
            ("世界", 3.9, Some("世…")),
            ("世界", 2.9, None),
            ("fetch", -3.0, None),
        ] {
            assert_eq!(fitting(text, room * 7.0, 7.0).as_deref(), shown, "{text} in {room}");
        }
    }

    #[test]
    fn what_is_outside_of_the_canvas_is_cut_or_left_out() {
        let mut painter = Painter::new(100.0, 50.0, 7.0);
        painter.rect([-10.0, 40.0, 20.0, 20.0], Paint::Grid);
        painter.rect([100.0, 0.0, 10.0, 10.0], Paint::Grid);
        painter.rect([f32::NAN, 0.0, 10.0, 10.0], Paint::Grid);
        painter.frame([0.0, 0.0, 10.0, -1.0], Paint::Grid);
        painter.diamond([-1.0, 10.0], 5.0, Paint::Grid);
        painter.text([90.0, 10.0], 500.0, "long", Paint::Text);
        painter.label([95.0, 10.0], "label");
        assert_eq!(
            painter.finish().to_string(),
            "100 x 50\nrect 0 40 10x10 Grid\nrect 57 2 43x16 Panel\nframe 57 2 43x16 PanelEdge\n\
             text 61 10 PanelText \"label\"\n"
        );
    }
}
