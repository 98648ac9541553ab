//! The order of things in an event loop: what is guaranteed, line by line.

use std::time::Duration;

use loopbox_guest::{
    call_at, call_soon, call_soon_threadsafe, executor_job, run, sleep, spawn_named, time, timeout,
    yield_now,
};
use loopbox_programs::millis;

fn main() {
    run(async {
        say("a task's first step is in the next turn");
        spawn_named("child", async { say("  second: the child's first step") });
        say("  first: what the parent does after the spawn");
        yield_now().await;

        say("a callback that is added in a turn waits for the next one");
        call_soon(|| {
            call_soon(|| say("  third: added by the first"));
            say("  first");
        });
        call_soon(|| say("  second"));
        yield_now().await;
        yield_now().await;

        say("timers of one deadline fire in the order in which they were set");
        let deadline = time() + Duration::from_millis(10);
        for name in ["  a", "  b", "  c"] {
            call_at(deadline, move || say(name));
        }
        call_at(deadline - Duration::from_millis(1), || say("  before them: the earlier deadline"));
        call_at(deadline, || say("  never seen")).cancel();
        sleep(Duration::from_millis(10)).await;

        say("a cancelled task is dropped at its next step");
        let task = spawn_named("victim", async {
            let _guard = Goodbye;
            sleep(Duration::from_secs(10)).await;
        });
        yield_now().await;
        let cancelled = task.cancel();
        say("  first: the line after `cancel`");
        cancelled.await;
        say("  third: who waited for it");

        say("a timeout drops what it waited for");
        let late = timeout(Duration::from_millis(5), async {
            let _guard = Goodbye;
            sleep(Duration::from_secs(10)).await;
        });
        println!("  {:?}", late.await);

        say("what a job sends arrives before its result");
        let job = executor_job("sender", || {
            std::thread::sleep(Duration::from_millis(20));
            call_soon_threadsafe(|| say("  first: sent by the job after 20 ms"));
            std::thread::sleep(Duration::from_millis(20));
        });
        let start = time();
        job.await;
        println!("  second: the result, after {} ms", millis(time() - start));
    });
}

fn say(line: &str) {
    println!("{line}");
}

struct Goodbye;

impl Drop for Goodbye {
    fn drop(&mut self) {
        say("  second: its destructors");
    }
}
