//! From a scene and a view to a list of shapes. Pure: the same scene and view give the same list.
//!
//! The work for a frame is bounded by its pixels, not by the number of events: a row says what is to be seen on
//! so many pixels ([`Row::visible`]), and what touches and looks the same becomes one shape.

mod axis;
mod hit;
mod lanes;
mod marks;
mod minimap;
mod painter;
mod panels;
mod place;

use loopbox_trace::Nanos;

pub use hit::{Hit, hit};
pub use minimap::{Overview, scale as minimap_scale};
pub use place::{HEADER, LanePlace, Places, Scale};

use crate::draw::{DrawList, Paint};
use crate::scene::{Lane, Row, Scene, Visible};
use crate::view::{Range, View, exact, moment};
use axis::Axis;
use painter::Painter;

/// What a frame is drawn from.
struct Frame<'a> {
    scene: &'a Scene,
    view: &'a View,
    places: Places,
}

/// The frame that shows this view of the scene.
pub fn frame(scene: &Scene, view: &View) -> DrawList {
    let frame = Frame::new(scene, view);
    let mut painter = Painter::new(view.width, view.height, view.char_width);
    let painter = &mut painter;
    let axis = Axis::new(view.range.from, view.range.to, frame.places.scale.width());
    painter.rect([0.0, 0.0, view.width, view.height], Paint::Background);
    lanes::stripes(painter, &frame);
    axis::grid(painter, &frame, &axis);
    if !lanes::slices(painter, &frame) {
        panels::empty(painter, &frame);
    }
    marks::flows(painter, &frame);
    marks::measured(painter, &frame);
    marks::pointer_line(painter, &frame);
    lanes::titles(painter, &frame);
    minimap::draw(painter, &frame);
    axis::draw(painter, &frame, &axis);
    marks::ghost(painter, &frame);
    marks::pointer_time(painter, &frame);
    panels::tooltip(painter, &frame);
    std::mem::take(painter).finish()
}

impl<'a> Frame<'a> {
    fn new(scene: &'a Scene, view: &'a View) -> Frame<'a> {
        Frame { scene, view, places: Places::new(scene, view) }
    }

    /// Where a height of the content is on the canvas.
    fn y(&self, content: f32) -> f32 {
        content + HEADER - self.view.scroll
    }

    fn lane(&self, place: &LanePlace) -> &'a Lane {
        &self.scene.groups[usize::from(place.group)].lanes[usize::from(place.lane)]
    }

    /// The lanes of which something can be seen, with their number.
    fn lanes_in_view(&self) -> impl Iterator<Item = (usize, &LanePlace)> {
        let seen = self.view.scroll..self.view.scroll + self.places.visible;
        let lanes = self.places.lanes.iter().enumerate();
        lanes.filter(move |(_, lane)| lane.bottom > seen.start && lane.top < seen.end)
    }

    /// What of a row is to be seen in a range of time.
    fn visible<'b>(&self, row: &'b Row, range: Range) -> impl Iterator<Item = Visible> + use<'b> {
        // A moment of the trace is a whole number; the range's edges are not.
        let from = moment(range.from.max(0.0).floor());
        let to = moment(range.to.max(0.0).ceil());
        let pixel = moment(self.places.scale.nanos_per_pixel().floor());
        row.visible(from, to, pixel)
    }
}

/// The power of ten that is at most as long as a pixel: more exact nobody can point.
pub fn grid_of(scale: &Scale) -> Nanos {
    let mut grid = 1;
    while exact(grid) * 10.0 <= scale.nanos_per_pixel() {
        grid *= 10;
    }
    Nanos(grid)
}
