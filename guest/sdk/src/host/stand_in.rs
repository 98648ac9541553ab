//! A stand-in for the machine, so that the loop's own tests run on any target.
//!
//! It has a clock that jumps, a pool that is never full, signals that arrive when they are raised, pipes, and a few
//! children of one line each. It is not Loopbox: code takes no time except by `compute`, blocking calls return their payload at once, and
//! there is no scenario. What the loop tells the trace is kept as lines of text, for tests to look at.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) mod pipes;
pub(crate) mod process;

thread_local! {
    static MACHINE: RefCell<Machine> = RefCell::default();
}

#[derive(Default)]
struct Machine {
    /// The clock of whoever runs: the loop, or a worker.
    now: u64,
    /// The clocks of the loop and of jobs below the one that runs.
    below: Vec<u64>,
    pools: u32,
    /// Jobs that the loop does not hear of.
    unnoticed: BTreeSet<u32>,
    /// Jobs of pools of processes: no process ever takes them.
    calls: BTreeSet<u32>,
    /// When jobs ended.
    ended: BTreeMap<u32, u64>,
    in_job: bool,
    /// When jobs that have not begun were submitted: a worker was free.
    submitted: BTreeMap<u32, u64>,
    /// What the loop will be told, by time and order of arrival.
    notices: BTreeMap<(u64, u32), event_loop::Notice>,
    /// Counts everything that has an id.
    ids: u32,
    /// Signals that have a handler.
    handled: BTreeSet<u8>,
    /// Those whose handler is for one delivery.
    once: BTreeSet<u8>,
    pipes: pipes::Pipes,
    family: process::Family,
    labels: Vec<String>,
    lines: Vec<String>,
}

fn with<R>(f: impl FnOnce(&mut Machine) -> R) -> R {
    MACHINE.with_borrow_mut(f)
}

impl Machine {
    fn id(&mut self) -> u32 {
        self.ids += 1;
        self.ids
    }

    fn notify(&mut self, at: u64, kind: event_loop::NoticeKind, id: u32) {
        let order = self.id();
        self.notices.insert((at, order), event_loop::Notice { kind, id, at });
    }

    fn due(&self) -> usize {
        self.notices.range(..=(self.now, u32::MAX)).count()
    }
}

/// What the loop has told the trace since the last call.
#[cfg(test)]
pub(crate) fn take_lines() -> Vec<String> {
    with(|machine| std::mem::take(&mut machine.lines))
}

fn record(line: impl FnOnce(&Machine) -> String) {
    with(|machine| {
        if cfg!(test) {
            let line = line(machine);
            machine.lines.push(line);
        }
    });
}

pub(crate) mod clock {
    pub(crate) fn now() -> u64 {
        super::with(|machine| machine.now)
    }
}

pub(crate) mod event_loop {
    use super::with;

    #[derive(Clone, Copy)]
    pub(crate) enum NoticeKind {
        Signal,
        RunJob,
        JobFinished,
        Message,
        Readable,
        Writable,
        ChildExited,
    }

    #[derive(Clone, Copy)]
    pub(crate) struct Notice {
        pub(crate) kind: NoticeKind,
        pub(crate) id: u32,
        #[expect(dead_code, reason = "as on the real machine; the loop measures no lag itself")]
        pub(crate) at: u64,
    }

    pub(crate) fn wait(until: u64) -> u64 {
        with(|machine| {
            assert!(!machine.in_job, "a job cannot wait for the loop");
            machine.run_children();
            machine.notice_descriptors();
            let event = machine.notices.keys().next().map_or(u64::MAX, |(at, _)| *at);
            let until = until.min(event);
            if until == u64::MAX {
                return u64::MAX;
            }
            machine.now = machine.now.max(until);
            machine.now | (u64::from(machine.due() > 0) << 63)
        })
    }

    pub(crate) fn deadlock(waiting: &[String]) {
        panic!("deadlock: nothing can ever happen again\n{}", waiting.join("\n"));
    }

    pub(crate) fn next_notice() -> Option<Notice> {
        with(|machine| {
            (machine.due() > 0).then(|| machine.notices.pop_first())?.map(|(_, notice)| notice)
        })
    }

    pub(crate) fn park() -> u64 {
        unreachable!("the stand-in has one process, which is never told to park")
    }

    pub(crate) fn stop() {}
}

pub(crate) mod signals {
    use super::event_loop::NoticeKind;
    use super::{record, with};

