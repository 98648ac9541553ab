//! Asynchronous generators: AG-1 to AG-5.

use std::cell::RefCell;
use std::time::Duration;

use loopbox_guest::{
    AsyncGenerator, Exception, Loop, create_task, current_task, generator, run, shutdown_asyncgens,
    sleep,
};

use crate::seconds;

pub(crate) fn s26() {
    fn gen_() -> AsyncGenerator<i32> {
        generator(|items| async move {
            items.yield_(1).await?;
            let Err(exit) = items.yield_(2).await else { return Ok(()) };
            Err(Exception::new("ValueError", "in aclose").caused_by(exit.into()))
        })
    }
    thread_local! {
        static KEEP: RefCell<Option<AsyncGenerator<i32>>> = const { RefCell::new(None) };
    }
    async fn main() {
        let g = gen_(); // left half-iterated; closed by shutdown_asyncgens()
        g.anext().await.expect("an item");
        g.anext().await.expect("another");
        KEEP.set(Some(g));
    }
    run(main());
    println!("---- first iteration after shutdown_asyncgens");
    fn gen2() -> AsyncGenerator<i32> {
        generator(|items| async move { Ok(items.yield_(1).await?) })
    }
    async fn m2() {
        shutdown_asyncgens().await;
        let g2 = gen2();
        g2.anext().await.expect("an item");
        g2.aclose().await.expect("it closes");
    }
    run(m2());
    println!("---- awaiting in finally of a GC-ed generator");
    fn gen3() -> AsyncGenerator<i32> {
        generator(|items| async move {
            let exit = items.yield_(1).await;
            sleep(Duration::ZERO).await;
            println!("gen3 cleaned up in {}", current_task().expect("this is one").name());
            Ok(exit?)
        })
    }
    async fn main3() {
        gen3().anext().await.expect("an item");
        sleep(seconds(0.01)).await;
    }
    run(main3());
    println!("---- aclose while running");
    fn gen5() -> AsyncGenerator<i32> {
        generator(|items| async move {
            sleep(seconds(0.1)).await;
            Ok(items.yield_(1).await?)
        })
    }
    async fn main5() {
        let g = std::rc::Rc::new(gen5());
        let other = g.clone();
        let t = create_task(async move { other.anext().await });
        sleep(Duration::ZERO).await;
        if let Err(error) = g.aclose().await {
            println!("RuntimeError: {error}");
        }
        if let Err(error) = g.anext().await {
            println!("RuntimeError: {error}");
        }
        t.await.expect("an item");
    }
    run(main5());
}

pub(crate) fn s27() {
    fn gen_() -> AsyncGenerator<i32> {
        generator(|items| async move {
            let exit = items.yield_(1).await;
            sleep(Duration::ZERO).await;
            println!("never printed");
            Ok(exit?)
        })
    }
    async fn first() -> AsyncGenerator<i32> {
        let g = gen_();
        g.anext().await.expect("an item");
        g
    }
    let event_loop = Loop::new().expect("there is no other");
    let g = event_loop.run_until_complete(first()).expect("it ends");
    event_loop.close();
    drop(g);
    println!("1: hook installed, loop closed: silent, and the finally block never ran");
}

pub(crate) fn s59() {
    fn g() -> AsyncGenerator<i32> {
        generator(|items| async move { Ok(items.yield_(1).await?) })
    }
    let a = g();
    drop(a.anext());
    drop(a.aclose());
}
