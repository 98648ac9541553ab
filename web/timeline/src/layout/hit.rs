//! What is at a point of the canvas.

use super::place::{HEADER, MINIMAP};
use super::{Frame, axis, minimap};
use crate::scene::{Row, Scene, SliceRef, Visible};
use crate::view::{Range, View, exact};

/// So near to a slice the pointer may be to mean it, in pixels.
const NEAR: f32 = 6.0;

/// What is at a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hit {
    /// A slice or a mark; of several in a pixel, the worst.
    Slice(SliceRef),
    /// The title of a lane.
    Title {
        /// An index into the scene's groups.
        group: u16,
        /// An index into the group's lanes.
        lane: u16,
    },
    /// The minimap, at this moment of the run.
    Minimap(f64),
    /// The axis, at this moment.
    Axis(f64),
    /// The mark of an issue on the axis: an index into the scene's issues.
    Issue(usize),
    /// A free place in the lanes, at this moment.
    Plot(f64),
    /// Nothing.
    Nothing,
}

/// What is at this point.
pub fn hit(scene: &Scene, view: &View, x: f32, y: f32) -> Hit {
    let frame = Frame::new(scene, view);
    let scale = &frame.places.scale;
    if view.help || !(0.0..=view.width).contains(&x) || !(0.0..=view.height).contains(&y) {
        return Hit::Nothing;
    }
    if y < HEADER {
        return match x {
            _ if x < scale.left => Hit::Nothing,
            _ if y < MINIMAP => Hit::Minimap(minimap::scale(scene, &frame.places).at(x)),
            _ => {
                let near = |(_, at): &(usize, f32)| (at - x).abs() <= NEAR;
                let issue = axis::issues(&frame).into_iter().find(near);
                issue.map_or(Hit::Axis(scale.at(x)), |(issue, _)| Hit::Issue(issue))
            }
        };
    }
    let content = y - HEADER + view.scroll;
    let lane = frame.places.lane_at(content);
    if let Some(lane) = lane.filter(|lane| x < scale.left || content < lane.rows_top) {
        return Hit::Title { group: lane.group, lane: lane.lane };
    }
    if x < scale.left {
        return Hit::Nothing;
    }
    let slice = frame.places.row_at(content).and_then(|(group, lane, row)| {
        let rows = &scene.groups[usize::from(group)].lanes[usize::from(lane)].rows;
        let slice = nearest(&frame, rows.get(usize::from(row))?, x)?;
        Some(SliceRef { group, lane, row, slice })
    });
    slice.map_or(Hit::Plot(scale.at(x)), Hit::Slice)
}

/// The slice of a row that a point means.
fn nearest(frame: &Frame, row: &Row, x: f32) -> Option<u32> {
    let scale = &frame.places.scale;
    let around = Range { from: scale.at(x - 2.0 * NEAR), to: scale.at(x + 2.0 * NEAR) };
    let candidates = frame.visible(row, around).filter_map(|visible| {
        let index = match visible {
            Visible::Slice(index) => index,
            Visible::Dense { worst, .. } => worst,
        };
        let slice = row.slice(index)?;
        let (left, right) = (scale.x(exact(slice.begin.0)), scale.x(exact(slice.end.0)));
        // What is drawn as a pixel is as wide as one.
        let away = (left - x).max(x - right.max(left + 1.0)).max(0.0);
        let mark = slice.begin == slice.end;
        (away <= if mark { NEAR } else { NEAR / 2.0 }).then_some((
            index,
            away,
            slice.look.severity(),
        ))
    });
    candidates
        .min_by(|one, other| one.1.total_cmp(&other.1).then(other.2.cmp(&one.2)))
        .map(|(index, ..)| index)
}
