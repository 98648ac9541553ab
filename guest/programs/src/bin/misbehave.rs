//! Everything that a program can do to its sandbox, by name. Each ends in a report, and none harms others.

use std::hint::black_box;
use std::time::{Duration, Instant};

use loopbox_guest::signal::{self, SIGTERM};
use loopbox_guest::{blocking, executor_job, exit, run, sleep, spawn, spawn_named};
use loopbox_programs::Options;

const USAGE: &str = "misbehave panic | panic-in-job | trap | recurse | allocate | print | spin | wait-clock | \
    sleep-forever | deadlock | await-cycle | job-runs-a-loop | job-waits-for-ever | job-spawns | \
    unknown-call | exit STATUS | abort | read-missing-file | signal-itself | kill-itself | bad-signals";

fn main() {
    let mut options = Options::from_env();
    match options.word().as_deref() {
        Some("panic") => {
            run(async { spawn_named("careless", async { panic!("this is a test") }).await })
        }
        Some("panic-in-job") => run(executor_job("careless", || panic!("this is a test"))),
        Some("trap") => divide_by_zero_like_c(),
        Some("recurse") => println!("{}", recurse(1)),
        Some("allocate") => allocate(),
        Some("print") => loop {
            println!("and on and on");
        },
        Some("spin") => run(async { spin() }),
        Some("wait-clock") => wait_clock(),
        Some("sleep-forever") => run(sleep(Duration::MAX)),
        Some("deadlock") => deadlock(),
        Some("await-cycle") => await_cycle(),
        Some("job-runs-a-loop") => {
            run(executor_job("confused", || run(sleep(Duration::from_millis(1)))))
        }
        Some("job-waits-for-ever") => job_waits_for_ever(),
        Some("job-spawns") => run(executor_job("confused", || spawn(async {}).detach())),
        Some("unknown-call") => println!("{:?}", blocking::call("no.such.rule", "")),
        Some("exit") => exit(options.word().and_then(|status| status.parse().ok()).unwrap_or(3)),
        Some("abort") => std::process::abort(),
        Some("read-missing-file") => {
            println!("{:?}", std::fs::read("/missing").map_err(|e| e.kind()))
        }
        Some("signal-itself") => signal_itself(),
        Some("kill-itself") => signal::raise(9).expect("SIGKILL exists"),
        Some("bad-signals") => bad_signals(),
        other => {
            eprintln!(
                "{}\n{USAGE}",
                other.map_or("say what to do".into(), |word| format!("`{word}`?"))
            );
            exit(2);
        }
    }
}

/// WebAssembly traps where C has undefined behaviour; safe Rust panics instead. `abort` is what is left.
fn divide_by_zero_like_c() {
    std::process::abort();
}

/// Not a tail call, and the result is needed.
#[inline(never)]
#[expect(unconditional_recursion, reason = "it is the point")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    recurse(depth + 1) + black_box(frame)[3]
}

fn allocate() {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![1_u8; 1 << 20]);
        println!("{} MiB", hoard.len());
    }
}

#[inline(never)]
fn spin() {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

/// Ends, because the clock counts the instructions of those who look at it.
fn wait_clock() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(50) {
        std::hint::spin_loop();
    }
    println!("50 ms have passed");
}

fn deadlock() {
    run(async {
        let (_sender, receiver) = async_channel::bounded::<()>(1);
        spawn_named("reader", async move { receiver.recv().await }).await
    })
    .expect("nobody sends");
}

/// Two tasks that wait for each other.
fn await_cycle() {
    run(async {
        let (ping_in, ping) = async_channel::bounded::<()>(1);
        let (pong_in, pong) = async_channel::bounded::<()>(1);
        let first = spawn_named("first", async move {
            let _ = ping.recv().await;
            let _ = pong_in.send(()).await;
        });
        spawn_named("second", async move {
            let _ = pong.recv().await;
            let _ = ping_in.send(()).await;
        });
        first.await;
    });
}

/// A job that sleeps until the loop has done something. The loop stands still until the job is over.
fn job_waits_for_ever() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    let done = Arc::new(AtomicBool::new(false));
    let seen = done.clone();
    run(async move {
        spawn_named("setter", async move {
            sleep(Duration::from_millis(10)).await;
            done.store(true, Ordering::Relaxed);
        });
        let waiter = executor_job("waiter", move || {
            while !seen.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        waiter.await;
    });
}

/// No handler: the default action ends the process, here at the next wait.
fn signal_itself() {
    run(async {
        signal::raise(SIGTERM).expect("SIGTERM exists");
        sleep(Duration::from_secs(1)).await;
        println!("this is never seen");
    });
}

fn bad_signals() {
    for number in [9, 999, 40, 0, -1] {
        match signal::add_signal_handler(number, || {}) {
            Ok(()) => println!("{number} is fine"),
            Err(error) => println!("{error}"),
        }
    }
    let in_a_job = run(executor_job("confused", || signal::add_signal_handler(SIGTERM, || {})));
    println!("in a job: {}", in_a_job.expect_err("off the main thread"));
}
