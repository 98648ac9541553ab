//! Where things stand: the header, the gutter, and the lanes below each other.

use crate::scene::{LaneKind, Scene, SliceRef};
use crate::view::{Range, View};

/// The minimap's height.
pub const MINIMAP: f32 = 40.0;
/// The axis's height.
pub const AXIS: f32 = 22.0;
/// What is above the lanes and does not scroll.
pub const HEADER: f32 = MINIMAP + AXIS;
/// The height of a row, of which one pixel is left free below.
pub const ROW: f32 = 18.0;
/// The height of a row of a folded lane.
const ROW_FOLDED: f32 = 8.0;
/// The free space above the first lane.
const TOP: f32 = 4.0;
/// The free space between two lanes.
const GAP: f32 = 6.0;
/// The height of a lane's title where there is no gutter.
pub const HEADING: f32 = 18.0;
/// The height of a group's title.
pub const GROUP: f32 = 22.0;
/// The width of the gutter.
const GUTTER: f32 = 168.0;
/// A canvas that is not wider than that has no gutter.
const NARROW: f32 = 640.0;

/// Where moments are: a range of time on a range of pixels.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Where the time begins.
    pub left: f32,
    /// Where the time ends.
    pub right: f32,
    /// The time between.
    pub range: Range,
}

impl Scale {
    /// How wide the time is, in pixels.
    pub fn width(&self) -> f32 {
        self.right - self.left
    }

    /// Where a moment is; it may lie outside.
    #[expect(clippy::cast_possible_truncation, reason = "what is far outside may be rounded")]
    pub fn x(&self, at: f64) -> f32 {
        let part = (at - self.range.from) / self.range.span();
        (f64::from(self.left) + part * f64::from(self.width())) as f32
    }

    /// The moment at a point.
    pub fn at(&self, x: f32) -> f64 {
        let part = f64::from(x - self.left) / f64::from(self.width());
        self.range.from + part * self.range.span()
    }

    /// How many nanoseconds a pixel is wide.
    pub fn nanos_per_pixel(&self) -> f64 {
        self.range.span() / f64::from(self.width())
    }
}

/// Where everything stands. Lanes and groups stand in the content, which begins at 0 and scrolls.
#[derive(Clone, Debug)]
pub struct Places {
    /// The width of the gutter; 0 where titles stand above the lanes.
    pub gutter: f32,
    /// Where the time of the view is.
    pub scale: Scale,
    /// Titles of groups: the group's index and its top.
    pub groups: Vec<(usize, f32)>,
    /// From top to bottom.
    pub lanes: Vec<LanePlace>,
    /// The height of all lanes.
    pub content: f32,
    /// The height that lanes can be seen in.
    pub visible: f32,
}

/// Where a lane stands.
#[derive(Clone, Copy, Debug)]
pub struct LanePlace {
    /// An index into the scene's groups.
    pub group: u16,
    /// An index into the group's lanes.
    pub lane: u16,
    /// What it shows.
    pub kind: LaneKind,
    /// The top of its heading, or of its first row if it has none.
    pub top: f32,
    /// The top of its first row.
    pub rows_top: f32,
    /// The bottom of its last row.
    pub bottom: f32,
    /// How many rows are shown.
    pub rows: u16,
    /// The height of one.
    pub row_height: f32,
    /// Only a thin first row is shown.
    pub folded: bool,
}

impl Places {
    /// Where everything stands in this view.
    pub fn new(scene: &Scene, view: &View) -> Places {
        let narrow = view.width < NARROW;
        let gutter = if narrow { 0.0 } else { GUTTER };
        let mut places = Places {
            gutter,
            scale: Scale { left: gutter, right: view.width.max(gutter + 1.0), range: view.range },
            groups: Vec::new(),
            lanes: Vec::new(),
            content: 0.0,
            visible: (view.height - HEADER).max(0.0),
        };
        let mut y = TOP;
        for (group_index, group) in (0..u16::MAX).zip(&scene.groups) {
            if !group.title.is_empty() {
                places.groups.push((usize::from(group_index), y));
                y += GROUP;
            }
            for (lane_index, lane) in (0..u16::MAX).zip(&group.lanes) {
                let folded = view.folded.contains(&(group_index, lane_index));
                let rows = u16::try_from(lane.rows.len()).unwrap_or(u16::MAX);
                let rows = if folded { 1 } else { rows.max(1) };
                let row_height = if folded { ROW_FOLDED } else { ROW };
                let rows_top = y + if narrow { HEADING } else { 0.0 };
                let bottom = (rows_top + f32::from(rows) * row_height).max(if narrow {
                    0.0
                } else {
                    y + ROW
                });
                places.lanes.push(LanePlace {
                    group: group_index,
                    lane: lane_index,
                    kind: lane.kind,
                    top: y,
                    rows_top,
                    bottom,
                    rows,
                    row_height,
                    folded,
                });
                y = bottom + GAP;
            }
        }
        places.content = y;
        places
    }

    /// The top of a slice's row in the content, and its height; of a folded lane, the only row that is shown.
    pub fn row_of(&self, at: SliceRef) -> Option<(f32, f32)> {
        let key = |lane: &LanePlace| (lane.group, lane.lane);
        let index = self.lanes.binary_search_by_key(&(at.group, at.lane), key).ok()?;
        let lane = &self.lanes[index];
        let row = if lane.folded { 0 } else { at.row };
        let top = lane.rows_top + f32::from(row) * lane.row_height;
        (row < lane.rows).then_some((top, lane.row_height))
    }

    /// The lane at this height of the content.
    pub fn lane_at(&self, y: f32) -> Option<&LanePlace> {
        let next = self.lanes.partition_point(|lane| lane.top <= y);
        self.lanes[..next].last().filter(|lane| y < lane.bottom)
    }

    /// The group, lane and row at this height of the content.
    pub fn row_at(&self, y: f32) -> Option<(u16, u16, u16)> {
        let lane = self.lane_at(y).filter(|lane| y >= lane.rows_top)?;
        let below = |row: &u16| lane.rows_top + f32::from(*row + 1) * lane.row_height > y;
        let row = (0..lane.rows).find(below)?;
        Some((lane.group, lane.lane, row))
    }
}

/// How many whole pixels, columns or lines a length has; a negative one has none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast stops at the ends"
)]
pub fn whole(length: f32) -> usize {
    length as usize
}
