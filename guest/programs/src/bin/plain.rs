//! A program that knows nothing of Loopbox: the standard library alone, the same output every time.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, io, thread};

fn main() {
    println!("arguments: {:?}", env::args().skip(1).collect::<Vec<_>>());
    println!("GREETING: {}", env::var("GREETING").unwrap_or_else(|error| error.to_string()));

    match fs::read_to_string("/etc/motd") {
        Ok(text) => println!("/etc/motd: {text:?}"),
        Err(error) => println!("/etc/motd: {:?}", error.kind()),
    }

    // Hash maps are seeded with entropy. Here that comes from the run's seed.
    let squares: HashMap<u32, u32> = (1..=8).map(|n| (n, n * n)).collect();
    println!("squares: {:?}", squares.values().collect::<Vec<_>>());

    let wall = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    println!("wall clock: {} s", wall.as_secs());

    let start = Instant::now();
    thread::sleep(Duration::from_millis(250));
    println!("slept: {} ms", start.elapsed().as_millis());

    for line in io::stdin().lines() {
        match line {
            Ok(line) => println!("stdin: {line:?}"),
            Err(error) => println!("stdin: {:?}", error.kind()),
        }
    }
}
