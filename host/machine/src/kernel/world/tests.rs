//! The world by itself: whose turn it is, what reaches whom, how processes end.

use loopbox_trace::{ExitStatus, Nanos, Signal};

use super::{Arrival, Interest, KillError, Pid, Shared, Start, State, WaitError, Waiting, World};
use crate::config::Config;
use crate::kernel::pipes::{Descriptor, PipeError};

const FIRST: Pid = Pid::FIRST;
const CHILD: Pid = Pid(2);
const MS: fn(u64) -> Nanos = Nanos::from_millis;

/// A world in which the first process runs at 10 ms, and its child `cat` too.
fn two() -> World {
    let world = World::new(&Config { processes: 2, ..Config::default() });
    let mut shared = world.lock();
    shared.take_turn(FIRST, MS(10));
    let child = shared.add_process(FIRST, "cat".into(), "a.rs:1:2".into(), MS(10));
    assert_eq!(child, CHILD);
    start(&mut shared, child);
    drop(shared);
    world
}

fn start(shared: &mut Shared, pid: Pid) {
    let (program, args, env) = ("cat".into(), Vec::new(), Vec::new());
    shared.start(Start { pid, program, args, env, at: MS(10), task: None });
    assert_eq!(shared.take_starts().len(), 1);
}

/// A pipe from the child to its parent: the descriptors of the reader and the writer.
fn pipe(shared: &mut Shared, capacity: u64) -> (u32, u32) {
    let pipe = shared.add_pipe(None, capacity);
    (shared.open(FIRST, Descriptor::Reader(pipe)), shared.open(CHILD, Descriptor::Writer(pipe)))
}

#[test]
fn the_process_that_is_furthest_back_comes_first() {
    let world = two();
    let mut shared = world.lock();
    assert_eq!(shared.next(), Some((MS(10), FIRST)), "of two at one moment, the smaller number");
    assert!(shared.is_first(FIRST, MS(10)) && !shared.is_first(FIRST, MS(11)));
    assert!(!shared.is_first(CHILD, MS(10)));
    shared.block(FIRST, MS(30), Waiting::Turn);
    assert_eq!(shared.next(), Some((MS(10), CHILD)));
    assert!(shared.is_first(CHILD, MS(29)) && !shared.is_first(CHILD, MS(30)));
    shared.block(CHILD, Nanos::MAX, Waiting::Loop);
    assert!(shared.is_first(FIRST, MS(500)), "a process that only others can wake holds up none");
    shared.block(FIRST, Nanos::MAX, Waiting::Loop);
    assert_eq!(shared.next(), None, "and two of them are a deadlock");
}

#[test]
fn what_happens_to_a_pipe_wakes_who_waits_for_it() {
    let world = two();
    let mut shared = world.lock();
    let (reader, writer) = pipe(&mut shared, 2);
    let Ok(Some(id)) = shared.reader(FIRST, reader) else { panic!("it is a pipe") };
    shared.block(FIRST, Nanos::MAX, Waiting::Reading(id));
    assert_eq!(shared.write(CHILD, writer, b"abc", MS(20)), Ok(2));
    assert_eq!(shared.next(), Some((MS(10), CHILD)));
    shared.block(CHILD, Nanos::MAX, Waiting::Writing(id));
    assert_eq!(shared.next(), Some((MS(20), FIRST)));
    assert_eq!(shared.read(FIRST, reader, 9, MS(25)), Ok(b"ab".to_vec()));
    shared.block(FIRST, Nanos::MAX, Waiting::Loop);
    assert_eq!(shared.next(), Some((MS(25), CHILD)));
    shared.take_turn(CHILD, MS(25));
    shared.close(CHILD, writer, MS(26)).expect("it is open");
    assert_eq!(shared.close(CHILD, writer, MS(26)), Err(PipeError::BadDescriptor), "once");
    shared.block(CHILD, Nanos::MAX, Waiting::Loop);
    assert_eq!(shared.next(), Some((MS(26), FIRST)));
    assert_eq!(shared.read(FIRST, reader, 9, MS(26)), Ok(Vec::new()), "its end");
}

#[test]
fn a_watched_descriptor_is_ready_for_as_long_as_it_is() {
    let world = two();
    let mut shared = world.lock();
    let (reader, writer) = pipe(&mut shared, 2);
    shared.watch(FIRST, reader, Interest::Readable, true).expect("a pipe");
    shared.watch(CHILD, writer, Interest::Writable, true).expect("a pipe");
    assert_eq!(shared.watch(FIRST, 0, Interest::Readable, true), Err(PipeError::Permission));
    assert_eq!(shared.watch(FIRST, 77, Interest::Readable, true), Err(PipeError::BadDescriptor));
    assert_eq!((shared.ready(FIRST), shared.ready(CHILD).len()), (vec![], 1));
    shared.write(CHILD, writer, b"ab", MS(20)).expect("there is room");
    for _ in 0..2 {
        assert_eq!(shared.ready(FIRST), [(reader, Interest::Readable)]);
    }
    assert_eq!(shared.ready(CHILD), [], "full");
    shared.watch(CHILD, writer, Interest::Readable, true).expect("a pipe");
    assert_eq!(shared.ready(CHILD), [], "somebody can read");
    shared.close(FIRST, reader, MS(21)).expect("it is open");
    assert_eq!(shared.ready(FIRST), [], "closed descriptors are watched no longer");
    assert_eq!(
        shared.ready(CHILD),
        [(writer, Interest::Readable), (writer, Interest::Writable)],
        "a broken pipe does not block, and tells its writer"
    );
}

