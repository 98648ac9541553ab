//! The viewer: results in a browser, served to whoever sits at this machine.
//!
//! From the outside in: [`serve`] has the connections, [`gate`] decides who is let in, [`address`] what a path
//! means, [`site`] answers. Pages themselves are made by `loopbox-pages`; what is in them is read by
//! [`crate::results`] and computed by `loopbox-trace`. Nothing here is written to, but a scenario that somebody
//! saves.

pub mod address;
pub mod answer;
pub mod assets;
pub mod changes;
pub mod experiments;
pub mod gate;
pub mod open;
pub mod patient;
pub mod serve;
pub mod site;
#[cfg(test)]
mod tests;
pub mod token;
pub mod traces;
