//! Errors that no caller can catch, and what the loop does with them; tasks and loops that are not ended well.

use std::time::Duration;

use loopbox_guest::{
    ErrorContext, Exception, Loop, TaskGroup, call_exception_handler, call_soon, cancelled,
    catch_cancel, create_future, create_task_named, default_exception_handler, future, run,
    set_exception_handler, sleep, time, timeout, yield_now,
};
use loopbox_programs::{Options, millis};

fn main() {
    let mut options = Options::from_env();
    let mode = options.word();
    options.end();
    match mode.as_deref() {
        Some("callback") => run(callback()),
        Some("callback-handled") => run(callback_handled()),
        Some("handler-passes-on") => run(handler_passes_on()),
        Some("handler-fails") => run(handler_fails()),
        Some("contexts") => run(contexts()),
        Some("pending") => at_close(false),
        Some("pending-cancelled") => at_close(true),
        Some("loop-unclosed") => drop(Loop::new()),
        Some("loop-closed") => {
            let _ = Loop::new().map(Loop::close);
        }
        Some("shutdown") => run(shutdown(false)),
        Some("shutdown-handled") => run(shutdown(true)),
        Some("stubborn") => run(to_be_cancelled(true)),
        Some("cancellable") => run(to_be_cancelled(false)),
        Some("timeout") => run(under_timeout()),
        Some("group") => run(group()),
        Some("orphan") => run(orphan(false)),
        Some("orphan-waited") => run(orphan(true)),
        _ => {
            eprintln!("which mode? see the file");
            loopbox_guest::exit(2);
        }
    }
}

fn divide() -> Result<(), Exception> {
    Err(Exception::new("ZeroDivisionError", "division by zero"))
}

async fn callback() {
    call_soon(divide);
    yield_now().await;
    println!("main goes on");
}

/// The cure is in the callback: it deals with its error.
async fn callback_handled() {
    call_soon(|| {
        if let Err(exception) = divide() {
            println!("handled {exception:?}");
        }
    });
    yield_now().await;
    println!("main goes on");
}

/// A handler that knows one error, and leaves the others to the loop.
async fn handler_passes_on() {
    set_exception_handler(Some(|context: &ErrorContext| {
        let exception = context.get_exception();
        if exception.is_some_and(|exception| exception.kind() == "ZeroDivisionError") {
            println!("handler: {exception:?}, keys {:?}", context.keys());
        } else {
            default_exception_handler(context);
        }
        Ok(())
    }));
    call_soon(divide);
    call_soon(|| Err::<(), _>(Exception::new("ValueError", "x")));
    yield_now().await;
}

async fn handler_fails() {
    set_exception_handler(Some(|_: &ErrorContext| {
        Err(Exception::new("RuntimeError", "handler bug"))
    }));
    call_exception_handler(ErrorContext::with_message("m"));
}

async fn contexts() {
    let future: future::Future<()> = create_future();
    let custom = || ErrorContext::with_message("custom").with("zeta", "1").with("alpha", "2");
    call_exception_handler(custom().with("future", format!("{future:?}")));
    call_exception_handler(ErrorContext::default().with("zeta", "1"));
    call_exception_handler(custom().exception(Exception::new("ValueError", "x")));
    future.cancel();
}

async fn wait() -> Result<(), Exception> {
    sleep(Duration::from_secs(3600)).await;
    Ok(())
}

/// A loop that is closed by hand cancels nothing.
fn at_close(cancel: bool) {
    let Ok(event_loop) = Loop::new() else { return };
    let result = event_loop.run_until_complete(async move {
        let task = create_task_named("lonely", wait());
        yield_now().await;
        if cancel {
            task.cancel().await;
        }
    });
    println!("main: {result:?}");
    event_loop.close();
}

/// A task that fails while it is cancelled at the end of the run.
async fn shutdown(handled: bool) {
    drop(create_task_named("bg", async move {
        if catch_cancel(wait()).await.is_ok() {
            return Ok(());
        }
        let error = Exception::new("ValueError", "in cleanup");
        if handled {
            println!("handled {error:?}");
            cancelled().await;
        }
        Err(error)
    }));
    yield_now().await;
    println!("main done");
}

/// `except CancelledError: pass` in a loop: `run` waits for the task, for ever.
async fn to_be_cancelled(stubborn: bool) {
    drop(create_task_named("worker", async move {
        loop {
            let cancel = catch_cancel(sleep(Duration::from_millis(50))).await;
            if cancel.is_err() && !stubborn {
                println!("cleaned up");
                cancelled().await;
            }
            if time() > Duration::from_secs(1) {
                return Ok::<_, Exception>(());
            }
        }
    }));
    sleep(Duration::from_millis(120)).await;
    println!("main done");
}

/// What a timeout drops cannot swallow that.
async fn under_timeout() {
    let swallows = async {
        for _ in 0..5 {
            let _ = catch_cancel(sleep(Duration::from_millis(100))).await;
        }
    };
    let result = timeout(Duration::from_millis(120), swallows).await.map_err(Exception::from);
    println!("{result:?} after {} ms", millis(time()));
}

async fn fails(after_ms: u64, text: &'static str) -> Result<(), Exception> {
    sleep(Duration::from_millis(after_ms)).await;
    Err(Exception::new("ValueError", text))
}

async fn group() {
    let group = TaskGroup::run(async |group| {
        group.create_task(fails(10, "x"))?;
        group.create_task(wait())?;
        wait().await
    });
    if let Err(errors) = group.await {
        println!("{errors} after {} ms: {:?}", millis(time()), errors.exceptions());
    }
}

/// The parent gives up its group, and is done before the group's task has failed.
async fn orphan(waits: bool) {
    let parent = create_task_named("parent", async move {
        let group = TaskGroup::run(async |group| {
            group.create_task(async {
                let _ = catch_cancel(wait()).await;
                fails(10, "in cleanup").await
            })?;
            wait().await
        });
        let limit = Duration::from_millis(20);
        if waits {
            // The group is cancelled with its parent, and waits for its tasks.
            return group.await.map_err(Exception::from);
        }
        timeout(limit, group).await.map_err(Exception::from)?.map_err(Exception::from)
    });
    sleep(Duration::from_millis(30)).await;
    parent.handle().cancel();
    let result = catch_cancel(parent).await;
    println!("parent: {result:?}");
    sleep(Duration::from_millis(100)).await;
}
