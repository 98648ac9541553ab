//! The timeline without a browser: what keys and the pointer make of a view, and what is drawn of it.

mod bounds;
mod frames;
mod scenes;
mod views;
