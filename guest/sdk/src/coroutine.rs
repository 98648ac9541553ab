//! Coroutines: the calls of an async function that still have to be awaited.
//!
//! Python tells of a coroutine that is dropped before anybody awaited it. A Rust future cannot: to poll it and
//! to drop it are all that there is. So a [`Coroutine`] is not a future but can become one. `.await` does that,
//! and so does [`create_task`](crate::create_task); whoever hands it to a combinator of another crate writes
//! `.into_future()`. From then on it counts as awaited, whether or not it is ever polled: a `select!` that
//! chooses another arm is no mistake, and nothing is reported.

use std::any;
use std::future::IntoFuture;
use std::panic::Location;

use crate::debug;
use crate::event_loop::{self, Mode};
use crate::warnings::{self, Category, Warning};

#[cfg(test)]
mod tests;

/// The call of an async function, to be awaited. Made by [`coroutine`] or by the attribute
/// [`#[loopbox_guest::coroutine]`](macro@crate::coroutine).
///
/// Dropping it before that is reported (AWAIT-1): `RuntimeWarning: coroutine 'work' was never awaited`, at every
/// occurrence, where CPython shows one for a line.
///
/// ```
/// use loopbox_guest::{Exception, create_task, run};
///
/// #[loopbox_guest::coroutine]
/// async fn work(times: u32) -> Result<u32, Exception> {
///     Ok(times * 2)
/// }
///
/// run(async {
///     assert_eq!(work(1).await.unwrap(), 2);
///     let task = create_task(work(2));
///     work(3).close();
///     drop(work(4)); // reported
///     assert_eq!(task.await.unwrap(), 4);
/// });
/// ```
#[must_use = "a coroutine does nothing unless awaited"]
pub struct Coroutine<F> {
    /// Gone when it is awaited or closed.
    future: Option<F>,
    place: &'static Location<'static>,
    /// If it is the call of an asynchronous generator's method: which, and of which generator.
    method: Option<(&'static str, &'static str)>,
    /// It notes where it was made, for its report.
    has_origin: bool,
}

/// Marks a future as a coroutine, which is reported if nobody awaits it. It goes by the name of the async
/// function that made the future, or of the function around an `async` block.
#[track_caller]
pub fn coroutine<F: Future>(future: F) -> Coroutine<F> {
    let method = None;
    Coroutine {
        future: Some(future),
        place: Location::caller(),
        method,
        has_origin: notes_origin(),
    }
}

/// As in CPython the loop's thread notes where coroutines are made, while it runs a loop in debug mode.
fn notes_origin() -> bool {
    event_loop::mode() == Mode::Running
        && event_loop::with(|event_loop| event_loop.watch.notes_origins())
}

/// The call of a method of an asynchronous generator, by the name that it has in Python's report (AWAIT-8).
#[track_caller]
pub(crate) fn method<F: Future>(
    name: &'static str,
    generator: &'static str,
    future: F,
) -> Coroutine<F> {
    let method = Some((name, generator));
    Coroutine {
        future: Some(future),
        place: Location::caller(),
        method,
        has_origin: notes_origin(),
    }
}

impl<F> Coroutine<F> {
    /// Drops it on purpose, without a report. Like `coro.close()`.
    pub fn close(mut self) {
        drop(self.future.take());
    }

    /// The name of the function. Like `coro.__name__`.
    pub fn name(&self) -> &'static str {
        debug::short_name(any::type_name::<F>())
    }
}

impl<F: Future> IntoFuture for Coroutine<F> {
    type Output = F::Output;
    type IntoFuture = F;

    fn into_future(mut self) -> F {
        self.future.take().unwrap_or_else(|| unreachable!("a coroutine is awaited once"))
    }
}

impl<F> Drop for Coroutine<F> {
    fn drop(&mut self) {
        if self.future.is_some() {
            let what = match self.method {
                Some((name, generator)) => format!("coroutine method '{name}' of '{generator}'"),
                None => format!("coroutine '{}'", self.name()),
            };
            never_awaited(&what, self.place, self.has_origin);
        }
    }
}

/// AWAIT-1: nobody will ever poll this, such as `coroutine 'work'`.
pub(crate) fn never_awaited(what: &str, place: &'static Location<'static>, has_origin: bool) {
    let mut text = format!("{what} was never awaited");
    if has_origin {
        text.push_str(&debug::origin("Coroutine created at", place));
        if let Some(task) = event_loop::with(|event_loop| event_loop.current_task()) {
            let core = task.core();
            text.push_str(&format!("\n  in task '{}'", core.name()));
        }
    }
    warnings::warn(&Warning {
        category: Category::RuntimeWarning,
        code: "AWAIT-1",
        text: &text,
        place,
        created: Some(place),
    });
}
