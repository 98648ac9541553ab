//! The order, the errors and the care about cancellation of asyncio.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::{run, sleep, spawn, spawn_named, timeout, yield_now};

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn add(&self, text: impl Into<String>) {
        self.0.borrow_mut().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

fn reports(code: &str) -> Vec<String> {
    crate::host::take_lines().into_iter().filter(|line| line.starts_with(code)).collect()
}

#[test]
fn misuse_is_asyncios() {
    run(async {
        let text = |error: &dyn std::error::Error| error.to_string();
        assert_eq!(text(&Lock::new().release().expect_err("free")), "Lock is not acquired.");
        let semaphore = BoundedSemaphore::new(1);
        let error = semaphore.release().expect_err("full");
        assert_eq!(text(&error), "BoundedSemaphore released too many times");
        let queue: Queue<u32> = Queue::new(1);
        queue.put_nowait(1).expect("there is room");
        assert_eq!(format!("{:?}", queue.put_nowait(2).expect_err("full")), "QueueFull()");
        assert_eq!(queue.get_nowait(), Ok(1));
        assert_eq!(queue.get_nowait(), Err(GetError::Empty(QueueEmpty)));
        queue.task_done().expect("one is not done");
        let error = queue.task_done().expect_err("all are done");
        assert_eq!(text(&error), "task_done() called too many times");
        let condition = Condition::new();
        let error = condition.notify(1).expect_err("nobody has it");
        assert_eq!(text(&error), "cannot notify on un-acquired lock");
        let error = condition.wait().await.expect_err("nobody has it");
        assert_eq!(text(&error), "cannot wait on un-acquired lock");
        assert_eq!(text(&Barrier::new(0).expect_err("nobody")), "parties must be > 0");
    });
}

#[test]
fn a_lock_is_first_come_first_served_and_passed_on_in_the_next_turn() {
    let log = Log::default();
    let seen = log.clone();
    run(async move {
        let lock = Lock::new();
        let guard = lock.lock().await;
        for name in ["a", "b"] {
            let (lock, log) = (lock.clone(), log.clone());
            spawn(async move {
                let _guard = lock.lock().await;
                log.add(name);
            })
            .detach();
        }
        yield_now().await;
        assert_eq!(format!("{lock:?}"), "<asyncio.locks.Lock object [locked, waiters:2]>");
        drop(guard);
        assert!(!lock.locked());
        // Nobody has it, but others are in line before.
        lock.acquire().await;
        log.add("main");
        lock.release().expect("it is ours");
    });
    assert_eq!(seen.take(), ["a", "b", "main"]);
}

#[test]
fn a_waiter_that_gives_up_passes_the_lock_on() {
    run(async {
        let lock = Lock::new();
        lock.acquire().await;
        let other = lock.clone();
        let first = spawn(async move { other.acquire().await });
        let other = lock.clone();
        let second = spawn(async move { other.acquire().await });
        yield_now().await;
        lock.release().expect("it is ours");
        // It was woken, and is cancelled before it runs.
        first.cancel().await;
        timeout(Duration::from_secs(1), second).await.expect("it got the lock");
    });
}

#[test]
fn a_semaphore_lets_so_many_pass_and_gives_back_what_was_given_up() {
    run(async {
        let semaphore = Semaphore::new(2);
        let first = semaphore.lock().await;
        semaphore.acquire().await;
        assert!(semaphore.locked());
        let other = semaphore.clone();
        let waiting = spawn(async move { other.acquire().await });
        yield_now().await;
        drop(first);
        waiting.cancel().await;
        assert_eq!(
            format!("{semaphore:?}"),
            "<asyncio.locks.Semaphore object [unlocked, value:1]>"
        );
    });
}

#[test]
fn an_event_wakes_all() {
    run(async {
        let event = Event::new();
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let event = event.clone();
                spawn(async move { event.wait().await })
            })
            .collect();
        yield_now().await;
        event.set();
        event.clear();
        for task in tasks {
            task.await;
        }
        assert!(timeout(Duration::from_secs(1), event.wait()).await.is_err());
    });
}

