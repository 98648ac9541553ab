//! The timeline in a browser: paints on the canvas of a section, hears its events, fills its details.
//!
//! Thin: what is seen is the layout's business, and what an event means is the view's. The page's script starts
//! it with bytes that it got from wherever; this asks nobody for anything. Everything is drawn at the browser's
//! next frame, and nothing at all while nothing changes, so there is no motion to be reduced.

mod events;
mod page;
mod paint;
mod palette;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Reflect, Uint8Array};
use loopbox_trace::{Nanos, Trace, columns, diff, golden};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlCanvasElement, HtmlElement, Window};

use crate::layout;
use crate::scene::{Problem, Scene, SliceRef};
use crate::view::{Effect, Request, View, exact, moment};
use page::Page;
use paint::Painter;
use palette::Palette;

/// The address follows when nothing has moved for so many frames: browsers refuse to change it all the time.
const QUIET_FRAMES: u32 = 15;

/// The canvas is no lower and no higher than that, in CSS pixels and as a part of the window.
const HEIGHT_MIN: f64 = 180.0;
const HEIGHT_MAX_PART: f64 = 0.7;

/// A timeline in a section of a page.
#[wasm_bindgen]
pub struct Timeline {
    shell: Rc<Shell>,
}

struct Shell {
    window: Window,
    canvas: HtmlCanvasElement,
    page: Page,
    painter: RefCell<Painter>,
    shown: RefCell<Shown>,
    on_address: Option<Function>,
    on_what_if: Option<Function>,
    /// Draws, once it is made.
    draw: OnceCell<Function>,
    /// The browser will call us for the next frame.
    awaits_frame: Cell<bool>,
    /// There is something to paint.
    is_stale: Cell<bool>,
    /// What is looked at has changed since the address was told.
    address_is_stale: Cell<bool>,
    quiet_frames: Cell<u32>,
}

/// What is seen, and how.
struct Shown {
    source: Source,
    scene: Scene,
    view: View,
}

/// What the scene is made from.
struct Source {
    trace: Trace,
    /// The trace that stands beside the first, and its title.
    second: Option<(Trace, String)>,
    /// The text of the golden that stands beside it.
    golden: Option<String>,
    budget: Option<Nanos>,
    problems: Vec<Problem>,
    /// The scenario's signals: their indices among them, and the events of their being raised.
    signals: Vec<(u32, u32)>,
}

impl Source {
    fn of(options: &Options) -> Result<Source, JsValue> {
        let bytes = options.bytes("columns").ok_or("there is no trace")?;
        let second = match options.bytes("second") {
            Some(bytes) => Some((read(&bytes)?, options.text("secondTitle").unwrap_or_default())),
            None => None,
        };
        Ok(Source {
            trace: read(&bytes)?,
            second,
            golden: options.text("golden"),
            budget: options.moment("budget"),
            problems: options.list("issues", |issue| {
                Some(Problem {
                    title: issue.text("title")?,
                    begin: issue.moment("begin")?,
                    end: issue.moment("end")?,
                    event: issue.index("event"),
                })
            }),
            signals: options
                .list("signals", |signal| Some((signal.index("signal")?, signal.index("event")?))),
        })
    }

    fn traces(&self) -> Vec<&Trace> {
        std::iter::once(&self.trace).chain(self.second.iter().map(|(trace, _)| trace)).collect()
    }

    fn scene(&self) -> Scene {
        let problems = self.problems.clone();
        if let Some((second, title)) = &self.second {
            return Scene::of_two(
                [&self.trace, second],
                ["this run", title],
                self.budget,
                problems,
            );
        }
        // A golden that is none is the verdict's business; its run can be looked at.
        match self.golden.as_deref().and_then(|text| golden::parse(text).ok()) {
            Some(golden) => {
                let diff = diff::align(&golden, &self.trace);
                Scene::of_comparison(&self.trace, &diff, problems)
            }
            None => Scene::of_run(&self.trace, self.budget, problems),
        }
    }

