//! Keys, the pointer and addresses: what they make of a view.

use std::collections::BTreeMap;

use crate::scenes::{Scenery, at, small};
use loopbox_timeline::layout::{HEADER, Hit, Places, hit};
use loopbox_timeline::scene::{LaneKind, Look, Scene, SliceRef};
use loopbox_timeline::view::{
    Action, Button, Effect, KEYS, Key, Modifiers, PointerEvent, Range, Request, View,
};
use loopbox_trace::Nanos;

const NONE: Modifiers = Modifiers { ctrl: false, shift: false, alt: false, meta: false };
const SHIFT: Modifiers = Modifiers { shift: true, ..NONE };
const CTRL: Modifiers = Modifiers { ctrl: true, ..NONE };

/// A view together with its scene.
struct Desk {
    scene: Scene,
    view: View,
}

impl Desk {
    fn new() -> Desk {
        let scene = small();
        let view = View::new(&scene, 1280.0, 320.0, 7.0);
        Desk { scene, view }
    }

    /// Not all lanes are seen at once.
    fn low() -> Desk {
        let mut desk = Desk::new();
        desk.view.resize(&desk.scene, 1280.0, 200.0, 7.0);
        desk
    }

    fn press(&mut self, key: Key) -> Effect {
        self.view.key(&self.scene, key, NONE)
    }

    fn char(&mut self, key: char) -> Effect {
        self.press(Key::Char(key))
    }

    fn pointer(&mut self, event: PointerEvent) -> Effect {
        self.view.pointer(&self.scene, event)
    }

    fn down(&mut self, x: f32, y: f32, modifiers: Modifiers) -> Effect {
        self.pointer(PointerEvent::Down { x, y, id: 1, button: Button::Primary, modifiers })
    }

    fn moved(&mut self, x: f32, y: f32) -> Effect {
        self.pointer(PointerEvent::Move { x, y, id: 1 })
    }

    fn up(&mut self, x: f32, y: f32) -> Effect {
        self.pointer(PointerEvent::Up { x, y, id: 1 })
    }

    fn click(&mut self, x: f32, y: f32) -> Effect {
        self.down(x, y, NONE);
        self.up(x, y)
    }

    fn select(&mut self, slice: SliceRef) {
        self.view.select(&self.scene, Some(slice));
    }

    fn places(&self) -> Places {
        Places::new(&self.scene, &self.view)
    }

    /// Where a moment is.
    fn x(&self, millis: f64) -> f32 {
        self.places().scale.x(millis * 1e6)
    }

    /// The middle of a slice's row.
    fn y(&self, slice: SliceRef) -> f32 {
        let (top, height) = self.places().row_of(slice).expect("it is in view");
        top + height / 2.0 + HEADER - self.view.scroll
    }

    fn middle_ms(&self) -> f64 {
        self.view.range.middle() / 1e6
    }
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-3
}

#[test]
fn every_key_does_what_the_table_says_and_no_two_do_different_things() {
    let mut seen = Vec::new();
    for binding in KEYS {
        assert!(!binding.help.is_empty() && !binding.label().is_empty());
        for &key in binding.keys {
            assert!(!seen.contains(&(key, binding.shift)), "{key:?} stands in two lines");
            seen.push((key, binding.shift));
            let mut desk = Desk::low();
            // Something is to be closed, too.
            desk.select(at(0, 0, 1, 1));
            let modifiers = if binding.shift { SHIFT } else { NONE };
            let effect = desk.view.key(&desk.scene, key, modifiers);
            let scrolls = matches!(binding.action, Action::PageUp | Action::PageDown);
            assert!(effect.handled || scrolls, "{key:?} does nothing");
        }
    }
}

#[test]
fn what_is_pressed_with_control_is_left_to_the_browser() {
    let mut desk = Desk::new();
    let before = desk.view.range;
    for modifiers in [CTRL, Modifiers { alt: true, ..NONE }, Modifiers { meta: true, ..NONE }] {
        assert_eq!(desk.view.key(&desk.scene, Key::Char('w'), modifiers), Effect::none());
    }
    assert_eq!(desk.char('q'), Effect::none());
    assert_eq!(desk.view.range, before);
}

