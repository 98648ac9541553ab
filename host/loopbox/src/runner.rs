//! The threads of a session, and its signals.
//!
//! An executor runs the scenarios on as many threads as there may be runs at once. The main thread stays
//! out of it: it waits for SIGINT and SIGTERM and for the session to end, so that Ctrl-C is noticed
//! whatever the guests do. The first signal asks the session to stop; it drops what is under way and
//! reports the rest. The second one ends the process on the spot. The viewer's server runs in the same way.

use std::convert::Infallible;
use std::io;
use std::process;
use std::thread;

use async_signal::{Signal, Signals};
use smol::Executor;
use smol::channel::{self, Receiver, Sender};
use smol::future::{self, FutureExt};
use smol::stream::StreamExt;

use crate::exit_code;
use crate::terminal;

/// The wish to end the session early.
#[derive(Clone)]
pub struct Stop {
    /// Closed when the wish is there; nothing is ever sent.
    closed: Receiver<Infallible>,
}

impl Stop {
    /// Waits until the session is to end early.
    pub async fn requested(&self) {
        // The only thing that can come is the end of the channel.
        let _ = self.closed.recv().await;
    }

    /// What the future gives; `None` if the session is to end before that. The future is dropped then.
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let stopped = async {
            self.requested().await;
            None
        };
        // In this order: a Ctrl-C in a terminal ends our child processes too, and what they leave then
        // must not be taken for a failure.
        stopped.or(async { Some(work.await) }).await
    }
}

/// Runs a session on this thread, and the tasks that it spawns on so many others. `farewell` is said when it is
/// asked to stop.
///
/// # Errors
/// The handlers of the signals cannot be set up.
pub fn drive<T>(
    threads: usize,
    farewell: &'static str,
    session: impl AsyncFnOnce(&Executor<'static>, &Stop) -> T,
) -> io::Result<T> {
    let signals = Signals::new([Signal::Int, Signal::Term])?;
    let (wish, closed) = channel::bounded(1);
    let executor = &Executor::new();
    let (running, over) = channel::bounded::<Infallible>(1);
    Ok(thread::scope(|scope| {
        // Dropped when the session ends, be it by a panic: the threads below wait for that.
        let _running = running;
        for _ in 0..threads {
            let over = over.clone();
            scope.spawn(move || smol::block_on(executor.run(over.recv())));
        }
        let stop = Stop { closed };
        smol::block_on(future::or(session(executor, &stop), watch(signals, wish, farewell)))
    }))
}

/// Passes on the first signal, and obeys the second.
async fn watch<T>(mut signals: Signals, wish: Sender<Infallible>, farewell: &str) -> T {
    signals.next().await;
    terminal::note(farewell);
    drop(wish);
    signals.next().await;
    process::exit(exit_code::INTERRUPTED.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn tasks_run_beside_the_session_and_its_result_comes_back() {
        let result = drive(2, "", async |executor, _| {
            let main = thread::current().id();
            let task = executor.spawn(async move { thread::current().id() != main });
            task.await
        });
        assert!(result.expect("signals can be handled"));
    }

    #[test]
    fn a_wish_to_stop_drops_the_work_under_way() {
        struct Dropped(Arc<AtomicBool>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let dropped = Arc::new(AtomicBool::new(false));
        let guard = Dropped(Arc::clone(&dropped));
        let (wish, closed) = channel::bounded(1);
        let stop = Stop { closed };
        let work = async move {
            let _guard = guard;
            drop(wish);
            future::pending::<()>().await;
        };
        assert_eq!(smol::block_on(stop.or(work)), None);
        assert!(dropped.load(Ordering::SeqCst));
    }

    #[test]
    fn work_that_ends_because_of_the_signal_counts_as_stopped() {
        let (wish, closed) = channel::bounded(1);
        drop(wish);
        let stop = Stop { closed };
        assert_eq!(smol::block_on(stop.or(future::ready("the child was killed"))), None);
    }
}
