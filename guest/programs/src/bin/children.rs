//! What the scenarios of processes start as children. Which one it is says the name that it was started by.
//!
//! - `cat`: standard input to standard output, in pieces of 4 KiB, in plain blocking Rust.
//! - `yes N`: N bytes to standard output, in one go.
//! - `ticker N`: a line to standard output every 10 ms, N times.
//! - `sleep DURATION`: nothing for so long.
//! - `fail`: a line on standard error, and exit status 3.
//! - `crash`: panics.
//! - `worker`: an event loop that works until SIGTERM comes, then finishes its work in 50 ms and ends with status 0.

use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use loopbox_guest::signal::{self, SIGTERM};
use loopbox_guest::{exit, run, sleep};
use loopbox_programs::Options;

fn main() {
    let name = std::env::args().next().unwrap_or_default();
    let mut options = Options::from_env();
    let argument = options.word().unwrap_or_default();
    let number = || argument.parse().unwrap_or(0);
    let result = match name.as_str() {
        "cat" => cat(),
        "yes" => io::stdout().write_all(&b"y".repeat(number())),
        "ticker" => ticker(number()),
        "sleep" => {
            thread::sleep(Duration::from_millis(u64::try_from(number()).unwrap_or(0)));
            Ok(())
        }
        "fail" => {
            eprintln!("no such thing");
            exit(3)
        }
        "crash" => panic!("the worker has a bug"),
        "worker" => {
            run(worker());
            Ok(())
        }
        _ => {
            eprintln!("unknown name {name:?}");
            exit(2)
        }
    };
    if let Err(error) = result.and_then(|()| io::stdout().flush()) {
        eprintln!("{name}: {error}");
        exit(1);
    }
}

fn cat() -> io::Result<()> {
    let (mut stdin, mut stdout) = (io::stdin().lock(), io::stdout().lock());
    let mut buffer = [0; 4096];
    loop {
        let count = stdin.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stdout.write_all(&buffer[..count])?;
        stdout.flush()?;
    }
}

fn ticker(lines: usize) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for number in 1..=lines {
        thread::sleep(Duration::from_millis(10));
        writeln!(stdout, "tick {number:03}")?;
        stdout.flush()?;
    }
    Ok(())
}

async fn worker() {
    println!("worker: ready");
    signal::wait(SIGTERM).await.expect("SIGTERM can be caught");
    println!("worker: SIGTERM, draining");
    sleep(Duration::from_millis(50)).await;
    println!("worker: drained");
}
