//! What the runtime says of a program: its reports, log records, the end of all progress.

use loopbox_guest::logging::get_logger;
use loopbox_guest::sync::Lock;
use loopbox_guest::{Exception, ValueError, create_task_named, sleep, spawn_named};

use crate::ms;

/// One error that nobody looks at, and one that somebody does.
pub(crate) async fn never_retrieved() {
    drop(create_task_named("forgotten", sync("inbox", 10)));
    let seen = create_task_named("seen", sync("outbox", 20));
    sleep(ms(50)).await;
    if let Ok(Some(error)) = seen.exception() {
        println!("saw {}: {error}", error.kind());
    }
    sleep(ms(50)).await;
    println!("the end of main");
}

async fn sync(folder: &'static str, millis: u64) -> Result<(), Exception> {
    sleep(ms(millis)).await;
    Err(ValueError::new(format!("no folder {folder}")))?
}

/// A coroutine that nobody awaits, between two that somebody does.
pub(crate) async fn never_awaited() {
    save("first").await;
    drop(save("second"));
    sleep(ms(20)).await;
    save("third").await;
}

#[loopbox_guest::coroutine]
async fn save(name: &'static str) {
    sleep(ms(10)).await;
    println!("saved {name}");
}

/// Records of several loggers and levels.
pub(crate) async fn log() {
    let (app, orders) = (get_logger("app"), get_logger("app.orders"));
    app.set_level(loopbox_guest::logging::Level::INFO);
    let shop = spawn_named("shop", async move {
        for number in 1..=3 {
            sleep(ms(100)).await;
            orders.info(format_args!("order {number} accepted"));
        }
        orders.warning("sold out");
    });
    shop.await;
    app.error("no more orders");
}

/// Two transfers in opposite directions, each with a lock that the other one wants.
pub(crate) async fn deadlock() {
    let (ada, bob) = (Lock::new(), Lock::new());
    let there = spawn_named("ada-to-bob", transfer(ada.clone(), bob.clone()));
    let back = spawn_named("bob-to-ada", transfer(bob, ada));
    there.await;
    back.await;
}

async fn transfer(first: Lock, second: Lock) {
    let _first = first.lock().await;
    println!("holds one");
    sleep(ms(10)).await;
    let _second = second.lock().await;
    println!("never");
}
