//! Child processes, against the stand-in of the machine.

use crate::host::take_lines;
use crate::os;
use crate::signal::{SIGKILL, SIGUSR1};
use crate::subprocess::{DEVNULL, PIPE, Process, STDOUT};
use crate::{create_subprocess_exec, run, set_debug, spawn, yield_now};

async fn cat() -> Process {
    create_subprocess_exec("cat").stdin(PIPE).stdout(PIPE).await.expect("a program")
}

/// The diagnostics with this code since the last call.
fn reports(code: &str) -> Vec<String> {
    take_lines().into_iter().filter_map(|line| line.strip_prefix(code).map(str::to_owned)).collect()
}

#[test]
fn a_child_gives_back_what_it_gets() {
    run(async {
        let process = cat().await;
        assert_eq!(process.pid(), 2);
        assert_eq!(process.returncode(), None);
        let (stdout, stderr) = process.communicate(Some(b"hello")).await.expect("it works");
        assert_eq!((stdout.as_deref(), stderr), (Some(&b"hello"[..]), None));
        assert_eq!(process.returncode(), Some(0));
        assert_eq!(process.wait().await.expect("at once"), 0, "waiting twice is fine");
    });
}

#[test]
fn more_than_the_pipes_hold_goes_through_communicate() {
    run(async {
        let input = vec![b'x'; 1_000_000];
        let (stdout, _) = cat().await.communicate(Some(&input)).await.expect("it works");
        assert_eq!(stdout.expect("a pipe").len(), input.len());
    });
}

#[test]
fn lines_go_to_and_fro() {
    run(async {
        let mut process = cat().await;
        let stdin = process.stdin.take().expect("a pipe");
        let stdout = process.stdout.take().expect("a pipe");
        for text in ["one\n", "two\n"] {
            stdin.write(text);
            stdin.drain().await.expect("it is read");
            assert_eq!(stdout.readline().await.expect("a line"), text.as_bytes());
        }
        stdin.close();
        stdin.wait_closed().await.expect("no error");
        assert_eq!(process.wait().await.expect("it ends"), 0);
    });
}

#[test]
fn a_full_pipe_keeps_its_writer_and_the_stream_holds_what_asyncios_does() {
    run(async {
        let process =
            create_subprocess_exec("yes").args(["2000000"]).stdout(PIPE).await.expect("a program");
        let waits = spawn(process.wait());
        for _ in 0..50 {
            yield_now().await;
        }
        assert!(!waits.is_finished(), "nobody reads");
        assert_eq!(process.stdout.as_ref().expect("a pipe").buffered(), 196_608);
        let (stdout, _) = process.communicate(None).await.expect("it works");
        assert_eq!(stdout.expect("a pipe").len(), 2_000_000);
        assert_eq!(waits.await.expect("it has ended"), 0);
    });
}

#[test]
fn a_killed_child_has_a_negative_return_code() {
    run(async {
        let process = create_subprocess_exec("sleep").await.expect("a program");
        process.kill().expect("it lives");
        process.terminate().expect("the loop does not know yet");
        assert_eq!(process.wait().await.expect("it ends"), -9);
        let error = process.send_signal(SIGUSR1).expect_err("it has ended");
        assert_eq!(error.kind(), crate::OsErrorKind::ProcessLookupError);
        assert_eq!(error.to_string(), "");
        assert_eq!(os::kill(process.pid(), SIGKILL).expect_err("gone").errno(), Some(3));

        let process = create_subprocess_exec("sleep").await.expect("a program");
        assert_eq!(process.send_signal(999).expect_err("no signal").errno(), Some(22));
        process.terminate().expect("it lives");
        assert_eq!(process.wait().await.expect("it ends"), -15);
    });
}

#[test]
fn what_cannot_be_started_is_an_error() {
    run(async {
        let failed = |error: crate::Exception| error.last_line();
        let unknown = create_subprocess_exec("no-such").await.map_err(failed);
        assert_eq!(
            unknown.map(|_| ()),
            Err("FileNotFoundError: [Errno 2] No such file or directory: 'no-such'".into())
        );
        let misused = create_subprocess_exec("true").stdout(STDOUT).await.map_err(failed);
        assert_eq!(
            misused.map(|_| ()),
            Err("ValueError: STDOUT can only be used for stderr".into())
        );
        let closed = crate::subprocess::Stdio::Descriptor(os::Fd(77));
        let closed = create_subprocess_exec("true").stdin(closed).await.map_err(failed);
        assert_eq!(closed.map(|_| ()), Err("OSError: [Errno 9] Bad file descriptor".into()));
        let process = create_subprocess_exec("true").await.expect("a program");
        let error = process.communicate(Some(b"x")).await.map_err(failed);
        assert_eq!(
            error.map(|_| ()),
            Err("ValueError: communicate() was given input, but stdin is not a pipe".into())
        );
        process.wait().await.expect("it ends");
    });
}

#[test]
fn a_child_that_does_not_read_its_input_is_no_error() {
    run(async {
        let process = create_subprocess_exec("early").stdin(PIPE).await.expect("a program");
        process.communicate(Some(&[0; 200_000])).await.expect("it is ignored");
        assert_eq!(process.returncode(), Some(3));
    });
}

