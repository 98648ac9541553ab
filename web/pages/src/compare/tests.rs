//! The page of a golden, as a reader finds it.

use loopbox_trace::EventKind;

use super::*;
use crate::testing::{
    HOSTILE, assert_golden, assert_harmless, changed_run, file, golden_text, ms, server,
    stalled_trace, with_record_texts, with_texts, words,
};

/// The page of the stalled run, whose golden is of another trace.
fn against(change: impl FnOnce(&mut Trace)) -> String {
    let mut expected = stalled_trace();
    change(&mut expected);
    let text = golden_text(&expected);
    let run = changed_run(|record| {
        record.golden = Some(GoldenText { path: "db.trace".into(), text: Some(text) });
        record.checks.push(Check { key: "trace".into(), ..record.checks[0].clone() });
    });
    body(&server(), &run, &Ok(stalled_trace())).into_string()
}

/// The event of a kind, which must be there.
fn position(trace: &Trace, wanted: impl Fn(&EventKind) -> bool) -> usize {
    trace.events.iter().position(|event| wanted(&event.kind)).expect("an event")
}

#[test]
fn what_is_the_same_is_folded_and_said() {
    let html = against(|_| {});
    let words = words(&html);
    assert!(
        words.contains("the same All 16 events of the golden happened, in order and in time."),
        "{words}"
    );
    assert!(
        !html.contains("first-divergence")
            && !words.contains("--bless")
            && !html.contains("tr class=\"moved")
    );
    assert_eq!(html.matches("<details class=\"same\">").count(), 3, "a fold for each lane");
    assert!(html.contains("data-golden=\"#timeline-golden\""));
    assert!(words.contains("times may be 1ms apart") && words.contains("signal blocking job"));
}

#[test]
fn a_row_is_the_difference() {
    let html = against(|golden| {
        let handled = position(golden, |kind| matches!(kind, EventKind::SignalHandled { .. }));
        golden.events[handled].at = ms(2600);
        let log = position(golden, |kind| matches!(kind, EventKind::Log { .. }));
        golden.events.remove(log);
        let raised = position(golden, |kind| matches!(kind, EventKind::SignalRaised(_)));
        let raised = golden.events[raised];
        golden.events.insert(0, raised);
    });
    let text = words(&html);
    assert!(
        text.contains("different 3 lines differ: 1 at another time, 1 missing, 1 extra."),
        "{text}"
    );
    let row = |class: &str| {
        let row = html.split(&format!("<tr class=\"{class}\"")).nth(1).expect(class);
        words(row.split("</tr>").next().unwrap_or_default())
    };
    assert!(
        row("moved").ends_with("signal SIGTERM handled, raised 2.5s3.05s+450ms!later, by 450ms"),
        "{}",
        row("moved")
    );
    assert!(row("missing").ends_with("2.5ssignal SIGTERM raised––✗missing"), "{}", row("missing"));
    assert!(row("extra").contains("–log INFO app: draining3.05s–+extra"), "{}", row("extra"));
    assert!(text.contains("loopbox run scenarios/db.toml --bless"));
}

#[test]
fn the_first_divergence_is_a_link_to_its_row_and_its_place_in_the_timeline() {
    let html = against(|golden| {
        let finished = position(golden, |kind| matches!(kind, EventKind::JobFinished(..)));
        golden.events[finished].at = ms(9);
        golden.events.pop();
    });
    let goto = "href=\"#first-divergence\" data-goto=\"6000000-9000000\" data-select=\"9\"";
    assert!(html.contains(goto), "{html}");
    assert_eq!(html.matches("id=\"first-divergence\"").count(), 1);
    assert!(
        words(&html).contains(
            "They part at 6ms on lane worker-1: job hash finished, done !earlier, by 3ms."
        )
    );
    assert!(html.contains("at another time: job hash finished, done"), "the keys lead there");
}

