//! Loops in the program's own hands, and their misuse: RES-1, MIS-*, CONST-1.

use std::time::Duration;

use loopbox_guest::{
    Exception, Loop, Runner, create_future, create_task, get_debug, get_running_loop, run, sleep,
};

use crate::{python, seconds};

/// Says so when it is dropped.
struct Finally(&'static str);

impl Drop for Finally {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

pub(crate) fn s19() {
    async fn w() -> Result<(), Exception> {
        let _finally = Finally("finally ran");
        sleep(seconds(3600.0)).await;
        Ok(())
    }
    let event_loop = Loop::new().expect("there is no other");
    let t = event_loop.create_task(w());
    event_loop.run_until_complete(sleep(Duration::ZERO)).expect("it ends");
    event_loop.close();
    drop(t);
}

pub(crate) fn s20() {
    let event_loop = Loop::new().expect("there is no other");
    drop(event_loop);
}

pub(crate) fn s34() {
    async fn one() {
        sleep(Duration::ZERO).await;
    }
    async fn main() {
        if let Err(error) = Runner::new().run(one()) {
            println!("RuntimeError: {error}");
        }
        if let Err(error) = Loop::new() {
            println!("RuntimeError: {error}");
        }
        let f = create_future();
        f.set_result(1).expect("pending");
        if let Err(error) = f.set_result(2) {
            println!("InvalidStateError: {error}");
        }
        if let Err(error) = create_future::<()>().result() {
            println!("{}: {error}", error.kind());
        }
    }
    run(main());
    let event_loop = Loop::new().expect("there is no other");
    let handle = event_loop.handle();
    event_loop.close();
    if let Err(error) = handle.call_soon(|| ()) {
        println!("call_soon RuntimeError: {error}");
    }
    if let Err(error) = handle.call_soon_threadsafe(|| ()) {
        println!("threadsafe RuntimeError: {error}");
    }
    async fn nothing() -> Result<(), Exception> {
        Ok(())
    }
    if let Err(error) = handle.create_task(nothing()) {
        println!("create_task RuntimeError: {error}");
    }
    async fn st() {
        get_running_loop().expect("this is one").stop();
        sleep(seconds(1.0)).await;
    }
    let event_loop = Loop::new().expect("there is no other");
    if let Err(error) = event_loop.run_until_complete(st()) {
        println!("RuntimeError: {error}");
    }
    event_loop.close();
    if let Err(error) = get_running_loop() {
        println!("RuntimeError: {error}");
    }
}

pub(crate) fn s42() {
    run(async { println!("[] debug = {}", python(get_debug())) });
}

pub(crate) fn s60() {
    async fn main() -> Result<(), Exception> {
        sleep(seconds(3600.0)).await;
        println!("slept 3600.0");
        create_future::<()>().await
    }
    let _ = run(async { create_task(main()).await });
}
