//! Transports and protocols, against the stand-in of the machine.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Protocol, ReadTransport, Transport};
use crate::host::take_lines;
use crate::os::{self, Fd};
use crate::{
    Exception, add_reader, connect_read_pipe, connect_write_pipe, run, set_debug, yield_now,
};

/// Notes what its transport tells it.
#[derive(Clone, Default)]
struct Noting(Rc<RefCell<Vec<String>>>);

impl Noting {
    fn add(&self, line: impl Into<String>) {
        self.0.borrow_mut().push(line.into());
    }
}

impl Protocol for Noting {
    fn connection_made(&self, transport: Transport) {
        self.add(match transport {
            Transport::Read(_) => "made, reads",
            Transport::Write(_) => "made, writes",
        });
    }

    fn data_received(&self, data: Vec<u8>) {
        self.add(format!("data {}", data.len()));
    }

    fn eof_received(&self) {
        self.add("eof");
    }

    fn connection_lost(&self, exception: Option<Exception>) {
        self.add(format!("lost {exception:?}"));
    }

    fn pause_writing(&self) {
        self.add("pause");
    }

    fn resume_writing(&self) {
        self.add("resume");
    }
}

async fn turns(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}

/// The diagnostics with this code since the last call.
fn reports(code: &str) -> Vec<String> {
    take_lines().into_iter().filter_map(|line| line.strip_prefix(code).map(str::to_owned)).collect()
}

#[test]
fn a_protocol_is_told_of_its_transport_then_of_data_then_of_the_end() {
    let lines = run(async {
        let (reader, writer) = os::pipe().expect("a pipe");
        let noting = Noting::default();
        let made = noting.clone();
        let (transport, _) = connect_read_pipe(|| made, reader).await.expect("a pipe");
        os::write(writer, b"hello").expect("room");
        turns(1).await;
        os::close(writer).expect("it is open");
        turns(3).await;
        assert!(transport.is_closing());
        let closed = os::read(reader, 1).expect_err("the transport has closed it");
        assert_eq!(closed.errno(), Some(9));
        noting.0.take()
    });
    assert_eq!(lines, ["made, reads", "data 5", "eof", "lost None"]);
}

#[test]
fn a_paused_transport_leaves_the_bytes_in_the_pipe() {
    run(async {
        let (reader, writer) = os::pipe().expect("a pipe");
        let noting = Noting::default();
        let made = noting.clone();
        let (transport, _) = connect_read_pipe(|| made, reader).await.expect("a pipe");
        transport.pause_reading();
        os::write(writer, b"x").expect("room");
        turns(3).await;
        assert_eq!(noting.0.take(), ["made, reads"]);
        transport.resume_reading();
        turns(2).await;
        assert_eq!(noting.0.take(), ["data 1"]);
        transport.close();
    });
}

#[test]
fn a_writer_pauses_its_protocol_above_the_high_water_mark_and_resumes_it_at_a_quarter() {
    let lines = run(async {
        let (reader, writer) = os::pipe_with_capacity(10).expect("a pipe");
        let noting = Noting::default();
        let made = noting.clone();
        let (transport, _) = connect_write_pipe(|| made, writer).await.expect("a pipe");
        transport.set_write_buffer_limits(8);
        assert_eq!(transport.get_write_buffer_limits(), (2, 8));
        transport.write(&[0; 18]);
        assert_eq!(transport.get_write_buffer_size(), 8, "not above the mark yet");
        transport.write(&[0; 1]);
        os::read(reader, 6).expect("bytes");
        turns(2).await;
        noting.add(format!("left {}", transport.get_write_buffer_size()));
        os::read(reader, 3).expect("bytes");
        turns(2).await;
        noting.add(format!("left {}", transport.get_write_buffer_size()));
        transport.close();
        turns(2).await;
        noting.0.take()
    });
    assert_eq!(lines, ["made, writes", "pause", "left 3", "resume", "left 0", "lost None"]);
}

#[test]
fn closing_writes_what_is_buffered_and_aborting_does_not() {
    for (abort, expected) in [(false, 16), (true, 10)] {
        let count = run(async move {
            let (reader, writer) = os::pipe_with_capacity(10).expect("a pipe");
            let (transport, _) = connect_write_pipe(Noting::default, writer).await.expect("a pipe");
            transport.write(&[0; 16]);
            if abort {
                transport.abort();
            } else {
                transport.close();
            }
            let mut count = 0;
            loop {
                turns(2).await;
                let bytes = os::read(reader, 100).expect("bytes or the end");
                if bytes.is_empty() {
                    return count;
                }
                count += bytes.len();
            }
        });
        assert_eq!(count, expected);
    }
}

