//! Misuse of locks, semaphores, queues and conditions: MIS-19 to MIS-22, MIS-25, THR-7.

use loopbox_guest::sync::{BoundedSemaphore, Condition, Lock, PutError, Queue};
use loopbox_guest::{run, set_debug, timeout};

use crate::seconds;

pub(crate) fn s46() {
    async fn main() {
        let l = Lock::new();
        if let Err(error) = l.release() {
            println!("RuntimeError: {error}");
        }
        let s = BoundedSemaphore::new(1);
        if let Err(error) = s.release() {
            println!("ValueError: {error}");
        }
        let q = Queue::new(1);
        q.put_nowait(1).expect("there is room");
        if let Err(PutError::Full(_)) = q.put_nowait(2) {
            println!("QueueFull QueueFull()");
        }
        q.get_nowait().expect("an item");
        q.task_done().expect("one to be done");
        if let Err(error) = q.task_done() {
            println!("ValueError: {error}");
        }
        let c = Condition::new();
        if let Err(error) = c.notify(1) {
            println!("RuntimeError: {error}");
        }
        let t = async move {
            let _held = l.lock().await;
            l.acquire().await; // self deadlock: the lock is not re-entrant
        };
        if timeout(seconds(0.1), t).await.is_err() {
            println!("re-entrant acquire: hangs silently, even in debug mode");
        }
    }
    set_debug(true);
    run(main());
}
