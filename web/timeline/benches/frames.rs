//! How long a frame of a million slices takes: `cargo bench -p loopbox-timeline`.
//!
//! Natively; a browser's WebAssembly takes some two or three times as long. What is painted then is the browser's.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[path = "../tests/timeline/scenes.rs"]
#[expect(dead_code, reason = "only random scenes are measured")]
mod scenes;

use std::hint::black_box;
use std::time::{Duration, Instant};

use loopbox_timeline::layout::{frame, hit};
use loopbox_timeline::view::View;

const ROUNDS: usize = 200;

fn main() {
    let scene = scenes::random(11, 10, 100_000);
    let mut view = View::new(&scene, 1280.0, 420.0, 7.0);
    let whole = view.range;
    for part in [1.0, 0.1, 0.01, 0.001, 0.000_01] {
        view.range = whole.zoomed(part, whole.middle()).within(scene.end.0);
        report(&format!("frame, {}% of the run", part * 100.0), || {
            black_box(frame(&scene, &view)).shapes.len()
        });
    }
    view.range = whole;
    report("what is under the pointer", || {
        black_box(hit(&scene, &view, 700.0, 100.0));
        0
    });
    let begin = Instant::now();
    view.search_for(&scene, "fetch");
    println!("search: {:?}, {} matches", begin.elapsed(), view.found().count());
    report("frame with what was found", || black_box(frame(&scene, &view)).shapes.len());
}

fn report(what: &str, mut job: impl FnMut() -> usize) {
    let mut times: Vec<Duration> = Vec::new();
    let mut shapes = 0;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        shapes = job();
        times.push(begin.elapsed());
    }
    times.sort();
    let [best, median, worst] = [0, ROUNDS / 2, ROUNDS - 1].map(|index| times[index]);
    println!("{what}: best {best:?}, median {median:?}, worst {worst:?}, {shapes} shapes");
}
