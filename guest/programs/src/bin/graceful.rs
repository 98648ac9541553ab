//! A service that ends well: on SIGTERM it takes no more requests, finishes those that it has, and goes.
//!
//! A request comes in every 20 ms; one of the workers spends 30 ms on it. Then there is `--grace` (1 s) for
//! what is left; a second SIGTERM, or the end of that time, ends the process at once.
//!
//! What can stand in the way:
//! - `--stall 300ms`: a computation on the loop, at `--stall-at` (1 s). A signal waits until it is over.
//! - `--save`: each request ends with the blocking call `db.save` in the pool, which is waited for.
//!
//! Exit status: 0 drained, 1 the grace period was too short, 143 the second SIGTERM (128 + 15, as a shell
//! says of a process that died of it).

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use futures_lite::StreamExt;
use loopbox_guest::signal::{SIGTERM, Signals};
use loopbox_guest::{blocking, executor_job, exit, run, sleep, spawn_named, timeout};
use loopbox_programs::Options;

fn main() {
    let mut options = Options::from_env();
    let workers = options.number("--workers").unwrap_or(2);
    let grace = options.duration("--grace").unwrap_or(Duration::from_secs(1));
    let stall = options.duration("--stall");
    let stall_at = options.duration("--stall-at").unwrap_or(Duration::from_secs(1));
    let save = options.flag("--save");
    options.end();

    let status = run(async move {
        let mut signals = Signals::new([SIGTERM]).expect("SIGTERM can be caught");
        let (sender, requests) = async_channel::unbounded();
        let (accepted, served) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let listener = spawn_named("listener", listen(sender, accepted.clone()));
        let workers: Vec<_> = (1..=workers)
            .map(|n| {
                spawn_named(format!("worker-{n}"), work(requests.clone(), save, served.clone()))
            })
            .collect();
        if let Some(stall) = stall {
            spawn_named("report", async move {
                sleep(stall_at).await;
                blocking::compute(stall);
            });
        }

        signals.next().await;
        println!("SIGTERM: no more requests");
        listener.cancel().await;
        spawn_named("second signal", async move {
            signals.next().await;
            println!("SIGTERM again: leaving at once");
            exit(143);
        });
        let drained = timeout(grace, async {
            for worker in workers {
                worker.await;
            }
        });
        match drained.await {
            Ok(()) => {
                println!("drained: {} requests served", served.get());
                0
            }
            Err(late) => {
                println!(
                    "{late}: {} requests served, {} left",
                    served.get(),
                    accepted.get() - served.get()
                );
                1
            }
        }
    });
    exit(status);
}

/// Takes requests. When it is cancelled, the sender goes with it: the workers see the end of the channel.
async fn listen(sender: Sender<u32>, accepted: Rc<Cell<u32>>) {
    for request in 1.. {
        sleep(Duration::from_millis(20)).await;
        if sender.send(request).await.is_err() {
            break;
        }
        accepted.set(request);
    }
}

async fn work(requests: Receiver<u32>, save: bool, served: Rc<Cell<u32>>) {
    while let Ok(request) = requests.recv().await {
        sleep(Duration::from_millis(30)).await;
        if save {
            let saved =
                executor_job("save", move || blocking::call("db.save", request.to_string()));
            if let Err(error) = saved.await {
                log::error!(target: "service", "request {request} is not saved: {error}");
            }
        }
        served.set(served.get() + 1);
    }
}