    pub(crate) enum SignalError {
        Unknown,
        Uncatchable,
        NotMainThread,
    }

    fn check(signal: u8) -> Result<(), SignalError> {
        match signal {
            _ if with(|machine| machine.in_job) => Err(SignalError::NotMainThread),
            1..32 if signal == 9 => Err(SignalError::Uncatchable),
            1..32 => Ok(()),
            _ => Err(SignalError::Unknown),
        }
    }

    pub(crate) fn add_handler(signal: u8) -> Result<(), SignalError> {
        check(signal)?;
        with(|machine| machine.handled.insert(signal));
        Ok(())
    }

    pub(crate) fn add_handler_once(signal: u8) -> Result<(), SignalError> {
        add_handler(signal)?;
        with(|machine| machine.once.insert(signal));
        Ok(())
    }

    pub(crate) fn remove_handler(signal: u8) -> Result<bool, SignalError> {
        check(signal)?;
        Ok(with(|machine| machine.handled.remove(&signal)))
    }

    pub(crate) fn handled(signal: u8) {
        record(|_| format!("handled {signal}"));
    }

    pub(crate) fn raise(signal: u8) -> Result<(), SignalError> {
        with(|machine| {
            assert!(machine.handled.contains(&signal), "signal {signal} ends the process");
            machine.notify(machine.now, NoticeKind::Signal, signal.into());
            if machine.once.remove(&signal) {
                machine.handled.remove(&signal);
            }
        });
        Ok(())
    }
}

pub(crate) mod blocking {
    pub(crate) fn call(_name: &str, payload: &[u8]) -> Result<Vec<u8>, String> {
        Ok(payload.to_vec())
    }

    pub(crate) fn wait_until(name: &str, until: u64) {
        super::with(|machine| machine.now = machine.now.max(until));
        super::record(|machine| format!("blocked in {name} until {}", machine.now));
    }

    pub(crate) fn compute(duration: u64) {
        super::with(|machine| machine.now += duration);
    }
}

pub(crate) mod jobs {
    use super::event_loop::NoticeKind;
    use super::with;

    pub(crate) enum Waited {
        Finished,
        #[expect(
            dead_code,
            reason = "as on the real machine; no test cancels a job that is waited for"
        )]
        Cancelled,
        TimedOut,
        Run(u32),
    }

    pub(crate) fn create_pool(_name: &str, _workers: u32) -> u32 {
        with(|machine| {
            machine.pools += 1;
            machine.pools
        })
    }

    pub(crate) fn submit(_pool: u32, _name: &str, _place: &str, notify: bool) -> u32 {
        with(|machine| {
            let id = machine.id();
            machine.notify(machine.now, NoticeKind::RunJob, id);
            machine.submitted.insert(id, machine.now);
            if !notify {
                machine.unnoticed.insert(id);
            }
            id
        })
    }

    pub(crate) fn cancel(job: u32) -> bool {
        with(|machine| {
            let before = machine.notices.len();
            machine
                .notices
                .retain(|_, notice| !matches!(notice.kind, NoticeKind::RunJob) || notice.id != job);
            machine.notices.len() < before || machine.calls.remove(&job)
        })
    }

    pub(crate) fn begin(job: u32) {
        with(|machine| {
            machine.below.push(machine.now);
            machine.now = machine.submitted.remove(&job).unwrap_or(machine.now);
            machine.in_job = true;
        });
    }

    pub(crate) fn end(job: u32, ok: bool) {
        with(|machine| {
            let now = machine.now;
            machine.ended.insert(job, now);
            if !machine.unnoticed.contains(&job) {
                machine.notify(now, NoticeKind::JobFinished, job);
            }
            machine.now = machine.below.pop().unwrap_or(now);
            machine.in_job = !machine.below.is_empty();
        });
        if !ok {
            super::record(|_| format!("job {job} failed"));
        }
    }

    pub(crate) fn wait_for(job: Option<u32>, name: &str, until: u64) -> Waited {
        let came_to = with(|machine| {
            let next = machine
                .notices
                .iter()
                .find(|(_, notice)| matches!(notice.kind, NoticeKind::RunJob))
                .map(|(key, notice)| (*key, notice.id));
            if let Some((key, id)) = next {
                machine.notices.remove(&key);
                return Waited::Run(id);
            }
            match job.and_then(|job| machine.ended.get(&job).copied()) {
                Some(ended) if ended <= until => {
                    machine.now = machine.now.max(ended);
                    Waited::Finished
                }
                _ => {
                    assert!(until != u64::MAX, "deadlock: nothing can ever happen again");
                    machine.now = machine.now.max(until);
                    Waited::TimedOut
                }
            }
        });
        if !matches!(came_to, Waited::Run(_)) {
            super::record(|machine| format!("blocked in {name} until {}", machine.now));
        }
        came_to
    }

    pub(crate) fn deadlock(waiting: &[String]) {
        panic!("{}", waiting.join("\n"));
    }

    pub(crate) fn post() -> u32 {
        with(|machine| {
            let id = machine.id();
            machine.notify(machine.now, NoticeKind::Message, id);
            id
        })
    }
}