#[test]
fn the_help_names_every_key_once() {
    let help = loopbox_timeline::view::help();
    for binding in KEYS {
        let label = binding.label();
        let lines =
            help.iter().filter(|(keys, help)| *help == binding.help && keys.contains(&label));
        assert_eq!(lines.count(), 1, "{label}");
    }
    assert!(help.contains(&("← →".into(), "slice before, after (else pan)")), "{help:?}");
    // A line fits beside its keys where there are 400 pixels.
    assert!(help.iter().all(|(_, help)| help.len() <= 34), "{help:?}");
}

#[test]
fn keys_have_the_browsers_names() {
    for (name, key) in [
        ("w", Some(Key::Char('w'))),
        ("?", Some(Key::Char('?'))),
        ("ArrowLeft", Some(Key::Left)),
        ("Escape", Some(Key::Escape)),
        ("PageDown", Some(Key::PageDown)),
        ("Shift", None),
        ("", None),
    ] {
        assert_eq!(Key::from_name(name), key, "{name}");
    }
    let labels: Vec<_> = KEYS.iter().map(|binding| binding.label()).collect();
    assert_eq!(labels[0], "w + =");
    assert!(labels.contains(&"Shift+←".to_owned()), "{labels:?}");
}

#[test]
fn zoom_keeps_what_is_under_the_pointer() {
    let mut desk = Desk::new();
    let x = desk.x(250.0);
    desk.moved(x, 100.0);
    for _ in 0..5 {
        desk.char('w');
        assert!((desk.x(250.0) - x).abs() < 0.01);
    }
    assert!(desk.view.range.span() < 150e6, "{:?}", desk.view.range);
    desk.pointer(PointerEvent::Wheel { x, y: 100.0, dx: 0.0, dy: 25.0, modifiers: CTRL });
    assert!((desk.x(250.0) - x).abs() < 0.01);
}

#[test]
fn without_a_pointer_zoom_is_about_the_selection_or_the_middle() {
    let mut desk = Desk::new();
    let middle = desk.middle_ms();
    desk.char('w');
    assert!(near(desk.middle_ms(), middle));
    let mut desk = Desk::new();
    desk.select(at(0, 0, 0, 1));
    let x = desk.x(250.0);
    desk.char('w');
    assert!((desk.x(250.0) - x).abs() < 0.01);
}

#[test]
fn undo_gives_back_exactly_what_was_seen() {
    let mut desk = Desk::new();
    let first = desk.view.range;
    desk.char('w');
    let second = desk.view.range;
    desk.char('w');
    desk.char('d');
    desk.char('z');
    assert_eq!(desk.view.range, second);
    desk.char('z');
    assert_eq!(desk.view.range, first);
    assert_eq!(desk.char('z').say.as_deref(), Some("there is no zoom to undo"));
    assert_eq!(desk.view.range, first);
}

#[test]
fn one_turn_of_the_wheel_is_undone_at_once() {
    let mut desk = Desk::new();
    let first = desk.view.range;
    let wheel = PointerEvent::Wheel { x: 700.0, y: 100.0, dx: 0.0, dy: -30.0, modifiers: CTRL };
    for _ in 0..10 {
        desk.pointer(wheel);
    }
    let second = desk.view.range;
    desk.moved(700.0, 100.0);
    desk.pointer(wheel);
    desk.char('z');
    assert_eq!(desk.view.range, second);
    desk.char('z');
    assert_eq!(desk.view.range, first);
}

#[test]
fn nobody_leaves_the_run_or_sees_less_than_ten_nanoseconds() {
    let mut desk = Desk::new();
    let whole = Range::whole(desk.scene.end.0);
    desk.char('a');
    assert_eq!(desk.view.range, whole);
    desk.char('s');
    assert_eq!(desk.view.range, whole);
    for _ in 0..200 {
        desk.char('w');
    }
    assert!(near(desk.view.range.span(), 10.0), "{:?}", desk.view.range);
    let before = desk.view.range;
    desk.char('w');
    assert!(near(desk.view.range.from, before.from), "the limit moves nothing");
    desk.press(Key::Home);
    assert_eq!(desk.view.range.from, whole.from);
    desk.press(Key::End);
    assert!(near(desk.view.range.to, whole.to));
}

