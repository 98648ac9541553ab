//! Locks between threads: the loop's and the workers'. Like `threading`.
//!
//! A [`Lock`] blocks the thread that wants it, which on the loop is a stall. For tasks of the loop use
//! [`sync::Lock`](crate::sync::Lock), which can be awaited.
//!
//! A job runs in one piece, ahead of the loop's clock, so a lock remembers when it was held: whoever wants it within
//! such a span is blocked until its end, as the blocking call `lock:NAME`, which names the holder. A thread that
//! was earlier than a job which has run already gets the lock, although the job had to wait for it then.
//!
//! A thread that wants a lock whose holder cannot go on before it ends the run with a deadlock report: the
//! loop's thread that has it already, a job when the loop holds it across an `await`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::event_loop::{self, Mode};
use crate::executor::PoolJob;
use crate::host::{blocking, clock, jobs};
use crate::time::to_nanos;

/// So many of the last spans are remembered: far more than are open at a time.
const SPANS: usize = 256;

thread_local! {
    /// The jobs that run in place, innermost last.
    static RUNNING: RefCell<Vec<Rc<dyn PoolJob>>> = const { RefCell::new(Vec::new()) };
}

/// A job begins to run in place.
pub(crate) fn enter(job: &Rc<dyn PoolJob>) {
    RUNNING.with_borrow_mut(|running| running.push(job.clone()));
}

/// The innermost job has run.
pub(crate) fn leave() {
    let job = RUNNING.with_borrow_mut(Vec::pop);
    drop(job);
}

/// Who calls, for reports.
fn caller() -> String {
    if event_loop::mode() == Mode::InJob {
        let name = RUNNING.with_borrow(|running| running.last().map(|job| job.name().to_owned()));
        return format!("job \"{}\"", name.unwrap_or_default());
    }
    let task = event_loop::with(|event_loop| event_loop.current_task());
    match task {
        Some(task) => format!("task \"{}\"", task.core().name()),
        None => "the main thread".into(),
    }
}

/// A lock that blocks threads. Like `threading.Lock`; clones are references to one lock. It is not re-entrant.
#[derive(Clone)]
pub struct Lock(Arc<Inner>);

struct Inner {
    name: String,
    made: &'static Location<'static>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Who has it now, as far as code has run.
    holder: Option<Holder>,
    /// When it was held, on the holders' clocks.
    held: VecDeque<Span>,
}

#[derive(Clone)]
struct Holder {
    who: String,
    place: &'static Location<'static>,
    since: u64,
}

#[derive(Clone)]
struct Span {
    from: u64,
    to: u64,
    who: String,
}

impl Lock {
    /// A lock with a name for the trace, which nobody has.
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Lock {
        let (name, made) = (name.into(), Location::caller());
        Lock(Arc::new(Inner { name, made, state: Mutex::default() }))
    }

    /// Takes the lock, and blocks this thread until then. Like `lock.acquire()`; the guard releases it.
    ///
    /// If it can never be had, the run ends with a deadlock report.
    #[track_caller]
    pub fn acquire(&self) -> LockGuard {
        let place = Location::caller();
        match self.take(u64::MAX, place) {
            Some(guard) => guard,
            None => unreachable!("a wait without end has ended"),
        }
    }

    /// [`acquire`](Lock::acquire), but blocks no longer than this. Like `lock.acquire(timeout=...)`.
    #[track_caller]
    pub fn acquire_timeout(&self, timeout: Duration) -> Option<LockGuard> {
        self.take(clock::now().saturating_add(to_nanos(timeout)), Location::caller())
    }

    /// Takes the lock if nobody has it. Like `lock.acquire(blocking=False)`.
    #[track_caller]
    pub fn try_acquire(&self) -> Option<LockGuard> {
        self.take(clock::now(), Location::caller())
    }

    /// Whether somebody has it, at this thread's time. Like `lock.locked()`.
    pub fn locked(&self) -> bool {
        let state = self.state();
        state.holder.is_some() || state.span_at(clock::now()).is_some()
    }

    fn take(&self, until: u64, place: &'static Location<'static>) -> Option<LockGuard> {
        let who = caller();
        loop {
            let now = clock::now();
            let (holder, span) = {
                let mut state = self.state();
                let span = state.span_at(now).cloned();
                if state.holder.is_none() && span.is_none() {
                    state.holder = Some(Holder { who, place, since: now });
                    return Some(LockGuard { lock: self.clone() });
                }
                (state.holder.clone(), span)
            };
            if until <= now {
                return None;
            }
            match (holder, span) {
                (Some(holder), _) if until == u64::MAX => self.never(&who, place, &holder),
                (Some(holder), _) => self.block(&holder.who, until),
                (None, Some(span)) => self.block(&span.who, span.to.min(until)),
                (None, None) => {}
            }
        }
    }

