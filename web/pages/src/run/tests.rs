//! The page of a run, as a reader finds it.

use super::*;
use crate::testing::{
    HOSTILE, assert_golden, assert_harmless, changed_run, file, server, stalled_run, stalled_trace,
    with_record_texts, with_texts, words,
};

fn shown(run: &KeptRun, trace: &KeptTrace, query: &str) -> String {
    body(&server(), run, trace, &Query::read(query)).into_string()
}

#[test]
fn the_verdict_comes_first_and_says_who_is_to_blame() {
    let html = shown(&stalled_run(), &Ok(stalled_trace()), "");
    let text = words(&html);
    let verdict = "fails the loop stalled for 1.05s at 2s (budget 20ms), held up by the step of task \"main\" \
                   (app.rs:3:1), in the blocking call \"db.query\" on the loop.";
    assert!(text.contains(verdict), "{text}");
    let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text}"));
    let order = [
        "<h1>",
        "class=\"verdict",
        "loopbox run scenarios/db.toml --seed 7",
        "id=\"checks\"",
        "id=\"timeline\"",
        "id=\"turns\"",
        "id=\"events\"",
    ];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{html}");
}

#[test]
fn what_fails_as_it_must_is_caught() {
    let run = changed_run(|record| {
        record.holds = true;
        record.checks.retain(|check| check.status.is_good());
    });
    let text = words(&shown(&run, &Ok(stalled_trace()), ""));
    let verdict = "holds The mistake that the scenario shows is caught: 1 of 2 calls on the loop";
    assert!(text.contains(verdict) && text.contains("✓caught"), "{text}");
    let run = changed_run(|record| {
        record.holds = true;
        record.checks.truncate(1);
    });
    let text = words(&shown(&run, &Ok(stalled_trace()), ""));
    assert!(text.contains(
        "Everything is as the scenario expects: the program exited with status 0 at 3.051s."
    ));
}

