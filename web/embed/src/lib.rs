//! The timeline, compiled for browsers and embedded. The build script of this crate compiles it.
