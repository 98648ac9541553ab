//! What is looked at: time range, scroll, selection, search; and how keys and the pointer change that.
//!
//! A pure state machine: [`View::key`] and [`View::pointer`] change the view and answer with an [`Effect`],
//! which tells the shell what to paint and what to ask. Nothing here draws.

mod address;
mod effect;
mod keys;
mod moves;
mod pointer;
mod range;
mod search;
mod select;
mod whatif;

use std::collections::{BTreeMap, BTreeSet};

pub use effect::{Effect, Request};
pub use keys::{Action, Binding, KEYS, Key, Modifiers, help};
pub use pointer::{Button, PointerEvent};
pub use range::{Range, exact, moment};
pub use search::Found;
pub use select::describe;
pub use whatif::Ghost;

use crate::layout::{Overview, Places};
use crate::scene::{Flow, Scene, SliceRef};
use pointer::Drag;

/// What of a scene is looked at.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The time that is seen.
    pub range: Range,
    /// How far down, in CSS pixels.
    pub scroll: f32,
    /// Size of the canvas in CSS pixels.
    pub width: f32,
    /// Size of the canvas in CSS pixels.
    pub height: f32,
    /// The width of a character of the canvas's font, in CSS pixels.
    pub char_width: f32,
    /// The selected slice.
    pub selected: Option<SliceRef>,
    /// Arrows from and to the selected slice: the shell puts them here when the selection changes.
    pub flows: Vec<Flow>,
    /// What the pointer is on.
    pub hovered: Option<SliceRef>,
    /// Where the pointer is.
    pub pointer: Option<(f32, f32)>,
    /// A range that is measured; one without a length marks a moment.
    pub measured: Option<Range>,
    /// A signal on its way to another moment.
    pub ghost: Option<Ghost>,
    /// Lanes that are folded to one thin row: group and lane.
    pub folded: BTreeSet<(u16, u16)>,
    /// The help is shown, over the canvas and by the shell: a frame has no part of it.
    pub help: bool,
    search: String,
    found: Found,
    /// The issue that was gone to last.
    issue: Option<usize>,
    /// What was seen before, the last at the end.
    undo: Vec<Range>,
    /// The wheel zooms, and nothing else has happened since it began to.
    wheeling: bool,
    drag: Drag,
    /// Fingers that are down: at most two.
    fingers: Vec<(i32, f32, f32)>,
    /// What the minimap shows.
    overview: Overview,
    /// What may be dragged: with its index among the scenario's signals.
    signals: BTreeMap<SliceRef, u32>,
}

/// The largest canvas that is drawn, in CSS pixels.
const CANVAS_MAX: f32 = 16_384.0;

impl View {
    /// A view of the whole scene on a canvas of this size.
    pub fn new(scene: &Scene, width: f32, height: f32, char_width: f32) -> View {
        let (range, overview) = (Range::whole(scene.end.0), Overview::new(scene));
        let mut view = View { range, overview, ..View::default() };
        view.resize(scene, width, height, char_width);
        view
    }

    /// The canvas has this size now, and its font this width.
    pub fn resize(&mut self, scene: &Scene, width: f32, height: f32, char_width: f32) {
        let sane = |length: f32, max: f32| {
            if length.is_finite() { length.clamp(0.0, max) } else { 0.0 }
        };
        self.width = sane(width, CANVAS_MAX);
        self.height = sane(height, CANVAS_MAX);
        self.char_width = sane(char_width, 64.0).max(1.0);
        self.clamp_scroll(scene);
    }

    /// Another scene is shown from now on, as after a what-if: what is still there stays as it is.
    pub fn change_scene(&mut self, scene: &Scene) -> Effect {
        self.let_go();
        self.overview = Overview::new(scene);
        self.range = self.range.within(scene.end.0);
        self.selected = self.selected.filter(|at| scene.slice(*at).is_some());
        (self.hovered, self.ghost, self.issue) = (None, None, None);
        self.flows.clear();
        self.signals.clear();
        let search = std::mem::take(&mut self.search);
        self.search_for(scene, &search);
        self.clamp_scroll(scene);
        Effect { selection: true, ..Effect::moved() }
    }

    /// The height that shows all lanes without scrolling.
    pub fn full_height(&self, scene: &Scene) -> f32 {
        Places::new(scene, self).content + crate::layout::HEADER
    }

    /// What the minimap shows: it is made when the scene is given, not for each frame.
    pub fn overview(&self) -> &Overview {
        &self.overview
    }

    /// What is searched for; empty for nothing.
    pub fn searched(&self) -> &str {
        &self.search
    }

    /// A key was pressed while the timeline had the focus.
    pub fn key(&mut self, scene: &Scene, key: Key, modifiers: Modifiers) -> Effect {
        let Some(action) = keys::action(key, modifiers) else { return Effect::none() };
        self.wheeling = false;
        self.act(scene, action)
    }

    /// Does what a key, or a button that stands for it, asks for.
    pub fn act(&mut self, scene: &Scene, action: Action) -> Effect {
        match action {
            Action::ZoomIn | Action::ZoomOut => {
                self.remember();
                let factor = if action == Action::ZoomIn { 1.0 / 1.5 } else { 1.5 };
                let about = self.focus(scene);
                self.zoom(scene, factor, about)
            }
            Action::PanLeft => self.pan(scene, -0.1),
            Action::PanRight => self.pan(scene, 0.1),
            Action::Previous => self.step(scene, false),
            Action::Next => self.step(scene, true),
            Action::RowUp => self.step_row(scene, false),
            Action::RowDown => self.step_row(scene, true),
            Action::Earlier => self.nudge(scene, -8.0),
            Action::Later => self.nudge(scene, 8.0),
            Action::PageUp => self.scroll_by(scene, -self.page()),
            Action::PageDown => self.scroll_by(scene, self.page()),
            Action::Begin => self.go_to_edge(scene, f64::NEG_INFINITY),
            Action::End => self.go_to_edge(scene, f64::INFINITY),
            Action::Fit => self.fit(scene),
            Action::FitAll => self.fit_all(scene),
            Action::Undo => self.undo(scene),
            Action::Search => Effect::handled().asking(Request::Search),
            Action::GoTo => Effect::handled().asking(Request::GoTo),
            Action::NextFound => self.step_found(scene, true),
            Action::PreviousFound => self.step_found(scene, false),
            Action::NextIssue => self.step_issue(scene, true),
            Action::PreviousIssue => self.step_issue(scene, false),
            Action::Measure => match self.selected_span(scene) {
                Some(span) => self.measure(span.from, span.to),
                None => Effect::handled().saying("select a slice to measure it"),
            },
            Action::Fold => self.fold_selected(scene),
            Action::Enter => self.enter(scene),
            Action::Help => {
                self.help = !self.help;
                Effect::redraw().saying(if self.help { "help is shown" } else { "help is hidden" })
            }
            Action::Escape => self.escape(scene),
        }
    }

    /// Away with one thing, the uppermost first. If there is none, the key is the browser's.
    fn escape(&mut self, scene: &Scene) -> Effect {
        if self.help {
            self.help = false;
            return Effect::redraw().saying("help is hidden");
        }
        let let_go = self.let_go();
        if let_go.redraw {
            return let_go;
        }
        if self.ghost.take().is_some() {
            return Effect::redraw().saying("the signal is where it was");
        }
        if self.measured.take().is_some() {
            return Effect::redraw();
        }
        if !self.search.is_empty() {
            return self.search_for(scene, "");
        }
        if self.selected.is_some() {
            return self.select(scene, None);
        }
        Effect::none()
    }
}