#[test]
fn fit_shows_the_selection_and_then_everything() {
    let mut desk = Desk::new();
    desk.select(at(0, 0, 2, 0));
    desk.char('f');
    let seen = desk.view.range;
    assert!(near(seen.from / 1e6, 94.0) && near(seen.to / 1e6, 406.0), "{seen:?}");
    desk.char('f');
    assert_eq!(desk.view.range, Range::whole(desk.scene.end.0));
    desk.char('z');
    assert_eq!(desk.view.range, seen);
    desk.char('F');
    assert_eq!(desk.view.range, Range::whole(desk.scene.end.0));
}

#[test]
fn arrows_step_through_slices_and_rows() {
    let mut desk = Desk::new();
    desk.select(at(0, 0, 0, 0));
    assert!(desk.press(Key::Right).selection);
    assert_eq!(desk.view.selected, Some(at(0, 0, 0, 1)));
    desk.press(Key::Down);
    assert_eq!(desk.view.selected, Some(at(0, 0, 1, 1)), "what goes on then");
    desk.press(Key::Down);
    assert_eq!(desk.view.selected, Some(at(0, 0, 2, 0)));
    desk.press(Key::Down);
    assert_eq!(desk.view.selected, Some(at(0, 1, 0, 0)), "into the next lane");
    desk.press(Key::Up);
    desk.press(Key::Up);
    desk.press(Key::Left);
    assert_eq!(desk.view.selected, Some(at(0, 0, 1, 0)));
    let effect = desk.press(Key::Left);
    assert_eq!(effect.say.as_deref(), Some("this is the first slice of the row"));
    desk.press(Key::Up);
    assert_eq!(desk.press(Key::Up).say.as_deref(), Some("this is the first row"));
}

#[test]
fn without_a_selection_arrows_move_the_view() {
    let mut desk = Desk::low();
    desk.char('w');
    let from = desk.view.range.from;
    desk.press(Key::Right);
    assert!(desk.view.range.from > from && desk.view.selected.is_none());
    desk.press(Key::Down);
    assert!(desk.view.scroll > 0.0);
    desk.press(Key::Up);
    assert!(desk.view.scroll == 0.0);
}

#[test]
fn what_is_stepped_to_comes_into_view() {
    let mut desk = Desk::new();
    desk.view.resize(&desk.scene, 1280.0, 130.0, 7.0);
    desk.view.range = Range { from: 0.0, to: 50e6 };
    desk.view.fold(&desk.scene, 0, 5);
    desk.view.go_to_slice(&desk.scene, at(0, 5, 0, 2));
    let seen = desk.view.range;
    assert!(seen.from < 990e6 && seen.to > 990e6 && near(seen.span(), 50e6), "{seen:?}");
    let y = desk.y(at(0, 5, 0, 2));
    assert!((HEADER..=130.0).contains(&y), "{y}");
    assert!(desk.view.folded.is_empty());
    desk.view.go_to_slice(&desk.scene, at(0, 0, 0, 0));
    let y = desk.y(at(0, 0, 0, 0));
    assert!((HEADER..=130.0).contains(&y), "{y}");
}

#[test]
fn enter_selects_in_the_middle_and_then_opens() {
    let mut desk = Desk::new();
    desk.view.range = Range { from: 200e6, to: 300e6 };
    assert!(desk.press(Key::Enter).selection);
    assert_eq!(desk.view.selected, Some(at(0, 0, 0, 1)));
    assert_eq!(desk.press(Key::Enter).request, Some(Request::Open(at(0, 0, 0, 1))));
    let mut desk = Desk::new();
    desk.view.range = Range { from: 850e6, to: 900e6 };
    assert_eq!(desk.press(Key::Enter).say.as_deref(), Some("there is nothing in view to select"));
}

#[test]
fn issues_come_the_worst_first_and_around_again() {
    let mut desk = Desk::new();
    let effect = desk.char('n');
    assert_eq!(
        effect.say.as_deref(),
        Some("issue 1 of 3: a blocking call on the loop took 260ms, at 120ms")
    );
    assert!(effect.selection);
    assert_eq!(desk.view.selected, Some(at(0, 0, 2, 0)));
    assert!(near(desk.middle_ms(), 250.0), "{}", desk.middle_ms());
    desk.char('n');
    desk.char('n');
    assert_eq!(desk.view.selected, Some(at(0, 5, 0, 2)));
    assert!(desk.char('n').say.is_some_and(|said| said.starts_with("issue 1 of 3")));
    assert!(desk.char('p').say.is_some_and(|said| said.starts_with("issue 3 of 3")));
    desk.scene.issues.clear();
    assert_eq!(desk.char('n').say.as_deref(), Some("nothing is wrong in this run"));
}

