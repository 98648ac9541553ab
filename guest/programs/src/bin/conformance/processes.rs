//! Child processes and pipes: RES-2 to RES-10.

use std::time::Duration;

use loopbox_guest::subprocess::PIPE;
use loopbox_guest::{
    Exception, Protocol, add_reader, connect_read_pipe, create_subprocess_exec, os, remove_reader,
    run, set_debug, sleep, timeout,
};

use crate::{python, seconds, time_sleep};

type Fallible<T = ()> = Result<T, Exception>;

fn ended<T>(result: Fallible<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error:?}"))
}

pub(crate) fn s22() {
    async fn main() -> Fallible {
        create_subprocess_exec("sleep").args(["300"]).stdout(PIPE).await?; // never waited for
        Ok(())
    }
    ended(run(main()));
    time_sleep(0.6);
    async fn main2() -> Fallible {
        let p = create_subprocess_exec("sleep").args(["5000"]).await?;
        p.transport().close();
        sleep(seconds(0.05)).await;
        Ok(())
    }
    set_debug(true);
    ended(run(main2()));
}

pub(crate) fn s39() {
    async fn main() -> Fallible {
        // Shorter than in Python, where this does not block the loop.
        let p = create_subprocess_exec("sleep").args(["50"]).await?;
        os::waitpid(p.pid())?; // in the place of a kernel that reaps by itself
        println!("returncode: {}", p.wait().await?);
        Ok(())
    }
    set_debug(true);
    ended(run(main()));
}

pub(crate) fn s40() {
    async fn main() -> Fallible {
        let p = create_subprocess_exec("yes").args(["2000000"]).stdout(PIPE).await?;
        if timeout(seconds(1.0), p.wait()).await.is_err() {
            let buffered = p.stdout.as_ref().map_or(0, |stdout| stdout.buffered());
            println!(
                "wait() hangs: the pipe is full and nobody reads; buffered by the StreamReader: {buffered}"
            );
        }
        let (out, _) = p.communicate(None).await?;
        let returncode = p.returncode().unwrap_or(-1);
        println!("communicate() drains it: {} {returncode}", out.unwrap_or_default().len());
        Ok(())
    }
    ended(run(main()));
}

pub(crate) fn s43() {
    struct Nothing;
    impl Protocol for Nothing {}
    fn t(n: &str, result: Fallible) {
        match result {
            Ok(()) => println!("{n} -> no error"),
            Err(e) => println!("{n} -> {} | {e}", e.kind()),
        }
    }
    async fn main() -> Fallible {
        t("add_reader(closed fd)", add_reader(987_u32, || ()));
        println!("remove_reader(unknown) -> {}", python(remove_reader(987_u32)?));
        let (a, _b) = os::pipe()?;
        let (transport, _) = connect_read_pipe(|| Nothing, a).await?;
        t("add_reader(fd owned by a transport)", add_reader(a, || ()));
        let file = connect_read_pipe(|| Nothing, 0_u32).await; // standard input is a file here
        t("connect_read_pipe(regular file)", file.map(|_| ()));
        transport.close();
        sleep(Duration::ZERO).await;
        Ok(())
    }
    set_debug(true);
    ended(run(main()));
}
