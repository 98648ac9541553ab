//! The loop from other threads: the calls that asyncio's documentation warns of, and those that it recommends.

use std::time::Duration;

use loopbox_guest::{
    Exception, Loop, LoopHandle, RuntimeError, ThreadPoolExecutor, ValueError, blocking, coroutine,
    create_future, executor_job, get_debug, get_running_loop, run, sleep, spawn_named, time,
    yield_now,
};
use loopbox_programs::{Options, millis};

const USAGE: &str = "threads errors | late CALL | never CALL | coroutine | cancel | dropped | closed | \
    no-loop | other-loop | order, where CALL is call_soon, call_later, create_task or call_soon_threadsafe";

fn main() {
    let mut options = Options::from_env();
    match options.word().as_deref() {
        Some("errors") => errors(),
        Some("late") => late(options.word().unwrap_or_default()),
        Some("never") => never(options.word().unwrap_or_default()),
        Some("coroutine") => coroutine_from_a_job(),
        Some("cancel") => cancel(),
        Some("dropped") => dropped(),
        Some("closed") => closed(),
        Some("no-loop") => no_loop(),
        Some("other-loop") => other_loop(),
        Some("order") => order(),
        _ => {
            eprintln!("{USAGE}");
            loopbox_guest::exit(2);
        }
    }
    options.end();
}

fn this_loop() -> LoopHandle {
    get_running_loop().expect("it runs")
}

fn compute(millis: u64) {
    blocking::compute(Duration::from_millis(millis));
}

async fn work() -> Result<(), Exception> {
    Ok(())
}

/// Every call that is for the loop's thread only, from a job.
fn errors() {
    fn show<T>(call: &str, result: Result<T, RuntimeError>) {
        let debug = if get_debug() { "debug" } else { "production" };
        match result {
            Ok(_) => println!("{debug}: {call} -> no error"),
            Err(error) => println!("{debug}: {call} -> RuntimeError: {error}"),
        }
    }
    run(async {
        let this = this_loop();
        let said = |what: &'static str| move || println!("ran: {what}");
        let job = executor_job("thread", move || {
            show("call_soon", this.call_soon(said("call_soon")));
            show("call_later", this.call_later(Duration::ZERO, said("call_later")));
            show("call_at", this.call_at(Duration::ZERO, said("call_at")));
            show("create_task", this.create_task(coroutine(work())));
            show("call_soon_threadsafe", this.call_soon_threadsafe(said("call_soon_threadsafe")));
        });
        job.await;
        sleep(Duration::from_millis(10)).await;
    });
}

/// Schedules something on the loop, in the way that is named.
fn schedule(this: LoopHandle, call: &str) -> Result<(), RuntimeError> {
    fn ran() {
        println!("ran at {} ms", millis(time()));
    }
    match call {
        "call_soon" => this.call_soon(ran).map(drop),
        "call_later" => this.call_later(Duration::from_millis(50), ran).map(drop),
        "create_task" => {
            let task = async {
                ran();
                Ok::<(), Exception>(())
            };
            this.create_task(task).map(drop)
        }
        _ => this.call_soon_threadsafe(ran).map(drop),
    }
}

/// A job schedules a callback at 100 ms; the loop has nothing to do until 1 s, when a timer is due.
fn late(call: String) {
    run(async {
        let this = this_loop();
        executor_job("thread", move || {
            compute(100);
            println!("scheduled at {} ms", millis(time()));
            schedule(this, &call).expect("production mode");
            // A thread goes on: that a job ends would wake the loop.
            compute(2000);
        })
        .detach();
        sleep(Duration::from_secs(1)).await;
        yield_now().await;
    });
}

/// As `late`, but nothing else wakes the loop: the thread is not asyncio's, so that its end is nobody's news.
fn never(call: String) {
    run(async {
        let this = this_loop();
        let (sender, receiver) = async_channel::bounded(1);
        let pool = ThreadPoolExecutor::new("sensor", 1).expect("one worker");
        let read = move || {
            compute(100);
            let send = move || sender.try_send(millis(time())).expect("somebody waits");
            let scheduled = match &*call {
                "call_soon" => this.call_soon(send),
                _ => this.call_soon_threadsafe(send),
            };
            scheduled.map(drop).expect("production mode");
        };
        let reading = pool.submit(read).expect("it is open");
        println!("received: {:?}", receiver.recv().await);
        drop(reading);
    });
}

/// A coroutine from a job, and its result.
fn coroutine_from_a_job() {
    run(async {
        let this = this_loop();
        let future = executor_job("thread", move || {
            compute(100);
            this.run_coroutine_threadsafe(async {
                println!("coroutine at {} ms", millis(time()));
                sleep(Duration::from_millis(10)).await;
                Ok::<u32, Exception>(7)
            })
        });
        let future = future.await.expect("it is open");
        println!("{future:?}");
        sleep(Duration::from_millis(100)).await;
        println!("{future:?}: {:?}", future.try_result());
    });
}

/// Its cancellation cancels the task.
fn cancel() {
    run(async {
        let this = this_loop();
        let future = executor_job("thread", move || {
            let future = this.run_coroutine_threadsafe(async {
                sleep(Duration::from_secs(10)).await;
                Ok::<(), Exception>(())
            });
            compute(100);
            future.inspect(|future| println!("cancel -> {}", future.cancel()))
        });
        let future = future.await.expect("it is open");
        yield_now().await;
        yield_now().await;
        println!("at {} ms: {future:?}", millis(time()));
    });
}

/// Nobody keeps the future, so nobody sees its error.
fn dropped() {
    run(async {
        let this = this_loop();
        executor_job("thread", move || {
            let failing = async { Err::<(), _>(Exception::from(ValueError::new("dropped"))) };
            this.run_coroutine_threadsafe(failing).map(drop)
        })
        .await
        .expect("it is open");
        sleep(Duration::from_millis(10)).await;
    });
}

/// A loop that is closed takes nothing from anybody.
fn closed() {
    let this = run(async { this_loop() });
    println!("call_soon: {:?}", this.call_soon(|| ()).err());
    println!("call_soon_threadsafe: {:?}", this.call_soon_threadsafe(|| ()).err());
    println!("create_task: {:?}", this.create_task(coroutine(work())).err());
    println!("run_coroutine_threadsafe: {:?}", this.run_coroutine_threadsafe(work()).err());
    println!("get_running_loop: {:?}", get_running_loop().err());
}

/// A worker's thread has no loop.
fn no_loop() {
    run(async {
        let error = executor_job("thread", || get_running_loop().err()).await;
        println!("in a job: {error:?}");
        println!("on the loop: {:?}", get_running_loop().err());
    });
}

/// A future belongs to the loop that was there when it was made.
fn other_loop() {
    let first = Loop::new().expect("there is no other");
    let future = create_future::<u32>();
    first.close();
    run(async {
        let error = spawn_named("reader", async move { future.await.err() }).await;
        println!("{error:?}");
    });
}

/// What a job sends before it ends runs before the job's result is seen.
fn order() {
    run(async {
        let this = this_loop();
        executor_job("thread", move || {
            for number in 1..=3 {
                this.call_soon_threadsafe(move || println!("callback {number}")).expect("open");
            }
        })
        .await;
        println!("the job is done");
    });
}
