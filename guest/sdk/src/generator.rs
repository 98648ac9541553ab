//! Asynchronous generators: async functions that yield items, and clean up when they are closed.
//!
//! A stream of futures-core that is dropped half way is simply gone, and so cannot await anything in its
//! clean-up. An [`AsyncGenerator`] can: [`aclose`](AsyncGenerator::aclose) raises [`GeneratorExit`] at its
//! `yield`, and what it awaits after that is still awaited. That needs a loop, so it has asyncio's rules: a
//! generator that is dropped half way is closed by a task of its own (AG-1), those that are open at the end of the
//! run are closed by [`shutdown_asyncgens`], and one that is left when its loop is closed never cleans up (AG-4).
//! asyncio is silent about the first and the last of these; here both are reported.
//!
//! To send values into a generator (`asend`, `athrow`) is not supported: a Rust generator is given a channel.

use std::any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use crate::coroutine::{self, Coroutine};
use crate::debug;
use crate::event_loop::{self, Mode};
use crate::exception::{Exception, RuntimeError};
use crate::exception_handler::{self, ErrorContext};
use crate::task::core::schedule_done_callback;
use crate::task::create_task;
use crate::waiting::Place;
use crate::warnings::{self, Category, Warning};

#[cfg(test)]
mod tests;

thread_local! {
    static OPEN: Open = const {
        Open { run: Cell::new(0), generators: RefCell::new(Vec::new()), shut_down: Cell::new(false) }
    };
}

/// The generators that were begun on the loop.
struct Open {
    /// Which loop that is.
    run: Cell<u32>,
    generators: RefCell<Vec<Weak<dyn Closable>>>,
    shut_down: Cell<bool>,
}

/// A generator without the type of its items.
trait Closable {
    fn describe(&self) -> String;
    fn made(&self) -> Place;
    fn is_open(&self) -> bool;
    fn close(self: Rc<Self>) -> Closing;
}

type Closing = Pin<Box<dyn Future<Output = Result<(), Exception>>>>;
type Body = Pin<Box<dyn Future<Output = Result<(), Exception>>>>;

/// What is raised at a `yield` of a generator that is closed: clean up and return it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("")]
pub struct GeneratorExit;

/// Makes a generator of a function that is given a [`Yielder`]. It goes by the name of the function that this is
/// written in.
///
/// ```
/// use loopbox_guest::{AsyncGenerator, generator, run};
///
/// fn numbers() -> AsyncGenerator<u32> {
///     generator(|items| async move {
///         for number in 0..3 {
///             items.yield_(number).await?;
///         }
///         Ok(())
///     })
/// }
///
/// run(async {
///     let numbers = numbers();
///     while let Some(number) = numbers.anext().await.expect("it does not fail") {
///         println!("{number}");
///     }
/// });
/// ```
#[track_caller]
pub fn generator<T, F, B>(function: F) -> AsyncGenerator<T>
where
    T: 'static,
    F: FnOnce(Yielder<T>) -> B,
    B: Future<Output = Result<(), Exception>> + 'static,
{
    let channel = Rc::new(Channel { item: Cell::new(None), closing: Cell::new(false) });
    let body = function(Yielder(channel.clone()));
    let inner = Rc::new(Inner {
        name: debug::short_name(any::type_name::<F>()),
        made: Location::caller(),
        body: RefCell::new(Some(Box::pin(body))),
        channel,
        run: Cell::new(None),
        running: Cell::new(false),
    });
    AsyncGenerator(inner)
}

/// An asynchronous generator. Made by [`generator`].
///
/// Iterate to its end, or close it: with [`aclose`](AsyncGenerator::aclose) or [`aclosing`].
pub struct AsyncGenerator<T: 'static>(Rc<Inner<T>>);

struct Inner<T> {
    name: &'static str,
    made: Place,
    /// Gone when it is at its end, and taken out while it runs.
    body: RefCell<Option<Body>>,
    channel: Rc<Channel<T>>,
    /// The loop on which it was begun.
    run: Cell<Option<u32>>,
    /// Somebody waits for its next item, or for its end.
    running: Cell<bool>,
}

/// What the generator and its body share.
struct Channel<T> {
    item: Cell<Option<T>>,
    closing: Cell<bool>,
}

/// What a generator yields with.
pub struct Yielder<T>(Rc<Channel<T>>);

