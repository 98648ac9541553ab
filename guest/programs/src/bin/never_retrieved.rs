//! Errors of tasks and futures that nobody looks at, and ways to look.

use std::time::Duration;

use loopbox_guest::{
    Exception, Task, TaskGroup, ValueError, create_future, create_task, future, gather, run,
    shield, sleep, timeout,
};
use loopbox_programs::Options;

fn main() {
    let mut options = Options::from_env();
    let mode = options.word();
    options.end();
    run(async move {
        match mode.as_deref() {
            Some("dropped") => drop(create_task(sync("inbox"))),
            Some("awaited") => look(create_task(sync("inbox")).await),
            Some("callback") => with_callback(),
            Some("dropped-later") => dropped_later(false).await,
            Some("asked") => dropped_later(true).await,
            Some("kept") => return kept(false).await,
            Some("kept-asked") => return kept(true).await,
            Some("future") => drop(failed_future()),
            // A reference that outlives the loop, as in a static.
            Some("future-kept") => std::mem::forget(failed_future()),
            Some("future-looked-at") => future_looked_at().await,
            Some("gather") => look(gather([sync("inbox"), sync("outbox")]).await.map(drop)),
            Some("gather-dropped") => gather_dropped().await,
            Some("group") => group().await,
            Some("shield") => shielded(false).await,
            Some("shield-awaited") => shielded(true).await,
            _ => {
                eprintln!("which mode? see the file");
                loopbox_guest::exit(2);
            }
        }
        sleep(Duration::from_millis(100)).await;
        println!("the end of main");
    });
}

/// Always fails: the inbox after 10 ms, the outbox after 20.
async fn sync(folder: &'static str) -> Result<(), Exception> {
    sleep(Duration::from_millis(if folder == "inbox" { 10 } else { 20 })).await;
    Err(ValueError::new(format!("no folder {folder}")))?
}

fn look(result: Result<(), Exception>) {
    if let Err(exception) = result {
        println!("saw {exception:?}");
    }
}

/// Nobody awaits the task, but somebody looks.
fn with_callback() {
    create_task(sync("inbox")).handle().add_done_callback(|task| {
        if let Ok(Some(exception)) = task.exception() {
            println!("handled {exception:?}");
        }
    });
}

/// As long as there is a reference somebody may still look.
async fn dropped_later(asked: bool) {
    let task = create_task(sync("inbox"));
    sleep(Duration::from_millis(50)).await;
    println!("done: {}", task.is_finished());
    if asked && let Ok(Some(exception)) = task.exception() {
        println!("saw {exception:?}");
    }
}

/// A reference that lives until the end: asyncio would say nothing for ever.
async fn kept(asked: bool) {
    let tasks: Vec<Task<Result<(), Exception>>> = vec![create_task(sync("inbox"))];
    if asked {
        sleep(Duration::from_millis(50)).await;
        for task in &tasks {
            if let Ok(Some(exception)) = task.exception() {
                println!("saw {exception:?}");
            }
        }
    }
    sleep(Duration::from_millis(100)).await;
    println!("the end of main");
    // As a static would: it outlives the loop.
    std::mem::forget(tasks);
}

fn failed_future() -> future::Future<()> {
    let future = create_future();
    if future.set_exception(Exception::new("KeyError", "k")).is_err() {
        println!("a new future is pending");
    }
    future
}

async fn future_looked_at() {
    if let Ok(Some(exception)) = failed_future().exception() {
        println!("saw {exception:?}");
    }
    look(failed_future().await);
    // On a future that is done this has no effect but that nobody needs to look any more.
    println!("cancelled: {}", failed_future().cancel());
}

async fn gather_dropped() {
    let unawaited = gather([sync("inbox"), sync("outbox")]);
    sleep(Duration::from_millis(50)).await;
    drop(unawaited);
}

/// A group cancels the rest when one task fails, and waits for it: no error comes later.
async fn group() {
    let group = TaskGroup::run(async |group| {
        group.create_task(sync("inbox"))?;
        group.create_task(sync("outbox"))?;
        Ok::<_, Exception>(())
    });
    if let Err(errors) = group.await {
        println!("saw {errors:?}");
    }
}

/// The task goes on after its caller gave up.
async fn shielded(awaited: bool) {
    let inner = create_task(sync("inbox"));
    let handle = inner.handle();
    if timeout(Duration::from_millis(5), shield(inner)).await.is_err() {
        println!("gave up after 5 ms");
    }
    if awaited {
        sleep(Duration::from_millis(50)).await;
        if let Ok(Some(exception)) = handle.exception() {
            println!("saw {exception:?}");
        }
    }
}
