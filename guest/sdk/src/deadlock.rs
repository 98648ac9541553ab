//! Who waits for what, when nothing can ever happen again.
//!
//! The machine knows that no timer, job, message or signal is left. The loop knows its tasks and what each of
//! them said when it stayed pending ([`crate::waiting`]). From that come, in this order: what another thread has
//! scheduled without waking the loop, cycles in words, things that nobody is left to provide, and one line for
//! each task. What a future of another crate waits for is not known, and the line says so, with the number of
//! those who hold the task's waker.
//!
//! A task that waits for several things at once is shown with the one that it polled last.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::rc::Rc;

use crate::debug;
use crate::event_loop::{self, EventLoop};
use crate::host::{event_loop as host, pipes};
use crate::waiting::{self, Kind, Note, ObjectId, Place};

/// What [`host::wait`] returns when nothing can ever happen again.
pub(crate) const NEVER: u64 = u64::MAX;

/// Explains, which ends the run.
#[cold]
pub(crate) fn report(event_loop: &EventLoop) -> ! {
    host::deadlock(&explain(event_loop));
    unreachable!("the machine has ended the run")
}

/// A task that waits, as far as it matters here.
struct Task {
    name: String,
    spawned: Place,
    note: Option<Note>,
    /// How many others hold its waker.
    wakers: usize,
}

/// Whom a task waits for, and what makes that one responsible.
struct Edge {
    to: u32,
    /// Since where it holds what the other one wants; `None` for a task that is awaited.
    held_since: Option<Place>,
}

struct Picture {
    tasks: BTreeMap<u32, Task>,
    edges: BTreeMap<u32, Vec<Edge>>,
}

fn explain(event_loop: &EventLoop) -> Vec<String> {
    let picture = Picture::take(event_loop);
    let mut lines: Vec<String> =
        event_loop.unwoken.borrow().iter().map(debug::never_woken).collect();
    lines.extend(picture.cycles());
    lines.extend(picture.orphans());
    lines.extend(picture.tasks.iter().map(|(number, task)| picture.line(*number, task)));
    lines
}

impl Picture {
    fn take(event_loop: &EventLoop) -> Picture {
        let tasks: BTreeMap<u32, Task> = event_loop
            .tasks
            .borrow()
            .iter()
            .map(|(_, live)| {
                let core = live.core();
                let task = Task {
                    name: core.name(),
                    spawned: core.place,
                    note: core.waiting.get(),
                    wakers: core.wakers_elsewhere(),
                };
                (core.key.sequence, task)
            })
            .collect();
        let edges = tasks
            .iter()
            .filter_map(|(number, task)| Some((*number, edges(task.note.as_ref()?))))
            .collect();
        Picture { tasks, edges }
    }

    /// Every cycle once, from its oldest task on.
    fn cycles(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut done = BTreeSet::new();
        for start in self.tasks.keys() {
            if let Some(cycle) = self.cycle_through(*start)
                && !cycle.iter().any(|(number, _)| done.contains(number))
            {
                done.extend(cycle.iter().map(|(number, _)| *number));
                lines.push(self.describe_cycle(&cycle));
            }
        }
        lines
    }

