//! The pages of the viewer: semantic HTML, made from results and traces.
//!
//! Every page is a function from data to text: nothing here reads a file, serves a request or knows whether a
//! browser runs scripts. What a page says must be there without scripts; the timeline and the live updates
//! are additions. No verdict is computed here: that is `loopbox-trace`'s business.

pub mod compare;
pub mod file;
pub mod parts;
pub mod problem;
pub mod quantity;
pub mod run;
pub mod runs;
pub mod site;
pub mod source_view;
pub mod sweep;
pub mod tables;
#[cfg(test)]
mod testing;
mod timeline;
#[cfg(test)]
mod wellformed;
pub mod what_if;

/// The style sheet of all pages.
pub const STYLE_CSS: &str =
    concat!(include_str!("style.css"), include_str!("run.css"), include_str!("timeline.css"));

/// The script of all pages.
pub const VIEWER_JS: &str = include_str!("viewer.js");
