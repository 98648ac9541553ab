//! Errors that nobody looks at, and what the exception handler makes of them: RET-1 to RET-7, EXC-*.

use std::time::Duration;

use loopbox_guest::{
    ErrorContext, Exception, call_exception_handler, call_soon, create_future, create_task,
    create_task_named, gather, run, set_debug, set_exception_handler, sleep,
};

use crate::{python, seconds};

type Fallible<T = ()> = Result<T, Exception>;

const NO_HANDLER: Option<fn(&ErrorContext) -> Fallible> = None;

pub(crate) fn s14() {
    async fn bug() -> Fallible {
        Err(Exception::new("Exception", "not consumed"))
    }
    async fn main() {
        create_task(bug());
    }
    run(main());
}

pub(crate) fn s15() {
    async fn bug() -> Fallible {
        Err(Exception::new("ValueError", "late"))
    }
    async fn main() {
        let t = create_task(bug());
        sleep(seconds(0.01)).await;
        println!("done: {} - still silent", python(t.is_finished()));
        t.handle().add_done_callback(|_| ());
        drop(t);
        println!("after del");
        sleep(Duration::ZERO).await;
    }
    set_debug(true);
    run(main());
}

pub(crate) fn s16() {
    async fn main() {
        let error = || Exception::new("KeyError", "k");
        let f = create_future::<()>();
        f.set_exception(error()).expect("pending");
        drop(f);
        let f = create_future::<()>();
        f.set_exception(error()).expect("pending");
        f.exception().expect("done"); // retrieved: silent
        drop(f);
        let f = create_future::<()>();
        f.set_exception(error()).expect("pending");
        f.cancel(); // cancel() clears the flag: silent
        drop(f);
    }
    set_debug(true);
    run(main());
}

pub(crate) fn s17() {
    async fn bad(n: i32) -> Fallible {
        sleep(Duration::ZERO).await;
        Err(Exception::new("ValueError", n))
    }
    async fn main() {
        if let Err(error) = gather([bad(1), bad(2)]).await {
            println!("got {error}"); // the second one nobody sees
        }
        let g = gather([bad(3), bad(4)]);
        sleep(seconds(0.01)).await;
        drop(g);
    }
    run(main());
}

pub(crate) fn s18() {
    async fn waiter() -> Fallible {
        create_future::<()>().await // nobody else holds the future
    }
    async fn main() {
        create_task_named("lonely", waiter());
        sleep(Duration::ZERO).await;
    }
    set_debug(true);
    run(main());
}

pub(crate) fn s23() {
    fn cb() -> Fallible {
        Err(Exception::new("ZeroDivisionError", "boom"))
    }
    async fn main() {
        call_soon(cb);
        sleep(seconds(0.01)).await;
    }
    run(main());
}

pub(crate) fn s24() {
    /// Prints the context as Python does: values that are no texts by the names of their types.
    fn h(context: &ErrorContext) -> Fallible {
        const ORDER: [&str; 8] = [
            "message",
            "exception",
            "zeta",
            "alpha",
            "future",
            "task",
            "handle",
            "source_traceback",
        ];
        let keys = context.keys();
        let shown = ORDER.into_iter().filter(|key| keys.contains(key)).map(|key| {
            let value = match key {
                "message" => context.message().unwrap_or_default(),
                "exception" => context.get_exception().map_or("", Exception::kind),
                "source_traceback" => "StackSummary",
                "zeta" | "alpha" => "int",
                _ => context.get(key).and_then(|text| text[1..].split(' ').next()).unwrap_or("?"),
            };
            format!("'{key}': '{value}'")
        });
        println!("{{{}}}", shown.collect::<Vec<_>>().join(", "));
        Ok(())
    }
    async fn bug() -> Fallible {
        Err(Exception::new("ValueError", ""))
    }
    async fn main() {
        set_exception_handler(Some(h));
        call_soon(|| Err::<(), _>(Exception::new("ZeroDivisionError", "division by zero")));
        sleep(Duration::ZERO).await;
        let t = create_task(bug());
        sleep(Duration::ZERO).await;
        drop(t);
        let f = create_future::<()>();
        f.set_exception(Exception::new("ValueError", "")).expect("pending");
        drop(f);
        let custom = || ErrorContext::with_message("custom").with("zeta", "1").with("alpha", "2");
        call_exception_handler(custom().with("future", "<Future pending>"));
        set_exception_handler(NO_HANDLER);
        call_exception_handler(custom());
        call_exception_handler(ErrorContext::default().with("zeta", "1"));
        let bad = |_: &ErrorContext| Err(Exception::new("RuntimeError", "handler bug"));
        set_exception_handler(Some(bad));
        call_exception_handler(ErrorContext::with_message("m"));
    }
    set_debug(true);
    run(main());
}

pub(crate) fn s30() {
    async fn bg() -> Fallible {
        let slept = loopbox_guest::catch_cancel(sleep(seconds(10.0))).await;
        let error = Exception::new("ValueError", "in cleanup");
        Err(match slept {
            Ok(()) => error,
            Err(cancelled) => error.caused_by(cancelled.into()),
        })
    }
    async fn main() {
        create_task_named("bg", bg());
        sleep(Duration::ZERO).await;
    }
    run(main());
}

pub(crate) fn s45() {
    async fn w(evt: loopbox_guest::future::Future<()>) -> Fallible {
        evt.await
    }
    async fn main() {
        let weak = create_task_named("weak", w(create_future()));
        sleep(Duration::ZERO).await;
        let alive = python(!weak.is_finished());
        println!("task alive after gc (event only referenced by the task): {alive}");
        let evt = create_future();
        let held = create_task_named("held", w(evt.clone()));
        sleep(Duration::ZERO).await;
        println!("task alive (event held elsewhere): {}", python(!held.is_finished()));
        evt.set_result(()).expect("pending");
    }
    run(main());
}
