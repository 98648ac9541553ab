//! A program that starts children (`children`), by what it does wrong; with `--cured` the same without the mistake.

use std::time::Duration;

use loopbox_guest::logging::{self, Level};
use loopbox_guest::signal::{self, SIGTERM};
use loopbox_guest::subprocess::{DEVNULL, PIPE, Process, STDOUT, Stdio};
use loopbox_guest::{
    Exception, create_subprocess_exec, create_task, exit, os, run, sleep, spawn, timeout,
};
use loopbox_programs::Options;

const USAGE: &str = "processes echo | full-pipe | both-ways | kill | exits | zombie | orphan | drain | capacity | \
    lost-status | unclosed | left | closed | misuse  [--cured] [--log]";

/// More than the pipes and the streams hold together.
const MUCH: usize = 2_000_000;

fn main() {
    let mut options = Options::from_env();
    let cured = options.flag("--cured");
    let capacity = options.number("--capacity");
    if options.flag("--log") {
        logging::basic_config(Level::DEBUG);
    }
    let mode = options.word().unwrap_or_default();
    options.end();
    let result = match mode.as_str() {
        "echo" => run(echo()),
        "full-pipe" => run(full_pipe(cured)),
        "both-ways" => run(both_ways(cured)),
        "kill" => run(kill()),
        "exits" => run(exits()),
        "zombie" => run(zombie(cured)),
        "orphan" => run(orphan(cured)),
        "drain" => run(drain(cured)),
        "capacity" => run(slow_reader(capacity.unwrap_or(0))),
        "lost-status" => run(lost_status(cured)),
        "unclosed" => run(unclosed(cured)),
        "left" => left(),
        "closed" => run(closed(cured)),
        "misuse" => run(misuse()),
        _ => {
            eprintln!("{USAGE}");
            exit(2);
        }
    };
    if let Err(exception) = result {
        println!("failed: {exception:?}");
        exit(1);
    }
    println!("done");
}

/// A child that gives back what it gets.
async fn echo() -> Result<(), Exception> {
    let process = create_subprocess_exec("cat").stdin(PIPE).stdout(PIPE).await?;
    let (stdout, _) = process.communicate(Some(b"hello from the parent\n")).await?;
    print!("{}", text(stdout));
    println!("{process:?} ended with {:?}", process.returncode());
    Ok(())
}

/// RES-9: the child writes more than anybody reads, and the parent waits for its end.
async fn full_pipe(cured: bool) -> Result<(), Exception> {
    let process = create_subprocess_exec("yes").args([MUCH.to_string()]).stdout(PIPE).await?;
    if cured {
        let (stdout, _) = process.communicate(None).await?;
        println!("{} bytes", stdout.unwrap_or_default().len());
    } else {
        process.wait().await?;
    }
    Ok(())
}

/// L2: all input is written before any output is read; the child, which echoes, stops reading when its output is
/// full.
async fn both_ways(cured: bool) -> Result<(), Exception> {
    let process = create_subprocess_exec("cat").stdin(PIPE).stdout(PIPE).await?;
    let input = vec![b'x'; MUCH];
    let stdout = if cured {
        process.communicate(Some(&input)).await?.0.unwrap_or_default()
    } else {
        let stdin = process.stdin.clone().ok_or_else(no_pipe)?;
        stdin.write(&input);
        stdin.drain().await?;
        stdin.close();
        process.stdout.as_ref().ok_or_else(no_pipe)?.read().await?
    };
    println!("{} bytes", stdout.len());
    Ok(())
}

/// Signals, and what they come back as.
async fn kill() -> Result<(), Exception> {
    let sleeper = create_subprocess_exec("sleep").args(["10000"]).await?;
    sleep(ms(10)).await;
    sleeper.kill()?;
    println!("killed: {}", sleeper.wait().await?);
    let sleeper = create_subprocess_exec("sleep").args(["10000"]).await?;
    sleep(ms(10)).await;
    sleeper.terminate()?;
    println!("terminated, without a handler: {}", sleeper.wait().await?);
    if let Err(error) = sleeper.terminate() {
        println!("terminated again: {:?}", Exception::from(error));
    }
    let worker = create_subprocess_exec("worker").await?;
    sleep(ms(10)).await;
    worker.terminate()?;
    println!("terminated, with a handler: {}", worker.wait().await?);
    Ok(())
}

/// A child that fails, one that crashes, and one that does not exist.
async fn exits() -> Result<(), Exception> {
    let process = create_subprocess_exec("fail").stdout(PIPE).stderr(STDOUT).await?;
    let (stdout, _) = process.communicate(None).await?;
    println!("fail: {:?}, which said {:?}", process.returncode(), text(stdout));
    let process = create_subprocess_exec("crash").await?;
    println!("crash: {}", process.wait().await?);
    if let Err(error) = create_subprocess_exec("no-such-program").await {
        println!("no-such-program: {}: {error}", error.kind());
    }
    Ok(())
}

/// L3: killed, and never waited for.
async fn zombie(cured: bool) -> Result<(), Exception> {
    let process = create_subprocess_exec("sleep").args(["10000"]).stdout(PIPE).await?;
    sleep(ms(10)).await;
    process.kill()?;
    if cured {
        process.wait().await?;
    }
    Ok(())
}