#[test]
fn events_lead_to_the_timeline_the_program_and_the_scenario() {
    let html = shown(&stalled_run(), &Ok(stalled_trace()), "");
    // The signal of the scenario, in the table of signals and in the list of events.
    assert!(html.matches(r##"href="#scenario-6""##).count() >= 3, "{html}");
    // The rule that the blocking call comes from is in the file that the scenario extends.
    assert!(html.contains(r##"href="#scenario-1-1""##) && html.contains(r#"id="scenario-1-1""#));
    let row = html
        .split("id=\"event-13\"")
        .nth(1)
        .expect("the event")
        .split("</tr>")
        .next()
        .unwrap_or_default();
    assert!(
        row.starts_with(" data-event=\"13\"") && row.contains("blocking db.query begins"),
        "{row}"
    );
    assert!(
        html.contains(r##"href="#event-10" data-goto="2000000000-3050000000" data-select="10""##),
        "the turn: {html}"
    );
    assert!(html.contains("app.rs:9:5"), "where the job comes from");
}

#[test]
fn each_list_says_what_was_measured() {
    let text = words(&shown(&stalled_run(), &Ok(stalled_trace()), ""));
    for part in [
        "2.5s3.05s3.05s550ms", // raised, delivered, handled, latency
        "✗on the loop",
        "2, 1 call on the loop",
        "p501ms",
        "app.rs:7",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_list_of_events_has_pages() {
    let mut trace = stalled_trace();
    let event = trace.events[0];
    trace.events = vec![event; 1_200];
    let html = shown(&stalled_run(), &Ok(trace.clone()), "");
    assert!(html.contains(r##"href="?events=500#events""##) && !html.contains("Earlier events"));
    assert!(html.contains("id=\"event-499\"") && !html.contains("id=\"event-500\""));
    let html = shown(&stalled_run(), &Ok(trace.clone()), "t=1-2&events=500");
    assert!(
        html.contains(r##"href="?events=0#events""##)
            && html.contains(r##"href="?events=1000#events""##)
    );
    assert!(html.contains("<details class=\"fold\" id=\"events\" open>"), "whoever asks sees them");
    let beyond = shown(&stalled_run(), &Ok(trace.clone()), "events=5000");
    assert!(beyond.contains("There is no event 5000"));
    for absurd in ["events=-1", "events=x", "events=99999999999999999999999", "events"] {
        assert_eq!(Query::read(absurd), Query::default());
    }
    assert!(
        shown(&stalled_run(), &Ok(trace.clone()), &format!("events={}", usize::MAX))
            .contains("There is no event")
    );
    // Nobody answers a question to a file.
    let html = body(&file(), &stalled_run(), &Ok(trace), &Query::default()).into_string();
    assert!(
        !html.contains("?events=")
            && html.contains("The first 50 of 1200 events are listed in this file")
    );
}

#[test]
fn in_a_single_file_no_id_is_another_runs() {
    let html = body(&file(), &stalled_run(), &Ok(stalled_trace()), &Query::default()).into_string();
    for id in html.split(" id=\"").skip(1) {
        assert!(id.starts_with("run/scenarios/db/seed-7/"), "{}", &id[..40]);
    }
    for address in html.split("href=\"#").skip(1) {
        let own = address.starts_with("run/")
            || address.starts_with("golden/")
            || address.starts_with("sweep/")
            || address.starts_with("source/");
        assert!(own, "{}", &address[..40]);
    }
}

#[test]
fn every_link_within_the_page_leads_somewhere() {
    for site in [server(), file()] {
        let html =
            body(&site, &stalled_run(), &Ok(stalled_trace()), &Query::default()).into_string();
        let ids: std::collections::BTreeSet<&str> =
            html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(ids.len(), html.matches(" id=\"").count(), "an id is there twice");
        for link in html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            let page = ["golden/", "sweep/", "source/"].iter().any(|other| link.starts_with(other));
            assert!(page || ids.contains(link), "{link}");
        }
    }
}

#[test]
fn what_cannot_be_shown_says_what_to_do() {
    let broken = KeptRun {
        record: Err("This result cannot be read: damaged at line 3: x.".into()),
        ..stalled_run()
    };
    let text = words(&shown(&broken, &Err("not there".into()), ""));
    assert!(
        text.contains("This result cannot be read: damaged at line 3: x.")
            && text.contains("Run the scenario again")
    );
    let html =
        shown(&stalled_run(), &Err("The trace cannot be read: cut off at line 7.".into()), "");
    let text = words(&html);
    assert!(
        text.contains("The trace cannot be read: cut off at line 7. The verdict")
            && text.contains("1.05s at 2s"),
        "{text}"
    );
    assert!(!html.contains("data-timeline"));
    let old = changed_run(|record| {
        record.version = 1;
        (record.source, record.world, record.golden) = Default::default();
    });
    let text = words(&shown(&old, &Ok(stalled_trace()), ""));
    assert!(
        text.contains("An older Loopbox kept this result") && !text.contains("What if"),
        "{text}"
    );
    let mut trace = stalled_trace();
    trace.events.clear();
    assert!(
        words(&shown(&stalled_run(), &Ok(trace), ""))
            .contains("Nothing was recorded: the program exited")
    );
    let mut trace = stalled_trace();
    trace.ending =
        Ending::LimitReached { limit: Limit::Trace, allowed: "1000".into(), backtrace: Vec::new() };
    assert!(words(&shown(&stalled_run(), &Ok(trace), "")).contains("Raise trace-limit (now 1000)"));
    let query =
        Query { left_out: Some("only the first second is here".into()), ..Query::default() };
    let html = body(&file(), &stalled_run(), &Ok(stalled_trace()), &query).into_string();
    assert!(html.contains("only the first second is here"));
}

#[test]
fn calls_on_the_loop_come_before_longer_ones_in_a_pool() {
    let mut trace = stalled_trace();
    // Now the pool's call is the longest.
    trace.events[8].at = loopbox_trace::Nanos::from_millis(3_000);
    let text = words(&shown(&stalled_run(), &Ok(trace), ""));
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(at("1.05s✗on the loop") < at("2.999s✓in a pool"));
}

#[test]
fn an_event_on_another_page_of_the_list_is_found() {
    let mut trace = stalled_trace();
    let event = trace.events[0];
    trace.events.splice(0..0, vec![event; 700]);
    let html = shown(&stalled_run(), &Ok(trace), "");
    // The turn, which begins with event 710.
    assert!(html.contains(r##"href="?events=500#event-710""##), "{html}");
}

#[test]
fn an_old_record_tells_its_budget_in_the_words_of_the_scenario() {
    let run = changed_run(|record| record.checks[1].budget = None);
    let text = words(&shown(&run, &Ok(stalled_trace()), ""));
    assert!(text.contains("the loop stalled for 1.05s at 2s (at most 20ms)"), "{text}");
}

#[test]
fn a_signal_that_nobody_handled_is_told_before_a_late_one() {
    let failed = |check: &mut loopbox_trace::check::Check| {
        check.key = "signal-latency".into();
        check.status = loopbox_trace::check::Status::Fails;
    };
    let run = changed_run(|record| failed(&mut record.checks[0]));
    let late = words(&shown(&run, &Ok(stalled_trace()), ""));
    assert!(late.contains("fails SIGTERM, raised at 2.5s, was handled only 550ms later"), "{late}");
    let mut trace = stalled_trace();
    let raised =
        loopbox_trace::Event { at: loopbox_trace::Nanos::from_millis(2_600), ..trace.events[14] };
    trace.events.insert(15, raised);
    let lost = words(&shown(&run, &Ok(trace), ""));
    assert!(lost.contains("fails SIGTERM, raised at 2.6s, was never handled."), "{lost}");
}

#[test]
fn the_end_is_told_in_full() {
    let shown = |ending: Ending| {
        let run = changed_run(|record| record.ending = ending);
        words(&shown(&run, &Ok(stalled_trace()), ""))
    };
    let waiting = vec!["task \"main\" waits for a lock".to_owned(); 101];
    let deadlock = shown(Ending::Deadlock { waiting });
    assert!(deadlock.contains("Who waits for whattask \"main\" waits for a lock"), "{deadlock}");
    assert!(deadlock.contains("The first 100 of 101 are listed."), "{deadlock}");
    let panicked = shown(Ending::Panicked {
        message: "first\nsecond\u{202e}".repeat(10_000),
        backtrace: vec!["app::main".into()],
    });
    assert!(panicked.contains("panicked: first\nsecond\\u{202e}first"), "{panicked}");
    assert!(panicked.contains("innermost firstapp::main") && panicked.contains("… (cut)"));
    assert!(!shown(Ending::Exited { status: 1 }).contains("The end"));
}

#[test]
fn what_changed_since_the_result_before_is_told() {
    let mut run = stalled_run();
    run.previous = run.record.as_ref().ok().map(|record| {
        let mut before = record.clone();
        before.checks[0].status = loopbox_trace::check::Status::Fails;
        before.checks[1].status = loopbox_trace::check::Status::Holds;
        before
    });
    let text = words(&shown(&run, &Ok(stalled_trace()), ""));
    assert!(
        text.contains("Since the result before: +new max-stall  !ongoing BLOCK  ✓resolved exit"),
        "{text}"
    );
}

#[test]
fn hostile_texts_are_shown_and_do_nothing() {
    for text in HOSTILE {
        let run = changed_run(|record| *record = with_record_texts(record.clone(), text));
        let html = shown(&run, &Ok(with_texts(stalled_trace(), text)), "");
        assert_harmless(&html, text);
    }
    let long = "x".repeat(1_000_000);
    let run = changed_run(|record| *record = with_record_texts(record.clone(), &long));
    let html = shown(&run, &Ok(with_texts(stalled_trace(), &long)), "");
    assert!(html.len() < 300_000, "{} bytes", html.len());
}

#[test]
fn the_page_is_as_its_golden() {
    assert_golden("run.html", &shown(&stalled_run(), &Ok(stalled_trace()), ""));
}

/// A trace with this many turns, timers and events.
fn long_trace(number: u64) -> Trace {
    let mut trace = stalled_trace();
    let events = trace.events.clone();
    let last = events.last().expect("an event").at;
    for round in 1..number {
        let later = |event: &loopbox_trace::Event| loopbox_trace::Event {
            at: event.at + loopbox_trace::Nanos(last.0 * round),
            ..*event
        };
        trace.events.extend(events.iter().map(later));
    }
    trace
}

fn in_file(run: &KeptRun, trace: Trace, left_out: Option<&str>) -> String {
    let query = Query { left_out: left_out.map(String::from), ..Query::default() };
    body(&file(), run, &Ok(trace), &query).into_string()
}

/// How many rows the table of a part has.
fn rows_of(html: &str, part: &str) -> usize {
    let id = format!(" id=\"run/scenarios/db/seed-7/{part}\"");
    let rest = html.split(&id).nth(1).unwrap_or_else(|| panic!("{part}"));
    let part = rest.split("<details class=\"fold\"").next().unwrap_or_default();
    part.matches("<tr data-event=").count()
}

#[test]
fn in_a_file_a_run_that_fails_lists_little_and_one_that_holds_less() {
    let failing = stalled_run();
    let holding = changed_run(|record| record.holds = true);
    let html = in_file(&failing, long_trace(200), None);
    assert_eq!(rows_of(&html, "turns"), 20);
    assert_eq!(html.matches(" id=\"run/scenarios/db/seed-7/event-").count(), 50);
    assert!(words(&html).contains("The longest 20 of"), "what is missing is said");
    let fails = html.len();
    let beside =
        |html: &str| (html.contains("class=\"histogram\""), html.contains("seed-7/pipes\""));
    assert_eq!(beside(&html), (true, true));
    let html = in_file(&holding, long_trace(200), None);
    assert_eq!(rows_of(&html, "turns"), 5);
    assert_eq!(beside(&html), (false, false), "no drawing, and nothing about pipes: there is none");
    assert!(!html.contains("/event-"), "neither events nor links to them");
    let note = format!(
        "None of {} events are listed in this file; loopbox view shows all of them.",
        long_trace(200).events.len()
    );
    assert!(words(&html).contains(&note), "{note}");
    assert!(html.len() * 3 < fails * 2 && fails < 200_000, "{} {fails}", html.len());
    for part in ["output", "scenario", "signals", "checks", "drawn"] {
        assert!(html.contains(part), "{part}");
    }
    // Then nothing else tells of the events.
    let html = in_file(&holding, long_trace(200), Some("It is too large."));
    assert_eq!(html.matches(" id=\"run/scenarios/db/seed-7/event-").count(), 50);
}

#[test]
fn what_a_file_leaves_out_has_no_links() {
    for holds in [true, false] {
        let run = changed_run(|record| record.holds = holds);
        let html = in_file(&run, long_trace(200), None);
        let ids: std::collections::BTreeSet<&str> =
            html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        for link in html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            let page = ["golden/", "sweep/", "source/"].iter().any(|other| link.starts_with(other));
            assert!(page || ids.contains(link), "{link}");
        }
    }
}
