//! What goes wrong with executors, and how to do it right. The first word says which:
//!
//! | word | the mistake | the cure |
//! |---|---|---|
//! | `cancel` | cancelling a job does not stop its worker: the run waits for it | `--pages`: a job for each page |
//! | `nested` | a job waits for another one in its own full pool | `--other-pool`; `--timeout 500ms` only ends it |
//! | `saturated` | slow jobs hold all workers of the default pool | `--own-pool` for the slow ones |
//! | `flood` | 1000 jobs are submitted at once | `--limit 3` |
//! | `shutdown` | the default executor is given 100 ms to finish a second of work | `--wait` |
//! | `failure` | nobody looks at the error of a job | `--look` |
//! | `result` | `future.result()` on the loop's thread | `--await` |
//! | `itself` | the loop's thread waits for the loop | `--await` |
//! | `lock` | the loop takes a lock that a job holds | `--await`: another job does |
//! | `lock-across-await` | the loop holds a lock while it awaits a job that wants it | |
//! | `misuse` | errors of using executors wrongly | |
//! | `panic` | a job panics | |

use std::sync::Arc;
use std::time::Duration;

use async_lock::Semaphore;
use loopbox_guest::threading::Lock;
use loopbox_guest::{
    Exception, ThreadPoolExecutor, ValueError, blocking, executor_job, get_running_loop, run,
    set_default_executor, shutdown_default_executor, sleep, spawn, spawn_named, time,
    try_run_in_executor,
};
use loopbox_programs::{Options, heartbeat, millis};

const MS: Duration = Duration::from_millis(1);

fn main() {
    let mut options = Options::from_env();
    let (pages, wait, look) =
        (options.flag("--pages"), options.flag("--wait"), options.flag("--look"));
    let (other_pool, own_pool) = (options.flag("--other-pool"), options.flag("--own-pool"));
    let awaits = options.flag("--await");
    let timeout = options.duration("--timeout");
    let limit = options.number("--limit");
    let word = options.word().unwrap_or_default();
    options.end();
    run(async move {
        match word.as_str() {
            "cancel" => cancel(pages).await,
            "nested" => nested(other_pool, timeout).await,
            "saturated" => saturated(own_pool).await,
            "flood" => flood(limit).await,
            "shutdown" => shutdown(wait).await,
            "failure" => failure(look).await,
            "result" => result(awaits).await,
            "itself" => itself(awaits, timeout).await,
            "lock" => lock(awaits).await,
            "lock-across-await" => lock_across_await().await,
            "misuse" => misuse().await,
            "panic" => executor_job("panics", || panic!("a worker gives up")).await,
            other => println!("unknown: {other:?}"),
        }
    });
}

fn say(text: &str) {
    println!("{:>4} ms: {text}", millis(time()));
}

fn pool(name: &str, workers: u32) -> ThreadPoolExecutor {
    ThreadPoolExecutor::new(name, workers).expect("there are workers")
}

fn page() {
    let _ = blocking::call("export.page", "");
}

async fn cancel(pages: bool) {
    let export = spawn(async move {
        if pages {
            for _ in 0..10 {
                executor_job("page", page).await;
            }
        } else {
            executor_job("export", || (0..10).for_each(|_| page())).await;
        }
    });
    sleep(75 * MS).await;
    export.cancel().await;
    say("cancelled");
}

async fn nested(other_pool: bool, timeout: Option<Duration>) {
    let db = pool("db", 1);
    let inner_pool = if other_pool { pool("cache", 1) } else { db.clone() };
    let outer = db.executor_job("outer", move || -> Result<u32, Exception> {
        let inner = inner_pool.submit_named("inner", || 1)?;
        match timeout {
            Some(timeout) => inner.result_timeout(timeout),
            None => inner.result(),
        }
    });
    match outer.expect("the pool is open").await {
        Ok(rows) => say(&format!("{rows} row")),
        Err(error) if error.kind() == "TimeoutError" => {
            say("deadlock (only the timeout saved it)");
        }
        Err(error) => say(&format!("{error:?}")),
    }
}

