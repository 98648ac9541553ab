//! asyncio's locks, events and queues, for tasks of one loop.
//!
//! Names, order and errors are asyncio's: who waits first is served first, who is woken goes on in the next turn,
//! and a waiter that is cancelled passes on what it was woken for. A clone is a reference to the same thing, as
//! in Python. Nothing here is for other threads: a job on the pool uses `std::sync`, or sends a message with
//! [`call_soon_threadsafe`](crate::call_soon_threadsafe).
//!
//! There are two styles. The explicit one is asyncio's: `acquire` and `release`, with its errors for what does
//! not fit together. The other one is Rust's: a guard that releases when it is dropped.
//!
//! What async-lock and async-channel offer works as well. The difference is that these here know their holders,
//! by task and place, so that a deadlock is explained.

mod barrier;
mod condition;
mod event;
mod growth;
mod lock;
mod order;
mod queue;
mod semaphore;
mod waiters;

pub use barrier::{Barrier, BrokenBarrierError};
pub use condition::{Condition, ConditionGuard};
pub use event::Event;
pub use lock::{Lock, LockGuard};
pub use queue::{
    Fifo, GetError, Lifo, LifoQueue, Priority, PriorityQueue, PutError, Queue, QueueEmpty,
    QueueFull, QueueShutDown, Store,
};
pub use semaphore::{BoundedSemaphore, Semaphore, SemaphoreGuard};

#[cfg(test)]
mod tests;
