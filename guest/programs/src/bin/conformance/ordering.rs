//! In which order things run, and what starves what: ORDER-*, STARVE-*, TURN-*.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use loopbox_guest::{
    call_at, call_later, call_soon, call_soon_threadsafe, catch_cancel, create_future, run, sleep,
    spawn, time,
};

use crate::seconds;

pub(crate) fn s44() {
    async fn main() {
        fn spin(n: Rc<Cell<u32>>, stop: Rc<Cell<bool>>) {
            n.set(n.get() + 1);
            if !stop.get() {
                call_soon(move || spin(n, stop));
            }
        }
        let (n, stop) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        spin(n.clone(), stop.clone());
        let t = time();
        sleep(seconds(0.1)).await;
        stop.set(true);
        let fired = (time() - t).as_secs_f64();
        assert!(n.get() > 1000);
        println!("timer due at 0.100 fired at {fired:.3} with many spins in between");

        let done = create_future();
        done.set_result(()).expect("pending");
        let log = Rc::new(RefCell::new(Vec::new()));
        let timer_log = log.clone();
        call_later(Duration::ZERO, move || timer_log.borrow_mut().push("timer ran"));
        let t = time();
        while time() - t < seconds(0.2) {
            done.clone().await.expect("a result");
        }
        let log = if log.borrow().is_empty() { "did not run" } else { "timer ran" };
        println!("busy \"await done\" for 0.2 s, timer: {log}");
    }
    run(main());
}

pub(crate) fn s50() {
    type Out = Rc<RefCell<Vec<String>>>;
    fn push(out: &Out, what: impl ToString) -> impl FnOnce() + 'static {
        let (out, what) = (out.clone(), what.to_string());
        move || out.borrow_mut().push(what)
    }
    fn shown(out: &Out) -> String {
        format!("[{}]", out.take().join(", "))
    }
    async fn main(out: Out) {
        let when = time() + seconds(0.01);
        for i in 0..8 {
            call_at(when, push(&out, i));
        }
        sleep(seconds(0.03)).await;
        println!("equal deadlines ran in order {}", shown(&out));
        for i in 0..5 {
            call_soon(push(&out, i));
        }
        // The list is not `Send`, so it cannot go to another thread; the order is the same.
        call_soon_threadsafe(|| ());
        call_soon(push(&out, "'ts'"));
        sleep(Duration::ZERO).await;
        println!("call_soon is FIFO {}", shown(&out));
        for i in 0..8 {
            let out = out.clone();
            spawn(async move {
                if catch_cancel(sleep(seconds(10.0))).await.is_err() {
                    out.borrow_mut().push(i.to_string());
                }
            });
        }
        sleep(Duration::ZERO).await;
    }
    let out = Out::default();
    run(main(out.clone()));
    println!("shutdown cancels all_tasks() in set order (by address): {}", shown(&out));
}
