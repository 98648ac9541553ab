//! The libraries of the smol family, unchanged, on this loop: a pipeline of three stages.
//!
//! async-channel carries the numbers, async-lock guards what the stages share, event-listener says when all
//! is done, and futures-lite runs two things at once.

use std::rc::Rc;
use std::time::Duration;

use async_lock::{Mutex, Semaphore};
use event_listener::Event;
use futures_lite::{StreamExt, future, stream};
use loopbox_guest::{run, sleep, spawn_named};

fn main() {
    let (sum, order) = run(async {
        let (numbers_in, numbers) = async_channel::bounded(2);
        let (squares_in, squares) = async_channel::bounded(2);
        let sum = Rc::new(Mutex::new(0));
        let finished = Rc::new(Event::new());

        spawn_named("numbers", async move {
            let mut numbers = stream::iter(1..=10_u64);
            while let Some(number) = numbers.next().await {
                numbers_in.send(number).await.expect("the squarers are there");
            }
        });
        let two_at_a_time = Rc::new(Semaphore::new(2));
        for name in ["square-1", "square-2", "square-3"] {
            let (numbers, squares_in) = (numbers.clone(), squares_in.clone());
            let two_at_a_time = two_at_a_time.clone();
            spawn_named(name, async move {
                while let Ok(number) = numbers.recv().await {
                    let _permit = two_at_a_time.acquire().await;
                    sleep(Duration::from_millis(number)).await;
                    squares_in.send(number * number).await.expect("the sum is there");
                }
            });
        }
        drop((numbers, squares_in));

        let done = finished.listen();
        let (total, end) = (sum.clone(), finished.clone());
        let order = spawn_named("sum", async move {
            let mut order = Vec::new();
            while let Ok(square) = squares.recv().await {
                *total.lock().await += square;
                order.push(square);
            }
            end.notify(usize::MAX);
            order
        });
        let (order, ()) = future::zip(order, done).await;
        (*sum.lock().await, order)
    });
    println!("squares in the order of their arrival: {order:?}");
    println!("sum: {sum}");
}