#[test]
fn what_was_found_is_stepped_through_in_order_of_time() {
    let mut desk = Desk::new();
    assert_eq!(desk.view.search_for(&desk.scene, "SLEEP").say.as_deref(), Some("2 matches"));
    desk.char(']');
    assert_eq!(desk.view.selected, Some(at(0, 4, 0, 0)));
    let effect = desk.char(']');
    assert_eq!(desk.view.selected, Some(at(0, 0, 2, 0)));
    let said = "match 2 of 2: sleep, blocking call on the loop, 260ms at 120ms, loop";
    assert_eq!(effect.say.as_deref(), Some(said));
    assert!(desk.char(']').say.is_some_and(|said| said.starts_with("match 1 of 2")), "around");
    assert!(desk.char('[').say.is_some_and(|said| said.starts_with("match 2 of 2")), "back");
    assert_eq!(
        desk.view.search_for(&desk.scene, "nobody").say.as_deref(),
        Some("nothing was found")
    );
    assert_eq!(desk.char(']').say.as_deref(), Some("nothing was found"));
    desk.view.search_for(&desk.scene, "");
    assert!(desk.char(']').say.is_some_and(|said| said.contains("press /")));
    assert_eq!(desk.char('/').request, Some(Request::Search));
}

#[test]
fn a_search_begins_with_the_first_of_all_even_at_zero() {
    let mut desk = Desk::new();
    desk.view.search_for(&desk.scene, "turn");
    desk.char(']');
    assert_eq!(desk.view.selected, Some(at(0, 0, 0, 0)));
    assert!(desk.char('[').say.is_some_and(|said| said.starts_with("match 4 of 4")));
    assert!(desk.char(']').say.is_some_and(|said| said.starts_with("match 1 of 4")));
}

#[test]
fn a_time_can_be_gone_to() {
    let mut desk = Desk::new();
    assert_eq!(desk.char('g').request, Some(Request::GoTo));
    for (text, middle) in [("0.5s", 500.0), (" 250ms ", 250.0), ("1500000ns", 1.5)] {
        desk.view.go_to(&desk.scene, text).expect("it is a time of the run");
        assert!(desk.view.range.span() < 300e6);
        let (from, to) = (desk.view.range.from / 1e6, desk.view.range.to / 1e6);
        assert!(from < middle && middle < to, "{text}: {from} to {to}");
        assert!(desk.view.measured.is_some_and(|range| near(range.from / 1e6, middle)));
    }
    desk.view.go_to(&desk.scene, "100ms-0.2s").expect("it is a range of the run");
    assert!(near(desk.middle_ms(), 150.0));
    let before = desk.view.range;
    for (text, error) in [
        ("soon", "`soon` is not a duration: write a number and a unit, such as `250ms` or `1.5s`"),
        ("2s", "the run ends at 1s"),
        ("-1s", "`-1s` is negative: a duration is zero or more, such as `250ms`"),
        ("1", "`1` has no unit: write `1ms`, or one of h, m, s, ms, us, ns"),
    ] {
        assert_eq!(desk.view.go_to(&desk.scene, text), Err(error.into()));
    }
    assert_eq!(desk.view.range, before);
}

#[test]
fn a_click_selects_and_a_click_beside_deselects() {
    let mut desk = Desk::new();
    let slice = at(0, 0, 2, 0);
    let (x, y) = (desk.x(200.0), desk.y(slice));
    assert!(desk.click(x, y).selection);
    assert_eq!(desk.view.selected, Some(slice));
    // A hand is not still.
    desk.down(x, y, NONE);
    desk.moved(x + 3.0, y);
    desk.up(x + 3.0, y);
    assert_eq!((desk.view.selected, desk.view.measured), (Some(slice), None));
    let x = desk.x(900.0);
    assert!(desk.click(x, y).selection);
    assert_eq!(desk.view.selected, None);
}

