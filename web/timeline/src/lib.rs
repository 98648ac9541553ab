//! The timeline of a run.
//!
//! - [`scene`] is what there is to see: lanes of slices and marks, made from traces.
//! - [`view`] is what of it is looked at: time range, scroll, selection, search; and how keys and the pointer
//!   change that.
//! - [`layout`] turns both into [`draw`]'s list of shapes: pure, and tested against goldens natively.
//!
//! Nothing of that knows a browser. The shell, which is there on `wasm32` only, paints the list on a canvas.

pub mod draw;
pub mod layout;
pub mod scene;
#[cfg(target_arch = "wasm32")]
pub mod shell;
pub mod theme;
pub mod view;
pub mod words;