/// There are no processes: a pool of them takes jobs and never finishes one.
pub(crate) mod isolated {
    use super::with;

    pub(crate) struct Call {
        pub(crate) function: String,
        pub(crate) argument: Vec<u8>,
    }

    pub(crate) enum Outcome {
        Returned(Vec<u8>),
        Failed(Vec<u8>),
        Refused(String),
        Broken,
    }

    pub(crate) fn create_pool(name: &str, workers: u32) -> u32 {
        super::jobs::create_pool(name, workers)
    }

    pub(crate) fn submit(_pool: u32, call: &Call, _place: &str) -> Option<u32> {
        let line = format!("call {}({})", call.function, String::from_utf8_lossy(&call.argument));
        super::record(|_| line);
        Some(with(|machine| {
            let id = machine.id();
            machine.calls.insert(id);
            id
        }))
    }

    pub(crate) fn take_outcome(_job: u32) -> Option<Outcome> {
        None
    }

    pub(crate) fn task() -> Option<Call> {
        None
    }

    pub(crate) fn finish(_outcome: &Outcome) {}
}

pub(crate) mod tracing {
    use super::{record, with};

    pub(crate) type Label = u32;
    pub(crate) type TaskId = u32;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Outcome {
        Done,
        Failed,
        Cancelled,
    }

    #[derive(Clone, Copy, Debug)]
    pub(crate) enum Level {
        Debug,
        Info,
        Warning,
        Error,
        Critical,
    }

    #[derive(Debug)]
    #[expect(dead_code, reason = "as on the real machine; tests look at some of it")]
    pub(crate) struct Report {
        pub(crate) code: String,
        pub(crate) level: Level,
        pub(crate) logger: String,
        pub(crate) text: String,
        pub(crate) created: Option<String>,
        pub(crate) died: Option<String>,
    }

    pub(crate) fn enabled() -> bool {
        cfg!(test)
    }

    pub(crate) fn debug() -> bool {
        false
    }

    pub(crate) fn wants(code: &str) -> bool {
        code != "SLOW-4"
    }

    pub(crate) fn intern(text: &str) -> Label {
        with(|machine| {
            let known = machine.labels.iter().position(|label| label == text);
            let index = known.unwrap_or_else(|| {
                machine.labels.push(text.into());
                machine.labels.len() - 1
            });
            u32::try_from(index).unwrap_or(u32::MAX)
        })
    }

    pub(crate) fn task_spawned(name: Label, _place: Label) -> TaskId {
        // One task to a name is enough for the tests.
        name
    }

    fn line(what: &str, label: Label) {
        record(|machine| {
            let name = usize::try_from(label).ok().and_then(|index| machine.labels.get(index));
            format!("{what} {}", name.map_or("?", String::as_str))
        });
    }

    pub(crate) fn task_cancelled(task: TaskId) {
        line("cancel", task);
    }

    pub(crate) fn step_begin(_task: TaskId) {}

    pub(crate) fn step_end(task: TaskId, outcome: Outcome) {
        line(&format!("{outcome:?}").to_lowercase(), task);
    }

    pub(crate) fn callback_begin(_name: Label) {}

    pub(crate) fn callback_end(name: Label) {
        line("callback", name);
    }

    pub(crate) fn timer_fired(name: Label, due: u64) {
        line(&format!("due {due}"), name);
    }

    pub(crate) fn log(level: Level, logger: Label, text: &str) {
        line(&format!("{level:?} {text}"), logger);
    }

    pub(crate) fn handler_begin(_handler: Label, _logger: Label) {}

    pub(crate) fn handler_end() {}

    pub(crate) fn slow_callback_duration(_duration: u64) {}

    pub(crate) fn diagnostic(report: &Report) {
        record(|_| format!("{} {}", report.code, report.text));
    }
}
