//! Streams over a pipe within one process, against the stand-in of the machine.

use crate::streams::{ReadError, StreamReader, open_read_pipe, open_write_pipe};
use crate::{Exception, os, run, spawn, yield_now};

/// A stream with this limit, which has got these bytes and then its end.
async fn stream(bytes: &[u8], limit: usize) -> StreamReader {
    let (reader, writer) = os::pipe().expect("a pipe");
    let stream = open_read_pipe(reader, limit).await.expect("a pipe");
    os::write(writer, bytes).expect("room");
    os::close(writer).expect("it is open");
    stream
}

fn line(exception: &Exception) -> String {
    exception.last_line()
}

#[test]
fn lines_are_read_to_their_end_and_the_last_needs_none() {
    run(async {
        let stream = stream(b"one\n\nlast", 100).await;
        for expected in [&b"one\n"[..], b"\n", b"last", b"", b""] {
            assert_eq!(stream.readline().await.expect("a line"), expected);
        }
        assert!(stream.at_eof());
    });
}

#[test]
fn some_and_all_are_read() {
    run(async {
        let stream = stream(b"abcdef", 2).await;
        assert_eq!(stream.read_some(0).await.expect("nothing"), b"");
        assert_eq!(stream.read_some(4).await.expect("bytes"), b"abcd");
        assert_eq!(stream.read().await.expect("the rest"), b"ef");
        assert_eq!(stream.read_some(4).await.expect("the end"), b"");
    });
}

#[test]
fn too_few_bytes_are_an_incomplete_read() {
    run(async {
        let stream = stream(b"abcdef", 100).await;
        assert_eq!(stream.readexactly(4).await.expect("bytes"), b"abcd");
        let error = stream.readexactly(4).await.expect_err("two are left");
        assert_eq!(error.to_string(), "2 bytes read on a total of 4 expected bytes");
        assert!(matches!(&error, ReadError::IncompleteRead(error) if error.partial == b"ef"));
        let exception = Exception::from(error);
        assert_eq!(exception.kind(), "IncompleteReadError");
        let error = stream.readuntil(b";").await.expect_err("nothing is left");
        assert_eq!(error.to_string(), "0 bytes read on a total of undefined expected bytes");
    });
}

#[test]
fn a_separator_beyond_the_limit_is_an_overrun_and_stays() {
    run(async {
        let found = stream(b"abcdef;rest", 4).await;
        let error = found.readuntil(b";").await.expect_err("beyond the limit");
        assert_eq!(
            line(&error.exception()),
            "asyncio.exceptions.LimitOverrunError: Separator is found, but chunk is longer than limit"
        );
        assert_eq!(found.read_some(3).await.expect("it is still there"), b"abc");
        assert_eq!(found.readuntil(b";").await.expect("within the limit"), b"def;");

        let never = stream(b"abcdefgh", 4).await;
        let error = never.readuntil(b";;").await.expect_err("none at all");
        assert!(matches!(&error, ReadError::LimitOverrun(error) if error.consumed == 7));
        let text = "Separator is not found, and chunk exceed the limit";
        assert_eq!(error.to_string(), text);
        let error = never.readuntil(b"").await.expect_err("no separator");
        let text = "ValueError: Separator should be at least one-byte string";
        assert_eq!(line(&error.exception()), text);
    });
}

#[test]
fn a_line_that_is_too_long_is_dropped() {
    run(async {
        let stream = stream(b"abcdef\nok\n", 4).await;
        let error = stream.readline().await.expect_err("too long");
        let text = "ValueError: Separator is found, but chunk is longer than limit";
        assert_eq!(line(&error), text);
        assert_eq!(stream.readline().await.expect("the next"), b"ok\n");
    });
}