#[test]
fn a_mark_is_hit_near_by_and_a_narrow_slice_too() {
    let desk = Desk::new();
    let mark = at(0, 5, 0, 1);
    let y = desk.y(mark);
    for (off, meant) in [(0.0, true), (5.0, true), (-5.0, true), (8.0, false)] {
        let found = hit(&desk.scene, &desk.view, desk.x(400.0) + off, y);
        assert_eq!(found == Hit::Slice(mark), meant, "{off}");
    }
    let narrow = at(0, 0, 0, 2);
    let (x, y) = (desk.x(500.0), desk.y(narrow));
    assert_eq!(hit(&desk.scene, &desk.view, x + 2.0, y), Hit::Slice(narrow));
    assert!(matches!(hit(&desk.scene, &desk.view, x + 5.0, y), Hit::Plot(_)));
}

#[test]
fn a_click_on_a_title_folds_the_lane() {
    let mut desk = Desk::new();
    let (below, height) = (desk.y(at(0, 1, 0, 0)), desk.places().content);
    assert_eq!(hit(&desk.scene, &desk.view, 30.0, 75.0), Hit::Title { group: 0, lane: 0 });
    assert_eq!(desk.click(30.0, 75.0).say.as_deref(), Some("loop is folded"));
    assert!(desk.y(at(0, 1, 0, 0)) < below && desk.places().content < height);
    assert_eq!(desk.click(30.0, 75.0).say.as_deref(), Some("loop is unfolded"));
    assert_eq!(desk.places().content, height);
    desk.select(at(0, 2, 0, 0));
    desk.char('c');
    assert!(desk.view.folded.contains(&(0, 2)));
}

#[test]
fn on_a_narrow_canvas_titles_stand_above_their_lanes() {
    let scene = small();
    let view = View::new(&scene, 400.0, 600.0, 7.0);
    assert_eq!(hit(&scene, &view, 200.0, HEADER + 10.0), Hit::Title { group: 0, lane: 0 });
    let x = Places::new(&scene, &view).scale.x(200e6);
    assert_eq!(hit(&scene, &view, x, HEADER + 4.0 + 18.0 + 9.0), Hit::Slice(at(0, 0, 0, 1)));
}

#[test]
fn a_drag_measures_from_edge_to_edge() {
    let mut desk = Desk::new();
    let y = desk.y(at(0, 4, 0, 0));
    // Both ends are near to an edge of the timer's slice.
    let (from, to) = (desk.x(138.0) - 4.0, desk.x(38.0) + 3.0);
    desk.down(from, y, NONE);
    desk.moved(to, y);
    let measured = desk.view.measured.expect("a range is measured");
    assert!(near(measured.from / 1e6, 38.0) && near(measured.to / 1e6, 138.0), "{measured:?}");
    let effect = desk.moved(to + 20.0, y);
    assert_ne!(effect.say.as_deref(), Some("measured 100ms"), "too far from the edge");
    desk.moved(to, y);
    desk.up(to, y);
    assert!(!desk.view.is_dragging());
    desk.char('f');
    assert!(near(desk.view.range.from / 1e6, 38.0) && near(desk.view.range.to / 1e6, 138.0));
    desk.press(Key::Escape);
    assert_eq!(desk.view.measured, None);
}

#[test]
fn the_selection_can_be_measured_with_keys() {
    let mut desk = Desk::new();
    assert!(desk.char('m').say.is_some_and(|said| said.contains("select a slice")));
    desk.select(at(0, 0, 2, 0));
    assert_eq!(desk.char('m').say.as_deref(), Some("measured 260ms"));
    desk.press(Key::Escape);
    desk.view.key(&desk.scene, Key::Right, SHIFT);
    let measured = desk.view.measured.expect("a range is measured");
    assert!(near(measured.from / 1e6, 120.0) && measured.span() > 0.0);
    desk.view.key(&desk.scene, Key::Left, SHIFT);
    assert!(desk.view.measured.is_some_and(|range| range.span() < 1.0));
}

