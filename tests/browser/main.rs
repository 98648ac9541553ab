//! The viewer in a real browser: each page, each key, what is refused, what is damaged, what is large.
//!
//! Results come from real runs of small guests and of the repository's own, or from traces made by hand
//! (`support::made`). `cargo xtask test` installs what these tests need. Screenshots are left in
//! `target/browser/screenshots`, for people to look at.

#[path = "../support/mod.rs"]
mod support;

mod accessible;
mod chromium;
mod compare;
mod file;
mod hostile;
mod keys;
mod large;
mod run_page;
mod runs_page;
mod viewer;
mod what_if;
