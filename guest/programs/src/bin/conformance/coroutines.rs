//! Coroutines that nobody awaits: AWAIT-1 to AWAIT-9.

use loopbox_guest::{run, set_debug};

#[loopbox_guest::coroutine]
async fn work() {}

pub(crate) fn s11() {
    async fn main() {
        drop(work()); // forgotten await
    }
    run(main());
}

pub(crate) fn s12() {
    async fn inner() {
        drop(work());
    }
    async fn main() {
        inner().await;
    }
    set_debug(true);
    run(main());
}

pub(crate) fn s52() {
    async fn main() {
        for _ in 0..3 {
            drop(work());
        }
        drop((work(), work()));
    }
    run(main());
}
