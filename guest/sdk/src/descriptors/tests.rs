//! Readers and writers on pipes, against the stand-in of the machine.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::host::take_lines;
use crate::{Exception, add_reader, add_writer, os, remove_reader, remove_writer, run, yield_now};

/// The diagnostics since the last call: code and text.
fn reports() -> Vec<String> {
    let lines = take_lines();
    let codes = ["STALE-READER ", "BUSY-FD ", "EXC-1 "];
    lines.into_iter().filter(|line| codes.iter().any(|code| line.starts_with(code))).collect()
}

fn text(result: Result<(), Exception>) -> String {
    result.expect_err("it must be refused").last_line()
}

#[test]
fn a_reader_is_called_in_every_turn_in_which_there_is_something() {
    run(async {
        let (reader, writer) = os::pipe().expect("a pipe");
        let calls = Rc::new(Cell::new(0));
        let counted = calls.clone();
        add_reader(reader, move || counted.set(counted.get() + 1)).expect("an open pipe");
        yield_now().await;
        assert_eq!(calls.get(), 0);
        os::write(writer, b"x").expect("room");
        for _ in 0..3 {
            yield_now().await;
        }
        // In each turn the task comes first, because it was ready already.
        assert_eq!(calls.get(), 2, "nobody has read the byte");
        assert_eq!(os::read(reader, 10).expect("a byte"), b"x");
        for _ in 0..3 {
            yield_now().await;
        }
        assert_eq!(calls.get(), 3, "of the turn in which it was read");
        assert_eq!(remove_reader(reader), Ok(true));
        assert_eq!(remove_reader(reader), Ok(false));
        assert_eq!(remove_writer(writer), Ok(false), "an unknown one");
    });
}

#[test]
fn the_reader_comes_before_the_writer_and_an_earlier_pipe_first() {
    let order = run(async {
        let (first, first_writer) = os::pipe().expect("a pipe");
        let (second, second_writer) = os::pipe().expect("a pipe");
        let order = Rc::new(RefCell::new(Vec::new()));
        let note = |name: &'static str| {
            let order = order.clone();
            move || order.borrow_mut().push(name)
        };
        add_writer(second_writer, note("second writer")).expect("open");
        add_reader(second, note("second reader")).expect("open");
        add_reader(first, note("first reader")).expect("open");
        os::write(second_writer, b"x").expect("room");
        os::write(first_writer, b"x").expect("room");
        yield_now().await;
        yield_now().await;
        order.take()
    });
    assert_eq!(order, ["first reader", "second reader", "second writer"]);
}

#[test]
fn what_is_readable_comes_before_a_timer_of_the_same_turn() {
    let order = run(async {
        let (reader, writer) = os::pipe().expect("a pipe");
        let order = Rc::new(RefCell::new(Vec::new()));
        let note = |name: &'static str| {
            let order = order.clone();
            move || order.borrow_mut().push(name)
        };
        crate::call_later(std::time::Duration::from_millis(1), note("timer"));
        let first = note("reader");
        add_reader(reader, move || {
            first();
            os::read(reader, 1).expect("a byte");
        })
        .expect("open");
        os::write(writer, b"x").expect("room");
        // The timer becomes due while the loop is busy, so both are seen in one turn.
        crate::blocking::compute(std::time::Duration::from_millis(2));
        yield_now().await;
        yield_now().await;
        order.take()
    });
    assert_eq!(order, ["reader", "timer"]);
}

#[test]
fn a_second_reader_replaces_the_first_and_one_removed_in_time_is_not_called() {
    let order = run(async {
        let (reader, writer) = os::pipe().expect("a pipe");
        let (late, late_writer) = os::pipe().expect("a pipe");
        let order = Rc::new(RefCell::new(Vec::new()));
        let (first, second, third) = (order.clone(), order.clone(), order.clone());
        add_reader(reader, move || first.borrow_mut().push("replaced")).expect("open");
        add_reader(reader, move || {
            second.borrow_mut().push("new");
            assert_eq!(remove_reader(late), Ok(true));
            assert_eq!(remove_reader(reader), Ok(true), "a callback may remove itself");
        })
        .expect("open");
        add_reader(late, move || third.borrow_mut().push("removed")).expect("open");
        os::write(writer, b"x").expect("room");
        os::write(late_writer, b"x").expect("room");
        yield_now().await;
        yield_now().await;
        order.take()
    });
    assert_eq!(order, ["new"]);
}

