//! Tasks among themselves: nothing from outside the program happens here.

use loopbox_guest::sync::{Event, Lock, Queue};
use loopbox_guest::{
    Exception, TaskGroup, ValueError, call_at, cancelled, catch_cancel, create_task, sleep,
    spawn_named, time, timeout,
};

use crate::ms;

/// Three callbacks that are due at one moment, twice; then two tasks whose periods meet.
pub(crate) async fn timers() {
    for _ in 0..2 {
        let rung = Event::new();
        let when = time() + ms(100);
        call_at(when, first);
        call_at(when, second);
        call_at(when, third(rung.clone()));
        rung.wait().await;
    }
    let early = spawn_named("early", tick("early", 40));
    let late = spawn_named("late", tick("late", 60));
    early.await;
    late.await;
}

fn first() {
    println!("first");
}

fn second() {
    println!("second");
}

fn third(rung: Event) -> impl FnOnce() {
    move || {
        println!("third");
        rung.set();
    }
}

async fn tick(name: &'static str, period: u64) {
    for beat in 1..=3 {
        sleep(ms(period)).await;
        println!("{name} {beat}");
    }
}

/// One task cleans up when it is cancelled, one never began, one catches it and goes on.
pub(crate) async fn cancellation() {
    let tidy = spawn_named("tidy", tidy());
    let stubborn = spawn_named("stubborn", stubborn());
    sleep(ms(100)).await;
    let unborn = spawn_named("unborn", sleep(ms(1000)));
    unborn.handle().cancel();
    tidy.handle().cancel();
    stubborn.handle().cancel();
    let _ = catch_cancel(tidy).await;
    println!("tidy has gone");
    let _ = catch_cancel(unborn).await;
    println!("unborn has gone");
    println!("stubborn gave {}", stubborn.await);
}

async fn tidy() {
    if catch_cancel(sleep(ms(10_000))).await.is_err() {
        println!("tidy: cleaning up");
        sleep(ms(50)).await;
        println!("tidy: clean");
        cancelled().await;
    }
}

async fn stubborn() -> u32 {
    if catch_cancel(sleep(ms(10_000))).await.is_err() {
        println!("stubborn: not yet");
    }
    sleep(ms(200)).await;
    7
}

/// In time, too late, and one limit within another.
pub(crate) async fn timeouts() {
    match timeout(ms(100), work(50)).await {
        Ok(()) => println!("in time"),
        Err(_) => println!("too late"),
    }
    match timeout(ms(100), work(500)).await {
        Ok(()) => println!("in time"),
        Err(_) => println!("too late"),
    }
    match timeout(ms(300), nested()).await {
        Ok(()) => println!("outer: in time"),
        Err(_) => println!("outer: too late"),
    }
}

async fn nested() {
    match timeout(ms(100), work(500)).await {
        Ok(()) => println!("inner: in time"),
        Err(_) => println!("inner: too late"),
    }
    work(500).await;
}

async fn work(millis: u64) {
    sleep(ms(millis)).await;
    println!("worked for {millis} ms");
}

/// Of three tasks of a group one fails: the others are cancelled, and the group has its error.
pub(crate) async fn group() {
    let group = TaskGroup::run(async |group| {
        group.create_task(step("fetch", 30))?;
        group.create_task(failing())?;
        group.create_task(step("store", 5000))?;
        Ok::<_, Exception>(())
    });
    match group.await {
        Ok(()) => println!("all is well"),
        Err(errors) => {
            println!("{errors}");
            for error in errors.exceptions() {
                println!("- {}: {error}", error.kind());
            }
        }
    }
}

async fn step(name: &'static str, millis: u64) -> Result<(), Exception> {
    match catch_cancel(sleep(ms(millis))).await {
        Ok(()) => println!("{name}: done"),
        Err(_) => {
            println!("{name}: cancelled");
            cancelled().await;
        }
    }
    Ok(())
}

async fn failing() -> Result<(), Exception> {
    sleep(ms(70)).await;
    Err(ValueError::new("no such table").into())
}

/// A producer that is faster than its two consumers, and a queue with room for two.
pub(crate) async fn queue() {
    let queue = Queue::new(2);
    let producer = spawn_named("producer", produce(queue.clone()));
    let left = spawn_named("left", consume("left", queue.clone(), 30));
    let right = spawn_named("right", consume("right", queue.clone(), 50));
    producer.await;
    queue.join().await;
    println!("all done");
    left.cancel().await;
    right.cancel().await;
}

async fn produce(queue: Queue<u32>) {
    for item in 1..=8 {
        let _ = queue.put(item).await;
        println!("put {item}");
    }
}

async fn consume(name: &'static str, queue: Queue<u32>, millis: u64) {
    while let Ok(item) = queue.get().await {
        sleep(ms(millis)).await;
        println!("{name} took {item}");
        let _ = queue.task_done();
    }
}

/// Three tasks want one lock, which goes to them in their order; one that gives up is passed over.
pub(crate) async fn lock() {
    let lock = Lock::new();
    let tasks: Vec<_> = ["ada", "bob", "cleo"]
        .into_iter()
        .map(|name| spawn_named(name, hold(name, lock.clone())))
        .collect();
    let impatient = create_task(impatient(lock.clone()));
    for task in tasks {
        task.await;
    }
    let _ = impatient.await;
}

async fn hold(name: &'static str, lock: Lock) {
    for round in 1..=2 {
        let guard = lock.lock().await;
        println!("{name} has it, round {round}");
        sleep(ms(20)).await;
        drop(guard);
        sleep(ms(5)).await;
    }
}

async fn impatient(lock: Lock) -> Result<(), Exception> {
    if timeout(ms(30), lock.lock()).await.is_err() {
        println!("nobody waits for me");
    }
    Ok(())
}
