//! What the compiler refuses, where asyncio has an error or nothing at all. `docs/asyncio/conformance.md` points
//! here, row by row; each example is a test, which fails if the example compiles.
//!
//! ```compile_fail,E0277
//! // MIS-1: a coroutine is no callback, in production mode too.
//! async fn co() {}
//! loopbox_guest::call_soon(co());
//! ```
//! ```compile_fail,E0277
//! // MIS-2: nor is a number.
//! loopbox_guest::call_soon(42);
//! ```
//! ```compile_fail,E0277
//! // MIS-3: nor is an async function, which would make a coroutine that nobody awaits.
//! async fn co() {}
//! loopbox_guest::call_soon(co);
//! ```
//! ```compile_fail,E0505
//! // MIS-5: a loop that runs is borrowed: nobody closes it, or runs it again.
//! let event_loop = loopbox_guest::Loop::new().unwrap();
//! event_loop.run_until_complete(async { event_loop.close() });
//! ```
//! ```compile_fail,E0277
//! // MIS-12: only what is a future can be awaited.
//! async fn bad() {
//!     42.await;
//! }
//! ```
//! ```compile_fail,E0382
//! // MIS-13: a coroutine that was awaited is gone.
//! async fn twice(one: loopbox_guest::Coroutine<impl Future>) {
//!     one.await;
//!     one.await;
//! }
//! ```
//! ```compile_fail,E0382
//! // MIS-14: so is one that has become a task.
//! async fn twice(one: loopbox_guest::Coroutine<impl Future + 'static>) {
//!     loopbox_guest::spawn(one);
//!     one.await;
//! }
//! ```
//! ```compile_fail,E0277
//! // MIS-18: a task is made of a coroutine.
//! loopbox_guest::create_task(42);
//! ```
//! ```compile_fail,E0277
//! // EXE-3: an async function is no job: it would make a coroutine, and not run it.
//! async fn co() {}
//! loopbox_guest::run_in_executor(co);
//! ```
//! ```compile_fail,E0277
//! // THR-3: what belongs to the loop cannot get to another thread.
//! async fn main() {
//!     let future = loopbox_guest::create_future::<()>();
//!     loopbox_guest::run_in_executor(move || future.set_result(())).await;
//! }
//! ```
//! ```compile_fail,E0277
//! // SIG-2: the handler of a signal is no coroutine.
//! async fn co() {}
//! loopbox_guest::signal::add_signal_handler(15, co).unwrap();
//! ```
