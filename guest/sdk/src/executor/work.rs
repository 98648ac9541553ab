//! A job's function and result, shared by the loop, which runs it, and by whoever waits for it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use crate::event_loop;
use crate::exception::{AsException, Exception};
use crate::host::{clock, jobs};

/// What a job may return. A job that returns an `Err` has failed.
///
/// It holds for the usual types; for one of your own an empty `impl JobResult for MyType {}` is enough, or
/// use [`unblock`](crate::unblock), which takes any type and knows no failures.
pub trait JobResult {
    /// The error, if it is one.
    fn error(&self) -> Option<Exception> {
        None
    }
}

impl<T, E: AsException> JobResult for Result<T, E> {
    fn error(&self) -> Option<Exception> {
        self.as_ref().err().map(AsException::as_exception)
    }
}

macro_rules! cannot_fail {
    ($($ty:ty)*) => { $(impl JobResult for $ty {})* };
}

cannot_fail! {
    () bool char u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 String &'static str Duration
}

impl<T> JobResult for Option<T> {}
impl<T> JobResult for Vec<T> {}
impl<T> JobResult for VecDeque<T> {}
impl<T> JobResult for BTreeSet<T> {}
impl<T> JobResult for HashSet<T> {}
impl<T: ?Sized> JobResult for Box<T> {}
impl<T: ?Sized> JobResult for Arc<T> {}
impl<T, const N: usize> JobResult for [T; N] {}
impl<K, V> JobResult for BTreeMap<K, V> {}
impl<K, V> JobResult for HashMap<K, V> {}
impl<A, B> JobResult for (A, B) {}
impl<A, B, C> JobResult for (A, B, C) {}
impl<A, B, C, D> JobResult for (A, B, C, D) {}

/// A job as the loop knows it: without the type of its result.
pub(crate) trait PoolJob {
    /// The pool that it was given to, by the machine's number.
    fn pool(&self) -> u32;
    /// A worker is free: does the work, and keeps the result back. False if it failed.
    fn run(&self) -> bool;
    /// The worker is done: hands the result over.
    fn finish(&self);
    /// Whether the loop hears of its end.
    fn is_notified(&self) -> bool {
        true
    }
    /// Takes it back, if no worker has taken it.
    fn cancel(&self) {}
    /// Its name, for reports.
    fn name(&self) -> &str {
        ""
    }
}

/// Who is to have the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Somebody who may still come for it.
    Waiting,
    /// Nobody: it was let go, so a failure is reported.
    LetGo,
    /// Nobody: it was cancelled, so nobody cares.
    Cancelled,
}

/// What the loop and the future share.
pub(crate) struct Work<T> {
    pub(crate) id: u32,
    pub(crate) pool: u32,
    pub(crate) name: Box<str>,
    pub(crate) place: &'static Location<'static>,
    /// Whether the loop hears of its end: `run_in_executor` and not `submit`.
    notified: bool,
    /// Finds the error in a result.
    error_of: fn(&T) -> Option<Exception>,
    state: Mutex<State<T>>,
}

type Function<T> = Box<dyn FnOnce() -> T + Send>;

pub(crate) struct State<T> {
    function: Option<Function<T>>,
    pub(crate) result: Option<T>,
    /// The result is an error that nobody has looked at.
    pub(crate) unseen: Option<Exception>,
    /// When the worker was done, on its clock; the result is there earlier.
    pub(crate) ended: Option<u64>,
    /// Whether the loop has seen the completion, which is later than the work.
    pub(crate) finished: bool,
    pub(crate) cancelled: bool,
    pub(crate) owner: Owner,
    pub(crate) waker: Option<Waker>,
}

impl<T: Send + 'static> Work<T> {
    /// Gives a job to a pool.
    pub(crate) fn submit(
        pool: u32,
        name: &str,
        notified: bool,
        error_of: fn(&T) -> Option<Exception>,
        function: impl FnOnce() -> T + Send + 'static,
        place: &'static Location<'static>,
    ) -> Arc<Work<T>> {
        let id = jobs::submit(pool, name, &place.to_string(), notified);
        let work = Arc::new(Work {
            id,
            pool,
            name: name.into(),
            place,
            notified,
            error_of,
            state: Mutex::new(State {
                function: Some(Box::new(function)),
                result: None,
                unseen: None,
                ended: None,
                finished: false,
                cancelled: false,
                owner: Owner::Waiting,
                waker: None,
            }),
        });
        event_loop::with(|event_loop| {
            event_loop.jobs.borrow_mut().insert(id, Rc::new(work.clone()))
        });
        work
    }
}

impl<T> Work<T> {
    pub(crate) fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the job back; false if a worker has it or had it.
    pub(crate) fn take_back(&self) -> bool {
        {
            let state = self.state();
            if state.ended.is_some() || state.cancelled || state.function.is_none() {
                return false;
            }
        }
        if !jobs::cancel(self.id) {
            return false;
        }
        let function = {
            let mut state = self.state();
            state.cancelled = true;
            state.function.take()
        };
        let job = event_loop::with(|event_loop| event_loop.jobs.borrow_mut().remove(&self.id));
        // What the function holds may look into the loop when it is dropped.
        drop((function, job));
        super::default::job_left(self.pool);
        true
    }

    /// The error, if the job failed and nobody has looked at it and nobody will.
    pub(crate) fn take_unseen(&self) -> Option<Exception> {
        self.state().unseen.take()
    }
}

impl<T> PoolJob for Arc<Work<T>> {
    fn pool(&self) -> u32 {
        self.pool
    }

    fn run(&self) -> bool {
        let function = self.state().function.take();
        let Some(function) = function else { return true };
        let result = function();
        let error = (self.error_of)(&result);
        let failed = error.is_some();
        let reported = {
            let mut state = self.state();
            state.result = Some(result);
            state.ended = Some(clock::now());
            state.unseen = error;
            (state.owner == Owner::LetGo && !self.notified).then(|| state.unseen.take()).flatten()
        };
        if let Some(exception) = reported {
            super::future::dropped(&exception, self.place);
        }
        !failed
    }

    fn finish(&self) {
        let (waker, owner) = {
            let mut state = self.state();
            state.finished = true;
            (state.waker.take(), state.owner)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        if owner == Owner::LetGo
            && let Some(exception) = self.take_unseen()
        {
            super::job::never_retrieved(exception, self.place);
        }
    }

    fn is_notified(&self) -> bool {
        self.notified
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn cancel(&self) {
        if self.take_back()
            && let Some(waker) = self.state().waker.take()
        {
            waker.wake();
        }
    }
}
