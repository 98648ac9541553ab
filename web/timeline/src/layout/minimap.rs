//! The minimap: the whole run in a strip for each kind of lane, what is wrong, and the window that is seen.

use loopbox_trace::Nanos;

use super::axis::ISSUES_MAX;
use super::place::{MINIMAP, Places, Scale, whole};
use super::{Frame, Painter};
use crate::draw::Paint;
use crate::scene::{LaneKind, Look, Scene, Visible};
use crate::view::{Range, exact, moment};

/// Free space above and below the strips.
const MARGIN: f32 = 5.0;

/// How many parts the run is divided into: more than most canvases have pixels.
const CELLS_MAX: usize = 2_048;
/// How many parts of rows are looked at, so that a run with thousands of lanes is shown in time.
const WORK_MAX: usize = 2_000_000;

/// What the minimap shows of a run. It is the same for all views, and takes as long as some frames, so it is made
/// once.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// One for each kind of lane, from top to bottom.
    strips: Vec<Strip>,
}

/// A strip of the minimap.
#[derive(Clone, Debug)]
struct Strip {
    kind: LaneKind,
    /// What stands out in each part of the run and its margins.
    cells: Vec<Option<Look>>,
}

impl Overview {
    /// Of a scene.
    pub fn new(scene: &Scene) -> Overview {
        let lanes = || scene.groups.iter().flat_map(|group| &group.lanes);
        let rows = lanes().map(|lane| lane.rows.len()).sum::<usize>().max(1);
        let count = (WORK_MAX / rows).clamp(1, CELLS_MAX);
        let range = Range::whole(scene.end.0);
        let cell_span = range.span() / exact(count as u64);
        let cell_of = |at: Nanos| {
            let cell = moment((exact(at.0) - range.from) / cell_span - 0.5).0;
            usize::try_from(cell).unwrap_or(usize::MAX).min(count - 1)
        };
        let mut strips: Vec<Strip> = Vec::new();
        for lane in lanes() {
            let known = strips.iter().position(|strip| strip.kind == lane.kind);
            let strip = known.unwrap_or_else(|| {
                strips.push(Strip { kind: lane.kind, cells: vec![None; count] });
                strips.len() - 1
            });
            let cells = &mut strips[strip].cells;
            for row in &lane.rows {
                for visible in row.visible(Nanos::ZERO, scene.end, moment(cell_span)) {
                    let (begin, end, look) = match visible {
                        Visible::Dense { begin, end, look, .. } => (begin, end, look),
                        Visible::Slice(index) => match row.slice(index) {
                            Some(slice) => (slice.begin, slice.end, slice.look),
                            None => continue,
                        },
                    };
                    for cell in &mut cells[cell_of(begin)..=cell_of(end)] {
                        *cell = worse(*cell, Some(look));
                    }
                }
            }
        }
        strips.sort_by_key(|strip| strip.kind);
        Overview { strips }
    }
}

/// The worse of two looks; of equals, the first.
fn worse(one: Option<Look>, other: Option<Look>) -> Option<Look> {
    let rank = |look: Option<Look>| look.map(Look::severity);
    if rank(other) > rank(one) { other } else { one }
}

/// Where moments are in the minimap.
pub fn scale(scene: &Scene, places: &Places) -> Scale {
    Scale { range: Range::whole(scene.end.0), ..places.scale }
}

/// The minimap.
pub fn draw(painter: &mut Painter, frame: &Frame) {
    let Frame { scene, view, places } = frame;
    painter.rect([0.0, 0.0, view.width, MINIMAP], Paint::Gutter);
    if places.gutter > 0.0 {
        let length = format!("whole run: {}", scene.end);
        painter.text([8.0, MINIMAP / 2.0], places.gutter - 16.0, &length, Paint::Dim);
    }
    let scale = scale(scene, places);
    painter.rect([scale.left, 0.0, scale.width(), MINIMAP], Paint::Background);
    let strips = &view.overview().strips;
    let mut y = MARGIN;
    let height = (MINIMAP - 2.0 * MARGIN) / strips.len().max(1) as f32;
    let height = height.min(8.0);
    let pixels = whole(scale.width()).max(1);
    for Strip { cells, .. } in strips {
        let column = |pixel: usize| {
            let first = pixel * cells.len() / pixels;
            let behind = ((pixel + 1) * cells.len() / pixels).max(first + 1);
            cells[first..behind].iter().copied().fold(None, worse)
        };
        let columns: Vec<Option<Look>> = (0..pixels).map(column).collect();
        let mut left = scale.left;
        for run in columns.chunk_by(|one, other| one == other) {
            if let Some(look) = run[0] {
                let area = [left, y, run.len() as f32, (height - 0.5).max(1.0)];
                painter.rect(area, Paint::Dense(look));
            }
            left += run.len() as f32;
        }
        y += height;
    }
    let mut last = f32::NEG_INFINITY;
    let mut issues: Vec<f32> =
        scene.issues.iter().take(ISSUES_MAX).map(|issue| scale.x(exact(issue.begin.0))).collect();
    issues.sort_by(f32::total_cmp);
    for x in issues {
        if x >= last + 3.0 {
            painter.rect([x - 1.0, MINIMAP - 7.0, 2.0, 6.0], Paint::Issue);
            last = x;
        }
    }
    window(painter, &scale, view.range);
    painter.rect([0.0, MINIMAP - 1.0, view.width, 1.0], Paint::Grid);
}

/// The window that is seen: what is outside is shaded.
fn window(painter: &mut Painter, scale: &Scale, seen: Range) {
    let left = scale.x(seen.from).floor().min(scale.right - 3.0).max(scale.left);
    let right = scale.x(seen.to).ceil().min(scale.right).max(left + 3.0);
    painter.rect([scale.left, 0.0, left - scale.left, MINIMAP - 1.0], Paint::Shade);
    painter.rect([right, 0.0, scale.right - right, MINIMAP - 1.0], Paint::Shade);
    painter.frame([left, 0.0, right - left, MINIMAP - 1.0], Paint::RangeEdge);
}
