//! Turns of the event loop, and what took the time in them.

use std::ops::Range;

use serde::Serialize;

use super::blocking::describe_call;
use crate::text::one_line;
use crate::{Event, EventKind, Label, Lane, Nanos, TaskId, Trace};

/// One iteration of the event loop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// When the loop's wait returned.
    pub begin: Nanos,
    /// When it waited again, or the run ended.
    pub end: Nanos,
    /// Which of the trace's events lie between: looked at only if somebody asks who is to blame.
    #[serde(skip)]
    events: Range<usize>,
}

impl Turn {
    /// How long the loop did not wait.
    pub fn length(&self) -> Nanos {
        self.end - self.begin
    }

    /// The event of its beginning: an index into [`Trace::events`].
    pub fn event(&self) -> usize {
        self.events.start - 1
    }

    /// What took the time: the longest activity of the turn, then the longest within that, and so on
    /// inwards. An activity that took less than half of the one around it explains nothing and is left
    /// out. Empty if nothing was recorded in the turn.
    pub fn blame(&self, trace: &Trace) -> Vec<Activity> {
        let mut open = OpenTurn { blame: Vec::new(), activities: Vec::new() };
        let events = &trace.events[self.events.clone()];
        events
            .iter()
            .filter(|event| event.lane == Lane::MAIN)
            .for_each(|event| open.take_note_of(event));
        open.close(self.begin, self.end)
    }

    /// How much of it the main thread was blocked, in calls that are recorded. The rest is CPU time.
    pub fn blocked(&self, trace: &Trace) -> Nanos {
        let mut blocked = Nanos::ZERO;
        // How many calls go on, one inside the other, and since when.
        let (mut depth, mut since) = (0_u32, self.begin);
        let events = &trace.events[self.events.clone()];
        for event in events.iter().filter(|event| event.lane == Lane::MAIN) {
            match event.kind {
                EventKind::BlockingBegin(_) => {
                    if depth == 0 {
                        since = event.at;
                    }
                    depth += 1;
                }
                EventKind::BlockingEnd(..) if depth > 0 => {
                    depth -= 1;
                    if depth == 0 {
                        blocked += event.at - since;
                    }
                }
                _ => {}
            }
        }
        if depth > 0 {
            blocked += self.end - since;
        }
        blocked
    }

    /// How the time divides, in words: `300ms blocked, 1.2ms CPU`.
    pub fn describe_split(&self, trace: &Trace) -> String {
        let blocked = self.blocked(trace);
        format!("{blocked} blocked, {} CPU", self.length() - blocked)
    }

    /// What took the time, in words: `step of task "report" (a.rs:12:5), blocking call "db.query"`.
    pub fn describe_blame(&self, trace: &Trace) -> String {
        let blame = self.blame(trace);
        let parts: Vec<_> = blame.iter().map(|activity| activity.doing.describe(trace)).collect();
        if parts.is_empty() { "nothing that was recorded".into() } else { parts.join(", ") }
    }
}

/// Something that the main thread did for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Activity {
    /// What.
    pub doing: Doing,
    /// When it began.
    pub begin: Nanos,
    /// When it ended.
    pub end: Nanos,
}

impl Activity {
    /// How long it took.
    pub fn length(&self) -> Nanos {
        self.end - self.begin
    }
}

/// What the main thread can be busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// A poll of this task.
    Step(TaskId),
    /// A plain callback of this name.
    Callback(Label),
    /// A blocking call of this name.
    Blocking(Label),
    /// This handler, with a record of that logger.
    Handler(Label, Label),
}

impl Doing {
    /// For people; a task with the place of its spawn.
    pub fn describe(self, trace: &Trace) -> String {
        match self {
            Doing::Step(task) => {
                let place = one_line(trace.text(trace.tasks[task.0 as usize].place));
                format!("step of task \"{}\" ({place})", one_line(trace.task_name(task)))
            }
            Doing::Callback(name) => format!("callback \"{}\"", one_line(trace.text(name))),
            Doing::Blocking(name) => describe_call(trace.text(name)),
            Doing::Handler(handler, logger) => {
                let (handler, logger) = (trace.text(handler), trace.text(logger));
                format!("handler \"{}\" of logger \"{}\"", one_line(handler), one_line(logger))
            }
        }
    }
}

/// All turns of the loop, in order. What happens before the first wait of a loop is in no turn.
pub fn turns(trace: &Trace) -> Vec<Turn> {
    let mut turns = Vec::new();
    // When the turn that goes on began, and with which event.
    let mut open: Option<(Nanos, usize)> = None;
    let on_main = trace.events.iter().enumerate().filter(|(_, event)| event.lane == Lane::MAIN);
    for (index, event) in on_main {
        let next = match event.kind {
            EventKind::TurnBegin => Some((event.at, index + 1)),
            EventKind::TurnEnd => None,
            _ => continue,
        };
        if let Some((begin, first)) = std::mem::replace(&mut open, next) {
            turns.push(Turn { begin, end: event.at, events: first..index });
        }
    }
    if let Some((begin, first)) = open {
        turns.push(Turn { begin, end: trace.finished, events: first..trace.events.len() });
    }
    turns
}

