//! Selecting: the next slice, the row below, the next issue.

use super::{Effect, Request, View, exact, moment};
use crate::layout::Places;
use crate::scene::{Scene, SliceRef};

impl View {
    /// Selects a slice, or nothing, and leaves the range alone.
    pub fn select(&mut self, scene: &Scene, slice: Option<SliceRef>) -> Effect {
        let slice = slice.filter(|slice| scene.slice(*slice).is_some());
        let selection = self.selected != slice;
        self.selected = slice;
        if selection {
            self.ghost = None;
        }
        let said = slice.map_or_else(|| "nothing is selected".into(), |at| describe(scene, at));
        Effect { selection, ..Effect::moved().saying(said) }
    }

    /// Selects a slice and makes it visible.
    pub fn go_to_slice(&mut self, scene: &Scene, slice: SliceRef) -> Effect {
        self.reveal(scene, slice);
        self.select(scene, Some(slice))
    }

    /// Selects the slice before or after the selected one in its row.
    pub(super) fn step(&mut self, scene: &Scene, forward: bool) -> Effect {
        let Some(at) = self.selected else {
            return self.pan(scene, if forward { 0.1 } else { -0.1 });
        };
        let slice = if forward { at.slice.checked_add(1) } else { at.slice.checked_sub(1) };
        match slice.map(|slice| SliceRef { slice, ..at }).filter(|at| scene.slice(*at).is_some()) {
            Some(next) => self.go_to_slice(scene, next),
            None if forward => Effect::handled().saying("this is the last slice of the row"),
            None => Effect::handled().saying("this is the first slice of the row"),
        }
    }

    /// Selects in the next row below or above that has slices.
    pub(super) fn step_row(&mut self, scene: &Scene, down: bool) -> Effect {
        let Some(at) = self.selected else {
            return self.scroll_by(scene, if down { 36.0 } else { -36.0 });
        };
        let Some(span) = self.selected_span(scene) else { return Effect::handled() };
        // What is seen of it: of a long slice that may be far from its begin.
        let seen = moment(span.from.max(self.range.from).min(span.to));
        let rows = rows(scene);
        let here = rows.partition_point(|row| *row < (at.group, at.lane, at.row));
        let next =
            if down { rows.get(here + 1) } else { here.checked_sub(1).map(|row| &rows[row]) };
        let Some(&(group, lane, row)) = next else {
            let end = if down { "last" } else { "first" };
            return Effect::handled().saying(format!("this is the {end} row"));
        };
        let slices = &scene.groups[usize::from(group)].lanes[usize::from(lane)].rows;
        match slices[usize::from(row)].nearest(seen) {
            Some(slice) => self.go_to_slice(scene, SliceRef { group, lane, row, slice }),
            None => Effect::handled(),
        }
    }

    /// Opens what is selected; without a selection, selects what is nearest to the middle of the uppermost row
    /// in view.
    pub(super) fn enter(&mut self, scene: &Scene) -> Effect {
        if let Some(ghost) = self.ghost {
            return Effect::redraw().asking(ghost.request(true));
        }
        if let Some(at) = self.selected {
            return Effect::handled().asking(Request::Open(at));
        }
        let places = Places::new(scene, self);
        let middle = self.range.middle();
        let mut nearest = None;
        for (group, lane, row) in rows(scene) {
            let slices =
                &scene.groups[usize::from(group)].lanes[usize::from(lane)].rows[usize::from(row)];
            let Some(slice) = slices.nearest(moment(middle.max(0.0))) else { continue };
            let at = SliceRef { group, lane, row, slice };
            let shown = places.row_of(at).is_some_and(|(top, _)| top + 1.0 >= self.scroll);
            let seen = slices.slice(slice).is_some_and(|slice| {
                exact(slice.end.0) >= self.range.from && exact(slice.begin.0) <= self.range.to
            });
            if shown && seen {
                nearest = Some(at);
                break;
            }
        }
        match nearest {
            Some(at) => self.go_to_slice(scene, at),
            None => Effect::handled().saying("there is nothing in view to select"),
        }
    }

    /// Goes to the next thing that is wrong, the worst first, or to the one before.
    pub(super) fn step_issue(&mut self, scene: &Scene, forward: bool) -> Effect {
        let count = scene.issues.len();
        if count == 0 {
            return Effect::handled().saying("nothing is wrong in this run");
        }
        let next = match (self.issue.filter(|issue| *issue < count), forward) {
            (None, true) => 0,
            (None, false) => count - 1,
            (Some(issue), true) => (issue + 1) % count,
            (Some(issue), false) => (issue + count - 1) % count,
        };
        self.go_to_issue(scene, next)
    }

    /// Goes to an issue of the scene.
    pub fn go_to_issue(&mut self, scene: &Scene, index: usize) -> Effect {
        let Some(issue) = scene.issues.get(index) else { return Effect::none() };
        self.issue = Some(index);
        let moved = self.show(scene, issue.begin, issue.end);
        let selected = issue.slice.map_or(moved, |slice| self.go_to_slice(scene, slice));
        let number = format!("issue {} of {}", index + 1, scene.issues.len());
        selected.saying(format!("{number}: {}, at {}", issue.title, issue.begin))
    }

    /// Folds the lane of the selection, or unfolds it.
    pub(super) fn fold_selected(&mut self, scene: &Scene) -> Effect {
        match self.selected {
            Some(at) => self.fold(scene, at.group, at.lane),
            None => Effect::handled().saying("select a slice to fold its lane"),
        }
    }

    /// Folds a lane, or unfolds it.
    pub fn fold(&mut self, scene: &Scene, group: u16, lane: u16) -> Effect {
        let folded = self.folded.insert((group, lane));
        if !folded {
            self.folded.remove(&(group, lane));
        }
        self.clamp_scroll(scene);
        let lanes = scene.groups.get(usize::from(group)).map(|group| &group.lanes);
        let title = lanes.and_then(|lanes| lanes.get(usize::from(lane))).map(|lane| &*lane.title);
        let state = if folded { "folded" } else { "unfolded" };
        Effect::redraw().saying(format!("{} is {state}", title.unwrap_or_default()))
    }
}

/// All rows that have slices, from top to bottom.
fn rows(scene: &Scene) -> Vec<(u16, u16, u16)> {
    let mut rows = Vec::new();
    for (group_index, group) in (0..u16::MAX).zip(&scene.groups) {
        for (lane_index, lane) in (0..u16::MAX).zip(&group.lanes) {
            for (row_index, row) in (0..u16::MAX).zip(&lane.rows) {
                if !row.is_empty() {
                    rows.push((group_index, lane_index, row_index));
                }
            }
        }
    }
    rows
}

/// A slice in words: `fetch, step, 12.5ms at 250ms, loop`.
pub fn describe(scene: &Scene, at: SliceRef) -> String {
    let Some(slice) = scene.slice(at) else { return String::new() };
    let name = scene.names.get(slice.name as usize).map_or("", |name| name);
    let lane = &scene.groups[usize::from(at.group)].lanes[usize::from(at.lane)].title;
    let when = if slice.begin == slice.end {
        format!("at {}", slice.begin)
    } else {
        format!("{} at {}", slice.length(), slice.begin)
    };
    format!("{name}, {}, {when}, {lane}", crate::words::look(slice.look))
}