    /// What may be dragged.
    fn draggable(&self, scene: &Scene) -> BTreeMap<SliceRef, u32> {
        let traces = self.traces();
        let slice = |event| scene.slice_of_event(&traces, 0, event);
        let signals = self.signals.iter();
        signals.filter_map(|&(signal, event)| Some((slice(event)?, signal))).collect()
    }
}

/// What the page's script hands over.
struct Options(Object);

impl Options {
    fn get(&self, name: &str) -> Option<JsValue> {
        let value = Reflect::get(&self.0, &name.into()).ok()?;
        (!value.is_undefined() && !value.is_null()).then_some(value)
    }

    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        Some(self.get(name)?.dyn_into::<Uint8Array>().ok()?.to_vec())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.as_string()
    }

    fn moment(&self, name: &str) -> Option<Nanos> {
        self.get(name)?.as_f64().map(moment)
    }

    fn index(&self, name: &str) -> Option<u32> {
        self.get(name)?.as_f64().map(whole)
    }

    fn function(&self, name: &str) -> Option<Function> {
        self.get(name)?.dyn_into().ok()
    }

    /// The items of a list that are what they should be.
    fn list<T>(&self, name: &str, item: impl Fn(Options) -> Option<T>) -> Vec<T> {
        let list = self.get(name).and_then(|value| value.dyn_into::<Array>().ok());
        let items = list.iter().flat_map(|list| list.iter());
        items.filter_map(|value| item(Options(value.dyn_into().ok()?))).collect()
    }
}

#[wasm_bindgen]
impl Timeline {
    /// A timeline in this section. `options` has `columns`: bytes; and perhaps `second`: bytes, `secondTitle`,
    /// `golden`: its text, `issues`: an array of `{title, begin, end, event}`, `signals`: an array of
    /// `{signal, event}`, `budget` in nanoseconds, `address`: what is to be looked at; and to be called back,
    /// `onAddress(text)` and `onWhatIf(signal, at, dropped)`.
    ///
    /// # Errors
    ///
    /// A sentence for people, if the bytes are no trace or if there is no canvas to paint on.
    #[wasm_bindgen(constructor)]
    pub fn new(section: &HtmlElement, options: Object) -> Result<Timeline, JsValue> {
        let options = Options(options);
        let source = Source::of(&options)?;
        let canvas: HtmlCanvasElement =
            section.query_selector("canvas")?.ok_or("there is no canvas")?.dyn_into()?;
        let window = web_sys::window().ok_or("there is no window")?;
        let painter = Painter::new(canvas.clone(), Palette::wanted(&window))
            .ok_or("This browser gives no canvas to paint on. The tables below say the same.")?;
        let page = Page::new(section, &canvas, !source.problems.is_empty())?;
        let scene = source.scene();
        let mut view = View::new(&scene, 0.0, 0.0, 0.0);
        view.allow_what_if(source.draggable(&scene));
        let shell = Rc::new(Shell {
            window,
            canvas,
            page,
            painter: RefCell::new(painter),
            shown: RefCell::new(Shown { source, scene, view }),
            on_address: options.function("onAddress"),
            on_what_if: options.function("onWhatIf"),
            draw: OnceCell::new(),
            awaits_frame: Cell::new(false),
            is_stale: Cell::new(false),
            address_is_stale: Cell::new(false),
            quiet_frames: Cell::new(0),
        });
        let drawing = shell.clone();
        let draw = Closure::<dyn Fn()>::new(move || drawing.frame()).into_js_value();
        let _ = shell.draw.set(draw.unchecked_into());
        events::listen(&shell)?;
        if let Some(address) = options.text("address") {
            shell.open_address(&address);
        }
        shell.repaint();
        Ok(Timeline { shell })
    }

    /// Looks at what an address says, as [`Timeline`]'s `onAddress` told it.
    #[wasm_bindgen(js_name = openAddress)]
    pub fn open_address(&self, address: &str) {
        self.shell.open_address(address);
    }