#[test]
fn a_condition_wakes_so_many_and_they_have_the_lock() {
    let log = Log::default();
    let seen = log.clone();
    run(async move {
        let condition = Condition::new();
        for name in ["a", "b", "c"] {
            let (condition, log) = (condition.clone(), log.clone());
            spawn(async move {
                let _guard = condition.lock().await;
                condition.wait().await.expect("it has the lock");
                assert!(condition.locked());
                log.add(name);
            })
            .detach();
        }
        yield_now().await;
        let guard = condition.lock().await;
        condition.notify(2).expect("it has the lock");
        drop(guard);
        sleep(Duration::from_secs(1)).await;
        log.add("later");
        let _guard = condition.lock().await;
        condition.notify_all().expect("it has the lock");
    });
    assert_eq!(seen.take()[..3], ["a", "b", "later"]);
}

#[test]
fn a_guard_of_a_wait_that_was_cancelled_releases_nothing() {
    run(async {
        let condition = Condition::new();
        let other = condition.clone();
        let waiting = spawn(async move {
            let _guard = other.lock().await;
            other.wait().await
        });
        yield_now().await;
        condition.acquire().await;
        waiting.cancel().await;
        assert!(condition.locked(), "it is ours");
    });
}

#[test]
fn a_barrier_lets_a_group_go() {
    run(async {
        let barrier = Barrier::new(2).expect("two");
        let other = barrier.clone();
        let first = spawn(async move { other.wait().await });
        yield_now().await;
        assert_eq!(barrier.n_waiting(), 1);
        assert_eq!(barrier.wait().await, Ok(1));
        assert_eq!(first.await, Ok(0));
        assert_eq!(barrier.n_waiting(), 0);
        let other = barrier.clone();
        let alone = spawn(async move { other.wait().await });
        yield_now().await;
        barrier.abort();
        let error = alone.await.expect_err("aborted");
        assert_eq!(error.to_string(), "Abort or reset of barrier");
        assert_eq!(barrier.wait().await.expect_err("broken").to_string(), "Barrier aborted");
        barrier.reset();
        assert!(!barrier.broken());
    });
}

#[test]
fn a_full_queue_makes_its_writers_wait_and_a_join_its_caller() {
    let log = Log::default();
    let seen = log.clone();
    run(async move {
        let queue: Queue<u32> = Queue::new(1);
        let (reader, reader_log) = (queue.clone(), log.clone());
        spawn(async move {
            while let Ok(item) = reader.get().await {
                reader_log.add(format!("got {item}"));
                reader.task_done().expect("it was put");
            }
            reader_log.add("shut down");
        })
        .detach();
        for item in 0..3 {
            queue.put(item).await.expect("it is open");
        }
        queue.join().await;
        log.add("all done");
        queue.shutdown(false);
        assert!(queue.put(3).await.is_err());
        yield_now().await;
    });
    assert_eq!(seen.take(), ["got 0", "got 1", "got 2", "all done", "shut down"]);
}

#[test]
fn queues_have_their_orders() {
    run(async {
        let (priority, lifo) = (PriorityQueue::new(0), LifoQueue::new(0));
        for item in [2, 1, 3] {
            priority.put_nowait(item).expect("there is room");
            lifo.put_nowait(item).expect("there is room");
        }
        let mut taken = Vec::new();
        for _ in 0..3 {
            taken.push((priority.get().await.expect("open"), lifo.get().await.expect("open")));
        }
        assert_eq!(taken, [(1, 3), (2, 1), (3, 2)]);
    });
}

/// One task takes `a` and then `b`, the other one the other way round, one after the other.
async fn opposite(a: Lock, b: Lock, gate: Option<Lock>) {
    let both = |first: Lock, second: Lock, gate: Option<Lock>| async move {
        {
            let _gate = match &gate {
                Some(gate) => Some(gate.lock().await),
                None => None,
            };
            let _first = first.lock().await;
            let _second = second.lock().await;
        }
        sleep(Duration::from_secs(1)).await;
    };
    let one = spawn_named("one", both(a.clone(), b.clone(), gate.clone()));
    yield_now().await;
    let two = spawn_named("two", both(b, a, gate));
    one.await;
    two.await;
}

