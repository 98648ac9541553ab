//! Pipes within one process, at the lowest level; with `--cured` the same without the mistake.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use loopbox_guest::future::Future;
use loopbox_guest::streams::{DEFAULT_LIMIT, open_read_pipe, open_write_pipe};
use loopbox_guest::subprocess::Stdio;
use loopbox_guest::{
    Exception, Protocol, Transport, add_reader, add_writer, connect_read_pipe, connect_write_pipe,
    create_future, create_subprocess_exec, executor_job, exit, os, remove_reader, remove_writer,
    run, sleep, spawn_named,
};
use loopbox_programs::{Options, heartbeat};

const USAGE: &str = "pipes watch | protocols | stale | busy | blocking | lost-writes | unclosed | misuse  [--cured]";

fn main() {
    let mut options = Options::from_env();
    let cured = options.flag("--cured");
    let mode = options.word().unwrap_or_default();
    options.end();
    let result = match mode.as_str() {
        "watch" => run(watch()),
        "protocols" => run(protocols()),
        "stale" => run(stale(cured)),
        "busy" => run(busy(cured)),
        "blocking" => run(blocking(cured)),
        "lost-writes" => run(lost_writes(cured)),
        "unclosed" => run(unclosed(cured)),
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

/// A child's output, read by a plain callback; and a writer that waits for room.
async fn watch() -> Result<(), Exception> {
    let (reader, writer) = os::pipe_with_capacity(32)?;
    let ticker =
        create_subprocess_exec("ticker").args(["3"]).stdout(Stdio::Descriptor(writer)).await?;
    // The parent's own writing end would keep the pipe from ending.
    os::close(writer)?;
    let ended: Future<()> = create_future();
    let done = ended.clone();
    add_reader(reader, move || -> Result<(), Exception> {
        let bytes = os::read(reader, 1024)?;
        if bytes.is_empty() {
            println!("the end");
            remove_reader(reader)?;
            done.set_result(())?;
        } else {
            print!("read {}", String::from_utf8_lossy(&bytes));
        }
        Ok(())
    })?;
    ended.await?;
    os::close(reader)?;
    ticker.wait().await?;

    let (reader, writer) = os::pipe_with_capacity(4)?;
    os::set_blocking(writer, false)?;
    let ended: Future<()> = create_future();
    let (done, left) = (ended.clone(), Cell::new(10_usize));
    add_writer(writer, move || -> Result<(), Exception> {
        let written = os::write(writer, &vec![b'x'; left.get()])?;
        left.set(left.get() - written);
        println!("wrote {written}");
        if left.get() == 0 {
            remove_writer(writer)?;
            os::close(writer)?;
            done.set_result(())?;
        }
        Ok(())
    })?;
    os::set_blocking(reader, false)?;
    let slow = spawn_named("slow reader", async move {
        loop {
            sleep(Duration::from_millis(10)).await;
            if os::read(reader, 100).is_ok_and(|bytes| bytes.is_empty()) {
                break;
            }
        }
    });
    ended.await?;
    slow.await;
    Ok(())
}

/// Says what its transport tells it.
struct Saying {
    name: &'static str,
    ended: Future<()>,
    transport: RefCell<Option<Transport>>,
}

impl Saying {
    fn new(name: &'static str) -> Saying {
        Saying { name, ended: create_future(), transport: RefCell::default() }
    }
}

impl Protocol for Saying {
    fn connection_made(&self, transport: Transport) {
        println!("{}: connection made", self.name);
        self.transport.replace(Some(transport));
    }

    fn data_received(&self, data: Vec<u8>) {
        println!("{}: {} bytes", self.name, data.len());
    }

    fn eof_received(&self) {
        println!("{}: end of file", self.name);
    }

    fn connection_lost(&self, exception: Option<Exception>) {
        println!("{}: connection lost, {exception:?}", self.name);
        // Nobody else completes it.
        let _ = self.ended.set_result(());
    }

    fn pause_writing(&self) {
        println!("{}: too much, pausing", self.name);
    }

    fn resume_writing(&self) {
        println!("{}: going on", self.name);
    }
}

/// Both transports, on the two ends of one pipe.
async fn protocols() -> Result<(), Exception> {
    let (reader, writer) = os::pipe()?;
    let (_, reading) = connect_read_pipe(|| Saying::new("reader"), reader).await?;
    let (transport, writing) = connect_write_pipe(|| Saying::new("writer"), writer).await?;
    transport.write(&vec![b'x'; 200_000]);
    transport.close();
    writing.ended.clone().await?;
    reading.ended.clone().await?;
    Ok(())
}

/// L6: a descriptor is closed while a reader is registered, and its number is used again.
async fn stale(cured: bool) -> Result<(), Exception> {
    let (first, _) = os::pipe()?;
    add_reader(first, || println!("the old reader"))?;
    if cured {
        remove_reader(first)?;
    }
    os::close(first)?;
    let (again, writer) = os::pipe()?;
    println!("the number is used again: {}", again == first);
    add_reader(again, move || println!("the new reader: {:?}", os::read(again, 10)))?;
    os::write(writer, b"x")?;
    sleep(Duration::from_millis(100)).await;
    remove_reader(again)?;
    Ok(())
}

/// L7: a reader that does not read is called in every turn.
async fn busy(cured: bool) -> Result<(), Exception> {
    let (reader, writer) = os::pipe()?;
    let calls = Rc::new(Cell::new(0));
    let counted = calls.clone();
    add_reader(reader, move || -> Result<(), Exception> {
        counted.set(counted.get() + 1);
        if cured {
            os::read(reader, 10)?;
        }
        Ok(())
    })?;
    os::write(writer, b"x")?;
    sleep(Duration::from_millis(10)).await;
    println!("called more than once: {}", calls.get() > 1);
    remove_reader(reader)?;
    Ok(())
}

/// Reading from a pipe on the loop's thread; the cure is a stream.
async fn blocking(cured: bool) -> Result<(), Exception> {
    spawn_named("heartbeat", heartbeat(Duration::from_millis(50)));
    sleep(Duration::from_millis(5)).await;
    let (reader, writer) = os::pipe()?;
    let sleeper =
        create_subprocess_exec("sleep").args(["300"]).stdout(Stdio::Descriptor(writer)).await?;
    os::close(writer)?;
    let bytes = if cured {
        open_read_pipe(reader, DEFAULT_LIMIT).await?.read().await?
    } else {
        os::read(reader, 1024)?
    };
    println!("{} bytes, and the end", bytes.len());
    sleeper.wait().await?;
    Ok(())
}

/// RES-7: writing on and on after the reader has gone; the cure looks.
async fn lost_writes(cured: bool) -> Result<(), Exception> {
    let (reader, writer) = os::pipe()?;
    let stream = open_write_pipe(writer).await?;
    os::close(reader)?;
    for _ in 0..8 {
        stream.write(b"x");
        if cured && let Err(error) = stream.drain().await {
            println!("drain: {}: {error}", error.kind());
            break;
        }
    }
    Ok(())
}

/// RES-2: transports that nobody closes.
async fn unclosed(cured: bool) -> Result<(), Exception> {
    let (reader, writer) = os::pipe()?;
    let (reading, _) = connect_read_pipe(|| Saying::new("reader"), reader).await?;
    let (writing, _) = connect_write_pipe(|| Saying::new("writer"), writer).await?;
    if cured {
        writing.close();
        reading.close();
        sleep(Duration::ZERO).await;
    }
    Ok(())
}

/// RES-10 and its kin.
async fn misuse() -> Result<(), Exception> {
    let show = |what: &str, result: Result<(), Exception>| match result {
        Ok(()) => println!("{what} -> fine"),
        Err(exception) => println!("{what} -> {} | {exception}", exception.kind()),
    };
    show("add_reader(standard output)", add_reader(1_u32, || {}));
    show("add_reader(closed)", add_reader(987_u32, || {}));
    println!("remove_reader(unknown) -> {:?}", remove_reader(987_u32));
    let (reader, writer) = os::pipe()?;
    let (transport, _) = connect_read_pipe(|| Saying::new("reader"), reader).await?;
    show("add_reader(of a transport)", add_reader(reader, || {}));
    let second = connect_read_pipe(|| Saying::new("second"), reader).await;
    show("connect_read_pipe(of a transport)", second.map(|_| ()));
    let file = connect_read_pipe(|| Saying::new("file"), 0_u32).await;
    show("connect_read_pipe(no pipe)", file.map(|_| ()));
    let job = executor_job("watch from a job", move || add_reader(reader, || {}));
    show("add_reader(in a job)", job.await);
    transport.close();
    sleep(Duration::ZERO).await;
    show("read(closed)", os::read(reader, 1).map(|_| ()).map_err(Exception::from));
    show("close(closed)", os::close(reader).map_err(Exception::from));
    show("write(no reader)", os::write(writer, b"x").map(|_| ()).map_err(Exception::from));
    show("read(writing end)", os::read(writer, 1).map(|_| ()).map_err(Exception::from));
    os::set_blocking(writer, false)?;
    let (slow, full) = os::pipe_with_capacity(2)?;
    os::set_blocking(slow, false)?;
    os::set_blocking(full, false)?;
    show("read(empty)", os::read(slow, 1).map(|_| ()).map_err(Exception::from));
    println!("write(3 bytes into 2) -> {:?}", os::write(full, b"xyz"));
    show("write(full)", os::write(full, b"z").map(|_| ()).map_err(Exception::from));
    Ok(())
}