impl<T> Yielder<T> {
    /// Gives an item to whoever iterates, and waits until the next one is asked for.
    ///
    /// # Errors
    /// If the generator is closed: return the error, after cleaning up.
    pub async fn yield_(&self, item: T) -> Result<(), GeneratorExit> {
        self.0.item.set(Some(item));
        let mut yielded = false;
        std::future::poll_fn(|_| {
            if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        if self.0.closing.get() { Err(GeneratorExit) } else { Ok(()) }
    }
}

impl<T> fmt::Debug for Yielder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yielder").finish_non_exhaustive()
    }
}

impl<T: 'static> AsyncGenerator<T> {
    /// The next item, or `None` at the end. Like `await anext(generator)`.
    ///
    /// If this is dropped before it is done, the next call goes on where it was.
    ///
    /// # Errors
    /// What the generator fails with; or if somebody waits for it already.
    #[track_caller]
    pub fn anext(&self) -> Coroutine<impl Future<Output = Result<Option<T>, Exception>> + use<T>> {
        let (inner, place) = (self.0.clone(), Location::caller());
        let next = async move {
            let _running = Running::begin(&inner, "anext")?;
            inner.begin(place);
            std::future::poll_fn(|cx| inner.drive(cx)).await
        };
        coroutine::method("asend", self.0.name, next)
    }

    /// Ends it: `GeneratorExit` is raised at its `yield`, and its clean-up is awaited. Like
    /// `await generator.aclose()`.
    ///
    /// # Errors
    /// What the clean-up fails with; if the generator yields in spite of it, or somebody waits for it.
    #[track_caller]
    pub fn aclose(&self) -> Coroutine<impl Future<Output = Result<(), Exception>> + use<T>> {
        let inner = self.0.clone();
        coroutine::method("aclose", self.0.name, async move { inner.aclose().await })
    }
}

impl<T: 'static> Inner<T> {
    /// Lets the body run up to its next item.
    fn drive(&self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, Exception>> {
        let Some(mut body) = self.body.take() else { return Poll::Ready(Ok(None)) };
        match body.as_mut().poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(None)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.body.replace(Some(body));
                self.channel.item.take().map_or(Poll::Pending, |item| Poll::Ready(Ok(Some(item))))
            }
        }
    }

    /// Iteration begins: from now on the loop has to see to its end.
    fn begin(self: &Rc<Self>, place: Place) {
        if self.run.get().is_some() {
            return;
        }
        let run = event_loop::with(|event_loop| event_loop.run_number.get());
        self.run.set(Some(run));
        let this: Rc<dyn Closable> = self.clone();
        let late = OPEN.with(|open| {
            open.turn_to(run);
            let mut generators = open.generators.borrow_mut();
            generators.retain(|generator| generator.strong_count() > 0);
            generators.push(Rc::downgrade(&this));
            open.shut_down.get()
        });
        if late {
            let text = format!(
                "asynchronous generator {} was scheduled after loop.shutdown_asyncgens() call",
                self.describe()
            );
            warnings::warn(&Warning {
                category: Category::ResourceWarning,
                code: "AG-3",
                text: &text,
                place,
                created: Some(self.made),
            });
        }
    }

    async fn aclose(self: Rc<Self>) -> Result<(), Exception> {
        let _running = Running::begin(&self, "aclose")?;
        if self.run.get().is_none() {
            // It was never begun: there is nothing to clean up.
            drop(self.body.take());
            return Ok(());
        }
        self.channel.closing.set(true);
        match std::future::poll_fn(|cx| self.drive(cx)).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => {
                drop(self.body.take());
                Err(RuntimeError::new("async generator ignored GeneratorExit").into())
            }
            Err(error) if error.kind() == "GeneratorExit" => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl<T: 'static> Closable for Inner<T> {
    fn describe(&self) -> String {
        format!("<async_generator object {}>", self.name)
    }

    fn made(&self) -> Place {
        self.made
    }

    fn is_open(&self) -> bool {
        self.run.get().is_some() && self.body.borrow().is_some()
    }

    fn close(self: Rc<Self>) -> Closing {
        Box::pin(self.aclose())
    }
}

/// Keeps others out while somebody waits for a generator.
struct Running<'a>(&'a Cell<bool>);

