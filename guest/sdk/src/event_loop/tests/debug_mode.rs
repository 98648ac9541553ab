//! Debug mode: what is reported, and what is not.

use super::*;
use crate::{Handle, Runner, coroutine, get_debug, set_slow_callback_duration};

/// The reports of a run whose code begins with this.
fn reports(code: &str, main: impl Future<Output = ()> + 'static) -> Vec<String> {
    take_lines();
    run(main);
    take_lines().into_iter().filter(|line| line.starts_with(code)).collect()
}

#[test]
fn a_callback_of_a_tasks_end_is_timed_and_its_error_told() {
    let told = reports("", async {
        set_debug(true);
        let task = spawn_named("quick", async {});
        task.handle().add_done_callback(|_| compute(100 * MS));
        let fails = |_| Err::<(), _>(crate::ValueError::new("no"));
        task.handle().add_done_callback(fails);
        task.await;
        yield_now().await;
    });
    let of = |code: &str| told.iter().filter(|line| line.starts_with(code)).count();
    assert_eq!(
        (of("SLOW-2 Executing <Handle"), of("EXC-1 Exception in callback")),
        (1, 1),
        "{told:?}"
    );
}

#[test]
fn a_callback_that_cancels_itself_keeps_its_text() {
    let told = reports("SLOW-2", async {
        set_debug(true);
        let own = Rc::new(RefCell::new(None::<Handle>));
        let handle = own.clone();
        own.replace(Some(call_soon(move || {
            compute(100 * MS);
            handle.borrow().as_ref().expect("set below").cancel();
        })));
        yield_now().await;
    });
    assert!(told[0].starts_with("SLOW-2 Executing <Handle cancelled a_callback_that"), "{told:?}");
}

#[test]
fn a_threshold_of_zero_reports_every_step() {
    let told = reports("SLOW-1", async {
        set_debug(true);
        set_slow_callback_duration(Duration::ZERO);
        yield_now().await;
        yield_now().await;
    });
    // Not the first, in which debug mode was turned on.
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn many_short_callbacks_make_a_slow_turn() {
    for (count, turns) in [(9, 0), (10, 1)] {
        let told = reports("TURN", async move {
            set_debug(true);
            yield_now().await;
            for _ in 0..count {
                call_soon(|| compute(10 * MS));
            }
            yield_now().await;
        });
        assert_eq!(told.len(), turns, "{told:?}");
    }
}

#[test]
fn one_slow_callback_is_no_slow_turn() {
    let told = reports("TURN", async {
        set_debug(true);
        yield_now().await;
        call_soon(|| compute(100 * MS));
        call_soon(|| compute(10 * MS));
        yield_now().await;
    });
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn debug_mode_that_begins_late_knows_no_older_places_and_no_older_step() {
    let told = reports("SLOW", async {
        let early = spawn_named("early", async {
            sleep(ms(1)).await;
            compute(100 * MS);
        });
        let callback = call_later(ms(1), || ());
        compute(100 * MS);
        set_debug(true);
        let late = spawn_named("late", async { compute(100 * MS) });
        assert!(!format!("{callback:?}").contains("created at"));
        assert!(format!("{:?}", call_soon(|| ())).contains("created at"));
        late.await;
        early.await;
        set_debug(false);
    });
    assert_eq!(told.len(), 2, "{told:?}");
    for report in told {
        assert_eq!(report.contains("created at"), report.contains("'late'"), "{report}");
    }
}

#[test]
fn coroutines_note_their_origin_from_the_turn_after_set_debug_on() {
    let told = reports("AWAIT-1", async {
        drop(coroutine(async {}));
        set_debug(true);
        drop(coroutine(async {}));
        yield_now().await;
        drop(coroutine(async {}));
        set_debug(false);
        drop(coroutine(async {}));
    });
    let origins: Vec<bool> =
        told.iter().map(|line| line.contains("Coroutine created at")).collect();
    assert_eq!(origins, [false, false, true, false]);
}

#[test]
fn what_a_loop_chooses_is_its_own() {
    let shown = || {
        run(async {
            let before = get_debug();
            set_debug(!before);
            before
        })
    };
    assert_eq!([shown(), shown()], [false, false]);
    set_debug(true);
    assert_eq!([shown(), shown()], [true, true]);
    set_debug(false);
    let in_debug = Runner::new().debug(true).run(async { get_debug() });
    assert_eq!((in_debug, shown()), (Ok(true), false));
}
