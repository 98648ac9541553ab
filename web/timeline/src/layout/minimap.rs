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

/// How many columns all rows together may have, so that a run with thousands of lanes is drawn in time.
const COLUMNS_MAX: usize = 60_000;

/// Where moments are in the minimap.
pub fn scale(scene: &Scene, places: &Places) -> Scale {
    Scale { range: Range::whole(scene.end.0), ..places.scale }
}

/// One strip.
struct Strip {
    kind: LaneKind,
    /// What stands out in each column.
    columns: Vec<Option<Look>>,
}

/// The strips by kind of lane, and how wide a column is.
fn strips(frame: &Frame) -> (Vec<Strip>, f32) {
    let scene = frame.scene;
    let scale = scale(scene, &frame.places);
    let lanes = || scene.groups.iter().flat_map(|group| &group.lanes);
    let rows = lanes().map(|lane| lane.rows.len()).sum::<usize>().max(1);
    let columns_max = (COLUMNS_MAX / rows).max(1);
    let mut column = 1.0;
    while scale.width() / column > columns_max as f32 {
        column *= 2.0;
    }
    let count = whole((scale.width() / column).ceil()).max(1);
    let pixel = moment(scale.nanos_per_pixel() * f64::from(column));
    let mut strips: Vec<Strip> = Vec::new();
    for lane in lanes() {
        let known = strips.iter().position(|strip| strip.kind == lane.kind);
        let strip = known.unwrap_or_else(|| {
            strips.push(Strip { kind: lane.kind, columns: vec![None; count] });
            strips.len() - 1
        });
        let columns = &mut strips[strip].columns;
        for row in &lane.rows {
            for visible in row.visible(Nanos::ZERO, scene.end, pixel) {
                let (begin, end, look) = match visible {
                    Visible::Dense { begin, end, look, .. } => (begin, end, look),
                    Visible::Slice(index) => match row.slice(index) {
                        Some(slice) => (slice.begin, slice.end, slice.look),
                        None => continue,
                    },
                };
                let column_of = |at: Nanos| {
                    let x = scale.x(exact(at.0)) - scale.left;
                    whole(x / column).min(count - 1)
                };
                for cell in &mut columns[column_of(begin)..=column_of(end)] {
                    if cell.is_none_or(|known| known.severity() < look.severity()) {
                        *cell = Some(look);
                    }
                }
            }
        }
    }
    strips.sort_by_key(|strip| strip.kind);
    (strips, column)
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
    let (strips, column) = strips(frame);
    let mut y = MARGIN;
    let height = ((MINIMAP - 2.0 * MARGIN) / strips.len().max(1) as f32).min(8.0);
    for strip in &strips {
        let mut begin = 0;
        for cells in strip.columns.chunk_by(|one, other| one == other) {
            if let Some(look) = cells[0] {
                let left = scale.left + begin as f32 * column;
                let area = [left, y, cells.len() as f32 * column, (height - 0.5).max(1.0)];
                painter.rect(area, Paint::Dense(look));
            }
            begin += cells.len();
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
