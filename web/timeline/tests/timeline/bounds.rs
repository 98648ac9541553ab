//! What holds for every frame, however absurd the scene and whatever was pressed.

use loopbox_timeline::draw::{DrawList, Paint, Shape};
use loopbox_timeline::layout::{HEADER, Places, frame, hit};
use loopbox_timeline::scene::{Look, Scene, SliceRef};
use loopbox_timeline::view::{Button, KEYS, Modifiers, PointerEvent, Range, View};
use loopbox_trace::Nanos;

use crate::scenes::{Numbers, random, small};

/// As wide as a font of one width has it: what East Asia writes takes two columns.
fn width(text: &str, char_width: f32) -> f32 {
    let wide = |char: char| char >= '\u{1100}' && !"…←→↑↓".contains(char);
    text.chars().map(|char| if wide(char) { 2.0 } else { 1.0 }).sum::<f32>() * char_width
}

/// Every shape is on the canvas and has a size, and no text leaves its slice.
fn check(list: &DrawList, char_width: f32) {
    let (mut ground, most) = (None, 12_000);
    assert!(list.shapes.len() < most, "{} shapes", list.shapes.len());
    for shape in &list.shapes {
        let inside =
            |x: f32, y: f32| (0.0..=list.width).contains(&x) && (0.0..=list.height).contains(&y);
        let sane = match *shape {
            Shape::Rect { x, y, width, height, .. }
            | Shape::Hatch { x, y, width, height, .. }
            | Shape::Frame { x, y, width, height, .. } => {
                let end = (x + width - 0.01, y + height - 0.01);
                width > 0.0 && height > 0.0 && inside(x, y) && inside(end.0, end.1)
            }
            Shape::Diamond { x, y, radius, .. } => inside(x, y) && radius > 0.0 && radius < 20.0,
            Shape::Line { x1, y1, x2, y2, .. } | Shape::Arrow { x1, y1, x2, y2, .. } => {
                inside(x1, y1) && inside(x2, y2)
            }
            Shape::Text { x, y, ref text, .. } => {
                inside(x, y) && x + width(text, char_width) <= list.width + 0.01
            }
        };
        assert!(sane, "{shape}, of {} x {}", list.width, list.height);
        match shape {
            // What is painted under the letters of a hatched slice lies in the slice.
            Shape::Rect { x, width, paint: Paint::Slice(look), .. }
                if ground.is_none_or(|(left, right, known)| {
                    known != *look || *x < left || x + width > right
                }) =>
            {
                ground = Some((*x, x + width, *look));
            }
            Shape::Text { x, text, paint: Paint::OnSlice(look), .. } => {
                let (left, right, known) = ground.expect("a slice is below the text");
                let end = x + width(text, char_width);
                assert!(
                    known == *look && *x >= left && end <= right,
                    "{shape} in {left} to {right}"
                );
            }
            _ => {}
        }
    }
}

/// Every slice that is as long as a pixel is covered by something that looks like it.
fn check_drawn(scene: &Scene, view: &View, list: &DrawList) {
    let places = Places::new(scene, view);
    for lane in &places.lanes {
        let rows = &scene.groups[usize::from(lane.group)].lanes[usize::from(lane.lane)].rows;
        for (number, row) in (0..lane.rows).zip(rows) {
            let at = SliceRef { group: lane.group, lane: lane.lane, row: number, slice: 0 };
            let (top, height) = places.row_of(at).expect("the row is shown");
            let top = top + HEADER - view.scroll;
            if top < HEADER || top + height > view.height {
                continue;
            }
            let drawn: Vec<(f32, f32, Look)> = list
                .shapes
                .iter()
                .filter_map(|shape| match *shape {
                    Shape::Rect {
                        x,
                        y,
                        width,
                        paint: Paint::Slice(look) | Paint::Dense(look),
                        ..
                    } if (y - top).abs() < 0.01 => Some((x, x + width, look)),
                    _ => None,
                })
                .collect();
            for slice in row.slices() {
                let [begin, end] = [slice.begin, slice.end].map(|at| {
                    #[expect(clippy::cast_precision_loss, reason = "scenes of tests are short")]
                    let at = at.0 as f64;
                    places.scale.x(at)
                });
                let long = end - begin > 1.01
                    && end >= places.scale.left + 1.0
                    && begin <= places.scale.right - 1.0;
                let middle =
                    f32::midpoint(begin.max(places.scale.left), end.min(places.scale.right));
                let covered = |&(left, right, look): &(f32, f32, Look)| {
                    look == slice.look && left <= middle + 1.0 && right >= middle - 1.0
                };
                assert!(
                    !long || drawn.iter().any(covered),
                    "{slice:?} at {begin} to {end} is not drawn"
                );
            }
        }
    }
}