/// The longest turn; the first of several.
pub fn worst_turn(trace: &Trace) -> Option<Turn> {
    // `max_by_key` takes the last of several, so go backwards.
    turns(trace).into_iter().rev().max_by_key(Turn::length)
}

/// A turn whose activities are being followed.
struct OpenTurn {
    /// The longest activity so far that has ended, then the longest within it ...
    blame: Vec<Activity>,
    /// What goes on, outermost first.
    activities: Vec<OpenActivity>,
}

/// An activity that goes on.
struct OpenActivity {
    doing: Doing,
    begin: Nanos,
    /// As in [`OpenTurn`].
    blame: Vec<Activity>,
}

impl OpenTurn {
    fn take_note_of(&mut self, event: &Event) {
        match event.kind {
            EventKind::StepBegin(task) => self.enter(Doing::Step(task), event.at),
            EventKind::CallbackBegin(name) => self.enter(Doing::Callback(name), event.at),
            EventKind::BlockingBegin(name) => self.enter(Doing::Blocking(name), event.at),
            EventKind::HandlerBegin { handler, logger } => {
                self.enter(Doing::Handler(handler, logger), event.at);
            }
            EventKind::HandlerEnd { handler, logger } => {
                self.leave(Doing::Handler(handler, logger), event.at);
            }
            EventKind::StepEnd(task, _) => self.leave(Doing::Step(task), event.at),
            EventKind::CallbackEnd(name) => self.leave(Doing::Callback(name), event.at),
            EventKind::BlockingEnd(name, _) => self.leave(Doing::Blocking(name), event.at),
            _ => {}
        }
    }

    fn enter(&mut self, doing: Doing, begin: Nanos) {
        self.activities.push(OpenActivity { doing, begin, blame: Vec::new() });
    }

    /// Ends an activity and what was begun inside it. An end without a beginning says nothing.
    fn leave(&mut self, doing: Doing, end: Nanos) {
        if let Some(position) = self.activities.iter().rposition(|open| open.doing == doing) {
            while self.activities.len() > position {
                self.end_innermost(end);
            }
        }
    }

    fn end_innermost(&mut self, end: Nanos) {
        let Some(ended) = self.activities.pop() else {
            return;
        };
        let activity = Activity { doing: ended.doing, begin: ended.begin, end };
        let around = self.activities.last_mut().map_or(&mut self.blame, |open| &mut open.blame);
        if around.first().is_none_or(|longest| activity.length() > longest.length()) {
            around.clear();
            around.push(activity);
            if takes_most(ended.blame.first(), activity.length()) {
                around.extend(ended.blame);
            }
        }
    }

    fn close(mut self, begin: Nanos, end: Nanos) -> Vec<Activity> {
        while !self.activities.is_empty() {
            self.end_innermost(end);
        }
        if !takes_most(self.blame.first(), end - begin) {
            self.blame.clear();
        }
        self.blame
    }
}

