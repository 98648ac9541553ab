//! The scripts of asyncio's catalogue of behaviours, in Rust: each function is named after the Python script
//! that it follows, and prints what that prints. `tests/conformance` compares the two.
//!
//! The script is named by the first argument; a second one, `d`, turns debug mode on, as in some scripts.

mod blocking;
mod cancelling;
mod coroutines;
mod exceptions;
mod executors;
mod generators;
mod locks;
mod loops;
mod ordering;
mod processes;
mod signals;
mod slow;
mod threads;

use std::time::Duration;

use executors::child;
use loopbox_guest::job;
use loopbox_guest::process_pool::serve;
use loopbox_programs::Options;

fn main() {
    // A function goes by its name as it is written here.
    serve(&[&job!(child)]);
    let mut options = Options::from_env();
    let script = options.word().unwrap_or_default();
    let debug = options.word().as_deref() == Some("d");
    options.end();
    if debug {
        loopbox_guest::set_debug(true);
    }
    match script.as_str() {
        "s01" => slow::s01(),
        "s02" => slow::s02(),
        "s04" => slow::s04(),
        "s05" => slow::s05(),
        "s06" => threads::s06(),
        "s07" => threads::s07(),
        "s08" => signals::s08(),
        "s09" => signals::s09(),
        "s11" => coroutines::s11(),
        "s12" => coroutines::s12(),
        "s14" => exceptions::s14(),
        "s15" => exceptions::s15(),
        "s16" => exceptions::s16(),
        "s17" => exceptions::s17(),
        "s18" => exceptions::s18(),
        "s19" => loops::s19(),
        "s20" => loops::s20(),
        "s22" => processes::s22(),
        "s23" => exceptions::s23(),
        "s24" => exceptions::s24(),
        "s25" => executors::s25(Some(seconds(0.1))),
        "s25-without" => executors::s25(None),
        "s26" => generators::s26(),
        "s27" => generators::s27(),
        "s28" => signals::s28(),
        "s28-second" => signals::s28_second(),
        "s29" => signals::s29(),
        "s30" => exceptions::s30(),
        "s34" => loops::s34(),
        "s35" => threads::s35(),
        "s36" => blocking::s36(),
        "s37" => executors::s37(),
        "s38" => executors::s38(),
        "s39" => processes::s39(),
        "s40" => processes::s40(),
        "s41" => cancelling::s41(),
        "s42" => loops::s42(),
        "s43" => processes::s43(),
        "s44" => ordering::s44(),
        "s45" => exceptions::s45(),
        "s46" => locks::s46(),
        "s49" => signals::s49(),
        "s50" => ordering::s50(),
        "s51" => executors::s51(),
        "s52" => coroutines::s52(),
        "s53" => cancelling::s53(),
        "s55" => slow::s55(),
        "s58" => cancelling::s58(),
        "s59" => generators::s59(),
        "s60" => loops::s60(),
        _ => {
            eprintln!("no script `{script}`");
            loopbox_guest::exit(2)
        }
    }
}

/// `time.sleep`: a span that the thread is blocked.
fn time_sleep(span: f64) {
    std::thread::sleep(seconds(span));
}

/// A span of seconds, as Python writes them.
fn seconds(span: f64) -> Duration {
    Duration::from_secs_f64(span)
}

/// A truth, as Python prints it.
fn python(truth: bool) -> &'static str {
    if truth { "True" } else { "False" }
}