#[test]
fn shift_drag_the_wheel_and_a_finger_pan() {
    let mut desk = Desk::low();
    desk.char('w');
    let before = desk.x(500.0);
    desk.down(600.0, 200.0, SHIFT);
    desk.moved(550.0, 190.0);
    desk.up(550.0, 190.0);
    assert!((desk.x(500.0) - before + 50.0).abs() < 0.01);
    assert!((desk.view.scroll - 10.0).abs() < 0.01);
    let wheel = PointerEvent::Wheel { x: 600.0, y: 200.0, dx: 0.0, dy: 30.0, modifiers: SHIFT };
    desk.pointer(wheel);
    assert!((desk.x(500.0) - before + 80.0).abs() < 0.01);
    let button = Button::Touch;
    desk.pointer(PointerEvent::Down { x: 600.0, y: 200.0, id: 5, button, modifiers: NONE });
    desk.pointer(PointerEvent::Move { x: 620.0, y: 200.0, id: 5 });
    desk.pointer(PointerEvent::Up { x: 620.0, y: 200.0, id: 5 });
    assert!((desk.x(500.0) - before + 60.0).abs() < 0.01);
    assert_eq!(desk.view.measured, None);
}

#[test]
fn two_fingers_zoom_about_their_middle() {
    let mut desk = Desk::new();
    let span = desk.view.range.span();
    let under = desk.places().scale.at(700.0);
    let button = Button::Touch;
    for (id, x) in [(5, 650.0), (6, 750.0)] {
        desk.pointer(PointerEvent::Down { x, y: 100.0, id, button, modifiers: NONE });
    }
    desk.pointer(PointerEvent::Move { x: 600.0, y: 100.0, id: 5 });
    desk.pointer(PointerEvent::Move { x: 800.0, y: 100.0, id: 6 });
    assert!((desk.view.range.span() * 2.0 / span - 1.0).abs() < 0.01);
    assert!((desk.places().scale.x(under) - 700.0).abs() < 0.5);
    for id in [5, 6] {
        desk.pointer(PointerEvent::Up { x: 600.0, y: 100.0, id });
    }
    assert!(!desk.view.is_dragging());
    desk.char('z');
    assert!(near(desk.view.range.span(), span));
}

#[test]
fn the_wheel_scrolls_lanes_and_then_the_page() {
    let mut desk = Desk::low();
    let wheel = PointerEvent::Wheel { x: 600.0, y: 200.0, dx: 0.0, dy: 1e6, modifiers: NONE };
    assert!(desk.pointer(wheel).handled);
    let places = desk.places();
    assert!((desk.view.scroll - (places.content - places.visible)).abs() < 0.01);
    assert_eq!(desk.pointer(wheel), Effect::none(), "the page may scroll");
}

#[test]
fn the_window_in_the_minimap_is_dragged_without_a_jump() {
    let mut desk = Desk::new();
    desk.char('w');
    desk.char('w');
    let before = desk.view.range;
    // Not in its middle.
    let x = desk.x(500.0).midpoint(640.0);
    desk.down(x, 20.0, NONE);
    assert!(near(desk.view.range.from, before.from), "{:?} {before:?}", desk.view.range);
    desk.moved(x + 111.2, 300.0);
    let moved = desk.view.range.from - before.from;
    assert!((moved / 104e6 - 1.0).abs() < 0.01, "{moved}");
    desk.up(x + 111.2, 300.0);
    desk.char('z');
    assert!(near(desk.view.range.from, before.from));
    // Beside it, it comes.
    desk.click(200.0, 20.0);
    assert_eq!(desk.view.range.from, Range::whole(desk.scene.end.0).from);
}

#[test]
fn a_click_on_the_mark_of_an_issue_goes_there() {
    let mut desk = Desk::new();
    let x = desk.x(990.0);
    assert_eq!(hit(&desk.scene, &desk.view, x, HEADER - 5.0), Hit::Issue(2));
    assert!(desk.click(x, HEADER - 5.0).say.is_some_and(|said| said.starts_with("issue 3 of 3")));
    assert_eq!(desk.view.selected, Some(at(0, 5, 0, 2)));
}

#[test]
fn a_double_click_fits_a_slice() {
    let mut desk = Desk::new();
    let (x, y) = (desk.x(200.0), desk.y(at(0, 0, 2, 0)));
    let effect = desk.pointer(PointerEvent::Double { x, y });
    assert!(effect.selection && effect.redraw);
    assert!(near(desk.middle_ms(), 250.0) && desk.view.range.span() < 400e6);
}

