//! What lies over everything: the tooltip, and what is said if there is nothing to see.

use super::place::HEADER;
use super::{Frame, Painter};
use crate::draw::Paint;
use crate::words;

/// The height of a line of text.
const LINE: f32 = 17.0;
/// Free space around the text of a panel.
const MARGIN: f32 = 8.0;
/// The longest line of a tooltip, in characters.
const TOOLTIP_CHARS_MAX: usize = 60;

/// What the pointer is on, in words.
pub fn tooltip(painter: &mut Painter, frame: &Frame) {
    let view = frame.view;
    let (Some(at), Some((x, y))) = (view.hovered, view.pointer) else { return };
    let Some(slice) = frame.scene.slice(at).filter(|_| !view.is_dragging()) else { return };
    let name = frame.scene.names.get(slice.name as usize).map_or("", |name| name);
    let lane = &frame.scene.groups[usize::from(at.group)].lanes[usize::from(at.lane)].title;
    let when = if slice.begin == slice.end {
        vec![format!("at {}", slice.begin.exact())]
    } else {
        vec![slice.length().exact(), format!("{} to {}", slice.begin.exact(), slice.end.exact())]
    };
    let mut lines = vec![(name.to_owned(), Paint::PanelText)];
    lines.push((format!("{} · {lane}", words::look(slice.look)), Paint::PanelDim));
    lines.extend(when.into_iter().map(|line| (line, Paint::PanelText)));
    for (line, _) in &mut lines {
        *line = line.chars().take(TOOLTIP_CHARS_MAX).collect();
    }
    let widest = lines.iter().map(|(line, _)| painter.text_width(line)).fold(0.0, f32::max);
    let width = (widest + 2.0 * MARGIN).min(view.width);
    let height = lines.len() as f32 * LINE + MARGIN;
    // Beside the pointer, or on its other side if there is no room.
    let left = if x + 14.0 + width <= view.width { x + 14.0 } else { x - 14.0 - width };
    let top = if y + 18.0 + height <= view.height { y + 18.0 } else { y - 10.0 - height };
    let (left, top) = (left.clamp(0.0, (view.width - width).max(0.0)), top.max(0.0));
    painter.panel([left, top, width, height]);
    for (number, (line, paint)) in lines.iter().enumerate() {
        let y = top + MARGIN / 2.0 + (number as f32 + 0.5) * LINE;
        painter.text([left + MARGIN, y], width - 2.0 * MARGIN, line, *paint);
    }
}

/// What is said where nothing is to be seen.
pub fn empty(painter: &mut Painter, frame: &Frame) {
    let lines: &[&str] = if frame.scene.groups.iter().all(|group| group.lanes.is_empty()) {
        &[
            "this run has no events:",
            "the program ended before its event loop did anything.",
            "Its output and how it ended are on this page.",
        ]
    } else if frame.places.content <= frame.view.scroll {
        &[]
    } else {
        &["nothing happens here: f shows everything, z goes back"]
    };
    let mut y = HEADER + 40.0;
    for line in lines {
        let width = painter.text_width(line);
        let scale = &frame.places.scale;
        let x = (f32::midpoint(scale.left, scale.right) - width / 2.0).max(scale.left + 4.0);
        painter.text([x, y], scale.right - x, line, Paint::Dim);
        y += LINE;
    }
}
