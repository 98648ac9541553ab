use loopbox_trace::check::{Budget, Check, Status};
use loopbox_trace::record::Record;

use super::*;
use crate::testing::{
    HOSTILE, assert_golden, assert_harmless, file, ms, server, stalled_run, with_record_texts,
};
use crate::wellformed;

/// A run of this scenario and seed, after a change to its record.
fn kept(id: &str, change: impl FnOnce(&mut Record)) -> KeptRun {
    let mut run = KeptRun { id: id.into(), ..stalled_run() };
    let record = run.record.as_mut().expect("a record");
    (record.title, record.scenario) = (format!("Title of {id}"), format!("{id}.toml"));
    record.seed = id.rsplit('-').next().and_then(|seed| seed.parse().ok()).expect("a seed");
    change(record);
    run
}

/// As it should be.
fn good(record: &mut Record) {
    record.holds = true;
    record.checks.retain(|check| check.status.is_good());
    record.diagnostics.clear();
}

fn unreadable(id: &str, reason: &str) -> KeptRun {
    KeptRun { id: id.into(), record: Err(reason.into()), previous: None }
}

fn shown(runs: &[KeptRun], query: &str) -> String {
    let html = body(&server(), runs, &Query::parse(query)).into_string();
    assert_eq!(wellformed::check(&html), Ok(()), "{html}");
    html
}

/// The ids of scenarios in the order of their rows.
fn order(html: &str) -> Vec<&str> {
    let rows = html.split("<th class=\"scenario\" scope=\"row\" data-value=\"").skip(1);
    rows.filter_map(|row| row.split('"').next()).collect()
}