#[test]
fn lanes_of_one_side_say_so() {
    let html = against(|golden| golden.lanes[2] = "worker-9".into());
    let text = words(&html);
    assert!(
        text.contains("only the run has this lane")
            && text.contains("only the golden has this lane"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_compared_says_what_to_do() {
    let shown = |change: fn(&mut Record)| {
        words(&body(&server(), &changed_run(change), &Ok(stalled_trace())).into_string())
    };
    let none = shown(|record| record.golden = None);
    assert!(none.contains("The scenario has no golden.") && none.contains("--bless"), "{none}");
    let old = shown(|record| (record.version, record.golden) = (1, None));
    assert!(old.contains("An older Loopbox kept this result, without the golden."), "{old}");
    let missing =
        shown(|record| record.golden = Some(GoldenText { path: "x.trace".into(), text: None }));
    assert!(missing.contains("There is no file x.trace yet."), "{missing}");
    let broken = shown(|record| {
        record.golden = Some(GoldenText { path: "x.trace".into(), text: Some("<<<<<<<".into()) });
    });
    assert!(broken.contains("The golden x.trace cannot be read: line 1: not a golden"), "{broken}");
    let other_seed = shown(|_| {});
    assert!(other_seed.contains("this run has another one"), "{other_seed}");
    let no_trace = body(&server(), &changed_run(|_| {}), &Err("cut off at line 7".into()));
    assert!(words(&no_trace.into_string()).contains("They cannot be compared: cut off at line 7."));
}

#[test]
fn in_a_single_file_ids_are_the_pages_own() {
    let run = changed_run(|record| {
        let golden =
            record.golden.as_mut().and_then(|golden| golden.text.as_mut()).expect("a golden");
        *golden = golden.replace("hash", "hush");
    });
    let html = body(&file(), &run, &Ok(stalled_trace())).into_string();
    for id in html.split(" id=\"").skip(1) {
        assert!(id.starts_with("golden/scenarios/db/seed-7/"), "{}", &id[..40]);
    }
    assert!(html.contains("href=\"#golden/scenarios/db/seed-7/first-divergence\""));
    assert!(!html.contains("href=\"#timeline"));
}

#[test]
fn long_lanes_are_folded_and_cut() {
    let mut expected = stalled_trace();
    let event = expected.events[3];
    expected.events = vec![event; 5_000];
    let run = |text: String| {
        changed_run(|record| {
            record.golden = Some(GoldenText { path: "db.trace".into(), text: Some(text) });
        })
    };
    let same = body(&server(), &run(golden_text(&expected)), &Ok(expected.clone())).into_string();
    assert!(same.len() < 600_000 && words(&same).contains("The first 300 of them are listed."));
    let other = golden_text(&expected).replace("job hash", "job hush");
    let html = body(&server(), &run(other), &Ok(expected)).into_string();
    assert!(
        html.len() < 2_000_000 && words(&html).contains("More of this lane is not listed."),
        "{}",
        html.len()
    );
    assert!(html.contains("id=\"first-divergence\""));
}

#[test]
fn hostile_texts_are_shown_and_do_nothing() {
    for text in HOSTILE {
        let golden = golden_text(&with_texts(stalled_trace(), text)).replace("draining", text);
        let run = changed_run(|record| {
            *record = with_record_texts(record.clone(), text);
            record.golden = Some(GoldenText { path: text.into(), text: Some(golden) });
        });
        let mut trace = stalled_trace();
        trace.lanes[0] = text.into();
        assert_harmless(&body(&server(), &run, &Ok(trace)).into_string(), text);
        let run = changed_run(|record| *record = with_record_texts(record.clone(), text));
        assert_harmless(&body(&server(), &run, &Ok(stalled_trace())).into_string(), text);
    }
}

#[test]
fn the_page_is_as_its_golden() {
    let golden = golden_text(&stalled_trace());
    let moved = golden
        .replace("2000ms  timer beat", "1990ms  timer beat")
        .replace("job hash queued", "job hush queued");
    let run = changed_run(|record| {
        record.golden = Some(GoldenText { path: "db.trace".into(), text: Some(moved) });
    });
    assert_golden("compare.html", &body(&server(), &run, &Ok(stalled_trace())).into_string());
}

/// A lane with differences at these rows.
fn lane(length: usize, differing: &[usize]) -> LaneDiff {
    let row = |index| Row {
        change: match differing.contains(&index) {
            true => Change::Extra,
            false => Change::Same { off: Nanos::ZERO },
        },
        expected: None,
        actual: None,
    };
    LaneDiff { name: "main".into(), lane: None, rows: (0..length).map(row).collect() }
}

#[test]
fn rows_around_a_difference_stand_open_and_no_fold_hides_only_one() {
    let shown = |length, differing: &[usize]| -> Vec<(usize, usize, bool)> {
        let parts = parts(&lane(length, differing));
        parts.into_iter().map(|part| (part.rows.start, part.rows.end, part.folded)).collect()
    };
    assert_eq!(shown(20, &[]), [(0, 20, true)]);
    assert_eq!(shown(20, &[10]), [(0, 7, true), (7, 14, false), (14, 20, true)]);
    assert_eq!(shown(9, &[4]), [(0, 9, false)], "one row on each side");
    assert_eq!(shown(30, &[5, 13]), [(0, 2, true), (2, 17, false), (17, 30, true)]);
    assert_eq!(shown(30, &[5, 14])[2], (9, 11, true));
    assert_eq!(shown(0, &[]), []);
}

#[test]
fn a_list_ends_when_enough_rows_stand_open() {
    let part = |rows, folded| Part { rows, folded };
    let all = vec![
        part(0..200, false),
        part(200..900, true),
        part(900..1_100, false),
        part(1_100..1_200, true),
    ];
    let kept = vec![part(0..200, false), part(200..900, true), part(900..1_000, false)];
    assert_eq!(cut(all.clone()), (kept, true));
    assert_eq!(cut(all[..2].to_vec()), (all[..2].to_vec(), false));
}

#[test]
fn a_change_says_which_way_an_event_moved() {
    let row = |expected: (u64, u64), actual: (u64, u64), off| {
        let line = |(at, since)| golden::Line {
            at: ms(at),
            text: "timer x fired, due".into(),
            since: Some(ms(since)),
        };
        Row {
            change: Change::Moved { off: ms(off) },
            expected: Some(loopbox_trace::diff::Expected { line: line(expected), number: 5 }),
            actual: Some(loopbox_trace::diff::Actual { line: line(actual), event: 0 }),
        }
    };
    let told = |row: &Row| {
        format!(
            "{} | {} | {}",
            super::words(row),
            words(&off_by(row).into_string()),
            words(&change(row, ms(2)).into_string())
        )
    };
    assert_eq!(
        told(&row((10, 5), (20, 5), 10)),
        "timer x fired, due 5ms | +10ms | !later, by 10ms"
    );
    assert_eq!(
        told(&row((20, 5), (10, 5), 10)),
        "timer x fired, due 5ms | −10ms | !earlier, by 10ms"
    );
    assert_eq!(
        told(&row((20, 5), (19, 9), 4)),
        "timer x fired, due 5ms (run: 9ms) | −1ms | !refers to another time, by 4ms"
    );
}

#[test]
fn a_file_does_not_repeat_what_is_the_same() {
    let trace = stalled_trace();
    let same = changed_run(|record| {
        let text = Some(golden_text(&trace));
        record.golden = Some(GoldenText { path: "db.trace".into(), text });
    });
    let html = body(&file(), &same, &Ok(trace.clone())).into_string();
    assert!(!html.contains("<table") && !html.contains("data-timeline"), "{html}");
    let said = words(&html);
    assert!(said.contains("All 16 events of the golden happened"), "{said}");
    assert!(said.contains("loopbox view lists them beside each other."), "{said}");
    let mut other = trace;
    other.events.pop();
    let html = body(&file(), &same, &Ok(other)).into_string();
    assert!(html.contains("<table") && html.contains("data-timeline"), "what differs is there");
}
