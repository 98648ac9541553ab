//! Slow callbacks: SLOW-1 and SLOW-2.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use loopbox_guest::logging::{
    EmitError, Handler, Level, LogQueue, QueueHandler, QueueListener, Record, basic_config,
    get_logger,
};
use loopbox_guest::{Handle, Loop, call_later, call_soon, run, set_debug, sleep, spawn, time};

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

pub(crate) fn s05() {
    basic_config(Level::DEBUG);
    async fn main() {
        sleep(seconds(1.2)).await;
        sleep(seconds(0.2)).await;
    }
    set_debug(true);
    let event_loop = Loop::new().expect("there is no other");
    event_loop.run_until_complete(main()).expect("it ends");
    event_loop.close();
}

/// A handler on a slow network.
struct SlowNet;

impl Handler for SlowNet {
    fn emit(&self, _: &Record) -> Result<(), EmitError> {
        time_sleep(0.2);
        Ok(())
    }

    fn describe(&self) -> String {
        "SlowNet".into()
    }
}

pub(crate) fn s55() {
    async fn main(kind: &'static str) {
        let gaps = Rc::new(RefCell::new(Vec::new()));
        let seen = gaps.clone();
        let t = spawn(async move {
            let mut last = time();
            loop {
                sleep(seconds(0.01)).await;
                seen.borrow_mut().push(time() - last);
                last = time();
            }
        });
        sleep(seconds(0.05)).await;
        get_logger("app").info(format_args!("x"));
        sleep(seconds(0.05)).await;
        t.cancel();
        let largest = gaps.borrow().iter().max().map_or(0.0, Duration::as_secs_f64);
        println!("{kind} largest loop gap {largest:.2} s");
    }
    let log = get_logger("app");
    log.set_level(Level::INFO);
    log.set_propagate(false);
    set_debug(true);
    let direct = log.add_handler(SlowNet);
    run(main("direct handler "));
    log.remove_handler(direct);
    let queue = LogQueue::unbounded();
    log.add_handler(QueueHandler::new(&queue));
    run(async move {
        let listener = QueueListener::new(&queue).with_handler(SlowNet);
        listener.start();
        main("QueueHandler   ").await;
        listener.stop().await;
    });
}
