//! Logging on an event loop: levels, a handler that blocks, and the queue that cures it.
//!
//! - `levels`: what the logger "asyncio" lets through unless told, and after `set_level`;
//! - `orders`: a task logs what it does to a sink over the network, beside a heartbeat; `--queue` puts a queue in
//!   front of the sink;
//! - `burst POLICY`: more records at once than a queue of four has room for.

use std::time::Duration;

use loopbox_guest::logging::{
    self, Level, LogQueue, NetworkHandler, Overflow, QueueHandler, QueueListener, get_logger,
};
use loopbox_guest::{blocking, run, set_debug, sleep, spawn_named};
use loopbox_programs::{Options, heartbeat};

fn main() {
    let mut options = Options::from_env();
    let queue = options.flag("--queue");
    let (mode, policy) = (options.word(), options.word());
    options.end();
    match (mode.as_deref(), policy.as_deref()) {
        (Some("levels"), None) => run(levels()),
        (Some("orders"), None) => run(orders(queue)),
        (Some("burst"), Some("raise")) => run(burst(Overflow::Raise)),
        (Some("burst"), Some("drop-newest")) => run(burst(Overflow::DropNewest)),
        (Some("burst"), Some("drop-oldest")) => run(burst(Overflow::DropOldest)),
        _ => {
            eprintln!("which mode? levels, orders, or burst with a policy");
            loopbox_guest::exit(2);
        }
    }
}

/// In debug mode a slow step is a warning of the logger "asyncio".
async fn levels() {
    let asyncio = get_logger("asyncio");
    println!("asyncio: level {}, effective {}", asyncio.level(), asyncio.effective_level());
    let app = get_logger("app.orders");
    app.info("not enabled");
    app.warning("seen without any set-up");

    set_debug(true);
    spawn_named("reported", slow()).await;
    asyncio.set_level(Level::ERROR);
    spawn_named("silenced", slow()).await;

    logging::basic_config(Level::INFO);
    get_logger("app").set_level(Level::DEBUG);
    app.debug("enabled by its parent");
    get_logger("other").debug("not enabled by the root");
    println!("asyncio: level {}, effective {}", asyncio.level(), asyncio.effective_level());
}

async fn slow() {
    blocking::compute(Duration::from_millis(150));
}

/// Three orders, one each 100 ms, each logged to the collector.
async fn orders(queue: bool) {
    let collector = NetworkHandler::new("collector");
    if queue {
        let queue = LogQueue::unbounded();
        logging::root().add_handler(QueueHandler::new(&queue));
        QueueListener::new(&queue).with_handler(collector).start();
    } else {
        logging::root().add_handler(collector);
    }
    let app = get_logger("app");
    app.set_level(Level::INFO);
    spawn_named("heartbeat", heartbeat(Duration::from_millis(50)));
    let shop = spawn_named("shop", async move {
        for number in 1..=3 {
            sleep(Duration::from_millis(100)).await;
            app.info(format_args!("order {number} accepted"));
        }
    });
    shop.await;
    println!("all orders accepted");
}

/// Ten records in one go, a queue for four.
async fn burst(overflow: Overflow) {
    let queue = LogQueue::bounded(4, overflow);
    logging::root().add_handler(QueueHandler::new(&queue));
    let listener = QueueListener::new(&queue).with_handler(NetworkHandler::new("collector"));
    listener.start();
    let app = get_logger("app");
    for number in 1..=10 {
        app.warning(format_args!("record {number}"));
        sleep(Duration::from_millis(10)).await;
    }
    listener.stop().await;
    println!("lost {}", queue.lost());
}
