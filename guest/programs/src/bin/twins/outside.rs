//! What comes from outside of the loop: signals, the pool, blocking calls, processes.

use std::io::{self, BufRead};

use loopbox_guest::signal::{SIGTERM, SIGUSR1, add_signal_handler, remove_signal_handler};
use loopbox_guest::subprocess::PIPE;
use loopbox_guest::sync::{Event, Queue};
use loopbox_guest::{
    blocking, create_subprocess_exec, executor_job, exit, gather, get_running_loop, sleep,
    spawn_named,
};

use crate::ms;

/// The loop is in a long call when SIGTERM comes, and SIGUSR1 twice.
pub(crate) async fn stall() {
    let stop = Event::new();
    let stopping = stop.clone();
    add_signal_handler(SIGTERM, move || {
        println!("SIGTERM");
        stopping.set();
    })
    .expect("it can be caught");
    add_signal_handler(SIGUSR1, || println!("SIGUSR1")).expect("it can be caught");
    let report = spawn_named("report", async {
        sleep(ms(100)).await;
        // The mistake that this is about.
        let _ = blocking::call("report.write", "");
        println!("report written");
    });
    stop.wait().await;
    println!("stopping");
    report.await;
}

/// A service that ends well: on SIGTERM it takes no more requests, and saves those that it has.
pub(crate) async fn drain() {
    let (requests, stop) = (Queue::new(0), Event::new());
    let stopping = stop.clone();
    add_signal_handler(SIGTERM, move || stopping.set()).expect("it can be caught");
    let listener = spawn_named("listener", listen(requests.clone()));
    let workers = [1, 2]
        .map(|number| spawn_named(format!("worker-{number}"), serve(number, requests.clone())));
    stop.wait().await;
    println!("SIGTERM: no more requests, {} wait", requests.qsize());
    listener.cancel().await;
    requests.join().await;
    for worker in workers {
        worker.cancel().await;
    }
    remove_signal_handler(SIGTERM).expect("it can be caught");
    println!("drained");
}

async fn listen(requests: Queue<u32>) {
    for request in 1.. {
        sleep(ms(20)).await;
        let _ = requests.put(request).await;
    }
}

async fn serve(number: u32, requests: Queue<u32>) {
    while let Ok(request) = requests.get().await {
        let saved = executor_job("save", || blocking::call("db.save", ""));
        let _ = saved.await;
        println!("worker {number} saved {request}");
        let _ = requests.task_done();
    }
}

/// The first SIGTERM asks, the second one, which finds no handler any more, kills.
pub(crate) async fn twice() {
    let stop = Event::new();
    let stopping = stop.clone();
    add_signal_handler(SIGTERM, move || {
        println!("draining");
        stopping.set();
    })
    .expect("it can be caught");
    stop.wait().await;
    remove_signal_handler(SIGTERM).expect("it can be caught");
    sleep(ms(10_000)).await;
    println!("never");
}

/// Sixty-four jobs for four workers.
pub(crate) async fn pool() {
    let jobs = (1..=64).map(|_| executor_job("query", query));
    let rows = gather(jobs).await.expect("the scenario lets none fail");
    println!("{} results", rows.len());
}

fn query() -> Result<Vec<u8>, blocking::BlockingError> {
    blocking::call("db.query", "SELECT 1")
}

/// A job tells the loop how far it is.
pub(crate) async fn message() {
    let this = get_running_loop().expect("it runs");
    let heartbeat = spawn_named("heartbeat", beat(5));
    let job = executor_job("crunch", move || {
        for _ in 0..3 {
            blocking::compute(ms(40));
            this.call_soon_threadsafe(progress).expect("it runs");
        }
    });
    job.await;
    println!("crunched");
    heartbeat.await;
}

fn progress() {
    println!("progress");
}

async fn beat(times: u32) {
    for number in 1..=times {
        sleep(ms(50)).await;
        println!("beat {number}");
    }
}

/// A blocking call on the loop's thread: the heartbeat stops meanwhile.
pub(crate) async fn on_loop() {
    let heartbeat = spawn_named("heartbeat", beat(5));
    sleep(ms(75)).await;
    let _ = query();
    println!("queried");
    heartbeat.await;
}

/// The same call on a worker: the heartbeat goes on.
pub(crate) async fn offloaded() {
    let heartbeat = spawn_named("heartbeat", beat(5));
    sleep(ms(75)).await;
    let _ = executor_job("query", query).await;
    println!("queried");
    heartbeat.await;
}

/// Three children, which end in three ways.
pub(crate) async fn processes() {
    let child = create_subprocess_exec("twins").args(["child"]).await.expect("it starts");
    println!("ended with {}", child.wait().await.expect("a child"));
    let child = create_subprocess_exec("twins").args(["child"]).await.expect("it starts");
    sleep(ms(10)).await;
    child.terminate().expect("it is there");
    println!("terminated: {}", child.wait().await.expect("a child"));
    match create_subprocess_exec("nothing").await {
        Ok(_) => println!("it started"),
        Err(_) => println!("no such program"),
    }
}

/// Works for 50 ms, and fails.
pub(crate) fn child() {
    std::thread::sleep(ms(50));
    exit(3);
}

/// Lines to a child and back.
pub(crate) async fn pipes() {
    let child = create_subprocess_exec("twins").args(["echo"]).stdin(PIPE).stdout(PIPE);
    let child = child.await.expect("it starts");
    let stdin = child.stdin.clone().expect("a pipe");
    for line in ["one\n", "two\n", "three\n"] {
        sleep(ms(20)).await;
        stdin.write(line);
        stdin.drain().await.expect("it reads");
    }
    stdin.close();
    let answer = child.stdout.as_ref().expect("a pipe").read().await.expect("it writes");
    print!("{}", String::from_utf8_lossy(&answer));
    println!("ended with {}", child.wait().await.expect("a child"));
}

/// Gives back each line when it has come.
pub(crate) fn echo() {
    for line in io::stdin().lock().lines() {
        println!("echo {}", line.unwrap_or_default());
    }
}
