//! The exception handler: the default one, the program's own, and one that fails.

use std::cell::RefCell;
use std::rc::Rc;

use super::{
    ErrorContext, call_exception_handler, default_exception_handler, set_exception_handler,
};
use crate::host::take_lines;
use crate::{Exception, call_soon, create_future, run, set_debug, yield_now};

type Handler = fn(&ErrorContext) -> Result<(), Exception>;

/// The reports since the last call.
fn reports() -> Vec<String> {
    let is_report = |line: &String| line.starts_with("EXC-") || line.starts_with("RET-");
    take_lines().into_iter().filter(is_report).collect()
}

#[test]
fn keys_are_shown_in_sorted_order_after_the_message() {
    reports();
    run(async {
        let context = ErrorContext::with_message("custom").with("zeta", "1").with("alpha", "2");
        assert_eq!(context.keys(), ["alpha", "message", "zeta"]);
        call_exception_handler(context);
        call_exception_handler(ErrorContext::default().with("zeta", "1"));
        let error = Exception::new("ValueError", "x");
        call_exception_handler(ErrorContext::with_message("failed").exception(error));
    });
    let reports = reports();
    assert_eq!(reports[0], "EXC-2 custom\nalpha: 2\nzeta: 1");
    assert_eq!(reports[1], "EXC-2 Unhandled exception in event loop\nzeta: 1");
    assert!(reports[2].starts_with("EXC-2 failed\nTraceback (most recent call last):\n"));
    assert!(reports[2].ends_with("\nValueError: x"));
}

#[test]
fn debug_mode_shows_where_the_running_handle_was_made() {
    reports();
    set_debug(true);
    let line = line!() + 2;
    run(async {
        call_soon(|| {
            call_exception_handler(ErrorContext::with_message("custom").with("zeta", "1"))
        });
        yield_now().await;
    });
    set_debug(false);
    let file = file!();
    let text = format!(
        "EXC-2 custom\nhandle_traceback: Handle created at (most recent call last):\n  File \"{file}\", \
         line {line}\nzeta: 1"
    );
    assert_eq!(reports(), [text]);
}

#[test]
fn a_callback_that_fails_is_reported_with_its_handle() {
    fn boom() -> Result<(), Exception> {
        Err(Exception::new("ZeroDivisionError", "boom"))
    }

    reports();
    let line = line!() + 2;
    run(async {
        call_soon(boom);
        yield_now().await;
    });
    let file = file!();
    let reports = reports();
    let start = format!(
        "EXC-1 Exception in callback boom() at {file}:{line}\nhandle: <Handle boom() at {file}:{line}>\n\
         Traceback (most recent call last):\n"
    );
    assert!(reports[0].starts_with(&start), "{reports:?}");
    assert!(reports[0].ends_with("\nZeroDivisionError: boom"), "{reports:?}");
}

#[test]
fn the_programs_handler_gets_the_context_and_may_pass_it_on() {
    reports();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let contexts = seen.clone();
    run(async move {
        set_exception_handler(Some(move |context: &ErrorContext| {
            let error = context.get_exception().map(|error| format!("{error:?}"));
            contexts.borrow_mut().push((context.keys().join(" "), error));
            default_exception_handler(context);
            Ok(())
        }));
        let future: crate::future::Future<()> = create_future();
        future.set_exception(Exception::new("KeyError", "k")).expect("it is pending");
        drop(future);
        set_exception_handler::<Handler>(None);
        call_exception_handler(ErrorContext::with_message("after"));
    });
    let codes: Vec<String> = reports().iter().map(|report| report[..5].to_owned()).collect();
    assert_eq!(codes, ["RET-1", "EXC-2"], "the trace has each of them once");
    let expected = ("exception future message".to_owned(), Some("KeyError('k')".to_owned()));
    assert_eq!(seen.take(), [expected]);
}

#[test]
fn a_handler_that_fails_is_reported_with_the_context_that_it_got() {
    reports();
    run(async {
        set_exception_handler(Some(|_: &ErrorContext| {
            Err(Exception::new("RuntimeError", "handler bug"))
        }));
        call_exception_handler(ErrorContext::with_message("m"));
        let error = Exception::new("ValueError", "x");
        let context =
            ErrorContext::with_message("it's").exception(error).with("handle", "<Handle>");
        call_exception_handler(context);
    });
    let reports = reports();
    let start = "EXC-3 Unhandled error in exception handler\ncontext: {'message': 'm'}\nTraceback";
    assert!(reports[1].starts_with(start), "{reports:?}");
    assert!(reports[1].ends_with("\nRuntimeError: handler bug"), "{reports:?}");
    let context = r#"{'message': "it's", 'exception': ValueError('x'), 'handle': <Handle>}"#;
    assert!(reports[3].contains(context), "{reports:?}");
}
