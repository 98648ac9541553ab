//! CPU-bound work in processes of a pool, and what goes wrong with them. The first word says which:
//!
//! | word | what |
//! |---|---|
//! | `hash` | `--blocks` (8) hashes of `--cost` (100ms) each, `--workers` (4); `--on-loop`: the mistake |
//! | `crash` | the third of six jobs panics: the pool is broken |
//! | `exit` | a job ends its process |
//! | `schedule` | a job looks for the loop |
//! | `refused` | functions that no process can find, arguments that cannot be sent |
//! | `query` | a job makes a blocking call of the scenario's, and fails |
//! | `forgotten` | a job is cancelled while its process runs |

use std::collections::BTreeMap;
use std::time::Duration;

use loopbox_guest::process_pool::{ProcessPoolExecutor, serve};
use loopbox_guest::{
    AsException, Exception, blocking, get_running_loop, job, run, set_default_executor, sleep,
    spawn_named, time, timeout,
};
use loopbox_programs::{Options, burn, heartbeat, millis};
use serde::{Deserialize, Serialize};

const MS: Duration = Duration::from_millis(1);

fn main() {
    serve(&[
        &job!(hash),
        &job!(fragile),
        &job!(leave),
        &job!(schedule),
        &job!(query),
        &job!(unsendable),
    ]);
    let mut options = Options::from_env();
    let blocks = options.number("--blocks").unwrap_or(8);
    let workers = options.number("--workers").unwrap_or(4);
    let cost = options.duration("--cost").unwrap_or(100 * MS);
    let on_loop = options.flag("--on-loop");
    let word = options.word().unwrap_or_default();
    options.end();
    run(async move {
        match word.as_str() {
            "hash" => hashes(blocks, workers, cost, on_loop).await,
            "crash" => crash().await,
            "exit" => exit().await,
            "schedule" => {
                println!("{:?}", pool(1).submit(job!(schedule), &()).expect("open").await)
            }
            "refused" => refused().await,
            "query" => queries().await,
            "forgotten" => forgotten().await,
            other => println!("unknown: {other:?}"),
        }
    });
}

fn say(text: &str) {
    println!("{:>4} ms: {text}", millis(time()));
}

fn pool(workers: u32) -> ProcessPoolExecutor {
    ProcessPoolExecutor::new(workers).expect("there are workers")
}

fn shown<T: std::fmt::Debug>(result: Result<T, Exception>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{}: {error}", error.kind()),
    }
}

#[derive(Serialize, Deserialize)]
struct Block {
    number: u32,
    cost: Duration,
}

fn hash(block: Block) -> u32 {
    burn(block.cost);
    println!("hashed {}", block.number);
    block.number.wrapping_mul(0x9e37_79b9)
}

async fn hashes(blocks: u32, workers: u32, cost: Duration, on_loop: bool) {
    spawn_named("heartbeat", heartbeat(100 * MS)).detach();
    let pool = pool(workers);
    let mut jobs = Vec::new();
    let mut sum = 0_u32;
    for number in 0..blocks {
        let block = Block { number, cost };
        if on_loop {
            sum = sum.wrapping_add(hash(block));
        } else {
            jobs.push(pool.submit(job!(hash), &block).expect("it is open"));
        }
    }
    for job in jobs {
        sum = sum.wrapping_add(job.await.expect("it does not fail"));
    }
    say(&format!("{blocks} blocks, {sum:08x}"));
}

fn fragile(number: u32) -> u32 {
    burn(20 * MS * (number + 1));
    assert!(number != 2, "block {number} is broken");
    number
}

async fn crash() {
    let pool = pool(2);
    let jobs: Vec<_> =
        (0..6).map(|number| pool.submit(job!(fragile), &number).expect("it is open")).collect();
    for job in jobs {
        say(&shown(job.await));
    }
    say(&shown(pool.submit(job!(fragile), &0).map(|_| ())));
}

fn leave(status: u8) -> u32 {
    loopbox_guest::exit(status)
}

async fn exit() {
    say(&shown(pool(1).submit(job!(leave), &3).expect("it is open").await));
}

fn schedule(_: ()) -> String {
    match get_running_loop() {
        Ok(_) => "a loop is visible".into(),
        Err(error) => format!("RuntimeError: {error}"),
    }
}

fn lambda(_: u32) -> u32 {
    0
}

async fn refused() {
    let pool = pool(1);
    say(&shown(pool.submit(job!(lambda), &1).map(|_| ())));
    // JSON has no keys but texts.
    let argument = BTreeMap::from([((1, 2), 3)]);
    say(&shown(pool.submit(job!(unsendable), &argument).map(|_| ())));
    say(&format!("TypeError: {}", set_default_executor(&pool).expect_err("no threads")));
    pool.shutdown(false);
    say(&shown(pool.submit(job!(hash), &Block { number: 1, cost: MS }).map(|_| ())));
    say(&format!("ValueError: {}", ProcessPoolExecutor::new(0).expect_err("no workers")));
}

fn unsendable(_: BTreeMap<(u32, u32), u32>) {}

#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
struct QueryError(String);

fn query(table: String) -> Result<String, QueryError> {
    let rows = blocking::call("db.query", &table).map_err(|error| QueryError(error.to_string()))?;
    Ok(String::from_utf8_lossy(&rows).into_owned())
}

async fn queries() {
    let pool = pool(2);
    let jobs: Vec<_> = ["users", "orders", "events"]
        .map(|table| pool.submit(job!(query), &table.to_owned()).expect("it is open"))
        .into();
    for job in jobs {
        match job.await {
            Ok(Err(error)) => say(&format!("{:?}", error.as_exception())),
            result => say(&shown(result.map(|rows| rows.unwrap_or_default()))),
        }
    }
}

async fn forgotten() {
    let pool = pool(1);
    let job = pool.submit(job!(hash), &Block { number: 1, cost: 500 * MS }).expect("it is open");
    let late = timeout(50 * MS, job).await.is_err();
    say(&format!("too late: {late}"));
    sleep(10 * MS).await;
}