#[test]
fn a_signal_is_dragged_and_let_go() {
    let mut desk = Desk::new();
    let signal = at(0, 3, 0, 0);
    desk.view.allow_what_if(BTreeMap::from([(signal, 4)]));
    let (x, y) = (desk.x(300.0), desk.y(signal));
    desk.moved(x, y);
    assert_eq!(desk.view.cursor(&desk.scene), "ew-resize");
    desk.down(x, y, NONE);
    let to = desk.x(500.0);
    let effect = desk.moved(to, y);
    let Some(Request::WhatIf { signal: 4, at: moment, dropped: false }) = effect.request else {
        panic!("{effect:?}")
    };
    // Not more exact than a pixel, which is almost a millisecond here.
    assert!(moment.0.abs_diff(500_000_000) < 1_000_000 && moment.0 % 100_000 == 0, "{moment}");
    assert_eq!(desk.moved(to, y).request, None, "nothing new");
    let effect = desk.up(to, y);
    assert_eq!(effect.request, Some(Request::WhatIf { signal: 4, at: moment, dropped: true }));
    assert_eq!(desk.press(Key::Escape).say.as_deref(), Some("the signal is where it was"));
    assert_eq!(desk.view.ghost, None);
}

#[test]
fn a_drag_of_a_signal_can_be_given_up() {
    let mut desk = Desk::new();
    let signal = at(0, 3, 0, 0);
    desk.view.allow_what_if(BTreeMap::from([(signal, 0)]));
    let y = desk.y(signal);
    for give_up in [PointerEvent::Cancel, PointerEvent::Leave] {
        desk.down(desk.x(300.0), y, NONE);
        desk.moved(500.0, y);
        assert!(desk.view.ghost.is_some());
        desk.pointer(give_up);
        desk.press(Key::Escape);
        assert_eq!(desk.view.ghost, None, "{give_up:?}");
        assert_eq!(desk.up(500.0, y).request, None, "{give_up:?}");
    }
    // Other slices are not dragged.
    desk.down(desk.x(600.0), desk.y(at(0, 2, 0, 0)), NONE);
    desk.moved(500.0, y);
    assert!(desk.view.ghost.is_none() && desk.view.measured.is_some());
}

#[test]
fn a_signal_is_moved_with_keys() {
    let mut desk = Desk::new();
    let signal = at(0, 3, 0, 0);
    desk.view.allow_what_if(BTreeMap::from([(signal, 0)]));
    desk.select(signal);
    desk.view.key(&desk.scene, Key::Right, SHIFT);
    let effect = desk.view.key(&desk.scene, Key::Right, SHIFT);
    let Some(Request::WhatIf { at: moment, dropped: false, .. }) = effect.request else {
        panic!("{effect:?}")
    };
    assert!(moment > Nanos::from_millis(260) && moment < Nanos::from_millis(270), "{moment}");
    let effect = desk.press(Key::Enter);
    assert_eq!(effect.request, Some(Request::WhatIf { signal: 0, at: moment, dropped: true }));
}

#[test]
fn escape_closes_one_thing_at_a_time() {
    let mut desk = Desk::new();
    desk.select(at(0, 0, 0, 0));
    desk.view.search_for(&desk.scene, "turn");
    desk.char('m');
    desk.char('?');
    assert!(desk.view.help);
    assert_eq!(hit(&desk.scene, &desk.view, 300.0, 75.0), Hit::Nothing, "the help is above");
    desk.press(Key::Escape);
    assert!(!desk.view.help && desk.view.measured.is_some());
    desk.press(Key::Escape);
    assert!(desk.view.measured.is_none() && desk.view.searched() == "turn");
    desk.press(Key::Escape);
    assert!(desk.view.searched().is_empty() && desk.view.selected.is_some());
    desk.press(Key::Escape);
    assert!(desk.view.selected.is_none());
    assert_eq!(desk.press(Key::Escape), Effect::none(), "the browser's");
}

