//! Lanes: stripes, titles, slices and marks.

use super::place::{GROUP, HEADER, HEADING, LanePlace, MINIMAP};
use super::{Frame, Painter};
use crate::draw::Paint;
use crate::scene::{Look, Row, Slice, SliceRef, Visible};
use crate::view::{exact, moment};

/// The radius of a mark.
const MARK: f32 = 6.0;

/// Every second lane is a little darker.
pub fn stripes(painter: &mut Painter, frame: &Frame) {
    for (index, place) in frame.lanes_in_view() {
        if index % 2 == 1 {
            let area = [0.0, frame.y(place.top), frame.view.width, place.bottom - place.top];
            painter.rect(area, Paint::Stripe);
        }
    }
}

/// What is in the lanes. Whether there was anything to draw.
pub fn slices(painter: &mut Painter, frame: &Frame) -> bool {
    let before = painter.count();
    for (_, place) in frame.lanes_in_view() {
        let lane = frame.lane(place);
        for (number, row) in (0..place.rows).zip(&lane.rows) {
            let top = frame.y(place.rows_top) + f32::from(number) * place.row_height;
            if top + place.row_height > HEADER && top < frame.view.height {
                let at = SliceRef { group: place.group, lane: place.lane, row: number, slice: 0 };
                RowPainter { painter, frame, row, at, top, height: place.row_height - 1.0 }.draw();
            }
        }
    }
    painter.count() > before
}

/// Titles of lanes and groups: beside the lanes, or above them.
pub fn titles(painter: &mut Painter, frame: &Frame) {
    let gutter = frame.places.gutter;
    let height = frame.view.height;
    if gutter > 0.0 {
        painter.rect([0.0, MINIMAP, gutter, height - MINIMAP], Paint::Gutter);
        painter.rect([gutter - 1.0, 0.0, 1.0, height], Paint::Grid);
    }
    for &(group, top) in &frame.places.groups {
        let y = frame.y(top);
        if y + GROUP > HEADER && y < height {
            painter.rect([0.0, y, frame.view.width, GROUP - 2.0], Paint::Gutter);
            let title = &frame.scene.groups[group].title;
            painter.text([8.0, y + GROUP / 2.0 - 1.0], frame.view.width, title, Paint::Text);
        }
    }
    for (_, place) in frame.lanes_in_view() {
        let lane = frame.lane(place);
        let y = frame.y(place.top) + HEADING / 2.0;
        // Which way it folds is told by the sign, not by a colour.
        painter.text([6.0, y], 12.0, if place.folded { "+" } else { "-" }, Paint::Dim);
        let room = if gutter > 0.0 { gutter - 26.0 } else { frame.view.width - 26.0 };
        painter.text([18.0, y], room, &lane.title, Paint::Text);
        if gutter > 0.0 && !place.folded {
            row_titles(painter, frame, place, painter.text_width(&lane.title));
        }
    }
}

/// Titles of rows, in the gutter. That of the first stands behind the lane's.
fn row_titles(painter: &mut Painter, frame: &Frame, place: &LanePlace, lane_title: f32) {
    let gutter = frame.places.gutter;
    for (number, row) in (0..place.rows).zip(&frame.lane(place).rows) {
        let Some(title) = row.title.and_then(|name| frame.scene.names.get(name as usize)) else {
            continue;
        };
        let y = frame.y(place.rows_top) + (f32::from(number) + 0.5) * place.row_height;
        let x = if number == 0 { 18.0 + lane_title + 8.0 } else { 26.0 };
        if y > HEADER && y < frame.view.height {
            painter.text([x, y], gutter - 8.0 - x, title, Paint::Dim);
        }
    }
}

/// Neighbours that are drawn as one.
#[derive(Clone, Copy)]
struct Run {
    left: f32,
    right: f32,
    look: Look,
    /// It is one slice.
    single: bool,
    /// It is as long as a pixel: whatever is beside it, it is seen.
    long: bool,
}

/// What is worst has a pattern besides its colour.
fn is_hatched(look: Look) -> bool {
    matches!(look, Look::BlockingOnLoop | Look::Missing)
}

