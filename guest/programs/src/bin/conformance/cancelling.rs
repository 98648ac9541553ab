//! Cancellation and timeouts: CANCEL-1 to CANCEL-3.

use std::time::Duration;

use loopbox_guest::{Exception, TaskGroup, catch_cancel, current_task, run, sleep, spawn, timeout};

use crate::{python, seconds};

pub(crate) fn s41() {
    async fn stubborn() -> &'static str {
        loop {
            let _ = catch_cancel(sleep(seconds(0.05))).await; // bug
            if current_task().expect("this is one").cancelling() >= 3 {
                return "gave up after 3 cancels";
            }
        }
    }
    async fn main() {
        let t = spawn(stubborn());
        sleep(Duration::ZERO).await;
        let mut n = 0;
        while !t.is_finished() {
            t.handle().cancel();
            n += 1;
            sleep(seconds(0.01)).await;
        }
        let (cancelled, cancelling) = (t.handle().cancelled(), t.handle().cancelling());
        let shown = format!("{t:?}");
        println!(
            "cancel() called {n} times; cancelled(): {} cancelling(): {cancelling} result: {} {shown}",
            python(cancelled),
            t.await
        );
    }
    run(main());
}

pub(crate) fn s58() {
    async fn main() {
        if let Err(error) = timeout(seconds(0.01), sleep(seconds(1.0))).await {
            println!("wait_for: {:?} CancelledError()", Exception::from(error));
        }
    }
    run(main());
}

pub(crate) fn s53() {
    #[loopbox_guest::coroutine]
    async fn bad() -> Result<(), Exception> {
        match catch_cancel(sleep(seconds(1.0))).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Exception::new("ValueError", "in cleanup")),
        }
    }
    async fn main() {
        let group = TaskGroup::run(async |tg| {
            tg.create_task(bad())?;
            Err::<(), _>(Exception::new("KeyError", "body"))
        });
        if let Err(errors) = group.await {
            println!("{errors:?}");
        }
    }
    run(main());
    async fn main2() {
        let mut kept = None;
        let group = TaskGroup::run(async |tg| {
            kept = Some(tg.clone());
            Ok::<_, Exception>(())
        });
        group.await.expect("it does not fail");
        if let Err(error) = kept.expect("it ran").create_task(bad()) {
            println!("RuntimeError: {error}");
        }
    }
    run(main2());
}
