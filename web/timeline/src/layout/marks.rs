//! What lies over the lanes: arrows of the selection, the measured range, a dragged signal, the pointer's moment.

use super::place::{AXIS, HEADER, MINIMAP};
use super::{Frame, Painter, grid_of};
use crate::draw::Paint;
use crate::scene::{Flow, SliceRef};
use crate::view::{exact, moment};

/// More arrows than that at once say nothing.
const FLOWS_MAX: usize = 200;

/// Arrows from and to the selected slice.
pub fn flows(painter: &mut Painter, frame: &Frame) {
    for flow in frame.view.flows.iter().take(FLOWS_MAX) {
        let Flow { from, from_at, to, to_at, .. } = flow;
        let ends =
            [(from, from_at), (to, to_at)].map(|(slice, at)| end(frame, *slice, exact(at.0)));
        let [Some(from), Some(to)] = ends else { continue };
        let beside =
            |edge: fn(f32, f32) -> bool, line: f32| edge(from[0], line) && edge(to[0], line);
        let scale = &frame.places.scale;
        if beside(|x, left| x < left, scale.left) || beside(|x, right| x > right, scale.right) {
            continue;
        }
        let inside = |[x, y]: [f32; 2]| {
            [x.clamp(scale.left, scale.right), y.clamp(HEADER, frame.view.height.max(HEADER))]
        };
        painter.arrow(inside(from), inside(to), Paint::Flow);
    }
}

/// Where an arrow begins or ends.
fn end(frame: &Frame, slice: SliceRef, at: f64) -> Option<[f32; 2]> {
    let (top, height) = frame.places.row_of(slice)?;
    Some([frame.places.scale.x(at), frame.y(top) + height / 2.0])
}

/// What is measured: its range over all lanes, and its length on the axis. A moment is a line.
pub fn measured(painter: &mut Painter, frame: &Frame) {
    let Some(range) = frame.view.measured else { return };
    let scale = &frame.places.scale;
    let (left, right) = (scale.x(range.from), scale.x(range.to));
    if right < scale.left || left > scale.right {
        return;
    }
    let height = (frame.view.height - HEADER).max(0.0);
    let [from, to] = [left, right].map(|x| x.clamp(scale.left, scale.right));
    painter.rect([from, HEADER, to - from, height], Paint::Range);
    for x in [left, right] {
        if (scale.left..=scale.right).contains(&x) {
            painter.rect([x.round(), HEADER, 1.0, height], Paint::RangeEdge);
        }
    }
    let text = if range.span() > 0.0 {
        moment(range.span()).to_string()
    } else {
        format!("at {}", moment(range.from).exact())
    };
    let x = f32::midpoint(from, to) - painter.text_width(&text) / 2.0 - 4.0;
    // Below the lanes, if there is room.
    let y = (frame.y(frame.places.content) + 12.0).min(frame.view.height - 10.0);
    painter.label([x.max(scale.left), y.max(HEADER + 8.0)], &text);
}

/// A signal on its way: a line where it would come, and from where it was.
pub fn ghost(painter: &mut Painter, frame: &Frame) {
    let Some(ghost) = frame.view.ghost else { return };
    let scale = &frame.places.scale;
    let x = scale.x(exact(ghost.at.0));
    let Some((top, height)) = frame.places.row_of(ghost.slice) else { return };
    if !(scale.left..=scale.right).contains(&x) {
        return;
    }
    let y = frame.y(top) + height / 2.0;
    painter.rect([x.round(), HEADER, 1.0, frame.view.height - HEADER], Paint::Ghost);
    if let Some(from) = frame.scene.slice(ghost.slice).map(|slice| scale.x(exact(slice.begin.0))) {
        let [left, right] = [from.min(x), from.max(x)].map(|x| x.clamp(scale.left, scale.right));
        if y > HEADER {
            // Below the name of what is there.
            painter.rect([left, (y + height / 2.0 - 3.0).round(), right - left, 2.0], Paint::Ghost);
        }
    }
    painter.diamond([x, y], 7.0, Paint::Ghost);
    painter.label([x + 10.0, y.max(HEADER + 8.0)], &format!("what if at {}", ghost.at.exact()));
}

/// The line at the pointer's moment.
pub fn pointer_line(painter: &mut Painter, frame: &Frame) {
    if let Some((x, _)) = pointed(frame) {
        painter.rect([x.round(), HEADER, 1.0, frame.view.height - HEADER], Paint::Cursor);
    }
}

/// The pointer's moment, on the axis.
pub fn pointer_time(painter: &mut Painter, frame: &Frame) {
    if let Some((x, at)) = pointed(frame) {
        let text = moment(at).round_to(grid_of(&frame.places.scale)).exact();
        let left = x - painter.text_width(&text) / 2.0 - 4.0;
        painter.label([left.max(frame.places.scale.left), MINIMAP + AXIS / 2.0], &text);
    }
}

/// Where the pointer is, and at which moment of the run.
fn pointed(frame: &Frame) -> Option<(f32, f64)> {
    let (x, y) = frame.view.pointer?;
    let scale = &frame.places.scale;
    let inside = x >= scale.left && x <= scale.right && y >= MINIMAP && y <= frame.view.height;
    let at = scale.at(x);
    (inside && (0.0..=exact(frame.scene.end.0)).contains(&at)).then_some((x, at))
}