struct RowPainter<'a, 'b> {
    painter: &'a mut Painter,
    frame: &'a Frame<'b>,
    row: &'a Row,
    /// The row's first slice.
    at: SliceRef,
    top: f32,
    height: f32,
}

impl RowPainter<'_, '_> {
    fn draw(mut self) {
        let mut run: Option<Run> = None;
        for visible in self.frame.visible(self.row, self.frame.view.range) {
            let mut narrow = match visible {
                Visible::Slice(index) => {
                    let Some(slice) = self.row.slice(index) else { continue };
                    if slice.begin == slice.end {
                        self.flush(&mut run);
                        self.mark(slice);
                        continue;
                    }
                    let [left, right] = self.edges(exact(slice.begin.0), exact(slice.end.0));
                    if right - left > 2.0 {
                        self.flush(&mut run);
                        self.slice(slice, left, right);
                        continue;
                    }
                    let long = exact(slice.length().0) >= self.frame.places.scale.nanos_per_pixel();
                    Run { left, right, look: slice.look, single: true, long }
                }
                Visible::Dense { begin, end, look, .. } => {
                    let [left, right] = self.edges(exact(begin.0), exact(end.0));
                    Run { left, right, look, single: false, long: false }
                }
            };
            // What touches and looks the same is one shape: a frame has few of them, however much there is.
            match &mut run {
                Some(run) if run.look == narrow.look && narrow.left <= run.right => {
                    run.right = run.right.max(narrow.right);
                    run.single = false;
                }
                _ => {
                    // Of two in one pixel the worse is seen.
                    if let Some(run) = &run
                        && narrow.look.severity() < run.look.severity()
                    {
                        narrow.left = narrow.left.max(run.right);
                        let least = if narrow.long { narrow.left + 1.0 } else { 0.0 };
                        narrow.right = narrow.right.max(least).min(self.frame.places.scale.right);
                    }
                    if narrow.left < narrow.right {
                        self.flush(&mut run);
                        run = Some(narrow);
                    }
                }
            }
        }
        self.flush(&mut run);
        self.found();
        for (slice, paint) in
            [(self.frame.view.hovered, Paint::Hover), (self.frame.view.selected, Paint::Selection)]
        {
            if let Some(slice) = slice.filter(|slice| SliceRef { slice: 0, ..*slice } == self.at) {
                self.outline(slice.slice, paint);
            }
        }
    }

    /// The left and right edge of a span, on whole pixels, and at least one apart.
    fn edges(&self, begin: f64, end: f64) -> [f32; 2] {
        let scale = &self.frame.places.scale;
        let left = scale.x(begin).round().clamp(scale.left, scale.right - 1.0);
        let right = scale.x(end).round().clamp(left + 1.0, scale.right.max(left + 1.0));
        [left, right]
    }

    fn flush(&mut self, run: &mut Option<Run>) {
        let Some(Run { left, right, look, single, .. }) = run.take() else { return };
        let area = [left, self.top, right - left, self.height];
        let paint = if single { Paint::Slice(look) } else { Paint::Dense(look) };
        self.painter.rect(area, paint);
        if right - left >= 4.0 {
            self.pattern(area, look);
        }
    }

    fn slice(&mut self, slice: Slice, left: f32, right: f32) {
        // The last pixel is left free, so that neighbours are told apart.
        let width = if right - left >= 4.0 { right - left - 1.0 } else { right - left };
        let area = [left, self.top, width, self.height];
        self.painter.rect(area, Paint::Slice(slice.look));
        self.pattern(area, slice.look);
        let name = self.frame.scene.names.get(slice.name as usize).map_or("", |name| name);
        let room = width - 8.0;
        if self.height < 12.0 || room <= 0.0 {
            return;
        }
        let with_length = format!("{name} {}", slice.length());
        let fits = self.painter.text_width(&with_length) <= room;
        let text = if fits { &with_length } else { name };
        if is_hatched(slice.look) {
            // Letters on a hatch are hard to read.
            let ground = (self.painter.text_width(text) + 6.0).min(width - 2.0);
            let area = [left + 1.0, self.top + 1.0, ground, self.height - 2.0];
            self.painter.rect(area, Paint::Slice(slice.look));
        }
        let at = [left + 4.0, self.top + self.height / 2.0];
        self.painter.text(at, room, text, Paint::OnSlice(slice.look));
    }