#[test]
fn without_results_the_page_says_how_to_get_some() {
    let page = page(&server(), &[], &Query::default());
    assert_eq!(wellformed::check(&page), Ok(()));
    assert!(page.contains("<h1>No results yet</h1>"), "{page}");
    assert!(page.contains("loopbox run scenarios"), "{page}");
    assert!(page.contains(r#"data-changes="/T/changes?since=1""#), "{page}");
}

#[test]
fn the_verdict_is_said_in_words() {
    let holds = |id| kept(id, good);
    let fails = |id| kept(id, |_| {});
    let lost = |id| unreadable(id, "damaged");
    for (runs, words) in [
        (vec![holds("a/seed-0")], "1 scenario holds"),
        (vec![fails("a/seed-0")], "1 scenario fails"),
        (vec![holds("a/seed-0"), holds("b/seed-0")], "2 scenarios hold"),
        (vec![holds("a/seed-0"), fails("b/seed-0")], "1 of 2 scenarios fails"),
        (vec![fails("a/seed-0"), fails("b/seed-0"), holds("c/seed-0")], "2 of 3 scenarios fail"),
        (vec![lost("a/seed-0"), holds("b/seed-0")], "1 of 2 scenarios cannot be read, 1 holds"),
        (vec![lost("a/seed-0"), fails("b/seed-0")], "1 of 2 scenarios fails"),
        // One scenario, whatever its seeds do.
        (vec![holds("a/seed-0"), fails("a/seed-1")], "1 scenario fails"),
    ] {
        assert_eq!(title(&runs), words);
        assert!(shown(&runs, "").contains(&format!("<h1>{words}</h1>")), "{words}");
    }
}

#[test]
fn what_fails_comes_first_and_what_cannot_be_read_next() {
    let runs = [
        kept("a/seed-0", good),
        unreadable("b/seed-0", "written by a newer loopbox"),
        kept("c/seed-0", |_| {}),
        kept("d/seed-0", good),
    ];
    let html = shown(&runs, "");
    assert_eq!(order(&html), ["c", "b", "a", "d"]);
    assert!(html.contains("1 result cannot be read."), "{html}");
    assert!(html.contains("written by a newer loopbox"), "{html}");
    assert!(html.contains("href=\"/T/run/b/seed-0\""), "{html}");
}

#[test]
fn the_order_is_one_that_was_asked_for() {
    let stall = |millis: u64| {
        move |record: &mut Record| {
            record.checks.clear();
            record.summary.worst_stall = Some(ms(millis));
            record.summary.worst_lag = Some(ms(100 - millis));
            record.summary.worst_signal_latency = (millis == 2).then(|| ms(1));
            record.summary.finished = ms(millis);
        }
    };
    let runs = [kept("a/seed-0", stall(1)), kept("b/seed-0", stall(3)), kept("c/seed-0", stall(2))];
    for (sort, expected) in [
        ("scenario", ["a", "b", "c"]),
        ("stall", ["b", "c", "a"]),
        ("lag", ["a", "c", "b"]),
        ("signal", ["c", "a", "b"]),
        ("time", ["b", "c", "a"]),
    ] {
        let html = shown(&runs, &format!("sort={sort}"));
        assert_eq!(order(&html), expected, "{sort}");
        assert_eq!(html.matches("aria-sort=").count(), 1, "{sort}");
        assert!(html.contains(&format!("<option value=\"{sort}\" selected>")), "{sort}");
    }
}

#[test]
fn only_what_was_asked_for_is_shown() {
    let mut changed = kept("d/seed-0", good);
    changed.previous = kept("d/seed-0", |_| {}).record.ok();
    let runs = [
        kept("a/seed-0", good),
        kept("b/seed-0", |record| record.diagnostics.truncate(1)),
        unreadable("c/seed-0", "damaged"),
        changed,
    ];
    assert!(runs[1].record.as_ref().is_ok_and(|record| record.diagnostics.len() == 1));
    for (query, expected) in [
        ("verdict=fails", vec!["b"]),
        ("verdict=holds", vec!["a", "d"]),
        ("verdict=changed", vec!["d"]),
        ("verdict=reported", vec!["b"]),
        ("verdict=unreadable", vec!["c"]),
        ("q=TITLE+d%2Fseed", vec!["d"]),
        ("q=block", vec!["b"]),
        ("q=c%2Fseed", vec!["c"]),
        ("q=b%2Fseed-0.toml&verdict=holds", vec![]),
    ] {
        let html = shown(&runs, query);
        assert_eq!(order(&html), expected, "{query}");
    }
    let none = shown(&runs, "q=nothing+like+it");
    assert!(none.contains("0 of 4 scenarios."), "{none}");
    assert!(none.contains("<a href=\"/T/\">Show everything</a>"), "{none}");
    assert!(none.contains("value=\"nothing like it\""), "{none}");
}

#[test]
fn seeds_of_one_scenario_are_one_row_with_its_worst() {
    let slow = |record: &mut Record| {
        record.checks[1].budget = Some(Budget { measured: ms(2000), allowed: Some(ms(20)) });
    };
    let runs = [
        kept("a/seed-0", good),
        kept("a/seed-1", |_| {}),
        kept("a/seed-2", slow),
        unreadable("a/seed-3", "damaged"),
    ];
    let html = shown(&runs, "");
    assert_eq!(order(&html), ["a"]);
    for part in [
        "4 runs in all.",
        "2 of 4 seeds fail",
        "1 of 4 seeds cannot be read",
        "<a href=\"/T/sweep/a\">4 seeds</a>",
        "data-value=\"2000000000\"",
        "Title of a/seed-1",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
}

#[test]
fn a_time_stands_beside_what_is_allowed() {
    let html = shown(&[stalled_run()], "");
    let text = "<span class=\"sign\">✗ </span><strong><data class=\"time\" value=\"1050000000\">1.05s</data></strong> of \
                <data class=\"time\" value=\"20000000\">20ms</data>";
    assert!(html.contains(text), "{html}");
    assert!(html.contains("class=\"fill bad\""), "{html}");
    let as_it_must = kept("a/seed-0", |record| record.checks[1].status = Status::FailsAsItMust);
    let html = shown(&[as_it_must], "");
    assert!(html.contains("class=\"fill over\""), "{html}");
    assert!(!html.contains("✗ </span><strong>"), "{html}");
}

#[test]
fn the_bar_of_a_time_ends_with_the_drawing() {
    for (measured, allowed, width) in [
        (0, 20, "0.0"),
        (10, 20, "32.0"),
        (20, 20, "64.0"),
        (30, 20, "96.0"),
        (u64::MAX, 0, "96.0"),
    ] {
        let bar =
            parts::budget_bar(loopbox_trace::Nanos(measured), loopbox_trace::Nanos(allowed), true);
        assert!(bar.0.contains(&format!("y=\"3\" width=\"{width}\"")), "{measured}: {}", bar.0);
    }
}

#[test]
fn what_is_new_is_said_only_where_something_was_there_before() {
    let alone = shown(&[stalled_run()], "");
    assert!(!alone.contains("Since the results before"), "{alone}");
    assert!(!alone.contains("new</span>"), "{alone}");
    let mut run = stalled_run();
    run.previous = kept("a/seed-0", |record| {
        let check = |key: &'static str| Check { key: key.into(), ..record.checks[1].clone() };
        record.checks = vec![check("max-stall"), check("lag"), check("exit")];
        record.diagnostics.clear();
    })
    .record
    .ok();
    let reported = run.record.as_ref().expect("a record").diagnostics.len();
    let html = shown(&[run], "");
    for badge in [format!("{reported} new"), "1 ongoing".into(), "2 resolved".into()] {
        assert!(html.contains(&format!("</span>{badge}</span>")), "{badge} in {html}");
    }
    let row = html.split("<tbody>").nth(1).expect("a table");
    assert!(row.contains("</span>resolved</span> <code><bdi>lag</bdi></code>, <code>"), "{row}");
}

#[test]
fn too_many_rows_are_cut_with_a_note() {
    let runs: Vec<_> =
        (0..=ROWS_MAX).map(|n| unreadable(&format!("s{n:05}/seed-0"), "damaged")).collect();
    let html = shown(&runs, "");
    assert_eq!(order(&html).len(), ROWS_MAX);
    assert!(html.contains("Only the first 2000 are shown"), "a note");
    assert!(!shown(&runs[1..], "").contains("Only the first"), "no note");
}

#[test]
fn in_a_file_nothing_asks_a_server() {
    let html = body(&file(), &[stalled_run()], &Query::default()).into_string();
    assert!(html.contains("data-filter hidden"), "{html}");
    assert!(html.contains("href=\"#run/scenarios/db/seed-7\""), "{html}");
    assert!(!html.contains("?sort="), "{html}");
}

#[test]
fn hostile_texts_stay_texts() {
    let long = "x".repeat(1_000_000);
    for text in HOSTILE.into_iter().chain([long.as_str()]) {
        let run = stalled_run();
        let record = run.record.map(|record| with_record_texts(record, text));
        let mut hostile = KeptRun { previous: record.clone().ok(), record, id: "a/seed-0".into() };
        let record = hostile.record.as_mut().expect("a record");
        record.diagnostics.iter_mut().for_each(|reported| reported.code = text.into());
        let lost = unreadable("b\"<img src=x>/seed-0", text);
        let site = Site { results: text.into(), ..server() };
        let html = page(&site, &[hostile, lost], &Query::default());
        assert_harmless(&html, text);
        assert_eq!(wellformed::check(&html), Ok(()));
        assert!(html.len() < 20_000, "{}", html.len());
    }
}

#[test]
fn what_was_searched_for_is_shown_as_a_text() {
    let html = shown(&[stalled_run()], "q=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E");
    assert!(html.contains("value=\"&quot;&gt;&lt;img src=x onerror=alert(1)&gt;\""), "{html}");
}

/// The whole page, as it was read and found good. `BLESS=1` writes what it is now.
#[test]
fn a_small_page_is_as_it_was_read() {
    let mut ongoing =
        kept("scenarios/db/seed-7", |record| record.title = "The database is slow".into());
    ongoing.previous = kept("scenarios/db/seed-7", |record| record.diagnostics.clear()).record.ok();
    let runs = [
        kept("scenarios/calm/seed-0", good),
        ongoing,
        unreadable("scenarios/cut/seed-0", "damaged at line 28: EOF while parsing an object"),
    ];
    let html = page(&server(), &runs, &Query::default());
    assert_golden("runs.html", &html);
}
