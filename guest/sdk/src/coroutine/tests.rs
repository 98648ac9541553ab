//! Coroutines that nobody awaits, and those of which nothing may be said.

use std::fmt::Debug;
use std::time::Duration;

use crate::host::take_lines;
use crate::{
    Coroutine, Exception, ValueError, create_task, run, set_debug, sleep, spawn, timeout, yield_now,
};

#[loopbox_guest::coroutine]
async fn work() {}

#[loopbox_guest::coroutine]
async fn double<T: Clone + Debug>(
    value: &T,
    (times, _): (usize, &str),
    mut more: Vec<T>,
) -> Vec<T> {
    yield_now().await;
    for _ in 0..times {
        more.push(value.clone());
    }
    more
}

#[loopbox_guest::coroutine]
async fn check(number: u32) -> Result<u32, Exception> {
    if number == 0 {
        return Err(ValueError::new("zero"))?;
    }
    Ok(number)
}

#[derive(Default)]
struct Counter(u32);

impl Counter {
    /// Counts.
    #[loopbox_guest::coroutine]
    async fn add(&mut self, by: u32) -> u32 {
        self.0 += by;
        self.0
    }

    #[loopbox_guest::coroutine]
    async fn take(self) -> u32 {
        self.0
    }
}

trait Worker {
    fn work(&self) -> Coroutine<impl Future<Output = u32>>;
}

impl Worker for Counter {
    #[loopbox_guest::coroutine]
    async fn work(&self) -> u32 {
        self.0
    }
}

/// The reports since the last call.
fn reports() -> Vec<String> {
    take_lines().into_iter().filter(|line| line.starts_with("AWAIT-")).collect()
}

fn never_awaited(name: &str) -> String {
    format!("AWAIT-1 RuntimeWarning: coroutine '{name}' was never awaited")
}

#[test]
fn the_attribute_takes_any_function() {
    run(async {
        assert_eq!(double(&1, (2, ""), vec![0]).await, [0, 1, 1]);
        assert_eq!(check(1).await.expect("it is one"), 1);
        assert_eq!(format!("{:?}", check(0).await), "Err(ValueError('zero'))");
        let mut counter = Counter::default();
        assert_eq!(counter.add(2).await, 2);
        assert_eq!(counter.work().await, 2);
        assert_eq!(counter.take().await, 2);
    });
    assert_eq!(reports(), Vec::<String>::new());
}

#[test]
fn every_coroutine_that_is_dropped_is_counted() {
    reports();
    run(async {
        for _ in 0..3 {
            drop(work());
        }
        drop((check(1), Counter::default().take()));
    });
    let expected = ["work", "work", "work", "check", "take"].map(never_awaited);
    assert_eq!(reports(), expected);
}

#[test]
fn one_that_is_moved_somewhere_and_forgotten_is_reported() {
    struct Held<F>(Coroutine<F>);

    reports();
    run(async {
        let held = Held(work());
        yield_now().await;
        assert_eq!(reports(), Vec::<String>::new());
        drop(held);
        assert_eq!(reports(), [never_awaited("work")]);
    });
}

#[test]
fn debug_mode_tells_where_it_was_made_and_in_which_task() {
    reports();
    set_debug(true);
    let line = line!() + 1;
    run(async { drop(work()) });
    set_debug(false);
    let file = file!();
    let origin = format!(
        "{}\nCoroutine created at (most recent call last)\n  File \"{file}\", line {line}\n  in task 'Task-1'",
        never_awaited("work")
    );
    assert_eq!(reports(), [origin]);
}

#[test]
fn one_that_is_closed_spawned_or_handed_on_is_not_reported() {
    reports();
    run(async {
        work().close();
        work().await;
        spawn(work()).await;
        let task = create_task(check(1));
        assert_eq!(task.await.expect("it is one"), 1);
        // A future that lost a race before its first poll.
        drop(work().into_future());
        assert!(timeout(Duration::ZERO, sleep(Duration::from_secs(1))).await.is_err());
        // A task that was cancelled before its first step.
        create_task(check(0)).handle().cancel();
        yield_now().await;
    });
    assert_eq!(reports(), Vec::<String>::new());
}

#[test]
fn arguments_live_as_long_as_those_of_an_async_fn() {
    use std::cell::Cell;
    use std::rc::Rc;

    struct Noted(Rc<Cell<bool>>);

    impl Drop for Noted {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }

    #[loopbox_guest::coroutine]
    async fn holds(unused: Noted, _: ()) {
        yield_now().await;
    }

    run(async {
        let dropped = Rc::new(Cell::new(false));
        let coroutine = holds(Noted(dropped.clone()), ());
        assert!(!dropped.get());
        coroutine.await;
        assert!(dropped.get());
    });
}
