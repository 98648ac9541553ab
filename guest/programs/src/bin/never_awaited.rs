//! Coroutines: forgotten, and not. Each mode is a mistake, or something that looks like one and is none.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures_lite::future;
use loopbox_guest::{Coroutine, call_later, run, sleep, spawn, yield_now};
use loopbox_programs::Options;

fn main() {
    let mut options = Options::from_env();
    let mode = options.word();
    options.end();
    run(async move {
        match mode.as_deref() {
            Some("forgotten") => drop(save("a")),
            Some("awaited") => save("a").await,
            Some("one-line") => one_line(),
            Some("stored") => stored(false).await,
            Some("stored-run") => stored(true).await,
            Some("polling") => polling(false).await,
            Some("polling-awaited") => polling(true).await,
            Some("on-purpose") => on_purpose().await,
            _ => {
                eprintln!("which mode? see the file");
                loopbox_guest::exit(2);
            }
        }
    });
}

#[loopbox_guest::coroutine]
async fn save(name: &'static str) {
    sleep(Duration::from_millis(10)).await;
    println!("saved {name}");
}

/// Python's warnings show the first of a line; the trace counts all.
fn one_line() {
    for name in ["a", "b", "c"] {
        drop(save(name));
    }
}

/// Work for later: the compiler sees that it is used.
struct Later<F> {
    work: Option<Coroutine<F>>,
}

async fn stored(finish: bool) {
    let mut later = Later { work: Some(save("b")) };
    sleep(Duration::from_millis(50)).await;
    if finish && let Some(work) = later.work.take() {
        work.await;
    }
}

/// A pause between two looks.
#[loopbox_guest::coroutine]
async fn pause() {
    sleep(Duration::from_millis(100)).await;
}

/// Without the pause nothing else runs between the looks, and what is waited for cannot happen.
async fn polling(awaited: bool) {
    let ready = Rc::new(Cell::new(false));
    let flag = ready.clone();
    call_later(Duration::from_millis(150), move || flag.set(true));
    for look in 1..=3 {
        if ready.get() {
            println!("ready at look {look}");
            return;
        }
        let pause = pause();
        if awaited {
            pause.await;
        }
    }
    println!("gave up");
}

/// Nothing of this is a mistake.
async fn on_purpose() {
    save("nothing").close();

    // A race: the loser was never polled.
    future::or(yield_now(), save("too late").into_future()).await;

    // A task that was cancelled before its first step.
    spawn(save("cancelled before its first step")).handle().cancel();
    sleep(Duration::from_millis(50)).await;
}