/// Does something with a view, whatever it is.
fn disturb(numbers: &mut Numbers, scene: &Scene, view: &mut View) {
    let coordinate = |numbers: &mut Numbers| match numbers.below(40) {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => -1e30,
        _ => f32::from(u16::try_from(numbers.below(1_400)).expect("small")) - 50.0,
    };
    let modifiers = Modifiers {
        ctrl: numbers.below(4) == 0,
        shift: numbers.below(3) == 0,
        ..Modifiers::default()
    };
    let (x, y) = (coordinate(numbers), coordinate(numbers) / 2.0);
    let id = i32::try_from(numbers.below(3)).expect("small");
    let buttons = [Button::Primary, Button::Middle, Button::Touch, Button::Other];
    let button = buttons[usize::try_from(numbers.below(4)).expect("small")];
    let (dx, dy) = (coordinate(numbers) / 9.0, coordinate(numbers) - 600.0);
    let event = match numbers.below(12) {
        0 => PointerEvent::Down { x, y, id, button, modifiers },
        1 | 2 => PointerEvent::Move { x, y, id },
        3 => PointerEvent::Up { x, y, id },
        4 => PointerEvent::Cancel,
        5 => PointerEvent::Leave,
        6 => PointerEvent::Double { x, y },
        7 => PointerEvent::Wheel { x, y, dx, dy, modifiers },
        8 => {
            view.resize(scene, coordinate(numbers), coordinate(numbers), 7.0);
            return;
        }
        _ => {
            let binding = &KEYS[usize::try_from(numbers.below(KEYS.len() as u64)).expect("small")];
            let modifiers = Modifiers { shift: binding.shift, ..Modifiers::default() };
            view.key(scene, binding.keys[0], modifiers);
            return;
        }
    };
    view.pointer(scene, event);
}

#[test]
fn nothing_that_is_pressed_makes_an_insane_frame() {
    for seed in 0..24 {
        let mut numbers = Numbers(seed);
        let scene = match seed % 3 {
            0 => small(),
            1 => random(seed, 1 + seed % 7, 1 + seed * 20),
            _ => Scene::default(),
        };
        let mut view = View::new(&scene, 1280.0, 300.0, 7.0);
        view.search_for(&scene, "t");
        for _ in 0..60 {
            disturb(&mut numbers, &scene, &mut view);
            let list = frame(&scene, &view);
            check(&list, view.char_width);
            if view.width > 1.0 {
                check_drawn(&scene, &view, &list);
            }
            let within = view.range.within(scene.end.0);
            assert!((within.from - view.range.from).abs() <= 1e-6 * within.span(), "{view:?}");
            let mut other = View::new(&scene, view.width, view.height, 7.0);
            other.open_address(&scene, &view.address(&scene));
            assert!((other.range.from - view.range.from).abs() < 0.01);
            assert!((other.range.to - view.range.to).abs() < 0.01);
        }
    }
}

#[test]
fn whatever_the_size_of_the_canvas_there_is_a_frame() {
    let scene = small();
    for size in [0.0, 1.0, 30.0, 62.0, 168.0, 169.0, 400.0, 641.0, 1e9, f32::NAN, -5.0] {
        for height in [0.0, 1.0, 41.0, 63.0, 300.0, f32::INFINITY] {
            let mut view = View::new(&scene, size, height, 7.0);
            view.select(&scene, Some(SliceRef { group: 0, lane: 0, row: 2, slice: 0 }));
            view.hovered = view.selected;
            view.pointer = Some((size / 2.0, height / 2.0));
            check(&frame(&scene, &view), 7.0);
        }
    }
}

#[test]
fn moments_at_the_end_of_all_time_do_no_harm() {
    let mut scene = random(3, 2, 10);
    scene.end = Nanos::MAX;
    let mut view = View::new(&scene, 1280.0, 300.0, 7.0);
    check(&frame(&scene, &view), 7.0);
    for at in [Nanos(0), Nanos(u64::MAX / 2), Nanos::MAX] {
        view.show(&scene, at, at);
        for _ in 0..200 {
            view.act(&scene, loopbox_timeline::view::Action::ZoomIn);
        }
        check(&frame(&scene, &view), 7.0);
        hit(&scene, &view, 700.0, 100.0);
    }
}

#[test]
fn a_million_slices_are_as_few_shapes_as_pixels_allow() {
    let scene = random(11, 8, 125_000);
    let mut view = View::new(&scene, 1280.0, 420.0, 7.0);
    view.search_for(&scene, "fetch");
    let whole = view.range;
    for part in [1.0, 0.3, 0.01, 1e-4, 1e-6] {
        view.range = whole.zoomed(part, whole.middle()).within(scene.end.0);
        let list = frame(&scene, &view);
        check(&list, 7.0);
        check_drawn(&scene, &view, &list);
        // Two outlines for what was found in a pixel, one shape for what is there, one for its pattern.
        assert!(list.shapes.len() < 8 * 1_112 * 3, "{}", list.shapes.len());
    }
}

#[test]
fn names_that_are_meant_to_harm_are_drawn_as_they_are() {
    let mut scene = small();
    scene.names[0] = "<script>alert(1)</script>\u{202e}".repeat(50_000);
    scene.groups[0].title = "x".repeat(1_000_000);
    scene.groups[0].lanes[0].title = "y".repeat(1_000_000);
    scene.issues[0].title = "z".repeat(1_000_000);
    let mut view = View::new(&scene, 1280.0, 300.0, 7.0);
    view.range = Range { from: 0.0, to: 1e8 };
    view.pointer(&scene, PointerEvent::Move { x: 300.0, y: 100.0, id: 0 });
    let list = frame(&scene, &view);
    check(&list, 7.0);
    let longest = list.shapes.iter().map(|shape| shape.to_string().len()).max();
    assert!(longest < Some(1_000), "{longest:?}");
    let effect = view.act(&scene, loopbox_timeline::view::Action::NextIssue);
    assert!(effect.say.is_some_and(|said| said.len() < 1_000));
}
