//! What if a signal came at another moment: a mark that is dragged along the time.

use std::collections::BTreeMap;

use loopbox_trace::Nanos;

use super::{Effect, Request, View, exact, moment};
use crate::layout::{Places, grid_of};
use crate::scene::{Scene, SliceRef};

/// A signal on its way to another moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ghost {
    /// The slice that shows where it was.
    pub slice: SliceRef,
    /// Its index among the scenario's signals.
    pub signal: u32,
    /// Where it is now.
    pub at: Nanos,
}

impl Ghost {
    pub(super) fn request(self, dropped: bool) -> Request {
        Request::WhatIf { signal: self.signal, at: self.at, dropped }
    }
}

impl View {
    /// These slices are signals of the scenario, which may be dragged: with their index among its signals.
    pub fn allow_what_if(&mut self, signals: BTreeMap<SliceRef, u32>) {
        self.signals = signals;
    }

    /// Moves the ghost of a signal, as exactly as pixels can show.
    pub(super) fn drag_signal(&mut self, scene: &Scene, slice: SliceRef, to: f64) -> Effect {
        let Some(&signal) = self.signals.get(&slice) else { return Effect::none() };
        let places = Places::new(scene, self);
        let at = moment(to.clamp(0.0, exact(scene.end.0))).round_to(grid_of(&places.scale));
        let ghost = Ghost { slice, signal, at };
        if self.ghost == Some(ghost) {
            return Effect::handled();
        }
        self.ghost = Some(ghost);
        let said = format!("{} at {at}", self.signal_name(scene, slice));
        Effect::redraw().saying(said).asking(ghost.request(false))
    }

    /// Moves the selected signal by some pixels; without one, the end of what is measured.
    pub(super) fn nudge(&mut self, scene: &Scene, pixels: f64) -> Effect {
        let by = Places::new(scene, self).scale.nanos_per_pixel() * pixels;
        if let Some(slice) = self.selected.filter(|slice| self.signals.contains_key(slice)) {
            let ghost = self.ghost.filter(|ghost| ghost.slice == slice).map(|ghost| ghost.at);
            let at = ghost.or_else(|| scene.slice(slice).map(|slice| slice.begin));
            return self.drag_signal(scene, slice, exact(at.unwrap_or_default().0) + by);
        }
        let begin = self.selected_span(scene).map_or(self.range.middle(), |span| span.from);
        let (from, to) = self.measured.map_or((begin, begin), |range| (range.from, range.to));
        let to = (to + by).clamp(0.0, exact(scene.end.0)).max(from);
        self.measure(from, to)
    }

    /// The name of a slice, if it has one.
    fn signal_name<'a>(&self, scene: &'a Scene, slice: SliceRef) -> &'a str {
        let name = scene.slice(slice).and_then(|slice| scene.names.get(slice.name as usize));
        name.map_or("the signal", |name| name)
    }
}
