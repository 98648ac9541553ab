//! What the search found: slices whose name contains a text, in whatever case.

use super::{Effect, View};
use crate::scene::{Scene, SliceRef};

/// The longest text that is searched for, in characters.
const SEARCH_CHARS_MAX: usize = 200;

/// Slices that were found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    rows: Vec<FoundRow>,
    count: usize,
}

/// Slices that were found in one row.
#[derive(Clone, Debug)]
struct FoundRow {
    /// Group, lane and row.
    place: (u16, u16, u16),
    /// Ascending.
    slices: Vec<u32>,
}

impl Found {
    /// All slices whose name contains a text. An empty text is in none.
    fn new(scene: &Scene, text: &str) -> Found {
        let mut found = Found::default();
        if text.is_empty() {
            return found;
        }
        let needle = text.to_lowercase();
        let named: Vec<bool> = scene.names.iter().map(|name| contains(name, &needle)).collect();
        for (group_index, group) in (0..u16::MAX).zip(&scene.groups) {
            for (lane_index, lane) in (0..u16::MAX).zip(&group.lanes) {
                for (row_index, row) in (0..u16::MAX).zip(&lane.rows) {
                    let numbered = (0..row.len()).zip(row.slices());
                    let slices: Vec<u32> = numbered
                        .filter(|(_, slice)| named.get(slice.name as usize) == Some(&true))
                        .map(|(index, _)| index)
                        .collect();
                    if !slices.is_empty() {
                        found.count += slices.len();
                        let place = (group_index, lane_index, row_index);
                        found.rows.push(FoundRow { place, slices });
                    }
                }
            }
        }
        found
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.count
    }

    /// What was found in a row: indices in order.
    pub fn in_row(&self, group: u16, lane: u16, row: u16) -> &[u32] {
        let at = self.rows.binary_search_by_key(&(group, lane, row), |row| row.place);
        at.map_or(&[], |at| &self.rows[at].slices)
    }

    /// The one after or before a place in the order, else the first or the last; and its number, from 0.
    fn next(
        &self,
        scene: &Scene,
        after: Option<Order>,
        forward: bool,
    ) -> Option<(SliceRef, usize)> {
        let mut best: Option<(Order, SliceRef)> = None;
        let mut before = 0;
        for FoundRow { place: (group, lane, row), slices } in &self.rows {
            let at = |slice: u32| SliceRef { group: *group, lane: *lane, row: *row, slice };
            let key = |slice: u32| order(scene, at(slice));
            let behind = match after {
                Some(after) if forward => slices.partition_point(|slice| key(*slice) <= after),
                Some(after) => slices.partition_point(|slice| key(*slice) < after),
                None if forward => 0,
                None => slices.len(),
            };
            before += behind;
            let index = if forward { Some(behind) } else { behind.checked_sub(1) };
            let Some(&slice) = index.and_then(|index| slices.get(index)) else { continue };
            let candidate = (key(slice), at(slice));
            if best.is_none_or(|best| (candidate.0 < best.0) == forward) {
                best = Some(candidate);
            }
        }
        // Backwards, the one that was found is among those before the place.
        best.map(|(_, at)| (at, if forward { before } else { before - 1 }))
    }
}

/// Where a slice is in the order of what was found.
type Order = (u64, SliceRef);

fn order(scene: &Scene, at: SliceRef) -> Order {
    (scene.slice(at).map_or(0, |slice| slice.begin.0), at)
}

/// Whether a text contains another one, which is in lower case, in whatever case.
fn contains(text: &str, needle: &str) -> bool {
    if text.is_ascii() && needle.is_ascii() {
        let mut windows = text.as_bytes().windows(needle.len());
        return windows.any(|part| part.eq_ignore_ascii_case(needle.as_bytes()));
    }
    text.to_lowercase().contains(needle)
}

impl View {
    /// Searches for a text from now on; an empty one ends the search.
    pub fn search_for(&mut self, scene: &Scene, text: &str) -> Effect {
        self.search = text.chars().take(SEARCH_CHARS_MAX).collect();
        self.found = Found::new(scene, &self.search);
        let said = match (self.search.is_empty(), self.found.count()) {
            (true, _) => "no search".into(),
            (_, 0) => "nothing was found".into(),
            (_, 1) => "1 match".into(),
            (_, count) => format!("{count} matches"),
        };
        Effect::moved().saying(said)
    }

    /// What was found.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// Selects the next match, or the one before. It begins at the selection, else at the left edge.
    pub fn step_found(&mut self, scene: &Scene, forward: bool) -> Effect {
        if self.search.is_empty() {
            return Effect::handled().saying("there is no search: press / to search");
        }
        let selected = self.selected.filter(|at| scene.slice(*at).is_some());
        let edge = super::moment(self.range.from.max(0.0)).0;
        let highest = SliceRef { group: u16::MAX, lane: u16::MAX, row: u16::MAX, slice: u32::MAX };
        let before_edge = || edge.checked_sub(1).map(|before| (before, highest));
        let after = selected.map(|at| order(scene, at)).or_else(before_edge);
        // Behind the last one the first one comes again.
        let next = self.found.next(scene, after, forward);
        let Some((at, index)) = next.or_else(|| self.found.next(scene, None, forward)) else {
            return Effect::handled().saying("nothing was found");
        };
        let effect = self.go_to_slice(scene, at);
        let said = super::describe(scene, at);
        effect.saying(format!("match {} of {}: {said}", index + 1, self.found.count()))
    }
}