#[test]
fn an_address_shows_the_same() {
    let mut desk = Desk::low();
    assert_eq!(desk.view.address(&desk.scene), "");
    desk.select(at(0, 0, 1, 1));
    for key in "wwwd".chars() {
        desk.char(key);
    }
    desk.view.search_for(&desk.scene, "a&b=ü #");
    desk.view.key(&desk.scene, Key::PageDown, NONE);
    let address = desk.view.address(&desk.scene);
    assert!(address.is_ascii() && address.contains("&sel=101000000&q=a%26b%3D%C3%BC+%23&scroll="));
    let mut other = Desk::low();
    for text in [address.clone(), format!("#{address}"), format!("?{address}")] {
        other.view.open_address(&other.scene, &text);
        assert_eq!(other.view.selected, desk.view.selected);
        assert_eq!(other.view.searched(), desk.view.searched());
        assert!((other.view.range.from - desk.view.range.from).abs() < 1e-3);
        assert!((other.view.range.to - desk.view.range.to).abs() < 1e-3);
        assert!((other.view.scroll - desk.view.scroll).abs() < 1.0);
        assert_eq!(other.view.address(&other.scene), address);
    }
    other.view.open_address(&other.scene, "");
    assert_eq!(other.view.address(&other.scene), "", "everything again");
}

#[test]
fn a_slice_of_the_second_group_is_found_by_its_address() {
    let row: &[(&str, Look, u64, u64)] = &[("turn", Look::Same, 1, 10)];
    let scene = Scenery::default()
        .group("golden")
        .lane("loop", LaneKind::Golden, &[row])
        .group("run")
        .lane("loop", LaneKind::Golden, &[row])
        .done();
    let mut view = View::new(&scene, 800.0, 300.0, 7.0);
    view.select(&scene, Some(at(1, 0, 0, 0)));
    let address = view.address(&scene);
    assert_eq!(address, "sel=1.1000");
    let mut other = View::new(&scene, 800.0, 300.0, 7.0);
    other.open_address(&scene, &address);
    assert_eq!(other.selected, view.selected);
}

#[test]
fn an_absurd_address_does_no_harm() {
    let mut desk = Desk::low();
    let whole = Range::whole(desk.scene.end.0);
    for text in [
        "t=",
        "t=-",
        "t=5",
        "t=5-5",
        "t=9-5",
        "t=NaN-NaN",
        "t=inf-inf",
        "t=-inf-inf",
        "t=0-1e999",
        "sel=-1",
        "sel=99999999999999999999",
        "sel=70000.0",
        "sel=0.0.0",
        "scroll=NaN",
        "scroll=-5",
        "q=%ff%00",
        "&&==&t",
        &"t=1-2&".repeat(10_000),
    ] {
        desk.view.open_address(&desk.scene, text);
        assert_eq!(desk.view.range, whole, "{text:.40}");
        assert_eq!((desk.view.selected, desk.view.scroll), (None, 0.0), "{text:.40}");
    }
    for (text, seen) in [("t=-1e300-1e300", whole), ("t=2e9-3e9", Range { from: 2e7, to: 1.02e9 })]
    {
        desk.view.open_address(&desk.scene, text);
        assert!(
            near(desk.view.range.from, seen.from) && near(desk.view.range.to, seen.to),
            "{text}"
        );
    }
    desk.view.open_address(&desk.scene, "scroll=1e30");
    let places = desk.places();
    assert!((desk.view.scroll - (places.content - places.visible)).abs() < 0.01);
    desk.view.open_address(&desk.scene, &format!("q={}", "x".repeat(3_000)));
    assert_eq!(desk.view.searched().len(), 200);
}

#[test]
fn another_scene_keeps_what_is_still_there() {
    let mut desk = Desk::new();
    desk.select(at(0, 5, 0, 2));
    desk.view.search_for(&desk.scene, "turn");
    desk.char('w');
    let seen = desk.view.range;
    assert!(desk.view.change_scene(&desk.scene).selection);
    assert_eq!((desk.view.selected, desk.view.range), (Some(at(0, 5, 0, 2)), seen));
    let other = Scenery::default().group("").done();
    desk.view.change_scene(&other);
    assert_eq!(desk.view.selected, None);
    assert_eq!(desk.view.range, Range::whole(0));
    assert_eq!(desk.view.found().count(), 0);
}