impl<'a> Running<'a> {
    #[track_caller]
    fn begin<T>(inner: &'a Inner<T>, method: &str) -> Result<Running<'a>, Exception> {
        if inner.running.replace(true) {
            let text = format!("{method}(): asynchronous generator is already running");
            return Err(RuntimeError::new(text).into());
        }
        Ok(Running(&inner.running))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl<T: 'static> Clone for AsyncGenerator<T> {
    fn clone(&self) -> AsyncGenerator<T> {
        AsyncGenerator(self.0.clone())
    }
}

impl<T: 'static> Drop for AsyncGenerator<T> {
    fn drop(&mut self) {
        if Rc::strong_count(&self.0) == 1 && self.0.is_open() {
            leave(self.0.clone(), self.0.run.get());
        }
    }
}

impl<T: 'static> fmt::Debug for AsyncGenerator<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.describe())
    }
}

/// The last reference of a generator goes, and it is half way.
fn leave(generator: Rc<dyn Closable>, run: Option<u32>) {
    let (is_its_loop, cancelled) = event_loop::with(|event_loop| {
        let is_its_loop =
            event_loop.mode.get() == Mode::Running && Some(event_loop.run_number.get()) == run;
        // A task that is cancelled is out of the books already when its future is dropped.
        let cancelled = event_loop.current.get().is_some() && event_loop.current_task().is_none();
        (is_its_loop, cancelled)
    });
    let what = generator.describe();
    let (code, text) = if is_its_loop {
        let text = "was dropped half way: another task closes it later; use aclose() or aclosing()";
        ("AG-1", format!("asynchronous generator {what} {text}"))
    } else {
        let text = "was dropped half way after its loop was closed: its clean-up never runs";
        ("AG-4", format!("asynchronous generator {what} {text}"))
    };
    if !cancelled {
        let made = Some(generator.made());
        event_loop::with(|event_loop| {
            event_loop.watch.report_ours(|| debug::ours(code, text, made));
        });
    }
    if is_its_loop {
        schedule_done_callback(Box::new(move || create_task(generator.close()).detach()));
    }
}

/// Uses a generator, and closes it in any case. Like `async with aclosing(generator)`.
///
/// # Errors
/// What the closing fails with.
pub async fn aclosing<T, R>(
    generator: AsyncGenerator<T>,
    function: impl AsyncFnOnce(&AsyncGenerator<T>) -> R,
) -> Result<R, Exception> {
    let result = function(&generator).await;
    generator.aclose().await?;
    Ok(result)
}

impl Open {
    /// Another loop has none of the last one's generators.
    fn turn_to(&self, run: u32) {
        if self.run.replace(run) != run {
            self.generators.borrow_mut().clear();
            self.shut_down.set(false);
        }
    }

    fn take(&self) -> Vec<Rc<dyn Closable>> {
        self.turn_to(event_loop::with(|event_loop| event_loop.run_number.get()));
        let generators = self.generators.take();
        generators
            .into_iter()
            .filter_map(|generator| generator.upgrade())
            .filter(|generator| generator.is_open())
            .collect()
    }
}

/// Whether the end of a run has any to close.
pub(crate) fn are_open() -> bool {
    OPEN.with(|open| {
        let open_ones = open.take();
        let any = !open_ones.is_empty();
        open.generators.replace(open_ones.iter().map(Rc::downgrade).collect());
        any
    })
}

/// Closes the generators that were begun and are open. Like `loop.shutdown_asyncgens()`; [`run`](crate::run) does
/// this at its end. What fails goes to the exception handler (AG-2).
pub async fn shutdown_asyncgens() {
    let generators = OPEN.with(|open| {
        let generators = open.take();
        open.shut_down.set(true);
        generators
    });
    let closing: Vec<_> = generators
        .into_iter()
        .map(|generator| {
            let (what, made) = (generator.describe(), generator.made());
            crate::spawn(async move { (what, made, generator.close().await) })
        })
        .collect();
    for task in closing {
        let (what, made, closed) = task.await;
        if let Err(error) = closed {
            let message =
                format!("an error occurred during closing of asynchronous generator {what}");
            let context = ErrorContext::new("AG-2", message)
                .with("asyncgen", what)
                .exception(error)
                .created(made);
            exception_handler::call(context);
        }
    }
}
