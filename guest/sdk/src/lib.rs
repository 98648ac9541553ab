//! An event loop for Rust programs that run inside Loopbox.
//!
//! The loop is asyncio's: the same turns, the same names, the same moments at which a callback, a timer,
//! a signal or the end of a job is seen. Tasks are plain Rust futures, so whatever needs no I/O of its own
//! works unchanged: futures-lite, async-channel, async-lock, event-listener.
//!
//! ```
//! use std::time::Duration;
//! use loopbox_guest::{blocking, run, run_in_executor, sleep, spawn_named};
//!
//! async fn heartbeat() {
//!     loop {
//!         sleep(Duration::from_millis(100)).await;
//!         println!("alive");
//!     }
//! }
//!
//! let rows = run(async {
//!     spawn_named("heartbeat", heartbeat());
//!     // On the loop this call would stop the heartbeat; on a worker of the pool it does not.
//!     run_in_executor(|| blocking::call("db.query", "SELECT 1")).await
//! });
//! println!("{rows:?}");
//! ```
//!
//! # How a program differs from one for asyncio or smol
//! - There is one thread. Work for the pool runs in place, on the worker's clock; see [`run_in_executor`].
//! - A future cannot be stopped from inside: cancelling a task *drops* its future, at its next step.
//! - A panic ends the process: on this target panics do not unwind.
//!
//! # What is asyncio's
//! | asyncio | here |
//! |---|---|
//! | `asyncio.run(main())` | [`run`] |
//! | `async def` | `async fn`, or [`#[loopbox_guest::coroutine]`](macro@coroutine) `async fn` |
//! | `asyncio.create_task(co, name=...)` | [`create_task`], [`spawn`], [`spawn_named`] |
//! | `loop.create_future()`, `loop.set_exception_handler` | [`create_future`], [`set_exception_handler`] |
//! | `except CancelledError:`, `raise` | [`catch_cancel`], [`cancelled`] |
//! | `task.cancel()`, `await task` | [`Task::cancel`], [`Task`] is a future |
//! | `asyncio.sleep(1)`, `asyncio.sleep(0)` | [`sleep`], [`yield_now`] |
//! | `asyncio.wait_for(co, 1)` | [`timeout`] |
//! | `asyncio.gather`, `shield`, `TaskGroup` | [`gather`], [`shield`], [`TaskGroup::run`] |
//! | `loop.time()` | [`time`] |
//! | `loop.call_soon`, `call_later`, `call_at`, `call_soon_threadsafe` | the same names |
//! | `loop.run_in_executor(None, f)` | [`run_in_executor`] or, as smol has it, [`unblock`] |
//! | `ThreadPoolExecutor(4)`, `loop.run_in_executor(pool, f)`, `pool.submit(f)` | [`ThreadPoolExecutor`] and its methods |
//! | `ProcessPoolExecutor(4)` | [`process_pool::ProcessPoolExecutor`] |
//! | `loop.set_default_executor`, `shutdown_default_executor`, `asyncio.to_thread` | the same names |
//! | `loop.add_signal_handler` | [`signal::add_signal_handler`], [`signal::Signals`], [`signal::wait`] |
//! | `asyncio.create_subprocess_exec(...)` | [`create_subprocess_exec`], [`subprocess::Process`] |
//! | `StreamReader`, `StreamWriter` | [`streams`] |
//! | `loop.connect_read_pipe`, `connect_write_pipe`, `add_reader`, `add_writer` | the same names |
//! | `os.pipe`, `os.read`, `os.write`, `os.close`, `os.kill`, `os.waitpid` | [`os`] |
//! | `loop.set_debug(True)`, `slow_callback_duration` | [`set_debug`], [`set_slow_callback_duration`] |
//! | `logging.getLogger("name").info(...)` | [`logging::get_logger`], or `log::info!(target: "name", ...)` |
//! | `asyncio.Lock`, `Event`, `Condition`, `Semaphore`, `Barrier`, `Queue` | [`sync`] |
//! | `async def` with `yield`, `aclosing`, `loop.shutdown_asyncgens()` | [`generator`], [`aclosing`], [`shutdown_asyncgens`] |
//! | `warnings.simplefilter`, `logging.captureWarnings` | [`warnings`] |
//! | `logging.basicConfig(level=...)` | [`logging::basic_config`] |
//!
//! # Outside of Loopbox
//! Built for another target than wasm, the crate has a stand-in for the machine: a clock that jumps and a
//! pool that is never full. It is there for unit tests; only Loopbox counts CPU time, follows a scenario and
//! keeps a trace.

// The attributes say `::loopbox_guest`, also to the tests in this crate.
#[cfg(test)]
extern crate self as loopbox_guest;

mod callback;
mod cancel;
mod coroutine;
mod deadlock;
mod debug;
mod descriptors;
mod event_loop;
mod exception;
mod exception_handler;
mod executor;
mod gather;
mod generator;
mod host;
mod loop_handle;
mod process;
mod refused;
mod runner;
mod task;
mod task_group;
mod time;
mod timers;
mod transport;
mod waiting;
mod watch;

pub mod blocking;
pub mod future;
pub mod logging;
pub mod os;
pub mod process_pool;
pub mod signal;
pub mod streams;
pub mod subprocess;
pub mod sync;
pub mod threading;
pub mod warnings;

pub use callback::{
    Handle, Outcome, TimerHandle, call_at, call_later, call_soon, call_soon_threadsafe,
};
pub use cancel::{Cancelled, CatchCancel, cancelled, catch_cancel};
pub use coroutine::{Coroutine, coroutine};
pub use debug::{get_debug, set_debug, set_slow_callback_duration};
pub use descriptors::{add_reader, add_writer, remove_reader, remove_writer};
pub use exception::{
    Argument, AsException, CancelledError, Exception, ExceptionGroup, InvalidStateError,
    KeyboardInterrupt, OsError, OsErrorKind, PicklingError, RuntimeError, TypeError, ValueError,
};
pub use exception_handler::{
    ErrorContext, call_exception_handler, default_exception_handler, set_exception_handler,
};
pub use executor::{
    Executor, Job, JobFuture, JobResult, ThreadPoolExecutor, executor_job, run_in_executor,
    set_default_executor, shutdown_default_executor, to_thread, try_run_in_executor, unblock,
};
pub use future::create_future;
pub use gather::{Gather, Shield, gather, shield};
pub use generator::{
    AsyncGenerator, GeneratorExit, Yielder, aclosing, generator, shutdown_asyncgens,
};
pub use loop_handle::{ConcurrentFuture, LoopHandle, get_running_loop};
pub use loopbox_guest_macros::coroutine;
pub use process::exit;
pub use runner::{Loop, RunError, Runner, run};
pub use subprocess::create_subprocess_exec;
pub use task::{
    Cancel, Task, TaskHandle, all_tasks, create_task, create_task_named, current_task, spawn,
    spawn_named,
};
pub use task_group::TaskGroup;
pub use time::{
    Sleep, Timeout, TimeoutError, YieldNow, sleep, sleep_until, time, timeout, yield_now,
};
pub use transport::{
    Protocol, ReadTransport, Transport, WriteTransport, connect_read_pipe, connect_write_pipe,
};
