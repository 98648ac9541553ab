//! Deadlocks, and what is said of them.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;

use crate::sync::{Event, Lock, Queue, Semaphore};
use crate::{Task, create_future, run, spawn_named, yield_now};

/// The lines of the report that this program ends with, places replaced by `@`.
fn explained(main: impl Future<Output = ()> + 'static) -> Vec<String> {
    let ending = catch_unwind(AssertUnwindSafe(|| run(main)));
    let Err(panic) = ending else { panic!("it came to an end") };
    let text = panic.downcast::<String>().expect("the stand-in's text");
    let lines: Vec<String> = text.lines().map(without_places).collect();
    assert_eq!(lines[0], "deadlock: nothing can ever happen again");
    lines[1..].to_vec()
}

fn without_places(line: &str) -> String {
    let this_file = concat!(file!(), ":");
    let mut parts = line.split(this_file);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push('@');
        text.push_str(part.trim_start_matches(|character: char| character.is_ascii_digit()));
    }
    text
}

#[test]
fn a_lock_taken_twice() {
    let lines = explained(async {
        let lock = Lock::new().named("db");
        let _guard = lock.lock().await;
        lock.acquire().await;
    });
    assert_eq!(
        lines,
        [
            r#"deadlock: task "Task-1" (@) waits at @ for lock "db" made at @, which it holds itself since @: it is not re-entrant"#,
            r#"task "Task-1" (@) waits at @ for lock "db" made at @, held by itself since @"#,
        ]
    );
}

#[test]
fn two_locks_in_opposite_order() {
    let lines = explained(async {
        let (a, b) = (Lock::new().named("a"), Lock::new().named("b"));
        let (a2, b2) = (a.clone(), b.clone());
        let one = spawn_named("one", async move {
            let _a = a.lock().await;
            yield_now().await;
            let _b = b.lock().await;
        });
        spawn_named("two", async move {
            let _b = b2.lock().await;
            yield_now().await;
            let _a = a2.lock().await;
        })
        .detach();
        one.await;
    });
    assert_eq!(
        lines,
        [
            r#"deadlock: task "one" (@) waits at @ for lock "b" made at @, held by task "two" (@) since @, which waits at @ for lock "a" made at @, held by task "one" (@) since @"#,
            r#"task "Task-1" (@) waits for task "one" (@)"#,
            r#"task "one" (@) waits at @ for lock "b" made at @, held by task "two" (@) since @"#,
            r#"task "two" (@) waits at @ for lock "a" made at @, held by task "one" (@) since @"#,
        ]
    );
}

#[test]
fn tasks_that_await_each_other() {
    let lines = explained(async {
        let second: Rc<RefCell<Option<Task<()>>>> = Rc::default();
        let slot = second.clone();
        let first = spawn_named("first", async move {
            let second = slot.take().expect("spawned by now");
            second.await;
        });
        second.replace(Some(spawn_named("second", first)));
        pending::<()>().await;
    });
    assert_eq!(
        lines,
        [
            r#"deadlock: task "first" (@) waits for task "second" (@), which waits for task "first" (@)"#,
            r#"task "Task-1" (@) waits for something that is not of loopbox-guest; nobody holds its waker, so it can never be woken"#,
            r#"task "first" (@) waits for task "second" (@)"#,
            r#"task "second" (@) waits for task "first" (@)"#,
        ]
    );
}

#[test]
fn a_future_that_nobody_completes() {
    let lines = explained(async {
        let future = create_future::<()>();
        drop(future.await);
    });
    assert_eq!(
        lines,
        [
            "future made at @: nobody else holds it, so nobody can complete it",
            r#"task "Task-1" (@) waits at @ for future made at @"#,
        ]
    );
}

#[test]
fn a_future_that_somebody_else_holds_is_not_called_an_orphan() {
    let lines = explained(async {
        let future = create_future::<()>();
        let _kept = future.clone();
        drop(future.await);
    });
    assert_eq!(lines, [r#"task "Task-1" (@) waits at @ for future made at @"#]);
}

#[test]
fn a_join_without_task_done() {
    let lines = explained(async {
        let queue: Queue<u32> = Queue::new(0);
        queue.put_nowait(1).expect("there is room");
        queue.get_nowait().expect("there is one");
        queue.join().await;
    });
    assert_eq!(
        lines,
        [
            "queue made at @ (maxsize 0, 0 items in it, 1 not done): 1 of its items were taken without task_done(), which join() waits for",
            r#"task "Task-1" (@) waits at @ for all items of queue made at @ (maxsize 0, 0 items in it, 1 not done) to be done"#,
        ]
    );
}

#[test]
fn a_lock_that_its_holder_took_with_it() {
    let lines = explained(async {
        let lock = Lock::new();
        let taken = lock.clone();
        spawn_named("careless", async move { taken.acquire().await }).await;
        lock.acquire().await;
    });
    assert_eq!(
        lines,
        [
            "lock made at @: its holder has ended and never released it; taken at @",
            r#"task "Task-1" (@) waits at @ for lock made at @, held by a task that has ended since @"#,
        ]
    );
}

#[test]
fn a_semaphore_and_an_event() {
    let lines = explained(async {
        let (semaphore, event) = (Semaphore::new(2), Event::new().named("go"));
        for name in ["one", "two"] {
            let (semaphore, event) = (semaphore.clone(), event.clone());
            spawn_named(name, async move {
                let _guard = semaphore.lock().await;
                event.wait().await;
            })
            .detach();
        }
        yield_now().await;
        semaphore.acquire().await;
    });
    assert_eq!(
        lines,
        [
            r#"task "Task-1" (@) waits at @ for semaphore made at @, held by task "one" (@) since @ and task "two" (@) since @"#,
            r#"task "one" (@) waits at @ for event "go" made at @"#,
            r#"task "two" (@) waits at @ for event "go" made at @"#,
        ]
    );
}

#[test]
fn a_future_of_another_crate() {
    let lines = explained(async {
        let (sender, receiver) = async_channel::bounded::<()>(1);
        spawn_named("reader", async move { receiver.recv().await }).detach();
        pending::<()>().await;
        drop(sender);
    });
    assert_eq!(
        lines[1],
        r#"task "reader" (@) waits for something that is not of loopbox-guest; its waker is held in 1 place"#
    );
}

#[test]
fn a_note_of_a_step_before_does_not_stay() {
    let lines = explained(async {
        yield_now().await;
        let lock = Lock::new();
        drop(lock.lock().await);
        poll_fn(|_| Poll::<()>::Pending).await;
    });
    assert!(lines[0].contains("not of loopbox-guest"), "{lines:?}");
}