#[test]
fn locks_in_opposite_order_are_reported_without_a_hang() {
    run(opposite(Lock::new().named("a"), Lock::new().named("b"), None));
    let reports = reports("LOCK-ORDER");
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains(r#"task "two""#) && reports[0].contains(r#"task "one""#));
}

#[test]
fn a_lock_around_both_keeps_them_apart() {
    run(opposite(Lock::new(), Lock::new(), Some(Lock::new())));
    assert_eq!(reports("LOCK-ORDER"), [""; 0]);
}

#[test]
fn a_task_that_has_ended_cannot_meet_another_one() {
    run(async {
        let (a, b) = (Lock::new(), Lock::new());
        for (first, second) in [(a.clone(), b.clone()), (b, a)] {
            let both = async move {
                let _first = first.lock().await;
                let _second = second.lock().await;
            };
            spawn(both).await;
        }
    });
    assert_eq!(reports("LOCK-ORDER"), [""; 0]);
}

#[test]
fn one_task_may_take_locks_in_any_order() {
    run(async {
        let (a, b) = (Lock::new(), Lock::new());
        for (first, second) in [(&a, &b), (&b, &a)] {
            let _first = first.lock().await;
            let _second = second.lock().await;
        }
    });
    assert_eq!(reports("LOCK-ORDER"), [""; 0]);
}

/// Puts an item every millisecond; the other task takes one in ten of them.
async fn fast_producer(queue: Queue<u32>) {
    let reader = queue.clone();
    spawn(async move {
        while reader.get().await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .detach();
    for item in 0..1200 {
        queue.put(item).await.expect("open");
        sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn a_queue_that_grows_without_a_limit_is_reported_once() {
    run(fast_producer(Queue::new(0).named("work")));
    let reports = reports("QUEUE-GROWTH");
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("queue \"work\" made at"), "{reports:?}");
}

#[test]
fn a_queue_with_a_limit_does_not_grow() {
    run(fast_producer(Queue::new(10)));
    assert_eq!(reports("QUEUE-GROWTH"), [""; 0]);
}

#[test]
fn work_that_is_put_in_at_once_is_no_growth() {
    run(async {
        let queue: Queue<u32> = Queue::new(0);
        queue.put_nowait(0).expect("there is room");
        queue.put_nowait(1).expect("there is room");
        queue.get_nowait().expect("there is one");
        for item in 0..5000 {
            queue.put_nowait(item).expect("there is room");
        }
        while queue.get_nowait().is_ok() {}
    });
    assert_eq!(reports("QUEUE-GROWTH"), [""; 0]);
}

#[test]
fn a_lock_belongs_to_the_first_loop_that_waits_for_it() {
    let lock = Lock::new();
    let contend = |lock: Lock| async move {
        let _guard = lock.lock().await;
        let other = lock.clone();
        let task = spawn(async move { other.acquire().await });
        yield_now().await;
        drop(task.cancel());
    };
    run(contend(lock.clone()));
    let second = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(contend(lock))));
    let text = second.expect_err("another loop").downcast::<String>().expect("a text");
    assert_eq!(*text, "<asyncio.locks.Lock object [locked]> is bound to a different event loop");
}

#[test]
fn a_queue_that_is_shut_down_gives_out_what_it_has_and_takes_no_more() {
    run(async {
        let queue: Queue<u32> = Queue::new(1);
        queue.put_nowait(1).expect("there is room");
        let late = queue.clone();
        let writer = spawn(async move { late.put(2).await });
        yield_now().await;
        queue.shutdown(false);
        assert!(writer.await.is_err(), "a waiting writer is told");
        assert_eq!(format!("{:?}", queue.put_nowait(3).expect_err("shut")), "QueueShutDown()");
        assert_eq!(queue.get().await, Ok(1));
        assert_eq!(queue.get().await, Err(QueueShutDown));
        let emptied: Queue<u32> = Queue::new(0);
        emptied.put_nowait(1).expect("there is room");
        emptied.shutdown(true);
        assert_eq!(emptied.get_nowait(), Err(GetError::ShutDown(QueueShutDown)));
        emptied.join().await;
    });
}
