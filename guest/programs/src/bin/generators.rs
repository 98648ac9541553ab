//! Asynchronous generators that are left half way, by name, and with `--cured` the same ones closed.

use std::cell::RefCell;
use std::time::Duration;

use loopbox_guest::{
    AsyncGenerator, Exception, Loop, ValueError, aclosing, current_task, exit, generator, run,
    shutdown_asyncgens, sleep, spawn, yield_now,
};
use loopbox_programs::Options;

const USAGE: &str = "generators half-way | kept | kept-and-failing | after-shutdown | loop-closed | shared  [--cured]";

thread_local! {
    /// Like a global in Python.
    static KEPT: RefCell<Option<AsyncGenerator<u32>>> = const { RefCell::new(None) };
}

fn main() {
    let mut options = Options::from_env();
    let cured = options.flag("--cured");
    match options.word().as_deref() {
        Some("half-way") => run(half_way(cured)),
        Some("kept") => run(kept(rows(), cured)),
        Some("kept-and-failing") => run(kept(careless_rows(), cured)),
        Some("after-shutdown") => run(after_shutdown(cured)),
        Some("loop-closed") => loop_closed(cured),
        Some("shared") => run(shared(cured)),
        _ => {
            eprintln!("{USAGE}");
            exit(2);
        }
    }
    println!("done");
}

/// Rows of a query, which is closed in the end: that takes a millisecond.
fn rows() -> AsyncGenerator<u32> {
    generator(|rows| async move {
        let all = async {
            for row in 1..=3 {
                rows.yield_(row).await?;
            }
            Ok(())
        };
        let result: Result<(), Exception> = all.await;
        sleep(Duration::from_millis(1)).await;
        println!("query closed in {}", current_task().map_or("no task".into(), |task| task.name()));
        result
    })
}

/// The same, but it cannot be closed.
fn careless_rows() -> AsyncGenerator<u32> {
    generator(|rows| async move {
        rows.yield_(1).await.ok();
        Err(ValueError::new("in aclose").into())
    })
}

async fn first_of(rows: &AsyncGenerator<u32>) {
    println!("first row: {:?}", rows.anext().await);
}

/// One row is enough.
async fn half_way(cured: bool) {
    if cured {
        let first = aclosing(rows(), async |rows| first_of(rows).await);
        first.await.expect("the query can be closed");
    } else {
        first_of(&rows()).await;
    }
    println!("main goes on");
    sleep(Duration::from_millis(10)).await;
}

/// It lives on when the main task ends.
async fn kept(rows: AsyncGenerator<u32>, cured: bool) {
    first_of(&rows).await;
    if cured {
        println!("closed: {:?}", rows.aclose().await);
    }
    KEPT.replace(Some(rows));
}

/// It begins when the loop has closed all others already.
async fn after_shutdown(cured: bool) {
    if !cured {
        shutdown_asyncgens().await;
    }
    let rows = rows();
    first_of(&rows).await;
    rows.aclose().await.expect("the query can be closed");
}

/// Its loop is gone before it is closed.
fn loop_closed(cured: bool) {
    let event_loop = Loop::new().expect("there is no other");
    let rows = rows();
    let first = rows.clone();
    event_loop.run_until_complete(async move { first_of(&first).await }).expect("it runs");
    if cured {
        event_loop.run_until_complete(shutdown_asyncgens()).expect("it runs");
    }
    event_loop.close();
    drop(rows);
}

/// Two tasks want the next row at once.
async fn shared(cured: bool) {
    let slow: AsyncGenerator<u32> = generator(|rows| async move {
        sleep(Duration::from_millis(10)).await;
        Ok(rows.yield_(1).await?)
    });
    let other = slow.clone();
    let reader = spawn(async move { first_of(&other).await });
    yield_now().await;
    if cured {
        reader.await;
        println!("closed: {:?}", slow.aclose().await);
    } else {
        println!("{:?}", slow.aclose().await);
        println!("{:?}", slow.anext().await);
        reader.await;
        slow.aclose().await.expect("it can be closed");
    }
}