    /// Goes to a range of time, in nanoseconds.
    #[wasm_bindgen(js_name = goTo)]
    pub fn go_to(&self, from: f64, to: f64) {
        self.shell.change(|view, scene| view.show(scene, moment(from), moment(to)));
    }

    /// Selects the slice that begins with an event of the trace.
    #[wasm_bindgen(js_name = selectEvent)]
    pub fn select_event(&self, event: u32) {
        let slice = {
            let Shown { source, scene, .. } = &*self.shell.shown.borrow();
            scene.slice_of_event(&source.traces(), 0, event)
        };
        self.shell.change(|view, scene| match slice {
            Some(slice) => view.go_to_slice(scene, slice),
            None => Effect::none().saying("this event has no place in the timeline"),
        });
    }

    /// Shows another trace beside the first, in place of the one that was there. Unless it is the last one for now,
    /// what is being dragged goes on.
    ///
    /// # Errors
    ///
    /// A sentence for people, if the bytes are no trace.
    #[wasm_bindgen(js_name = setSecond)]
    pub fn set_second(&self, bytes: &[u8], title: &str, is_last: bool) -> Result<(), JsValue> {
        let second = read(bytes)?;
        self.shell.set_second(second, title, is_last);
        Ok(())
    }

    /// Says something in the status line.
    pub fn say(&self, text: &str) {
        self.shell.page.say(text);
    }
}

impl Shell {
    /// Lets the view change, and does what follows. Says whether the event was for the view.
    fn change(self: &Rc<Shell>, change: impl FnOnce(&mut View, &Scene) -> Effect) -> bool {
        let (effect, wants_help) = {
            let Shown { scene, view, .. } = &mut *self.shown.borrow_mut();
            let effect = change(view, scene);
            // The help is a dialog here, which the browser closes.
            (effect, std::mem::take(&mut view.help))
        };
        // From here on the page may call us again: nothing is borrowed.
        if effect.selection {
            self.show_selection();
        }
        if let Some(text) = &effect.say {
            self.page.say(text);
            let view = &self.shown.borrow().view;
            self.page.show_search(view.searched(), view.found().count());
        }
        if effect.address {
            self.address_is_stale.set(true);
        }
        if effect.redraw || effect.address {
            self.repaint();
        }
        if wants_help {
            self.page.show_help();
        }
        if let Some(request) = effect.request {
            self.answer(request);
        }
        effect.handled
    }

    fn answer(&self, request: Request) {
        match request {
            Request::Search => {
                let _ = self.page.search.focus();
                self.page.search.select();
            }
            Request::GoTo => {
                let _ = self.page.go_to.focus();
                self.page.go_to.select();
            }
            Request::Open(_) => self.page.focus_details(),
            Request::WhatIf { signal, at, dropped } => {
                if let Some(on_what_if) = &self.on_what_if {
                    let at = exact(at.0);
                    let arguments: [JsValue; 3] = [signal.into(), at.into(), dropped.into()];
                    let _ = on_what_if.apply(&JsValue::NULL, &Array::from_iter(arguments));
                }
            }
        }
    }

    fn show_selection(&self) {
        let Shown { source, scene, view } = &mut *self.shown.borrow_mut();
        let traces = source.traces();
        view.flows = view.selected.map(|at| scene.flows(at, &traces)).unwrap_or_default();
        match view.selected.and_then(|at| scene.details(at, &traces)) {
            // A panel that cannot be filled is no reason to stop.
            Some(details) => drop(self.page.show_details(&details)),
            None => self.page.hide_details(),
        }
    }

    fn open_address(self: &Rc<Shell>, address: &str) {
        self.change(|view, scene| {
            view.open_address(scene, address);
            Effect { selection: true, ..Effect::redraw() }
        });
        let view = &self.shown.borrow().view;
        self.page.show_search(view.searched(), view.found().count());
    }

