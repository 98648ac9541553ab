//! The server: connections, bounds on what they may take, and time limits.
//!
//! Clients are the outside world: they may be slow, many, or gone. So there are bounds on everything that one of
//! them can hold, and the host's clock decides when one is given up.

use std::any::Any;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use smol::future::{self, FutureExt};
use smol::lock::Semaphore;
use smol::{Async, Executor, Timer};
use smol_hyper::rt::{FuturesIo, SmolTimer};

use super::answer::{Answer, Content};
use super::gate::{BODY_BYTES_MAX, TOO_LARGE};
use super::patient::Patient;
use super::site::Site;
use crate::terminal;

/// Connections at once; others wait until the system gives them up.
const CONNECTIONS_MAX: usize = 256;

/// The most that is held of a request's head.
const HEAD_BYTES_MAX: usize = 32 << 10;
const HEADERS_MAX: usize = 64;

/// For the head of a request, also of the next one on the same connection.
const HEAD_TIME: Duration = Duration::from_secs(20);

/// For its body.
const BODY_TIME: Duration = Duration::from_secs(20);

/// For a client that takes nothing of what it is sent.
const WRITE_TIME: Duration = Duration::from_secs(30);

/// After a connection could not be accepted, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves a site, for ever.
pub async fn serve(
    listener: &Async<TcpListener>,
    site: &Arc<Site>,
    executor: &Executor<'static>,
) -> Infallible {
    let watched = Arc::clone(site);
    let watch = executor.spawn(async move {
        let look = || {
            let site = Arc::clone(&watched);
            smol::unblock(move || site.look())
        };
        watched.changes.watch(look).await
    });
    // Ends with this future, as the connections do with the executor.
    let _watch = watch;
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let permit = free.acquire_arc().await;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(_) => {
                Timer::after(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are written as a whole; waiting for more would only delay them.
        let _ = stream.get_ref().set_nodelay(true);
        let site = Arc::clone(site);
        let connection = async move {
            let service = service_fn(|request| respond(&site, request));
            let io = FuturesIo::new(Patient::new(stream, WRITE_TIME));
            // Whoever is gone needs no answer, and what came was refused by then.
            let _ = http1::Builder::new()
                .timer(SmolTimer::new())
                .header_read_timeout(HEAD_TIME)
                .max_buf_size(HEAD_BYTES_MAX)
                .max_headers(HEADERS_MAX)
                .serve_connection(io, service)
                .await;
            drop(permit);
        };
        executor.spawn(connection).detach();
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// From a request of a connection to the response.
async fn respond(
    site: &Arc<Site>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let answer = match site.admit(&head) {
        Err(answer) => *answer,
        Ok(asked) => match read_body(&head.method, body).await {
            Err(status) if status == StatusCode::PAYLOAD_TOO_LARGE => site.refuse(&TOO_LARGE),
            Err(status) => Answer::text(status, "The request did not come to its end."),
            Ok(body) => {
                let answer = site.answer(asked, head.headers, body);
                AssertUnwindSafe(answer)
                    .catch_unwind()
                    .await
                    .unwrap_or_else(|panic| panicked(site, &*panic))
            }
        },
    };
    Ok(answer.into_response().map(|content| match content {
        Content::Whole(bytes) => Full::new(bytes).boxed_unsync(),
        Content::News(listener) => StreamBody::new(listener.into_events()).boxed_unsync(),
    }))
}

/// The body of a request that may have one.
async fn read_body(method: &Method, body: Incoming) -> Result<Bytes, StatusCode> {
    if method != Method::POST {
        return Ok(Bytes::new());
    }
    let too_slow = async {
        Timer::after(BODY_TIME).await;
        Err(StatusCode::REQUEST_TIMEOUT)
    };
    let read = async {
        match Limited::new(body, BODY_BYTES_MAX).collect().await {
            Ok(whole) => Ok(whole.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
            Err(_) => Err(StatusCode::BAD_REQUEST),
        }
    };
    future::or(read, too_slow).await
}

/// A panic is a bug of ours, and no reason to lose the other pages.
fn panicked(site: &Site, panic: &(dyn Any + Send)) -> Answer {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let reason = format!(
        "loopbox itself panicked, which is a bug of loopbox: {}",
        text.unwrap_or("no message")
    );
    terminal::note(&reason);
    site.problem(StatusCode::INTERNAL_SERVER_ERROR, &reason)
}

/// Listens on this port of this machine only; on a free one if it is 0.
///
/// # Errors
/// The port is taken, or may not be used.
pub fn listen(port: u16) -> io::Result<(Async<TcpListener>, u16)> {
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], port))?;
    let port = listener.get_ref().local_addr()?.port();
    Ok((listener, port))
}