/// Whether the longest part of something took at least half of its time.
fn takes_most(longest: Option<&Activity>, whole: Nanos) -> bool {
    longest.is_some_and(|longest| longest.length() + longest.length() >= whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, ms};
    use crate::{Ending, Limit, Outcome};
    use EventKind::*;

    #[test]
    fn the_blame_goes_from_the_longest_step_inwards() {
        let mut b = Builder::new();
        let (quick, report, db) = (b.task("quick"), b.task("report"), b.label("db.query"));
        b.main(500, TurnBegin);
        b.main(500, StepBegin(quick)).main(510, StepEnd(quick, Outcome::Done));
        b.main(510, StepBegin(report)).blocking(Lane::MAIN, "log.flush", 511, 512);
        b.main(512, BlockingBegin(db)).main(1490, BlockingEnd(db, Outcome::Done));
        b.blocking(Lane::MAIN, "log.flush", 1490, 1491);
        b.main(1500, StepEnd(report, Outcome::Pending));
        b.main(1500, StepBegin(quick)).main(1502, StepEnd(quick, Outcome::Done));
        b.main(1502, TurnEnd);
        b.main(1600, TurnBegin).main(1601, TurnEnd);
        let trace = b.exit(1700);
        let worst = worst_turn(&trace).expect("two turns");
        assert_eq!((worst.begin, worst.length()), (ms(500), ms(1002)));
        assert_eq!(
            worst.describe_blame(&trace),
            "step of task \"report\" (guest/a.rs:12:5), blocking call \"db.query\""
        );
        assert_eq!(worst.blame(&trace)[1].length(), ms(978));
        assert_eq!(turns(&trace)[1].describe_blame(&trace), "nothing that was recorded");
    }

    #[test]
    fn a_handler_is_blamed_for_what_it_does_with_a_record() {
        let mut b = Builder::new();
        let (pay, app, net) = (b.task("pay"), b.label("app"), b.label("NetworkHandler net"));
        b.main(0, TurnBegin).main(0, StepBegin(pay));
        b.main(1, HandlerBegin { handler: net, logger: app });
        b.blocking(Lane::MAIN, "log.net", 1, 201);
        b.main(201, HandlerEnd { handler: net, logger: app });
        b.main(210, StepEnd(pay, Outcome::Done)).main(210, TurnEnd);
        let trace = b.exit(300);
        assert_eq!(
            turns(&trace)[0].describe_blame(&trace),
            "step of task \"pay\" (guest/a.rs:12:5), handler \"NetworkHandler net\" of logger \"app\", blocking call \"log.net\""
        );
    }

    #[test]
    fn the_time_of_a_turn_is_blocked_or_cpu_time() {
        let mut b = Builder::new();
        let (outer, worker) = (b.label("outer"), Lane::worker(0));
        b.main(0, TurnBegin)
            .blocking(Lane::MAIN, "sleep", 10, 40)
            .blocking(worker, "sleep", 50, 90);
        b.main(50, BlockingBegin(outer)).blocking(Lane::MAIN, "lock:a", 51, 52);
        b.main(60, BlockingEnd(outer, Outcome::Done)).main(100, TurnEnd);
        b.main(100, TurnBegin).main(101, BlockingBegin(outer));
        let trace = b.exit(150);
        let [first, last] = &turns(&trace)[..] else { panic!("two turns") };
        assert_eq!(first.describe_split(&trace), "40ms blocked, 60ms CPU");
        assert_eq!(last.blocked(&trace), ms(49));
    }

    #[test]
    fn what_took_less_than_half_is_not_to_blame() {
        let mut b = Builder::new();
        let report = b.task("report");
        b.main(0, TurnBegin).main(0, StepBegin(report)).blocking(Lane::MAIN, "read", 0, 49);
        b.main(100, StepEnd(report, Outcome::Done)).main(100, TurnEnd);
        b.main(200, TurnBegin).blocking(Lane::MAIN, "read", 200, 249).main(300, TurnEnd);
        let trace = b.exit(300);
        let turns = turns(&trace);
        assert_eq!(turns[0].blame(&trace).len(), 1);
        assert_eq!(turns[1].blame(&trace), []);
    }

    #[test]
    fn a_turn_that_never_ended_ends_with_the_run() {
        let mut b = Builder::new();
        let spin = b.task("spin");
        b.main(5, TurnBegin).main(6, StepBegin(spin));
        let ending = Ending::LimitReached {
            limit: Limit::Time,
            allowed: "1s".into(),
            backtrace: Vec::new(),
        };
        let trace = b.end(1000, ending);
        let step = Activity { doing: Doing::Step(spin), begin: ms(6), end: ms(1000) };
        let [turn] = &turns(&trace)[..] else { panic!("one turn") };
        assert_eq!((turn.begin, turn.end), (ms(5), ms(1000)));
        assert_eq!(turn.blame(&trace), [step]);
    }

    #[test]
    fn there_is_no_turn_before_the_loop_and_other_lanes_have_none() {
        let mut b = Builder::new();
        let job = b.job("hash");
        b.blocking(Lane::MAIN, "read", 0, 50).on(Lane::worker(0), 60, JobStarted(job));
        b.blocking(Lane::worker(0), "db.query", 60, 900);
        b.main(60, TurnBegin).main(61, TurnEnd);
        let trace = b.exit(1000);
        let [turn] = &turns(&trace)[..] else { panic!("one turn") };
        assert_eq!((turn.begin, turn.end), (ms(60), ms(61)));
        assert_eq!(turn.blame(&trace), []);
        assert_eq!(worst_turn(&Builder::new().exit(7)), None);
    }

    #[test]
    fn of_equally_long_turns_the_first_is_the_worst() {
        let mut b = Builder::new();
        b.main(0, TurnBegin).main(3, TurnEnd).main(4, TurnBegin).main(7, TurnEnd);
        assert_eq!(worst_turn(&b.exit(9)).map(|turn| turn.begin), Some(ms(0)));
    }

    #[test]
    fn ends_without_beginnings_and_beginnings_without_ends_do_no_harm() {
        let mut b = Builder::new();
        let (a, callback) = (b.task("a"), b.label("f"));
        b.main(0, TurnBegin).main(1, StepEnd(a, Outcome::Done)).main(1, CallbackBegin(callback));
        b.main(2, StepBegin(a)).main(9, CallbackEnd(callback)).main(10, TurnBegin);
        b.main(12, TurnEnd).main(13, TurnEnd);
        let trace = b.exit(20);
        let turns = turns(&trace);
        assert_eq!(turns.len(), 2);
        assert_eq!(turns[0].end, ms(10));
        let ends: Vec<_> = turns[0].blame(&trace).iter().map(|activity| activity.end).collect();
        assert_eq!(ends, [ms(9), ms(9)]);
    }
}