    fn set_second(self: &Rc<Shell>, second: Trace, title: &str, is_last: bool) {
        let signals = {
            let Shown { source, scene, .. } = &mut *self.shown.borrow_mut();
            source.second = Some((second, title.to_owned()));
            *scene = source.scene();
            source.draggable(scene)
        };
        self.change(|view, scene| {
            // The first trace is the same, and what is dragged is in it.
            if view.is_dragging() && !is_last {
                return Effect::redraw();
            }
            let ghost = view.ghost.filter(|_| !is_last);
            let effect = view.change_scene(scene);
            view.allow_what_if(signals);
            view.ghost = ghost;
            effect
        });
    }

    fn show_cursor(&self) {
        let Shown { scene, view, .. } = &*self.shown.borrow();
        let _ = self.canvas.style().set_property("cursor", view.cursor(scene));
    }

    /// The reader's wishes have changed.
    fn recolour(&self) {
        self.painter.borrow_mut().set_palette(Palette::wanted(&self.window));
        self.repaint();
    }

    /// Paints at the browser's next frame.
    fn repaint(&self) {
        self.is_stale.set(true);
        self.await_frame();
    }

    fn await_frame(&self) {
        if let Some(draw) = self.draw.get()
            && !self.awaits_frame.replace(true)
            && self.window.request_animation_frame(draw).is_err()
        {
            self.awaits_frame.set(false);
        }
    }

    /// What the browser calls for a frame.
    fn frame(&self) {
        self.awaits_frame.set(false);
        if self.is_stale.replace(false) {
            self.paint();
            self.quiet_frames.set(0);
        } else if self.address_is_stale.get() {
            self.quiet_frames.set(self.quiet_frames.get() + 1);
            if self.quiet_frames.get() >= QUIET_FRAMES {
                self.tell_address();
            }
        }
        if self.address_is_stale.get() {
            self.await_frame();
        }
    }

    fn paint(&self) {
        let Shown { scene, view, .. } = &mut *self.shown.borrow_mut();
        let mut painter = self.painter.borrow_mut();
        let ratio = self.window.device_pixel_ratio();
        let width = f64::from(self.canvas.client_width());
        if width == 0.0 {
            return; // It is not seen; it will be resized when it is.
        }
        let height = self.fit_height(f64::from(view.full_height(scene)));
        if painter.resize(width, height, ratio) || view.char_width <= 1.0 {
            view.resize(scene, short(width), short(height), short(painter.char_width()));
        }
        painter.paint(&layout::frame(scene, view));
    }

    /// As high as its content, within limits. Then a finger that moves down scrolls the page.
    fn fit_height(&self, content: f64) -> f64 {
        let window = self.window.inner_height().ok().and_then(|height| height.as_f64());
        let most = (window.unwrap_or(800.0) * HEIGHT_MAX_PART).max(HEIGHT_MIN);
        let height = content.clamp(HEIGHT_MIN, most).ceil();
        let style = self.canvas.style();
        let _ = style.set_property("height", &format!("{height}px"));
        let touch = if content > most { "none" } else { "pan-y" };
        let _ = style.set_property("touch-action", touch);
        height
    }

    fn tell_address(&self) {
        self.address_is_stale.set(false);
        let address = {
            let Shown { scene, view, .. } = &*self.shown.borrow();
            view.address(scene)
        };
        if let Some(on_address) = &self.on_address {
            let _ = on_address.call1(&JsValue::NULL, &address.into());
        }
    }
}

fn read(bytes: &[u8]) -> Result<Trace, JsValue> {
    columns::read(bytes).map_err(|error| {
        format!(
            "The trace cannot be shown ({error}). Reload the page; the tables below are complete."
        )
        .into()
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float stops at the ends of the integer's range"
)]
fn whole(number: f64) -> u32 {
    number as u32
}

#[expect(clippy::cast_possible_truncation, reason = "no canvas is so large")]
fn short(length: f64) -> f32 {
    length as f32
}