    /// What tells bad from good without a colour.
    fn pattern(&mut self, area: [f32; 4], look: Look) {
        if is_hatched(look) {
            self.painter.hatch(area, Paint::Edge(look));
        }
        match look {
            Look::BlockingOnLoop
            | Look::Missing
            | Look::Stall
            | Look::Error
            | Look::SignalLost
            | Look::Extra
            | Look::Moved => {
                self.painter.frame(area, Paint::Edge(look));
            }
            _ => {}
        }
    }

    fn mark(&mut self, slice: Slice) {
        let x = self.frame.places.scale.x(exact(slice.begin.0));
        let at = [x, self.top + self.height / 2.0];
        let radius = MARK.min(self.height / 2.0);
        if slice.look.severity() >= 3 {
            self.painter.diamond(at, radius + 2.0, Paint::Edge(slice.look));
        }
        self.painter.diamond(at, radius, Paint::Slice(slice.look));
    }

    /// What the search found: an outline, or a line above what is too narrow for one. At most one for each pixel.
    fn found(&mut self) {
        let view = self.frame.view;
        let found = view.found().in_row(self.at.group, self.at.lane, self.at.row);
        let range = self.row.between(moment(view.range.from.max(0.0)), moment(view.range.to));
        let mut next = found.partition_point(|slice| *slice < range.start);
        let mut line: Option<[f32; 2]> = None;
        while let Some(&index) = found.get(next).filter(|slice| **slice < range.end) {
            let Some(slice) = self.row.slice(index) else { break };
            let (begin, end) = (exact(slice.begin.0), exact(slice.end.0));
            let [left, right] = self.edges(begin, end);
            match &mut line {
                Some(line) if left <= line[1] + 1.0 && right - left < 4.0 => {
                    line[1] = line[1].max(right);
                }
                _ if right - left < 4.0 => {
                    self.found_line(line);
                    line = Some([left, right]);
                }
                _ => self.outline(index, Paint::Found),
            }
            let beyond = end.max(begin + self.frame.places.scale.nanos_per_pixel());
            let before = |slice: u32| {
                self.row.slice(slice).is_some_and(|slice| exact(slice.begin.0) < beyond)
            };
            // The next pixel's are near by, so the search widens its steps.
            let rest = &found[next + 1..];
            let mut reach = 1;
            while reach < rest.len() && before(rest[reach]) {
                reach *= 2;
            }
            let near = &rest[..rest.len().min(reach + 1)];
            next += 1 + near.partition_point(|slice| before(*slice));
        }
        self.found_line(line);
    }

    fn found_line(&mut self, line: Option<[f32; 2]>) {
        if let Some([left, right]) = line {
            self.painter.rect([left, self.top, (right - left).max(3.0), 3.0], Paint::Found);
        }
    }

    /// An edge around a slice or a mark, two pixels wide.
    fn outline(&mut self, slice: u32, paint: Paint) {
        let Some(slice) = self.row.slice(slice) else { return };
        let scale = &self.frame.places.scale;
        let (begin, end) = (exact(slice.begin.0), exact(slice.end.0));
        if scale.x(end) < scale.left || scale.x(begin) > scale.right {
            return;
        }
        let area = if begin == end {
            let radius = MARK.min(self.height / 2.0) + 2.0;
            [scale.x(begin) - radius, self.top, 2.0 * radius, self.height]
        } else {
            let [left, right] = self.edges(begin, end);
            [left, self.top, (right - left).max(3.0), self.height]
        };
        let [x, y, width, height] = area;
        self.painter.frame(area, paint);
        self.painter.frame([x + 1.0, y + 1.0, width - 2.0, height - 2.0], paint);
    }
}
