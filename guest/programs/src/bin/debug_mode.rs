//! What debug mode tells, and what it does not: one mode for each rule.
//!
//! Debug mode itself is the scenario's business (`[machine] debug`, `PYTHONASYNCIODEBUG`), but for the modes that
//! turn it on themselves.

use std::time::Duration;

use loopbox_guest::{
    Handle, Runner, blocking, call_at, call_soon, coroutine, current_task, executor_job, get_debug,
    run, set_debug, set_slow_callback_duration, sleep, spawn_named, time, yield_now,
};
use loopbox_programs::{Options, millis};

const USAGE: &str = "debug_mode step [--offload] | callbacks | cancels-itself | when-done | zero | \
    short COUNT | waits | inside | origins | print | chosen";

fn main() {
    let mut options = Options::from_env();
    match options.word().as_deref() {
        Some("step") => step(options.flag("--offload")),
        Some("callbacks") => callbacks(),
        Some("cancels-itself") => cancels_itself(),
        Some("when-done") => when_done(),
        Some("zero") => zero(),
        Some("short") => short(options.word().and_then(|count| count.parse().ok()).unwrap_or(10)),
        Some("waits") => waits(),
        Some("inside") => inside(),
        Some("origins") => origins(),
        Some("print") => run(async { println!("get_debug() -> {}", get_debug()) }),
        Some("chosen") => chosen(),
        _ => {
            eprintln!("{USAGE}");
            loopbox_guest::exit(2);
        }
    }
    options.end();
}

fn compute(millis: u64) {
    blocking::compute(Duration::from_millis(millis));
}

/// One step of a task takes 250 ms; with `offload` a worker has the work.
fn step(offload: bool) {
    run(async move {
        let ticker = spawn_named("ticker", async {
            loop {
                let due = time() + Duration::from_millis(100);
                sleep(Duration::from_millis(100)).await;
                println!("tick, {} ms late", millis(time().saturating_sub(due)));
            }
        });
        yield_now().await;
        if offload {
            executor_job("index", || compute(250)).await;
        } else {
            compute(250);
        }
        sleep(Duration::from_millis(150)).await;
        ticker.cancel().await;
    });
}

/// A plain callback, and one of a timer. Below the threshold nothing is said.
fn callbacks() {
    run(async {
        call_soon(|| compute(99));
        call_soon(rebuild_index);
        call_at(Duration::from_secs(1), rebuild_index);
        sleep(Duration::from_secs(2)).await;
    });
}

fn rebuild_index() {
    compute(150);
}

/// A callback that cancels its own handle while it runs: asyncio keeps the handle's text.
fn cancels_itself() {
    run(async {
        let own = std::rc::Rc::new(std::cell::RefCell::new(None::<Handle>));
        let handle = own.clone();
        own.replace(Some(call_soon(move || {
            compute(120);
            handle.borrow().as_ref().inspect(|handle| handle.cancel());
        })));
        sleep(Duration::from_millis(300)).await;
    });
}

/// A callback of a task's end is a callback like others.
fn when_done() {
    run(async {
        let task = spawn_named("quick", async {});
        task.handle().add_done_callback(|_| rebuild_index());
        task.await;
        sleep(Duration::from_millis(300)).await;
    });
}

/// A threshold of zero makes every step slow.
fn zero() {
    run(async {
        set_slow_callback_duration(Duration::ZERO);
        yield_now().await;
    });
}

/// So many callbacks of 10 ms become ready in one turn.
fn short(count: u32) {
    run(async move {
        for _ in 0..count {
            call_soon(|| compute(10));
        }
        sleep(Duration::from_secs(1)).await;
    });
}

/// Waits of 1200 ms and of 200 ms.
fn waits() {
    run(async {
        sleep(Duration::from_millis(1200)).await;
        sleep(Duration::from_millis(200)).await;
    });
}

/// Debug mode begins while the loop runs: what was made before has no place of creation.
fn inside() {
    run(async {
        spawn_named("early", async {
            sleep(Duration::from_millis(10)).await;
            compute(150);
        });
        compute(150);
        println!("nobody says anything so far");
        set_debug(true);
        yield_now().await;
        compute(150);
        let late = spawn_named("late", async { compute(150) });
        late.await;
        sleep(Duration::from_millis(100)).await;
        set_debug(false);
        yield_now().await;
        compute(150);
    });
}

async fn work() {}

/// Coroutines that nobody awaits, made in production mode, in the turn of `set_debug`, and in the next turn.
fn origins() {
    run(async {
        drop(coroutine(work()));
        set_debug(true);
        drop(coroutine(work()));
        yield_now().await;
        drop(coroutine(work()));
    });
}

/// The program's choice wins over the environment, for one loop.
fn chosen() {
    let shown = || async {
        let task = current_task().map(|task| task.name()).unwrap_or_default();
        println!("{task}: get_debug() -> {}", get_debug());
    };
    for runner in [Runner::new().debug(false), Runner::new().debug(true), Runner::new()] {
        runner.run(shown()).unwrap_or_else(|error| println!("{error}"));
    }
}