async fn saturated(own_pool: bool) {
    let reports = own_pool.then(|| pool("reports", 2));
    for _ in 0..2 {
        let report = || blocking::call("report.render", "");
        match &reports {
            Some(reports) => reports.executor_job("report", report).expect("it is open").detach(),
            None => executor_job("report", report).detach(),
        }
    }
    let begun = time();
    let lookup = executor_job("getaddrinfo", || blocking::call("socket.getaddrinfo", "127.0.0.1"));
    let found = lookup.await.is_ok();
    say(&format!("getaddrinfo took {} ms, found: {found}", millis(time() - begun)));
}

async fn flood(limit: Option<u32>) {
    spawn_named("heartbeat", heartbeat(500 * MS)).detach();
    let slots = Arc::new(Semaphore::new(limit.unwrap_or(u32::MAX) as usize));
    let mut items = Vec::new();
    for _ in 0..1000 {
        let slot = slots.acquire_arc().await;
        items.push(spawn(async move {
            let item = executor_job("item", || blocking::call("work.item", ""));
            let done = item.await.is_ok();
            drop(slot);
            done
        }));
    }
    let mut done = 0;
    for item in items {
        done += u32::from(item.await);
    }
    say(&format!("{done} items"));
}

async fn shutdown(wait: bool) {
    executor_job("flush", || blocking::call("disk.flush", "")).detach();
    sleep(50 * MS).await;
    shutdown_default_executor((!wait).then_some(100 * MS)).await;
    say("shut down");
    match try_run_in_executor(|| 1) {
        Ok(_) => say("it goes on"),
        Err(error) => say(&format!("RuntimeError: {error}")),
    }
}

fn boom() -> Result<(), ValueError> {
    Err(ValueError::new("in worker"))
}

async fn failure(look: bool) {
    let job = executor_job("boom", boom);
    if look {
        match job.await {
            Ok(()) => say("fine"),
            Err(error) => say(&format!("ValueError: {error}")),
        }
    } else {
        job.detach();
        sleep(50 * MS).await;
        say("nobody has looked");
    }
}

async fn result(awaits: bool) {
    spawn_named("heartbeat", heartbeat(100 * MS)).detach();
    let db = pool("db", 1);
    let query = || blocking::call("db.query", "").is_ok();
    let rows = if awaits {
        db.executor_job("query", query).expect("the pool is open").await
    } else {
        let job = db.submit_named("query", query).expect("the pool is open");
        job.result().expect("it runs")
    };
    say(&format!("rows: {rows}"));
    sleep(150 * MS).await;
}

async fn answer() -> Result<u32, Exception> {
    sleep(10 * MS).await;
    Ok(7)
}

async fn itself(awaits: bool, timeout: Option<Duration>) {
    let event_loop = get_running_loop().expect("it runs");
    if awaits {
        say(&format!("{:?}", answer().await));
        return;
    }
    let future = event_loop.run_coroutine_threadsafe(answer()).expect("the loop is open");
    let result = match timeout {
        Some(timeout) => future.result_timeout(timeout),
        None => future.result(),
    };
    match result {
        Ok(seven) => say(&format!("{seven}")),
        Err(error) => say(&format!("{}: can only end by timeout", error.kind())),
    }
}

fn use_cache(cache: &Lock) {
    let _held = cache.acquire();
    let _ = blocking::call("cache.write", "");
}

async fn lock(awaits: bool) {
    spawn_named("heartbeat", heartbeat(100 * MS)).detach();
    let cache = Lock::new("cache");
    let of_job = cache.clone();
    executor_job("export", move || use_cache(&of_job)).detach();
    sleep(50 * MS).await;
    if awaits {
        executor_job("look-up", move || drop(cache.acquire())).await;
    } else {
        drop(cache.acquire());
    }
    say("the loop has used the cache");
    sleep(100 * MS).await;
}

async fn lock_across_await() {
    let cache = Lock::new("cache");
    let _held = cache.acquire();
    executor_job("export", move || use_cache(&cache)).await;
}

async fn misuse() {
    let none = ThreadPoolExecutor::new("db", 0).expect_err("no workers");
    say(&format!("ValueError: {none}"));
    let db = pool("db", 1);
    set_default_executor(&db).expect("a pool of threads");
    db.shutdown(true, false);
    let text = db.submit(|| 1).expect_err("it is shut down").to_string();
    say(&format!("RuntimeError: {text}"));
    let text = try_run_in_executor(|| 1).expect_err("it is shut down").to_string();
    say(&format!("RuntimeError: {text}"));
}