#[test]
fn a_writer_is_told_when_nobody_reads_any_more_and_later_writes_are_reported_from_the_sixth_on() {
    take_lines();
    let lines = run(async {
        let (reader, writer) = os::pipe().expect("a pipe");
        let noting = Noting::default();
        let made = noting.clone();
        let (transport, _) = connect_write_pipe(|| made, writer).await.expect("a pipe");
        turns(1).await;
        os::close(reader).expect("it is open");
        turns(3).await;
        for _ in 0..8 {
            transport.write(b"x");
        }
        noting.0.take()
    });
    assert_eq!(lines, ["made, writes", "lost None"]);
    let reports = reports("RES-7 ");
    let text = "pipe closed by peer or os.write(pipe, data) raised exception.";
    // Five are silent, of eight.
    assert_eq!(reports, [text; 3]);
}

#[test]
fn a_write_that_fails_loses_the_connection() {
    let lines = run(async {
        let (reader, writer) = os::pipe().expect("a pipe");
        let noting = Noting::default();
        let made = noting.clone();
        let (transport, _) = connect_write_pipe(|| made, writer).await.expect("a pipe");
        os::close(reader).expect("it is open");
        transport.write(b"x");
        turns(1).await;
        noting.0.take()
    });
    assert_eq!(lines, ["made, writes", "lost Some(BrokenPipeError(32, 'Broken pipe'))"]);
}

#[test]
fn what_is_no_pipe_or_is_used_already_is_refused() {
    async fn refused(fd: Fd) -> String {
        let result = connect_read_pipe(Noting::default, fd).await;
        result.map(|_| ()).expect_err("it must be refused").last_line()
    }
    run(async {
        assert_eq!(refused(Fd(0)).await, "ValueError: Pipe transport is for pipes/sockets only.");
        assert_eq!(refused(Fd(99)).await, "OSError: [Errno 9] Bad file descriptor");
        let written = connect_write_pipe(Noting::default, 1_u32).await.map(|_| ());
        assert_eq!(
            written.expect_err("it is no pipe").last_line(),
            "ValueError: Pipe transport is only for pipes, sockets and character devices"
        );
        let (reader, _writer) = os::pipe().expect("a pipe");
        let (transport, _) = connect_read_pipe(Noting::default, reader).await.expect("a pipe");
        let used = "RuntimeError: File descriptor 3 is used by transport \
                    <_UnixReadPipeTransport fd=3 polling>";
        assert_eq!(refused(reader).await, used);
        assert_eq!(add_reader(reader, || {}).expect_err("used").last_line(), used);
        transport.close();
        turns(2).await;
        assert_eq!(refused(reader).await, "OSError: [Errno 9] Bad file descriptor");
    });
}

#[test]
fn a_transport_that_nobody_closes_is_warned_of_when_the_loop_closes() {
    take_lines();
    let transport: ReadTransport = run(async {
        let (reader, writer) = os::pipe().expect("a pipe");
        let (read, _) = connect_read_pipe(Noting::default, reader).await.expect("a pipe");
        let (write, _) = connect_write_pipe(Noting::default, writer).await.expect("a pipe");
        drop(write);
        read
    });
    let expected = [
        "ResourceWarning: unclosed transport <_UnixReadPipeTransport fd=3 open>",
        "ResourceWarning: unclosed transport <_UnixWritePipeTransport fd=4 open>",
    ];
    assert_eq!(reports("RES-2 "), expected);
    assert_eq!(format!("{transport:?}"), "<_UnixReadPipeTransport closed fd=3 closed>");
    drop(transport);
    assert_eq!(reports("RES-2 "), [""; 0]);
}

#[test]
fn debug_mode_logs_connections_and_ends() {
    crate::logging::get_logger("asyncio").set_level(crate::logging::Level::DEBUG);
    take_lines();
    run(async {
        set_debug(true);
        let (reader, writer) = os::pipe().expect("a pipe");
        let (transport, _) = connect_read_pipe(Noting::default, reader).await.expect("a pipe");
        transport.pause_reading();
        transport.resume_reading();
        os::close(writer).expect("it is open");
        turns(2).await;
    });
    set_debug(false);
    let lines = take_lines();
    for line in [
        "Debug Read pipe 3 connected: (<_UnixReadPipeTransport fd=3 polling>, <Noting object>)",
        "Debug <_UnixReadPipeTransport fd=3 idle> pauses reading",
        "Debug <_UnixReadPipeTransport fd=3 polling> resumes reading",
        "Info <_UnixReadPipeTransport fd=3 polling> was closed by peer",
    ] {
        let line = format!("{line} asyncio");
        assert!(lines.contains(&line), "{line} is not in {lines:#?}");
    }
}
