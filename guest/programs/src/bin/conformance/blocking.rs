//! What blocks the loop, and what it does to the others.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use loopbox_guest::{run, run_in_executor, sleep, spawn, time};

use crate::{seconds, time_sleep};

pub(crate) fn s36() {
    async fn tick(log: Rc<RefCell<Vec<Duration>>>) {
        loop {
            log.borrow_mut().push(time());
            sleep(seconds(0.1)).await;
        }
    }
    async fn main(blocking: bool) {
        let log = Rc::new(RefCell::new(Vec::new()));
        let ticks = spawn(tick(log.clone()));
        sleep(seconds(0.25)).await;
        if blocking {
            time_sleep(1.0);
        } else {
            run_in_executor(|| time_sleep(1.0)).await;
        }
        sleep(seconds(0.25)).await;
        ticks.cancel();
        let log = log.borrow();
        let gap = log.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
        let how = if blocking { "blocking" } else { "executor" };
        println!("{how} ticks: {} largest gap: {:.1} s", log.len(), gap.as_secs_f64());
    }
    run(main(true));
    run(main(false));
}
