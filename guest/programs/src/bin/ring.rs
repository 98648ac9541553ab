//! Tasks in a ring pass one token round and round: the cost of a task switch.
//!
//! The same work as `Ring` in `tests/peers`: `--tasks` (100) tasks, `--rounds` (200) rounds. The channels
//! are for one thread, which is all that a guest has; the peers use tokio's. Both do little more than wake
//! the reader.

use local_channel::mpsc::{self, Receiver, Sender};
use loopbox_guest::{run, spawn};
use loopbox_programs::Options;

fn main() {
    let mut options = Options::from_env();
    let tasks = options.number("--tasks").unwrap_or(100);
    let rounds = options.number("--rounds").unwrap_or(200);
    options.end();

    let hops = run(async move {
        let (mut senders, receivers): (Vec<_>, Vec<_>) =
            (0..tasks).map(|_| mpsc::channel()).unzip();
        senders[0].send(0).expect("the receiver is here");
        senders.rotate_left(1);
        let links: Vec<_> = receivers
            .into_iter()
            .zip(senders)
            .map(|(from, to)| spawn(link(from, to, rounds)))
            .collect();
        let mut hops = 0;
        for link in links {
            hops = link.await.max(hops);
        }
        hops
    });
    assert_eq!(hops, tasks * rounds);
}

async fn link(mut from: Receiver<u32>, to: Sender<u32>, rounds: u32) -> u32 {
    let mut hops = 0;
    for _ in 0..rounds {
        hops = 1 + from.recv().await.expect("the task before this one goes on until it has sent");
        // After the last hop the first task is done and gone.
        let _ = to.send(hops);
    }
    hops
}