/// L8: the wait for a child is cancelled, and the child lives on.
async fn orphan(cured: bool) -> Result<(), Exception> {
    let process = create_subprocess_exec("sleep").args(["10000"]).stdout(PIPE).await?;
    if timeout(ms(100), process.communicate(None)).await.is_err() {
        println!("timed out; the child's return code is {:?}", process.returncode());
        if cured {
            process.kill()?;
            process.wait().await?;
        }
    }
    Ok(())
}

/// SIGTERM to the parent: without a handler it dies, and its children are orphans. The cure takes them along.
async fn drain(cured: bool) -> Result<(), Exception> {
    let first = create_subprocess_exec("worker").await?;
    let second = create_subprocess_exec("worker").await?;
    if !cured {
        first.wait().await?;
        second.wait().await?;
        return Ok(());
    }
    signal::wait(SIGTERM).await?;
    println!("SIGTERM: taking the workers along");
    for worker in [&first, &second] {
        worker.terminate()?;
    }
    for worker in [&first, &second] {
        println!("{worker:?} ended with {}", worker.wait().await?);
    }
    Ok(())
}

/// A child that writes a line every 10 ms to a parent that takes 30 ms for each: how far it gets ahead is what
/// the pipe holds.
async fn slow_reader(capacity: u32) -> Result<(), Exception> {
    let ticker = create_subprocess_exec("ticker")
        .args(["20"])
        .stdout(Stdio::Pipe(capacity.into()))
        // The stream would read ahead, too.
        .limit(1)
        .await?;
    let lines = ticker.stdout.as_ref().ok_or_else(no_pipe)?;
    let ended = spawn(ended(create_task(ticker.wait())));
    loop {
        // A line has nine bytes.
        match lines.readexactly(9).await {
            Ok(line) => print!("{}", text(Some(line))),
            Err(_) => break,
        }
        sleep(ms(30)).await;
    }
    ended.await;
    Ok(())
}

async fn ended(child: loopbox_guest::Task<Result<i32, Exception>>) {
    if let Ok(returncode) = child.await {
        println!("the child has ended with {returncode}");
    }
}

/// L4: somebody else takes the status of the loop's child.
async fn lost_status(cured: bool) -> Result<(), Exception> {
    let process = create_subprocess_exec("fail").stderr(DEVNULL).await?;
    if !cured {
        println!("somebody else saw {}", os::waitpid(process.pid())?);
    }
    println!("the loop saw {}", process.wait().await?);
    Ok(())
}

/// RES-2: the loop is closed while a child runs.
async fn unclosed(cured: bool) -> Result<(), Exception> {
    let process = create_subprocess_exec("sleep").args(["300"]).stdout(PIPE).await?;
    if cured {
        process.communicate(None).await?;
    }
    Ok(())
}

/// RES-5: it ends while the next loop runs.
fn left() -> Result<(), Exception> {
    run(unclosed(false))?;
    run(sleep(ms(600)));
    Ok(())
}

/// RES-3: the transport of a child that runs is closed.
async fn closed(cured: bool) -> Result<(), Exception> {
    let process = create_subprocess_exec("sleep").args(["5000"]).await?;
    if cured {
        process.terminate()?;
        process.wait().await?;
    } else {
        process.transport().close();
        sleep(ms(50)).await;
    }
    println!("{:?}", process.returncode());
    Ok(())
}

/// What the machine refuses.
async fn misuse() -> Result<(), Exception> {
    let show = |what: &str, exception: &Exception| {
        println!("{what}: {}: {exception}", exception.kind());
    };
    let failed = |result: Result<Process, Exception>| result.err().unwrap_or_else(no_error);
    show("stdout=STDOUT", &failed(create_subprocess_exec("cat").stdout(STDOUT).await));
    let closed = Stdio::Descriptor(os::Fd(77));
    show("stdin=77", &failed(create_subprocess_exec("cat").stdin(closed).await));
    show("limit=0", &failed(create_subprocess_exec("cat").limit(0).await));

    let process = create_subprocess_exec("yes").args(["3"]).stdout(PIPE).await?;
    let error = process.communicate(Some(b"x")).await.err();
    show("input without a pipe", &error.unwrap_or_else(no_error));
    println!("wait: {}, and once more: {}", process.wait().await?, process.wait().await?);
    let error = process.send_signal(SIGTERM).err().map(Exception::from);
    show("signal to the ended", &error.unwrap_or_else(no_error));
    let error = os::waitpid(process.pid()).err().map(Exception::from);
    show("waitpid of the ended", &error.unwrap_or_else(no_error));
    let error = os::kill(4711, SIGTERM).err().map(Exception::from);
    show("kill of nobody", &error.unwrap_or_else(no_error));

    let process = create_subprocess_exec("cat").stdin(PIPE).stdout(DEVNULL).await?;
    let stdin = process.stdin.clone().ok_or_else(no_pipe)?;
    stdin.close();
    stdin.write(b"lost");
    stdin.wait_closed().await?;
    let error = stdin.drain().await.err();
    show("drain after close", &error.unwrap_or_else(no_error));
    process.wait().await?;
    Ok(())
}

fn text(bytes: Option<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

fn no_pipe() -> Exception {
    Exception::new("ValueError", "no pipe")
}

fn no_error() -> Exception {
    Exception::new("ValueError", "no error at all")
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
