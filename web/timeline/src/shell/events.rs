//! From the browser's events to those of the view.

use std::rc::Rc;

use wasm_bindgen::closure::Closure;
use wasm_bindgen::convert::FromWasmAbi;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    AddEventListenerOptions, Event, EventTarget, KeyboardEvent, MouseEvent, MutationObserver,
    MutationObserverInit, ResizeObserver, WheelEvent,
};

use super::Shell;
use super::palette::{DARK, FORCED};
use crate::view::{Button, Effect, Key, Modifiers, PointerEvent};

/// What a line of a wheel is worth, in pixels.
const LINE: f64 = 16.0;

/// Listens to everything. A timeline lives as long as its page, and so do its listeners.
pub fn listen(shell: &Rc<Shell>) -> Result<(), JsValue> {
    canvas(shell)?;
    tools(shell)?;
    surroundings(shell)
}

fn canvas(shell: &Rc<Shell>) -> Result<(), JsValue> {
    let canvas: &EventTarget = &shell.canvas;
    on(shell, canvas, "pointerdown", |shell, event: web_sys::PointerEvent| {
        let button = match (event.pointer_type().as_str(), event.button()) {
            ("touch", _) => Button::Touch,
            (_, 0) => Button::Primary,
            (_, 1) => Button::Middle,
            _ => Button::Other,
        };
        let [x, y] = point(&event);
        let id = event.pointer_id();
        let modifiers = modifiers_of(&event);
        let handled = pointer(shell, &event, PointerEvent::Down { x, y, id, button, modifiers });
        if handled {
            // Moves outside of the canvas belong to the drag, too.
            let _ = shell.canvas.set_pointer_capture(id);
            // What is prevented takes no focus.
            let _ = shell.canvas.focus();
        }
    })?;
    on(shell, canvas, "pointermove", |shell, event: web_sys::PointerEvent| {
        let [x, y] = point(&event);
        pointer(shell, &event, PointerEvent::Move { x, y, id: event.pointer_id() });
    })?;
    on(shell, canvas, "pointerup", |shell, event: web_sys::PointerEvent| {
        let [x, y] = point(&event);
        pointer(shell, &event, PointerEvent::Up { x, y, id: event.pointer_id() });
    })?;
    on(shell, canvas, "pointercancel", |shell, event: web_sys::PointerEvent| {
        pointer(shell, &event, PointerEvent::Cancel);
    })?;
    on(shell, canvas, "pointerleave", |shell, event: web_sys::PointerEvent| {
        pointer(shell, &event, PointerEvent::Leave);
    })?;
    on(shell, canvas, "dblclick", |shell, event: MouseEvent| {
        let [x, y] = point(&event);
        pointer(shell, &event, PointerEvent::Double { x, y });
    })?;
    on(shell, canvas, "wheel", |shell, event: WheelEvent| {
        let scale = match event.delta_mode() {
            WheelEvent::DOM_DELTA_LINE => LINE,
            WheelEvent::DOM_DELTA_PAGE => f64::from(shell.canvas.client_height()),
            _ => 1.0,
        };
        let [x, y] = point(&event);
        let (dx, dy) = (short(event.delta_x() * scale), short(event.delta_y() * scale));
        let modifiers = modifiers_of(&event);
        pointer(shell, &event, PointerEvent::Wheel { x, y, dx, dy, modifiers });
    })?;
    on(shell, canvas, "keydown", |shell, event: KeyboardEvent| {
        let Some(key) = Key::from_name(&event.key()) else { return };
        let modifiers = Modifiers {
            ctrl: event.ctrl_key(),
            shift: event.shift_key(),
            alt: event.alt_key(),
            meta: event.meta_key(),
        };
        if shell.change(|view, scene| view.key(scene, key, modifiers)) {
            event.prevent_default();
        }
    })
}