    fn block(&self, holder: &str, until: u64) {
        blocking::wait_until(&format!("lock:{} held by {holder}", self.0.name), until);
    }

    /// The holder stands below, or waits for this thread: it can never release the lock.
    fn never(&self, who: &str, place: &Location<'_>, holder: &Holder) {
        let lock = format!("lock \"{}\" made at {}", self.0.name, self.0.made);
        let since = Duration::from_nanos(holder.since);
        let why = if holder.who == who {
            "which it holds itself".to_owned()
        } else {
            format!("which {} holds", holder.who)
        };
        jobs::deadlock(&[
            format!(
                "DEADLOCK(lock): {who} waits at {place} for {lock}, {why} since {since:?} at {}",
                holder.place
            ),
            if event_loop::mode() == Mode::InJob {
                "a job runs in one piece while the loop stands still: the loop must not hold a lock across an await that jobs want".to_owned()
            } else {
                "a lock is not re-entrant, and a thread that is blocked cannot release what it holds".to_owned()
            },
        ]);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// When it was held at this moment.
    fn span_at(&self, now: u64) -> Option<&Span> {
        self.held.iter().filter(|span| span.from <= now && now < span.to).max_by_key(|span| span.to)
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.locked() { "locked" } else { "unlocked" };
        write!(f, "<{state} threading.Lock '{}'>", self.0.name)
    }
}

/// The lock is held until this is dropped. Like the body of a `with lock:`.
#[must_use = "a lock that is dropped at once protects nothing"]
pub struct LockGuard {
    lock: Lock,
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        let to = clock::now();
        let mut state = self.lock.state();
        let Some(Holder { who, since: from, .. }) = state.holder.take() else { return };
        if from < to {
            state.held.push_back(Span { from, to, who });
        }
        if state.held.len() > SPANS {
            state.held.pop_front();
        }
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").field("lock", &self.lock).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::take_lines;
    use crate::{executor_job, run, sleep, time, yield_now};

    const MS: Duration = Duration::from_millis(1);

    fn hold(lock: &Lock, span: Duration) -> crate::Job<()> {
        let lock = lock.clone();
        executor_job("export", move || {
            let _held = lock.acquire();
            crate::blocking::compute(span);
        })
    }

    #[test]
    fn the_loop_is_blocked_until_a_job_releases_the_lock() {
        run(async {
            let lock = Lock::new("cache");
            let job = hold(&lock, 50 * MS);
            yield_now().await;
            assert!(lock.locked());
            assert!(lock.try_acquire().is_none());
            assert!(lock.acquire_timeout(20 * MS).is_none());
            assert_eq!(time(), 20 * MS);
            drop(lock.acquire());
            assert_eq!(time(), 50 * MS);
            assert!(!lock.locked());
            job.await;
        });
        let lines = take_lines();
        let blocked: Vec<_> = lines.iter().filter(|line| line.starts_with("blocked")).collect();
        assert_eq!(
            blocked,
            [
                "blocked in lock:cache held by job \"export\" until 20000000",
                "blocked in lock:cache held by job \"export\" until 50000000"
            ]
        );
    }

    #[test]
    fn jobs_wait_for_each_other() {
        run(async {
            let lock = Lock::new("cache");
            let (first, second) = (hold(&lock, 50 * MS), hold(&lock, 30 * MS));
            second.await;
            assert_eq!(time(), 80 * MS);
            first.await;
        });
    }

    #[test]
    fn a_lock_that_is_free_blocks_nobody() {
        run(async {
            let lock = Lock::new("cache");
            drop(lock.acquire());
            let _held = lock.try_acquire().expect("nobody has it");
            assert_eq!(format!("{lock:?}"), "<locked threading.Lock 'cache'>");
            sleep(10 * MS).await;
        });
        assert!(!take_lines().iter().any(|line| line.starts_with("blocked")));
    }

    #[test]
    #[should_panic(expected = "job \"export\" waits at")]
    fn a_job_cannot_have_what_the_loop_holds_across_an_await() {
        run(async {
            let lock = Lock::new("cache");
            let _held = lock.acquire();
            hold(&lock, MS).await;
        });
    }

    #[test]
    #[should_panic(expected = "which it holds itself since")]
    fn a_lock_is_not_re_entrant() {
        run(async {
            let lock = Lock::new("cache");
            let _held = lock.acquire();
            let _again = lock.acquire();
        });
    }
}