#[test]
fn it_stops_reading_above_twice_its_limit_until_somebody_reads() {
    run(async {
        let (reader, writer) = os::pipe_with_capacity(10).expect("a pipe");
        let stream = open_read_pipe(reader, 10).await.expect("a pipe");
        os::set_blocking(writer, false).expect("it is open");
        let mut written = 0;
        for _ in 0..20 {
            written += os::write(writer, &[0; 10]).unwrap_or(0);
            yield_now().await;
        }
        assert_eq!(stream.buffered(), 30, "twice the limit and one read more");
        assert_eq!(written, 40, "and what the pipe holds");
        assert!(format!("{stream:?}").ends_with(" paused>"), "{stream:?}");
        assert_eq!(stream.readexactly(35).await.expect("it goes on").len(), 35);
        stream.read_some(5).await.expect("the rest");
    });
}

#[test]
fn two_tasks_cannot_read_at_once_but_one_after_a_cancelled_one() {
    run(async {
        let (reader, writer) = os::pipe().expect("a pipe");
        let stream = open_read_pipe(reader, 10).await.expect("a pipe");
        let first = spawn(stream.read_some(1));
        yield_now().await;
        let error = stream.readline().await.expect_err("the first reads");
        let text = "RuntimeError: readuntil() called while another coroutine is already waiting \
                    for incoming data";
        assert_eq!(line(&error), text);
        first.cancel().await;
        os::write(writer, b"x\n").expect("room");
        assert_eq!(stream.readline().await.expect("a line"), b"x\n");
    });
}

#[test]
fn draining_waits_for_the_reader() {
    run(async {
        let (reader, writer) = os::pipe_with_capacity(10).expect("a pipe");
        let stream = open_write_pipe(writer).await.expect("a pipe");
        stream.transport().set_write_buffer_limits(8);
        stream.write(b"0123456789abc");
        stream.drain().await.expect("below the mark");
        stream.write(b"0123456789abc");
        let drained = spawn({
            let stream = stream.clone();
            async move { stream.drain().await }
        });
        for _ in 0..5 {
            yield_now().await;
        }
        assert!(!drained.is_finished(), "nobody has read");
        while !drained.is_finished() {
            os::read(reader, 10).expect("bytes");
            yield_now().await;
            yield_now().await;
        }
        drained.await.expect("it is drained");
        stream.close();
        assert!(stream.is_closing());
        stream.wait_closed().await.expect("it is closed");
        let error = stream.drain().await.expect_err("it is closed");
        assert_eq!(line(&error), "ConnectionResetError: Connection lost");
    });
}

#[test]
fn a_reader_that_goes_breaks_the_wait() {
    run(async {
        let (reader, writer) = os::pipe_with_capacity(10).expect("a pipe");
        let stream = open_write_pipe(writer).await.expect("a pipe");
        stream.transport().set_write_buffer_limits(8);
        stream.write([0; 30]);
        let drained = spawn({
            let stream = stream.clone();
            async move { stream.drain().await }
        });
        yield_now().await;
        os::close(reader).expect("it is open");
        let error = drained.await.expect_err("it is broken");
        assert_eq!(error.kind(), "BrokenPipeError");
        assert_eq!(stream.wait_closed().await.expect_err("as well").kind(), "BrokenPipeError");
    });
}

#[test]
fn a_stream_needs_a_limit() {
    run(async {
        let (reader, _writer) = os::pipe().expect("a pipe");
        let error = open_read_pipe(reader, 0).await.map(|_| ()).expect_err("no limit");
        assert_eq!(line(&error), "ValueError: Limit cannot be <= 0");
    });
}

#[test]
fn a_writer_that_is_dropped_open_is_warned_of_and_closed() {
    crate::host::take_lines();
    run(async {
        let (reader, writer) = os::pipe().expect("a pipe");
        drop(open_write_pipe(writer).await.expect("a pipe"));
        yield_now().await;
        yield_now().await;
        assert_eq!(os::read(reader, 1).expect("the end"), b"");
    });
    let lines = crate::host::take_lines();
    let text = "RES-2 ResourceWarning: unclosed <StreamWriter transport=<_UnixWritePipeTransport \
                fd=4 idle bufsize=0>>";
    assert!(lines.iter().any(|line| line == text), "{lines:#?}");
}