#[test]
fn misuse_gives_the_errors_of_epoll() {
    run(async {
        let (reader, _) = os::pipe().expect("a pipe");
        os::close(reader).expect("it is open");
        let closed = "OSError: [Errno 9] Bad file descriptor";
        assert_eq!(text(add_reader(reader, || {})), closed);
        assert_eq!(text(add_reader(987_u32, || {})), closed);
        assert_eq!(
            text(add_writer(1_u32, || {})),
            "PermissionError: [Errno 1] Operation not permitted"
        );
        assert_eq!(remove_reader(987_u32), Ok(false));
        assert_eq!(
            os::close(reader).expect_err("it is closed").to_string(),
            "[Errno 9] Bad file descriptor"
        );
        let again = os::read(reader, 1).expect_err("it is closed");
        assert_eq!(again.errno(), Some(9));
        let other_end = os::pipe().map(|(reader, _)| os::write(reader, b"x")).expect("a pipe");
        assert_eq!(other_end.expect_err("it is for reading").errno(), Some(9));
    });
    assert_eq!(text(add_reader(3_u32, || {})), "RuntimeError: no running event loop");
}

#[test]
fn a_pipe_that_must_not_block_says_so() {
    let (reader, writer) = os::pipe_with_capacity(2).expect("a pipe");
    os::set_blocking(reader, false).expect("it is open");
    os::set_blocking(writer, false).expect("it is open");
    let kind = |result: Result<_, crate::OsError>| result.map(|_: usize| ()).map_err(|e| e.kind());
    let would_block = Err(crate::OsErrorKind::BlockingIOError);
    assert_eq!(kind(os::read(reader, 1).map(|bytes| bytes.len())), would_block);
    assert_eq!(os::write(writer, b"abc"), Ok(2), "as many as there is room for");
    assert_eq!(kind(os::write(writer, b"c")), would_block);
    os::close(reader).expect("it is open");
    assert_eq!(kind(os::write(writer, b"c")), Err(crate::OsErrorKind::BrokenPipeError));
}

#[test]
fn a_reader_of_a_closed_descriptor_is_reported_and_lost_when_the_number_is_used_again() {
    take_lines();
    let calls = run(async {
        let (reader, _) = os::pipe().expect("a pipe");
        add_reader(reader, || {}).expect("it is open");
        os::close(reader).expect("it is open");
        let (again, writer) = os::pipe().expect("a pipe");
        assert_eq!(again, reader, "the number is used again");
        let calls = Rc::new(Cell::new(0));
        let counted = calls.clone();
        add_reader(again, move || counted.set(counted.get() + 1)).expect("it is open");
        os::write(writer, b"x").expect("room");
        yield_now().await;
        yield_now().await;
        calls.get()
    });
    assert_eq!(calls, 0, "epoll has forgotten it");
    let reports = reports();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].starts_with("STALE-READER descriptor 3 was closed while a reader"));
}

#[test]
fn a_reader_that_is_removed_first_is_no_news() {
    take_lines();
    run(async {
        let (reader, _) = os::pipe().expect("a pipe");
        add_reader(reader, || {}).expect("it is open");
        remove_reader(reader).expect("no transport");
        os::close(reader).expect("it is open");
    });
    assert_eq!(reports(), [""; 0]);
}

#[test]
fn a_reader_that_reads_nothing_is_reported_once_and_one_that_reads_a_little_is_not() {
    take_lines();
    run(async {
        let (reader, writer) = os::pipe().expect("a pipe");
        os::write(writer, &[0; 200]).expect("room");
        add_reader(reader, move || {
            os::read(reader, 1).expect("a byte");
        })
        .expect("it is open");
        for _ in 0..200 {
            yield_now().await;
        }
        assert_eq!(reports(), [""; 0]);
        os::write(writer, b"x").expect("room");
        add_reader(reader, || {}).expect("it is open");
        for _ in 0..99 {
            yield_now().await;
        }
        assert_eq!(reports(), [""; 0]);
        for _ in 0..300 {
            yield_now().await;
        }
    });
    let reports = reports();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].starts_with("BUSY-FD descriptor 3 was readable 100 times in a row"));
}

#[test]
fn a_reader_that_fails_is_reported_and_stays() {
    take_lines();
    run(async {
        let (reader, writer) = os::pipe().expect("a pipe");
        os::write(writer, b"x").expect("room");
        add_reader(reader, || Err(crate::ValueError::new("x"))).expect("it is open");
        yield_now().await;
        yield_now().await;
    });
    let reports = reports();
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports[0].starts_with("EXC-1 Exception in callback "), "{reports:?}");
}
