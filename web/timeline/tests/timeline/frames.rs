//! Frames of small scenes, held against goldens: one pixel that moves is a difference.
//!
//! `BLESS=1 cargo test -p loopbox-timeline --test timeline` writes what is drawn now. Look at the difference before you
//! keep it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::scenes::{Scenery, at, flows, random, small};
use loopbox_timeline::draw::DrawList;
use loopbox_timeline::layout::frame;
use loopbox_timeline::scene::{LaneKind, Look, Scene};
use loopbox_timeline::view::{Button, Key, Modifiers, PointerEvent, View};
use loopbox_trace::Nanos;

fn check(name: &str, list: &DrawList) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/timeline/frames/{name}.txt"));
    let drawn = list.to_string();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &drawn).expect("the folder of the goldens is there");
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let lines = golden.lines().zip(drawn.lines()).enumerate();
    for (number, (golden, drawn)) in lines {
        assert_eq!(golden, drawn, "tests/timeline/frames/{name}.txt, line {}: {BLESS}", number + 1);
    }
    assert_eq!(
        golden.lines().count(),
        drawn.lines().count(),
        "tests/timeline/frames/{name}.txt: {BLESS}"
    );
}

const BLESS: &str =
    "read the difference, then BLESS=1 cargo test -p loopbox-timeline --test timeline";

fn wide(scene: &Scene) -> View {
    View::new(scene, 1280.0, 420.0, 7.0)
}

fn narrow(scene: &Scene) -> View {
    View::new(scene, 400.0, 560.0, 7.0)
}

fn keys(view: &mut View, scene: &Scene, keys: &str) {
    for key in keys.chars() {
        view.key(scene, Key::Char(key), Modifiers::default());
    }
}

fn hover(view: &mut View, scene: &Scene, x: f32, y: f32) {
    view.pointer(scene, PointerEvent::Move { x, y, id: 1 });
}

fn drag(view: &mut View, scene: &Scene, from: [f32; 2], to: [f32; 2]) {
    let (modifiers, button) = (Modifiers::default(), Button::Primary);
    view.pointer(scene, PointerEvent::Down { x: from[0], y: from[1], id: 1, button, modifiers });
    view.pointer(scene, PointerEvent::Move { x: to[0], y: to[1], id: 1 });
    view.pointer(scene, PointerEvent::Up { x: to[0], y: to[1], id: 1 });
}

#[test]
fn a_whole_run() {
    let scene = small();
    check("whole", &frame(&scene, &wide(&scene)));
    check("whole-narrow", &frame(&scene, &narrow(&scene)));
}

#[test]
fn a_selection_with_its_arrows_and_a_tooltip() {
    let scene = small();
    let mut view = wide(&scene);
    view.select(&scene, Some(at(0, 3, 0, 0)));
    view.flows = flows();
    keys(&mut view, &scene, "ww");
    hover(&mut view, &scene, 400.0, 110.0);
    check("selection", &frame(&scene, &view));
}

#[test]
fn a_measured_range_and_what_was_found() {
    let scene = small();
    let mut view = wide(&scene);
    view.search_for(&scene, "TERM");
    drag(&mut view, &scene, [400.0, 380.0], [800.0, 390.0]);
    check("measured", &frame(&scene, &view));
    keys(&mut view, &scene, "f");
    check("measured-fit", &frame(&scene, &view));
}

#[test]
fn an_issue_on_a_narrow_canvas() {
    let scene = small();
    let mut view = narrow(&scene);
    keys(&mut view, &scene, "n");
    check("issue-narrow", &frame(&scene, &view));
}

#[test]
fn a_signal_that_is_dragged() {
    let scene = small();
    let mut view = wide(&scene);
    view.allow_what_if(BTreeMap::from([(at(0, 3, 0, 0), 0)]));
    let y = 66.0 + 3.0 * 18.0 + 3.0 * 6.0 + 18.0 + 36.0 + 9.0;
    drag(&mut view, &scene, [500.0, y], [900.0, y]);
    view.fold(&scene, 0, 0);
    check("dragged", &frame(&scene, &view));
}

#[test]
fn nanoseconds() {
    let scene = small();
    let mut view = wide(&scene);
    view.show(&scene, Nanos(500_000_000), Nanos(500_000_000));
    for _ in 0..60 {
        keys(&mut view, &scene, "w");
    }
    check("nanoseconds", &frame(&scene, &view));
}

#[test]
fn two_groups() {
    let scene = Scenery::default()
        .group("golden")
        .lane("loop", LaneKind::Golden, &[&[("turn", Look::Same, 0, 10)]])
        .group("this run")
        .lane(
            "loop",
            LaneKind::Golden,
            &[&[("turn", Look::Same, 0, 10), ("SIGTERM", Look::Extra, 20, 30)]],
        )
        .done();
    check("groups", &frame(&scene, &wide(&scene)));
}

#[test]
fn more_slices_than_pixels() {
    let scene = random(7, 3, 20_000);
    let view = View::new(&scene, 640.0, 200.0, 7.0);
    check("dense", &frame(&scene, &view));
}

#[test]
fn nothing_to_see() {
    let scene = Scenery::default().group("").done();
    check("empty", &frame(&scene, &wide(&scene)));
    let scene = small();
    let mut view = wide(&scene);
    view.show(&scene, Nanos(850_000_000), Nanos(851_000_000));
    check("nothing-here", &frame(&scene, &view));
}

#[test]
fn a_pixel_that_moves_is_seen() {
    let scene = small();
    let mut view = wide(&scene);
    let before = frame(&scene, &view).to_string();
    let pixel = view.range.span() / (1280.0 - 168.0);
    view.range = loopbox_timeline::view::Range { from: view.range.from + pixel, ..view.range };
    assert_ne!(before, frame(&scene, &view).to_string());
}
