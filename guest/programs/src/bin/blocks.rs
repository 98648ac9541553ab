//! Ways to block, beside a heartbeat of 50 ms: on the loop each one stalls it, with `--offload` it blocks a worker.
//!
//! `sleep` is `std::thread::sleep`; `file`, `list` and `stdin` are the standard library's reads, which the scenario
//! makes slow; `call` is a call that the program names itself; `cpu` only computes, and is no blocking at all. `brief`
//! does all of these in no time.

use std::io::Read;
use std::time::Duration;
use std::{fs, io, thread};

use loopbox_guest::{blocking, executor_job, run, sleep, spawn_named};
use loopbox_programs::{Options, burn, heartbeat};

fn main() {
    let mut options = Options::from_env();
    let offload = options.flag("--offload");
    let way = options.word();
    options.end();
    let work: fn() -> String = match way.as_deref() {
        Some("sleep") => snooze,
        Some("file") => read_file,
        Some("list") => list_files,
        Some("stdin") => read_stdin,
        Some("call") => query,
        Some("cpu") => compute,
        Some("brief") => all_in_no_time,
        _ => {
            eprintln!("which way? sleep, file, list, stdin, call, cpu or brief");
            loopbox_guest::exit(2);
        }
    };
    run(async move {
        spawn_named("heartbeat", heartbeat(Duration::from_millis(50)));
        sleep(Duration::from_millis(120)).await;
        let worker = spawn_named("worker", async move {
            if offload { executor_job("work", work).await } else { work() }
        });
        println!("{}", worker.await);
        sleep(Duration::from_millis(100)).await;
    });
}

fn snooze() -> String {
    thread::sleep(Duration::from_millis(300));
    "slept".into()
}

fn read_file() -> String {
    text(fs::read_to_string("/etc/app.conf"))
}

fn list_files() -> String {
    let names = fs::read_dir("/etc").map(|entries| {
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    });
    let names: Vec<String> = names.unwrap_or_default();
    let size = fs::metadata("/etc/app.conf").map(|metadata| metadata.len());
    format!("{names:?}, {size:?} bytes")
}

fn read_stdin() -> String {
    let mut line = String::new();
    text(io::stdin().read_to_string(&mut line).map(|_| line))
}

fn query() -> String {
    let rows = blocking::call("db.query", "SELECT 1");
    rows.map_or_else(|error| error.to_string(), |rows| String::from_utf8_lossy(&rows).into_owned())
}

fn compute() -> String {
    burn(Duration::from_millis(300));
    "computed".into()
}

/// What must not be reported: it blocks for no time, or for less than anybody notices.
fn all_in_no_time() -> String {
    thread::sleep(Duration::ZERO);
    thread::sleep(Duration::from_millis(5));
    let all = [read_file(), list_files(), read_stdin(), query()];
    all.map(|text| text.trim().to_owned()).join("; ")
}

fn text(read: io::Result<String>) -> String {
    read.map_or_else(|error| error.to_string(), |text| text.trim().to_owned())
}
