//! The simulated machine: runs a WebAssembly component in virtual time, and writes down what happens.
//!
//! Give a [`Sandbox`] a component, a [`Config`](config::Config) and a seed; it gives back a
//! [`Run`] with its trace. The same three give the same trace on every host, byte for byte: nothing in
//! here reads the host's clock, randomness, environment or files for a guest.
//!
//! From the inside out:
//! - `kernel`: the machine in plain Rust, with no WebAssembly: clocks, the order of events, signals, the
//!   worker pool, blocking calls, choices from the seed, files, the recorder.
//! - `wasi` and `seam`: WASI 0.2 and `loopbox:sandbox` on the kernel, one module each, so that another
//!   version of either can stand beside it.
//! - `sandbox` and `ending`: wasmtime; compiling, running, and why a run stopped.
//! - `stack` and `python`: where a guest is, in its own language's terms.
//!
//! Judging a trace is `loopbox-trace`'s business, scenario files are the command's.

mod bindings;
pub mod config;
mod ending;
mod guest;
mod kernel;
mod python;
mod sandbox;
mod scheduler;
mod seam;
mod stack;
mod wasi;

pub use config::Config;
pub use sandbox::{LoadError, Program, Run, Sandbox, SandboxError, Settings};