    /// The shortest way from a task back to itself: each task with the edge that leaves it.
    fn cycle_through(&self, start: u32) -> Option<Vec<(u32, &Edge)>> {
        let mut ways: Vec<Vec<(u32, &Edge)>> = vec![Vec::new()];
        let mut seen = BTreeSet::new();
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                let at = way.last().map_or(start, |(_, edge)| edge.to);
                for edge in self.edges.get(&at).into_iter().flatten() {
                    let mut next = way.clone();
                    next.push((at, edge));
                    if edge.to == start {
                        return Some(next);
                    }
                    if seen.insert(edge.to) {
                        longer.push(next);
                    }
                }
            }
            ways = longer;
        }
        None
    }

    fn describe_cycle(&self, cycle: &[(u32, &Edge)]) -> String {
        let mut text = String::from("deadlock: ");
        for (index, (number, edge)) in cycle.iter().enumerate() {
            let Some(task) = self.tasks.get(number) else { continue };
            if index == 0 {
                text.push_str(&self.subject(*number));
            }
            text.push_str(if index == 0 { " waits " } else { ", which waits " });
            let what = task.note.as_ref().map(|note| self.awaited(note)).unwrap_or_default();
            match edge.held_since {
                Some(since) if cycle.len() == 1 => text.push_str(&format!(
                    "{what}, which it holds itself since {}: it is not re-entrant",
                    show(since)
                )),
                Some(since) => text.push_str(&format!(
                    "{what}, held by {} since {}",
                    self.subject(edge.to),
                    show(since)
                )),
                None if cycle.len() == 1 => text.push_str("for itself"),
                None => text.push_str(&what),
            }
        }
        text
    }

    /// Things that somebody waits for, and that nobody is left to provide.
    fn orphans(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut lines = Vec::new();
        for note in self.tasks.values().filter_map(|task| task.note.as_ref()) {
            let Some(object) = find(note).filter(|_| seen.insert(note.object)) else { continue };
            if let Some(remark) = object.remark(Rc::strong_count(&object) - 1) {
                lines.push(format!("{}: {remark}", object.describe()));
            }
            let holders = object.holders();
            for (holder, since) in holders {
                if !self.tasks.contains_key(&holder) {
                    lines.push(format!(
                        "{}: its holder has ended and never released it; taken at {}",
                        object.describe(),
                        show(since)
                    ));
                }
            }
        }
        lines
    }

    fn line(&self, number: u32, task: &Task) -> String {
        let mut line = format!("{} ", self.subject(number));
        let Some(note) = &task.note else {
            line.push_str(&foreign(task));
            return line;
        };
        line.push_str(&format!("waits {}", self.awaited(note)));
        let holders = find(note).map(|object| object.holders()).unwrap_or_default();
        for (index, (holder, since)) in holders.iter().enumerate() {
            let link = if index == 0 { ", held by" } else { " and" };
            let holder = if *holder == number { "itself".into() } else { self.subject(*holder) };
            line.push_str(&format!("{link} {holder} since {}", show(since)));
        }
        line
    }

    /// A task and where it was spawned: `task "a" (app.rs:3)`.
    fn subject(&self, number: u32) -> String {
        match self.tasks.get(&number) {
            Some(task) => format!("task {:?} ({})", task.name, show(task.spawned)),
            None => "a task that has ended".into(),
        }
    }

    /// What a task waits for, and where: `at app.rs:9 for lock "a" made at app.rs:3`.
    fn awaited(&self, note: &Note) -> String {
        match note.kind {
            // A task is awaited by its handle, which does not know where.
            Kind::Task => format!("for {}", self.object(note)),
            _ => format!("at {} for {}", show(note.place), self.object(note)),
        }
    }

    /// What a note is about.
    fn object(&self, note: &Note) -> String {
        let known = find(note).map(|object| object.describe());
        match note.kind {
            Kind::Task => self.subject(note.object.0),
            Kind::Timer => "a timer".into(),
            Kind::Job => format!("job {} of the pool", note.object.0),
            Kind::Signal => format!("signal {}", note.object.0),
            Kind::Process => {
                format!("the end of child process {}, and of its pipes", note.object.0)
            }
            Kind::Pipe => pipe(note.object.0),
            Kind::QueueGet => format!("an item of {}", known.unwrap_or_default()),
            Kind::QueuePut => format!("room in {}", known.unwrap_or_default()),
            Kind::QueueJoin => format!("all items of {} to be done", known.unwrap_or_default()),
            Kind::Generator => format!("the next item of {}", known.unwrap_or_default()),
            Kind::Future
            | Kind::Lock
            | Kind::Event
            | Kind::Condition
            | Kind::Semaphore
            | Kind::Barrier => known.unwrap_or_else(|| "something that is gone".into()),
        }
    }
}

/// The machine's name of what a descriptor stands for: `pipe "cat[2].stdout"`.
fn pipe(descriptor: u32) -> String {
    match pipes::name(descriptor) {
        Ok(name) => format!("pipe {name:?} (descriptor {descriptor})"),
        Err(_) => format!("descriptor {descriptor}, which is closed"),
    }
}

/// A task that has said nothing.
fn foreign(task: &Task) -> String {
    let what = "waits for something that is not of loopbox-guest";
    match task.wakers {
        0 => format!("{what}; nobody holds its waker, so it can never be woken"),
        1 => format!("{what}; its waker is held in 1 place"),
        wakers => format!("{what}; its waker is held in {wakers} places"),
    }
}

/// The registered thing that a note is about.
fn find(note: &Note) -> Option<Rc<dyn waiting::Object>> {
    let is_registered = !matches!(
        note.kind,
        Kind::Timer | Kind::Task | Kind::Job | Kind::Signal | Kind::Pipe | Kind::Process
    );
    if is_registered { waiting::find(note.object) } else { None }
}

/// Whom a note makes its task wait for.
fn edges(note: &Note) -> Vec<Edge> {
    if note.kind == Kind::Task {
        let ObjectId(to) = note.object;
        return vec![Edge { to, held_since: None }];
    }
    let holders = find(note).map(|object| object.holders()).unwrap_or_default();
    holders.into_iter().map(|(to, since)| Edge { to, held_since: Some(since) }).collect()
}

/// `"first" (app.rs:3)`, for reports about a task that is alive.
pub(crate) fn task_name(sequence: u32) -> String {
    event_loop::with(|event_loop| {
        let tasks = event_loop.tasks.borrow();
        let task = tasks.iter().find(|(_, live)| live.core().key.sequence == sequence);
        match task {
            Some((_, live)) => {
                let core = live.core();
                format!("{:?} ({})", core.name(), show(core.place))
            }
            None => "that has ended".into(),
        }
    })
}

/// `app.rs:3`.
pub(crate) fn show(place: &Location<'_>) -> String {
    format!("{}:{}", place.file(), place.line())
}

#[cfg(test)]
mod tests;