#[test]
fn the_end_of_a_child_closes_what_it_had_and_tells_its_parent() {
    let world = two();
    let mut shared = world.lock();
    let (reader, _) = pipe(&mut shared, 2);
    shared.block(FIRST, Nanos::MAX, Waiting::Loop);
    shared.ends(CHILD, MS(50), ExitStatus::Exited(3));
    assert_eq!(shared.next(), Some((MS(50), CHILD)));
    assert_eq!(shared.reap(FIRST, CHILD), Ok(None), "not before its time");
    shared.has_ended(CHILD);
    assert_eq!(shared.next(), Some((MS(50), FIRST)), "woken");
    assert_eq!(shared.take_arrival(FIRST, MS(49)), None);
    let arrived = [Arrival::ChildExited(CHILD), Arrival::Signal(Signal::SIGCHLD)];
    for arrival in arrived {
        assert_eq!(shared.take_arrival(FIRST, MS(50)), Some((MS(50), arrival)));
    }
    assert_eq!(shared.read(FIRST, reader, 9, MS(50)), Ok(Vec::new()), "its end");
    assert_eq!(shared.reap(FIRST, CHILD), Ok(Some(ExitStatus::Exited(3))));
    assert_eq!(shared.reap(FIRST, CHILD), Err(WaitError::NoChild), "once");
    assert_eq!(shared.kill(CHILD, 15, MS(51)), Err(KillError::NoSuchProcess));
}

#[test]
fn a_signal_ends_a_process_unless_it_has_a_handler() {
    let world = two();
    let mut shared = world.lock();
    assert_eq!(shared.kill(CHILD, 99, MS(20)), Err(KillError::InvalidSignal));
    assert_eq!(shared.kill(Pid(0), 15, MS(20)), Err(KillError::NoSuchProcess));
    assert_eq!(shared.kill(Pid(7), 15, MS(20)), Err(KillError::NoSuchProcess));
    shared.set_handled(CHILD, [Signal::SIGTERM].into_iter());
    for number in [0, 15, 28] {
        assert_eq!(shared.kill(CHILD, number, MS(20)), Ok(()));
    }
    assert!(matches!(shared.process(CHILD).state, State::Blocked { .. }), "it lives");
    let terminate = Arrival::Signal(Signal::SIGTERM);
    assert_eq!(shared.take_arrival(CHILD, MS(20)), Some((MS(20), terminate)));
    shared.set_handled(CHILD, [].into_iter());
    assert_eq!(shared.kill(CHILD, 15, MS(30)), Ok(()));
    let status = ExitStatus::Signalled(Signal::SIGTERM);
    assert_eq!(shared.process(CHILD).state, State::Ending { at: MS(30), status });
}

#[test]
fn a_process_is_killed_before_an_end_of_its_own_that_lies_ahead() {
    let world = two();
    let mut shared = world.lock();
    shared.ends(CHILD, MS(50), ExitStatus::Exited(0));
    shared.kill(CHILD, 9, MS(40)).expect("it lives");
    shared.kill(CHILD, 15, MS(45)).expect("there is no harm in that");
    shared.has_ended(CHILD);
    assert_eq!(shared.reap(FIRST, CHILD), Ok(Some(ExitStatus::Signalled(Signal::SIGKILL))));
}

#[test]
fn the_children_of_a_process_that_ended_are_nobodys_to_wait_for() {
    let world = World::new(&Config::default());
    let mut shared = world.lock();
    let child = shared.add_process(FIRST, "sh".into(), String::new(), MS(0));
    let orphan = shared.add_process(child, "cat".into(), String::new(), MS(0));
    shared.ends(child, MS(1), ExitStatus::Exited(0));
    shared.has_ended(child);
    assert_eq!(shared.reap(FIRST, orphan), Err(WaitError::NoChild));
    shared.ends(orphan, MS(2), ExitStatus::Exited(0));
    shared.has_ended(orphan);
    assert_eq!(shared.process(orphan).state, State::Reaped);
    assert_eq!(shared.left_behind().len(), 1, "the other one is a zombie");
}

#[test]
fn only_so_many_processes_live_at_once() {
    let world = two();
    let mut shared = world.lock();
    assert!(shared.is_full());
    shared.ends(CHILD, MS(20), ExitStatus::Exited(0));
    assert!(shared.is_full(), "it lives until its end");
    shared.has_ended(CHILD);
    assert!(!shared.is_full(), "a zombie needs no room");
}

#[test]
fn a_deadlock_over_a_pipe_names_its_ends() {
    let world = two();
    let mut shared = world.lock();
    let (reader, writer) = pipe(&mut shared, 2);
    shared.write(CHILD, writer, b"ab", MS(20)).expect("there is room");
    let Ok(Some(id)) = shared.writer(CHILD, writer) else { panic!("it is a pipe") };
    shared.block(CHILD, Nanos::MAX, Waiting::Writing(id));
    shared.block(FIRST, Nanos::MAX, Waiting::Child(CHILD));
    assert_eq!(
        shared.waiting(),
        [
            "process 1 (main) is blocked waiting for the end of process 2 (cat)",
            "process 2 (cat) is blocked writing to pipe \"pipe 1\", which is full (2 bytes); its reader is process 1 (main)",
        ]
    );
    shared.watch(FIRST, reader, Interest::Readable, true).expect("a pipe");
    shared.block(FIRST, Nanos::MAX, Waiting::Loop);
    assert!(shared.waiting()[0].contains("its writer is process 2 (cat)"));
}