#[test]
fn a_status_that_somebody_else_has_taken_is_reported() {
    take_lines();
    run(async {
        let process = create_subprocess_exec("true").await.expect("a program");
        assert_eq!(os::waitpid(process.pid()), Ok(0));
        assert_eq!(process.wait().await.expect("it has ended"), 255);
        assert_eq!(os::waitpid(process.pid()).expect_err("twice").errno(), Some(10));
    });
    let text = "child process pid 2 exit status already read:  will report returncode 255";
    assert_eq!(reports("RES-4 "), [text]);
}

#[test]
fn a_child_of_a_closed_loop_is_warned_of_and_its_end_is_seen_by_the_next() {
    take_lines();
    let pid = run(async {
        let process = create_subprocess_exec("sleep").stdout(PIPE).await.expect("a program");
        process.pid()
    });
    assert_eq!(
        reports("RES-2 "),
        [
            "ResourceWarning: unclosed transport <_UnixSubprocessTransport pid=2 running \
             stdout=<_UnixReadPipeTransport fd=3 open>>",
            "ResourceWarning: unclosed transport <_UnixReadPipeTransport fd=3 open>",
        ]
    );
    os::kill(pid, SIGKILL).expect("with open pipes it lives on");
    run(yield_now());
    let text = "Loop <_UnixSelectorEventLoop running=False closed=True debug=False> that handles \
                pid 2 is closed";
    assert_eq!(reports("RES-5 "), [text]);
}

#[test]
fn a_child_without_pipes_is_killed_when_its_loop_closes() {
    let pid = run(async { create_subprocess_exec("sleep").await.expect("a program").pid() });
    assert_eq!(os::try_waitpid(pid), Ok(Some(-9)));
}

#[test]
fn closing_the_transport_kills_the_child_which_debug_mode_says() {
    take_lines();
    let pid = run(async {
        set_debug(true);
        let process = create_subprocess_exec("sleep").await.expect("a program");
        process.transport().close();
        assert_eq!(process.wait().await.expect("it ends"), -9);
        process.pid()
    });
    set_debug(false);
    let text = format!(
        "Close running child process: kill <_UnixSubprocessTransport closed pid={pid} running>"
    );
    assert_eq!(reports("RES-3 "), [text]);
}

#[test]
fn a_child_that_has_just_ended_is_not_killed_and_keeps_its_status() {
    take_lines();
    run(async {
        set_debug(true);
        let process = create_subprocess_exec("sleep").await.expect("a program");
        os::kill(process.pid(), SIGUSR1).expect("it lives");
        process.transport().close();
        assert_eq!(process.wait().await.expect("it has ended"), -10);
    });
    set_debug(false);
    assert_eq!(reports("RES-3 "), [""; 0]);
}

#[test]
fn debug_mode_logs_what_asyncio_logs() {
    crate::logging::get_logger("asyncio").set_level(crate::logging::Level::DEBUG);
    take_lines();
    run(async {
        set_debug(true);
        let process = create_subprocess_exec("cat")
            .stdin(PIPE)
            .stdout(PIPE)
            .stderr(STDOUT)
            .await
            .expect("a program");
        process.communicate(Some(b"hello")).await.expect("it works");
        let quiet = create_subprocess_exec("true").stderr(DEVNULL).await.expect("a program");
        quiet.wait().await.expect("it ends");
    });
    set_debug(false);
    let lines: Vec<String> = take_lines()
        .into_iter()
        .filter_map(|line| line.strip_suffix(" asyncio").map(str::to_owned))
        .filter(|line| !line.contains("selector") && !line.contains("EventLoop"))
        .collect();
    let process = |pipes: &str| format!("<_UnixSubprocessTransport pid=2 running {pipes}>");
    let connected = "stdin=<_UnixWritePipeTransport fd=3 idle bufsize=0> \
                     stdout=<_UnixReadPipeTransport fd=4 polling>";
    for line in [
        "Debug execute program 'cat' stdin=<pipe> stdout=stderr=<pipe>",
        "Debug process 'cat' created: pid 2",
        "Debug Write pipe 3 connected: (<_UnixWritePipeTransport fd=3 idle bufsize=0>, \
         <WriteSubprocessPipeProto fd=0 pipe=<_UnixWritePipeTransport fd=3 idle bufsize=0>>)",
        "Debug Read pipe 4 connected: (<_UnixReadPipeTransport fd=4 polling>, \
         <ReadSubprocessPipeProto fd=1 pipe=<_UnixReadPipeTransport fd=4 polling>>)",
        &format!("Info execute program 'cat': {}", process(connected)),
        "Debug <Process 2> communicate: feed stdin (5 bytes)",
        "Debug <Process 2> communicate: close stdin",
        "Debug <Process 2> communicate: read stdout",
        "Debug process 2 exited with returncode 0",
        "Info <_UnixReadPipeTransport fd=4 polling> was closed by peer",
        "Debug <Process 2> communicate: close stdout",
        "Debug execute program 'true' stderr=-3",
        "Info <_UnixSubprocessTransport pid=3 running> exited with return code 0",
    ] {
        assert!(lines.iter().any(|logged| logged == line), "{line} is not in {lines:#?}");
    }
}

#[test]
fn a_cancelled_communicate_leaves_the_child() {
    run(async {
        let process = create_subprocess_exec("sleep").stdout(PIPE).await.expect("a program");
        let task = spawn(process.communicate(None));
        yield_now().await;
        task.cancel().await;
        assert_eq!(process.returncode(), None);
        os::kill(process.pid(), 0).expect("it lives");
        process.kill().expect("it lives");
        assert_eq!(process.wait().await.expect("it ends"), -9);
    });
}