fn tools(shell: &Rc<Shell>) -> Result<(), JsValue> {
    for (action, button) in &shell.page.buttons {
        let action = *action;
        on(shell, button, "click", move |shell, _: Event| {
            shell.change(|view, scene| view.act(scene, action));
        })?;
    }
    on(shell, &shell.page.search, "input", |shell, _: Event| {
        let text = shell.page.search.value();
        shell.change(|view, scene| view.search_for(scene, &text));
    })?;
    on(shell, &shell.page.search, "keydown", |shell, event: KeyboardEvent| match &*event.key() {
        "Enter" => {
            event.prevent_default();
            let action = if event.shift_key() {
                crate::view::Action::PreviousFound
            } else {
                crate::view::Action::NextFound
            };
            shell.change(|view, scene| view.act(scene, action));
        }
        "Escape" => {
            event.prevent_default();
            shell.page.search.set_value("");
            shell.change(|view, scene| view.search_for(scene, ""));
            let _ = shell.canvas.focus();
        }
        _ => {}
    })?;
    on(shell, &shell.page.go_to, "keydown", |shell, event: KeyboardEvent| match &*event.key() {
        "Enter" => {
            event.prevent_default();
            let text = shell.page.go_to.value();
            let mut wrong = false;
            shell.change(|view, scene| match view.go_to(scene, &text) {
                Ok(effect) => effect,
                Err(reason) => {
                    wrong = true;
                    Effect::handled().saying(reason)
                }
            });
            let _ = shell.page.go_to.set_attribute("aria-invalid", &wrong.to_string());
            if !wrong {
                let _ = shell.canvas.focus();
            }
        }
        "Escape" => {
            event.prevent_default();
            let _ = shell.canvas.focus();
        }
        _ => {}
    })?;
    on(shell, &shell.page.help, "close", |shell, _: Event| {
        let _ = shell.canvas.focus();
    })
}

/// The size of the canvas, and the reader's wishes about colours.
fn surroundings(shell: &Rc<Shell>) -> Result<(), JsValue> {
    let resized = callback(shell, |shell, _: JsValue| shell.repaint());
    ResizeObserver::new(resized.unchecked_ref())?.observe(&shell.canvas);
    let window = web_sys::window().ok_or("there is no window")?;
    // Of one size in CSS pixels, a canvas may have to have other pixels after a zoom.
    on(shell, &window, "resize", |shell, _: Event| shell.repaint())?;
    for query in [DARK, FORCED] {
        if let Some(list) = window.match_media(query)? {
            on(shell, &list, "change", |shell, _: Event| shell.recolour())?;
        }
    }
    if let Some(root) = window.document().and_then(|document| document.document_element()) {
        let themed = callback(shell, |shell, _: JsValue| shell.recolour());
        let options = MutationObserverInit::new();
        options.set_attributes(true);
        options.set_attribute_filter(&js_sys::Array::of1(&"data-theme".into()));
        MutationObserver::new(themed.unchecked_ref())?.observe_with_options(&root, &options)?;
    }
    Ok(())
}

/// Gives an event to the view. What is meant for it is none of the browser's business any more.
fn pointer(shell: &Rc<Shell>, event: &Event, is: PointerEvent) -> bool {
    let handled = shell.change(|view, scene| view.pointer(scene, is));
    if handled {
        event.prevent_default();
    }
    shell.show_cursor();
    handled
}

/// Where it is on the canvas.
fn point(event: &MouseEvent) -> [f32; 2] {
    [short(f64::from(event.offset_x())), short(f64::from(event.offset_y()))]
}

fn modifiers_of(event: &MouseEvent) -> Modifiers {
    Modifiers {
        ctrl: event.ctrl_key(),
        shift: event.shift_key(),
        alt: event.alt_key(),
        meta: event.meta_key(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "no canvas is so large")]
fn short(length: f64) -> f32 {
    length as f32
}

fn on<E>(
    shell: &Rc<Shell>,
    target: &EventTarget,
    name: &str,
    act: impl Fn(&Rc<Shell>, E) + 'static,
) -> Result<(), JsValue>
where
    E: FromWasmAbi + 'static,
{
    // The wheel's would be passive otherwise, and could not keep the page from scrolling.
    let options = AddEventListenerOptions::new();
    options.set_passive(false);
    let listener = callback(shell, act);
    target.add_event_listener_with_callback_and_add_event_listener_options(
        name,
        listener.unchecked_ref(),
        &options,
    )
}

fn callback<E>(shell: &Rc<Shell>, act: impl Fn(&Rc<Shell>, E) + 'static) -> JsValue
where
    E: FromWasmAbi + 'static,
{
    let shell = shell.clone();
    Closure::<dyn Fn(E)>::new(move |event: E| act(&shell, event)).into_js_value()
}
