//! Programs that come to a standstill, by name, and with `--cured` the same ones without the mistake.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Mutex;
use std::task::{Poll, Waker};
use std::time::Duration;

use loopbox_guest::sync::{BoundedSemaphore, Condition, Lock, Queue};
use loopbox_guest::{Task, call_later, create_future, exit, run, sleep, spawn_named, yield_now};
use loopbox_programs::Options;

const USAGE: &str = "deadlocks re-entrant-lock | lock-order | lucky-lock-order | await-cycle | orphan-future | \
    join | channel | lost-waker | queue-growth | std-mutex | misuse  \
    [--cured]";

fn main() {
    let mut options = Options::from_env();
    let cured = options.flag("--cured");
    match options.word().as_deref() {
        Some("re-entrant-lock") => run(re_entrant_lock(cured)),
        Some("lock-order") => run(lock_order(cured, Duration::from_millis(10))),
        // The tasks come one after the other, so nothing happens, today.
        Some("lucky-lock-order") => run(lock_order(cured, Duration::ZERO)),
        Some("await-cycle") => run(await_cycle(cured)),
        Some("orphan-future") => run(orphan_future(cured)),
        Some("join") => run(join(cured)),
        Some("channel") => run(channel(cured)),
        Some("lost-waker") => run(lost_waker(cured)),
        Some("queue-growth") => run(queue_growth(cured)),
        Some("std-mutex") => run(std_mutex(cured)),
        Some("misuse") => run(misuse()),
        _ => {
            eprintln!("{USAGE}");
            exit(2);
        }
    }
    println!("done");
}

/// `update` takes the lock, and is called by somebody who has it.
async fn re_entrant_lock(cured: bool) {
    let lock = Lock::new().named("accounts");
    let guard = lock.lock().await;
    if cured {
        drop(guard);
    }
    update(&lock).await;
}

async fn update(lock: &Lock) {
    let _guard = lock.lock().await;
    sleep(Duration::from_millis(1)).await;
}

/// Two transfers, in opposite directions. The cure is one order for all: here, that of the names.
async fn lock_order(cured: bool, pause: Duration) {
    let (ada, bob) = (Lock::new().named("ada"), Lock::new().named("bob"));
    let there = spawn_named("ada-to-bob", transfer(ada.clone(), bob.clone(), pause));
    let back = if cured { (ada, bob) } else { (bob, ada) };
    let back = spawn_named("bob-to-ada", transfer(back.0, back.1, pause));
    there.await;
    back.await;
}

async fn transfer(first: Lock, second: Lock, pause: Duration) {
    {
        let _first = first.lock().await;
        if !pause.is_zero() {
            sleep(pause).await;
        }
        let _second = second.lock().await;
    }
    sleep(Duration::from_millis(10)).await;
}

/// A lock of threads, held across an await: the other task asks for it on the thread that has it. The cure is to
/// let go of it first.
#[expect(clippy::await_holding_lock, reason = "the mistake that this shows")]
async fn std_mutex(cured: bool) {
    let balance = Rc::new(Mutex::new(100));
    let other = balance.clone();
    spawn_named("holder", async move {
        let mut held = other.lock().expect("not poisoned");
        *held -= 30;
        if cured {
            drop(held);
            sleep(Duration::from_millis(10)).await;
        } else {
            sleep(Duration::from_millis(10)).await;
            drop(held);
        }
    });
    sleep(Duration::from_millis(1)).await;
    println!("balance {}", balance.lock().expect("not poisoned"));
}

/// Two tasks that wait for each other's end.
async fn await_cycle(cured: bool) {
    let second: Rc<RefCell<Option<Task<()>>>> = Rc::default();
    let slot = second.clone();
    let first = spawn_named("first", async move {
        let second = if cured { None } else { slot.take() };
        if let Some(second) = second {
            second.await;
        }
    });
    second.replace(Some(spawn_named("second", first)));
    sleep(Duration::from_millis(1)).await;
    let second = second.take();
    match second {
        Some(second) => second.await,
        // The first task has the handle: nothing is left to do here but to wait for all.
        None => {
            let never = create_future::<()>();
            let _kept = never.clone();
            drop(never.await);
        }
    }
}

/// An answer that nobody will give.
async fn orphan_future(cured: bool) {
    let answer = create_future();
    if cured {
        let asked = answer.clone();
        call_later(Duration::from_millis(20), move || asked.set_result(42).expect("it is open"));
    }
    println!("the answer is {:?}", answer.await);
}

/// `join` waits for every `task_done`.
async fn join(cured: bool) {
    let queue: Queue<u32> = Queue::new(0).named("jobs");
    for job in 0..3 {
        queue.put_nowait(job).expect("there is no limit");
    }
    let jobs = queue.clone();
    let worker = spawn_named("worker", async move {
        while let Ok(job) = jobs.get().await {
            sleep(Duration::from_millis(1)).await;
            println!("did job {job}");
            if cured {
                jobs.task_done().expect("it was taken");
            }
        }
    });
    queue.join().await;
    queue.shutdown(false);
    worker.await;
}

/// A reader whose writer is never asked to write: async-channel is not ours, and says nothing.
async fn channel(cured: bool) {
    let (sender, receiver) = async_channel::bounded(1);
    let reader = spawn_named("reader", async move { receiver.recv().await });
    if cured {
        sender.send(7).await.expect("somebody reads");
    }
    println!("read {:?}", reader.await);
    drop(sender);
}

/// A flag with a future of its own, which forgets that it has to be woken.
async fn lost_waker(cured: bool) {
    let (flag, waiting) = (Rc::new(RefCell::new(false)), Rc::new(RefCell::new(None::<Waker>)));
    let (is_set, waker) = (flag.clone(), waiting.clone());
    let waiter = spawn_named("waiter", async move {
        poll_fn(|cx| {
            if *is_set.borrow() {
                return Poll::Ready(());
            }
            if cured {
                waker.replace(Some(cx.waker().clone()));
            }
            Poll::Pending
        })
        .await;
    });
    sleep(Duration::from_millis(10)).await;
    flag.replace(true);
    let waker = waiting.take();
    if let Some(waker) = waker {
        waker.wake();
    }
    waiter.await;
}

/// Items come every millisecond, and take ten.
async fn queue_growth(cured: bool) {
    let queue = Queue::new(if cured { 10 } else { 0 }).named("requests");
    let requests = queue.clone();
    let server = spawn_named("server", async move {
        while let Ok(_request) = requests.get().await {
            sleep(Duration::from_millis(10)).await;
        }
    });
    for request in 0..1200 {
        queue.put(request).await.expect("it is open");
        sleep(Duration::from_millis(1)).await;
    }
    println!("{} requests are left", queue.qsize());
    queue.shutdown(true);
    server.await;
}

/// Every error that asyncio has for the wrong use of these things.
async fn misuse() {
    println!("{:?}", Lock::new().release());
    println!("{:?}", BoundedSemaphore::new(1).release());
    let queue: Queue<u32> = Queue::new(1);
    println!("{:?}", queue.put_nowait(1));
    println!("{:?}", queue.put_nowait(2));
    println!("{:?}", queue.get_nowait());
    println!("{:?}", queue.get_nowait());
    println!("{:?}", queue.task_done());
    println!("{:?}", queue.task_done());
    println!("{:?}", Condition::new().notify(1));
    println!("{:?}", Condition::new().wait().await);
    yield_now().await;
}
