//! Who is told when a child ends: asyncio's child watcher.
//!
//! The machine tells the loop that a child has ended, in the turn after it did; the status is taken then. If somebody
//! else has taken it, or the loop that started the child is closed, that is reported (RES-4, RES-5). The texts are
//! those of Python 3.12 and later, whose watcher waits for a descriptor of the process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::child::Child;
use crate::debug;
use crate::event_loop::{self, EventLoop};
use crate::host::tracing::{Level as ReportLevel, Report};
use crate::logging::{self, Level};
use crate::os;
use crate::transport::soon;
use crate::waiting::Place;

/// What is reported as the return code of a child whose status somebody else has taken.
const LOST_STATUS: i32 = 255;

/// The children whose end has not been seen.
pub(crate) struct Children {
    living: RefCell<BTreeMap<u32, Rc<Child>>>,
    /// Children of loops that are closed.
    left: RefCell<BTreeMap<u32, Left>>,
}

/// A child that its loop has left behind.
struct Left {
    /// Where it was started.
    created: Place,
    /// Whether the loop was in debug mode.
    debug: bool,
}

impl Children {
    pub(crate) const fn new() -> Children {
        Children { living: RefCell::new(BTreeMap::new()), left: RefCell::new(BTreeMap::new()) }
    }

    /// From now on its end is waited for.
    pub(super) fn add(&self, child: Rc<Child>) {
        self.living.borrow_mut().insert(child.pid(), child);
    }

    /// The machine says that a child has ended.
    pub(crate) fn exited(&self, event_loop: &EventLoop, pid: u32) {
        let left = self.left.borrow_mut().remove(&pid);
        if let Some(left) = left {
            // The thread that asyncio waits in takes the status all the same.
            let _ = os::try_waitpid(pid);
            return event_loop.watch.report(&loop_is_closed(pid, &left));
        }
        let place = self.living.borrow().get(&pid).map(|child| child.created());
        if let Some(place) = place {
            soon(place, move || event_loop::with(|event_loop| event_loop.children.reap(pid)));
        }
    }

    /// Its end was seen otherwise.
    pub(super) fn forget(&self, pid: u32) {
        self.living.borrow_mut().remove(&pid);
    }

    fn reap(&self, pid: u32) {
        let status = os::try_waitpid(pid);
        if let Ok(None) = status {
            return;
        }
        let child = self.living.borrow_mut().remove(&pid);
        let Some(child) = child else { return };
        let returncode = match status {
            Ok(returncode) => returncode.unwrap_or(LOST_STATUS),
            Err(_) => {
                let report = status_lost(pid, child.created());
                event_loop::with(|event_loop| event_loop.watch.report(&report));
                LOST_STATUS
            }
        };
        if debug::get_debug() {
            let text = format_args!("process {pid} exited with returncode {returncode}");
            logging::note("asyncio", Level::DEBUG, text);
        }
        child.process_exited(returncode);
    }

    /// The loop is closed: nobody will look at these.
    pub(crate) fn close(&self) {
        let living = self.living.take();
        for (pid, child) in living {
            if !child.loop_closed() {
                let left = Left { created: child.created(), debug: debug::get_debug() };
                self.left.borrow_mut().insert(pid, left);
            }
        }
    }
}

fn report(code: &str, text: String, created: Place) -> Report {
    let created = Some(created.to_string());
    let (level, logger) = (ReportLevel::Warning, "asyncio".into());
    Report { code: code.into(), level, logger, text, created, died: None }
}

/// RES-4.
fn status_lost(pid: u32, created: Place) -> Report {
    let text =
        format!("child process pid {pid} exit status already read:  will report returncode 255");
    report("RES-4", text, created)
}

/// RES-5.
fn loop_is_closed(pid: u32, left: &Left) -> Report {
    let debug = if left.debug { "True" } else { "False" };
    let text = format!(
        "Loop <_UnixSelectorEventLoop running=False closed=True debug={debug}> that handles pid {pid} is closed"
    );
    report("RES-5", text, left.created)
}

/// RES-3.
pub(super) fn killed_running(child: &Child) {
    let text = format!("Close running child process: kill {child:?}");
    let report = report("RES-3", text, child.created());
    event_loop::with(|event_loop| event_loop.watch.report(&report));
}
