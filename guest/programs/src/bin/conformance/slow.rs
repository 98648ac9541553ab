//! Slow callbacks: SLOW-1 and SLOW-2.

use std::cell::RefCell;
use std::rc::Rc;

use loopbox_guest::{Handle, call_later, call_soon, run, set_debug, sleep};

use crate::{seconds, time_sleep};

pub(crate) fn s01() {
    async fn main() {
        sleep(seconds(0.0)).await;
        time_sleep(0.25); // blocks the loop
    }
    set_debug(true);
    run(main());
}

pub(crate) fn s02() {
    fn cb() {
        time_sleep(0.15);
    }
    async fn main() {
        call_soon(cb);
        call_later(seconds(0.01), cb);
        sleep(seconds(0.5)).await;
    }
    set_debug(true);
    run(main());
}

pub(crate) fn s04() {
    type Slot = Rc<RefCell<Option<Handle>>>;
    /// Cancels its own handle while it runs.
    fn cb(own: Slot) -> impl FnOnce() {
        move || {
            time_sleep(0.12);
            own.take().inspect(Handle::cancel);
        }
    }
    async fn main() {
        let own = Slot::default();
        let handle = call_soon(cb(own.clone()));
        own.replace(Some(handle));
        sleep(seconds(0.3)).await;
    }
    set_debug(true);
    run(main());
}
