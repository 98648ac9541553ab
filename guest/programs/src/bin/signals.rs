//! The rules of signals: who may add a handler, when it runs, and what a runner makes of SIGINT.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use loopbox_guest::signal::{
    self, SIGINT, SIGKILL, SIGTERM, SIGUSR1, SignalError, add_signal_handler, remove_signal_handler,
};
use loopbox_guest::{
    AsException, Exception, Loop, Runner, ValueError, blocking, call_soon, cancelled, catch_cancel,
    current_task, executor_job, run, sleep, spawn_named, time,
};
use loopbox_programs::{Options, millis};

const USAGE: &str = "signals wrong-thread | errors | count | blocked | replaced | removed | fails | default | \
    clean-up | swallowed | slow-clean-up | busy | returns | interrupted | \
    custom [--before] | before-run [--run] | between-runs [--one-loop]";

fn main() {
    let mut options = Options::from_env();
    match options.word().as_deref() {
        Some("wrong-thread") => wrong_thread(),
        Some("errors") => errors(),
        Some("count") => count(),
        Some("blocked") => blocked(),
        Some("replaced") => replaced(),
        Some("removed") => removed(),
        Some("fails") => fails(),
        Some("default") => default(),
        Some("clean-up") => clean_up(),
        Some("swallowed") => swallowed(),
        Some("slow-clean-up") => slow_clean_up(),
        Some("busy") => busy(true),
        Some("returns") => busy(false),
        Some("interrupted") => run(sleep(seconds(10))),
        Some("custom") => custom(options.flag("--before")),
        Some("before-run") => before_run(options.flag("--run")),
        Some("between-runs") => between_runs(options.flag("--one-loop")),
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

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// As Python's `except Exception as e: print(type(e).__name__, '|', e)`.
fn show<T>(call: &str, result: Result<T, SignalError>) {
    match result {
        Ok(_) => println!("{call} -> no error"),
        Err(error) => println!("{call} -> {}: {error}", error.as_exception().kind()),
    }
}

/// Handlers are the main thread's business.
fn wrong_thread() {
    run(async {
        let job = executor_job("thread", || add_signal_handler(SIGTERM, || {}));
        show("in a job", job.await);
        show("in the main thread", add_signal_handler(SIGTERM, || {}));
    });
}

/// What cannot be handled.
fn errors() {
    run(async {
        show("add_signal_handler(SIGKILL)", add_signal_handler(SIGKILL, || {}));
        show("add_signal_handler(999)", add_signal_handler(999, || {}));
        show("add_signal_handler(0)", add_signal_handler(0, || {}));
        println!("remove_signal_handler(SIGHUP) -> {:?}", remove_signal_handler(signal::SIGHUP));
        println!("remove_signal_handler(SIGINT) -> {:?}", remove_signal_handler(SIGINT));
    });
}

/// Counts what it gets while it is busy for 300 ms, and then while it sleeps.
fn count() {
    run(async {
        let count = Rc::new(Cell::new(0));
        let counter = count.clone();
        add_signal_handler(SIGUSR1, move || counter.set(counter.get() + 1)).expect("it exists");
        compute(300);
        sleep(Duration::from_millis(700)).await;
        println!("counted {}", count.get());
    });
}

/// A slice of 300 ms: the handler runs after it, and after what was ready before it.
fn blocked() {
    run(async {
        add_signal_handler(SIGTERM, || println!("handler at {} ms", millis(time())))
            .expect("it can be caught");
        sleep(Duration::from_millis(100)).await;
        call_soon(|| println!("callback at {} ms", millis(time())));
        compute(300);
        println!("slice over at {} ms", millis(time()));
        sleep(Duration::from_millis(100)).await;
    });
}

/// A library takes the program's signal over.
fn replaced() {
    run(async {
        add_signal_handler(SIGTERM, || println!("flush")).expect("it can be caught");
        add_signal_handler(SIGTERM, || println!("report the crash")).expect("it can be caught");
        sleep(seconds(1)).await;
    });
}

/// Without its handler the signal does again what it does by default.
fn removed() {
    run(async {
        add_signal_handler(SIGTERM, || println!("handled")).expect("it can be caught");
        sleep(Duration::from_millis(200)).await;
        println!("removed: {:?}", remove_signal_handler(SIGTERM));
        sleep(seconds(1)).await;
    });
}

/// A handler that fails: the request to stop is lost.
fn fails() {
    run(async {
        let stop = || Err::<(), Exception>(ValueError::new("no such worker").into());
        add_signal_handler(SIGTERM, stop).expect("it can be caught");
        sleep(seconds(1)).await;
        println!("still running: the SIGTERM had no effect");
    });
}

/// No handler, and two tasks in the midst of something.
fn default() {
    run(async {
        spawn_named("writer", async {
            sleep(seconds(10)).await;
            println!("never");
        });
        sleep(seconds(10)).await;
    });
}

fn show_run<T: std::fmt::Debug>(result: Result<T, loopbox_guest::RunError>) {
    match result {
        Ok(value) => println!("result: {value:?}"),
        Err(error) => println!("run raised {error}"),
    }
}

/// The first SIGINT cancels the main task, which cleans up.
fn clean_up() {
    show_run(Runner::new().run(async {
        if catch_cancel(sleep(seconds(10))).await.is_err() {
            let requests = current_task().map_or(0, |task| task.cancelling());
            println!("main task cancelled; cancelling() = {requests}");
            sleep(Duration::from_millis(50)).await;
            println!("cleanup");
            cancelled().await;
        }
    }));
}

/// A main task that does not end by the cancellation.
fn swallowed() {
    show_run(Runner::new().run(async {
        match catch_cancel(sleep(seconds(10))).await {
            Ok(()) => "slept",
            Err(_) => "swallowed",
        }
    }));
}

/// A clean-up that computes for ten seconds.
fn slow_clean_up() {
    show_run(Runner::new().run(async {
        if catch_cancel(sleep(seconds(10))).await.is_err() {
            println!("slow cleanup starts");
            compute(10_000);
            println!("never");
        }
    }));
}

/// A slice of 300 ms in the main task; afterwards it waits, or returns.
fn busy(waits: bool) {
    show_run(Runner::new().run(async move {
        compute(300);
        println!("the slice was not interrupted");
        if waits {
            sleep(seconds(1)).await;
        }
    }));
}

/// A handler of the program's own, added before the run or in it.
fn custom(before: bool) {
    let add = || add_signal_handler(SIGINT, || println!("own handler")).expect("it can be caught");
    if before {
        add();
    }
    show_run(Runner::new().run(async move {
        if !before {
            add();
        }
        sleep(seconds(1)).await;
        "finished"
    }));
}

/// A handler, and then half a second without a loop.
fn before_run(runs: bool) {
    add_signal_handler(SIGTERM, || println!("handler at {} ms", millis(time())))
        .expect("it can be caught");
    compute(500);
    println!("starting at {} ms", millis(time()));
    if runs {
        run(sleep(Duration::from_millis(100)));
    }
}

/// Half a second without a loop between two runs: of one loop, or each with its own, at whose end its handlers go.
fn between_runs(one_loop: bool) {
    let add = || {
        add_signal_handler(SIGTERM, || println!("handler at {} ms", millis(time())))
            .expect("it can be caught");
    };
    let first = async move {
        add();
        sleep(Duration::from_millis(100)).await;
    };
    let second = sleep(Duration::from_millis(100));
    if one_loop {
        let event_loop = Loop::new().expect("there is no other");
        event_loop.run_until_complete(first).expect("it ends");
        compute(500);
        event_loop.run_until_complete(second).expect("it ends");
        event_loop.close();
    } else {
        run(first);
        compute(500);
        run(second);
    }
}
