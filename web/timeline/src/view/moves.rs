//! Moving about: zoom, pan, fit, undo, going somewhere.

use loopbox_trace::Nanos;

use super::{Effect, Range, View, exact};
use crate::layout::{HEADER, Places};
use crate::scene::{Scene, SliceRef};

/// How many zooms can be undone.
const UNDO_MAX: usize = 100;

/// What is gone to takes this part of the view, if the view must be changed for it.
const PART: f64 = 0.5;

impl View {
    /// Remembers what is seen now, for [`View::undo`].
    pub(super) fn remember(&mut self) {
        if self.undo.last() != Some(&self.range) {
            if self.undo.len() == UNDO_MAX {
                self.undo.remove(0);
            }
            self.undo.push(self.range);
        }
    }

    /// Shows another range, as far as there is one.
    pub(super) fn look(&mut self, scene: &Scene, range: Range) -> Effect {
        self.range = range.within(scene.end.0);
        Effect::moved()
    }

    /// Zooms by a factor with one moment where it is.
    pub(super) fn zoom(&mut self, scene: &Scene, factor: f64, about: f64) -> Effect {
        let span = self.range.zoomed(factor, about).within(scene.end.0).span();
        // The limit of the zoom must not move what is under the pointer.
        self.look(scene, self.range.zoomed(span / self.range.span(), about))
    }

    /// What keys zoom about: the pointer, else the selection, else the middle.
    pub(super) fn focus(&self, scene: &Scene) -> f64 {
        let places = Places::new(scene, self);
        let pointed =
            self.pointer.filter(|(x, _)| *x >= places.scale.left).map(|(x, _)| places.scale.at(x));
        let seen = |at: &f64| (self.range.from..=self.range.to).contains(at);
        let selected = || self.selected_span(scene).map(Range::middle).filter(seen);
        pointed.or_else(selected).unwrap_or_else(|| self.range.middle())
    }

    /// From when to when the selected slice is.
    pub(super) fn selected_span(&self, scene: &Scene) -> Option<Range> {
        let slice = scene.slice(self.selected?)?;
        Some(Range { from: exact(slice.begin.0), to: exact(slice.end.0) })
    }

    /// Pans by a part of what is seen.
    pub(super) fn pan(&mut self, scene: &Scene, part: f64) -> Effect {
        self.look(scene, self.range.moved(part * self.range.span()))
    }

    /// To the beginning or the end of the run.
    pub(super) fn go_to_edge(&mut self, scene: &Scene, edge: f64) -> Effect {
        self.remember();
        let whole = Range::whole(scene.end.0);
        let middle = edge.clamp(whole.from, whole.to);
        self.look(scene, self.range.around(middle))
    }

    /// Scrolls by so many pixels. If that is not possible, the page may scroll.
    pub(super) fn scroll_by(&mut self, scene: &Scene, by: f32) -> Effect {
        let before = self.scroll;
        self.scroll += by;
        self.clamp_scroll(scene);
        if self.scroll == before { Effect::none() } else { Effect::moved() }
    }

    pub(super) fn clamp_scroll(&mut self, scene: &Scene) {
        let places = Places::new(scene, self);
        let most = (places.content - places.visible).max(0.0);
        self.scroll = if self.scroll.is_finite() { self.scroll.clamp(0.0, most) } else { 0.0 };
    }

    /// Shows everything.
    pub fn fit_all(&mut self, scene: &Scene) -> Effect {
        self.remember();
        self.look(scene, Range::whole(scene.end.0))
    }

    /// Shows the measured range or the selected slice; everything if there is neither, or if it is shown already.
    pub(super) fn fit(&mut self, scene: &Scene) -> Effect {
        let measured = self.measured.filter(|range| range.span() > 0.0);
        let target = measured.or_else(|| {
            let span = self.selected_span(scene)?;
            let margin = span.span() * 0.1;
            Some(Range { from: span.from - margin, to: span.to + margin })
        });
        let target = target.map(|range| range.within(scene.end.0));
        match target {
            Some(target) if target != self.range => {
                self.remember();
                self.look(scene, target)
            }
            _ => self.fit_all(scene),
        }
    }

    /// Shows this range with a margin, such as that of a link.
    pub fn show(&mut self, scene: &Scene, begin: Nanos, end: Nanos) -> Effect {
        self.remember();
        let (from, to) = (exact(begin.0), exact(end.0.max(begin.0)));
        let least = self.range.span().min(Range::whole(scene.end.0).span() / 8.0);
        let span = ((to - from) / PART).max(least);
        let middle = from + (to - from) / 2.0;
        self.look(scene, Range { from: middle - span / 2.0, to: middle + span / 2.0 })
    }

    /// Back to what was seen before the last zoom or jump.
    pub(super) fn undo(&mut self, scene: &Scene) -> Effect {
        while let Some(range) = self.undo.pop() {
            if range != self.range {
                return self.look(scene, range);
            }
        }
        Effect::handled().saying("there is no zoom to undo")
    }

    /// Goes to the moment that a text names, such as `1.5s`; or to a range, such as `1s-1.5s`.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, in words.
    pub fn go_to(&mut self, scene: &Scene, text: &str) -> Result<Effect, String> {
        let parse = |text: &str| text.parse::<Nanos>().map_err(|error| error.to_string());
        let (from, to) = match text.split_once('-').filter(|(from, _)| !from.trim().is_empty()) {
            Some((from, to)) => (parse(from)?, parse(to)?),
            None => (parse(text)?, parse(text)?),
        };
        if from.max(to) > scene.end {
            return Err(format!("the run ends at {}", scene.end));
        }
        let (from, to) = (from.min(to), from.max(to));
        self.measured = Some(Range { from: exact(from.0), to: exact(to.0) });
        let said = if from == to { format!("at {from}") } else { format!("{from} to {to}") };
        Ok(self.show(scene, from, to).saying(said))
    }

    /// Makes a slice visible: not larger than it is seen now, if it is in view.
    pub(super) fn reveal(&mut self, scene: &Scene, at: SliceRef) {
        let Some(slice) = scene.slice(at) else { return };
        let (begin, end) = (exact(slice.begin.0), exact(slice.end.0));
        if end < self.range.from || begin > self.range.to {
            self.remember();
            // Its begin is what matters of a slice that is longer than the view.
            let half = ((end - begin) / 2.0).min(self.range.span() * 0.4);
            self.range = self.range.around(begin + half).within(scene.end.0);
        }
        self.folded.remove(&(at.group, at.lane));
        let places = Places::new(scene, self);
        let Some((top, height)) = places.row_of(at) else { return };
        if top < self.scroll {
            self.scroll = top;
        } else if top + height > self.scroll + places.visible {
            self.scroll = top + height - places.visible;
        }
        self.clamp_scroll(scene);
    }

    /// How far a page is scrolled.
    pub(super) fn page(&self) -> f32 {
        (self.height - HEADER).max(0.0) * 0.8
    }
}
