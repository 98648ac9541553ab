//! asyncio's debug mode: slow steps and slow callbacks are reported, in its words.
//!
//! `--debug` turns it on from inside; a scenario can do so from outside. A threshold is given by
//! `--slow`, such as `50ms`.

use std::time::Duration;

use loopbox_guest::{
    blocking, call_later, call_soon, run, set_debug, set_slow_callback_duration, sleep, spawn_named,
};
use loopbox_programs::Options;

fn main() {
    let mut options = Options::from_env();
    if options.flag("--debug") {
        set_debug(true);
    }
    if let Some(slow) = options.duration("--slow") {
        set_slow_callback_duration(slow);
    }
    options.end();

    run(async {
        // Below the threshold of 100 ms, and at it.
        spawn_named("quick", async { compute(99) }).await;
        spawn_named("slow", async {
            sleep(Duration::from_millis(10)).await;
            compute(100);
            sleep(Duration::from_millis(10)).await;
        })
        .await;
        call_soon(rebuild_index);
        call_later(Duration::from_millis(10), || compute(150));
        sleep(Duration::from_secs(1)).await;
        log::info!(target: "app", "this is in the trace only");
        log::warn!(target: "app", "this is on standard error, too");
    });
}

fn rebuild_index() {
    compute(250);
}

fn compute(millis: u64) {
    blocking::compute(Duration::from_millis(millis));
}
