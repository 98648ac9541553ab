//! The smallest program with an event loop: one sleep.

use std::time::Duration;

fn main() {
    loopbox_guest::run(loopbox_guest::sleep(Duration::from_millis(1)));
}
