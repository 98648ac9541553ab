use loopbox_trace::check::Budget;
use loopbox_trace::record::Choice;

use super::*;
use crate::testing::{HOSTILE, assert_harmless, file, ms, server, stalled_run, with_record_texts};
use crate::wellformed;

/// Seeds of one scenario whose longest turns are so long; 20 ms are allowed.
fn seeds(stalls_ms: &[u64]) -> Vec<KeptRun> {
    let seed = |(seed, stall): (u64, &u64)| {
        let mut run = KeptRun { id: format!("a/seed-{seed}"), ..stalled_run() };
        let record = run.record.as_mut().expect("a record");
        record.seed = seed;
        record.checks.truncate(2);
        record.holds = *stall <= 20;
        record.checks[1].budget = Some(Budget { measured: ms(*stall), allowed: Some(ms(20)) });
        if record.holds {
            record.checks[1].status = loopbox_trace::check::Status::Holds;
        }
        record.reproduce = format!("loopbox run a.toml --seed {seed}");
        run
    };
    (0..).zip(stalls_ms).map(seed).collect()
}

fn shown(runs: &[KeptRun], query: &str) -> String {
    let html = page(&server(), runs, "a", &Query::parse(query)).expect("there are runs");
    assert_eq!(wellformed::check(&html), Ok(()), "{html}");
    html
}

#[test]
fn the_quantity_is_part_of_the_address() {
    for quantity in Quantity::ALL {
        assert_eq!(Query::parse(&format!("x=1&of={}", quantity.name())).of, Some(quantity));
        let html = shown(&seeds(&[1, 2]), &format!("of={}", quantity.name()));
        let current = format!("\"/T/sweep/a?of={}\" aria-current=\"page\"", quantity.name());
        assert!(html.contains(&current), "{current}");
        assert!(html.contains(&format!("<h2>{} over the seeds</h2>", quantity.words())));
    }
    assert_eq!(Query::parse("of=everything").of, None);
}

#[test]
fn a_scenario_without_runs_has_no_page() {
    assert_eq!(page(&server(), &seeds(&[1]), "b", &Query::default()), None);
    assert_eq!(page(&server(), &seeds(&[1]), "a/seed", &Query::default()), None);
}

#[test]
fn the_seeds_that_fail_come_first_with_what_failed() {
    // Ten comes after nine.
    let html = shown(&seeds(&[1, 30, 1, 1, 1, 1, 1, 1, 1, 1, 40]), "");
    let rows: Vec<&str> = html.split("<th scope=\"row\" data-value=\"").skip(1).collect();
    let order: Vec<&str> = rows.iter().filter_map(|row| row.split('"').next()).collect();
    assert_eq!(order, ["1", "10", "0", "2", "3", "4", "5", "6", "7", "8", "9"]);
    for part in [
        "2 of 11 seeds fail</span> in <code><bdi>max-stall</bdi></code> (2)",
        "<a href=\"/T/run/a/seed-1\">seed 1</a>",
        "loopbox run a.toml --seed 1<",
        "<code><bdi>max-stall</bdi></code>: <bdi>1.05s at 2s</bdi>",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    assert!(shown(&seeds(&[1, 2]), "").contains("all 2 seeds hold"));
}

#[test]
fn percentiles_and_extremes_are_said_in_words() {
    let html = shown(&seeds(&[10, 30, 5, 12, 18]), "").replace("</data>", "");
    let html: String =
        html.split("<data").map(|part| part.split_once('>').unwrap_or(("", part)).1).collect();
    assert!(
        html.contains("Half of the 5 seeds are at 12ms or less, 90 % at 30ms, 99 % at 30ms."),
        "{html}"
    );
    assert!(
        html.contains("The smallest is 5ms (<a href=\"/T/run/a/seed-2\">seed 2</a>)"),
        "{html}"
    );
    assert!(html.contains("the largest 30ms (<a href=\"/T/run/a/seed-1\">seed 1</a>)"), "{html}");
    assert!(html.contains("Allowed are 20ms; 1 seed is over it."), "{html}");
    assert!(html.contains("allowed 20ms</text>"), "{html}");
}

#[test]
fn what_was_drawn_alike_is_not_listed() {
    let mut runs = seeds(&[1, 2, 3]);
    let choice = |label: &str, value: &str| Choice { label: label.into(), value: value.into() };
    for (run, at) in runs.iter_mut().zip(["1ms", "2ms", "1ms"]) {
        let record = run.record.as_mut().expect("a record");
        record.choices = vec![choice("same", "7"), choice("moment", at)];
    }
    // It did not come as far.
    runs[2].record.as_mut().expect("a record").choices.remove(1);
    let html = shown(&runs, "");
    assert_eq!(html.matches("<bdi>moment</bdi>").count(), 2);
    assert!(!html.contains("<bdi>same</bdi>"), "{html}");
    assert!(!shown(&seeds(&[1, 2]), "").contains("Drawn</th>"));
}

#[test]
fn a_seed_that_cannot_be_read_is_a_row() {
    let mut runs = seeds(&[1, 2]);
    runs[1].record = Err("damaged at line 3".into());
    let html = shown(&runs, "");
    assert!(html.contains("1 cannot be read"), "{html}");
    assert!(html.contains("damaged at line 3"), "{html}");
    assert!(html.contains("<a href=\"/T/run/a/seed-1\">"), "{html}");
    runs[0].record = Err("damaged".into());
    assert!(shown(&runs, "").contains("2 cannot be read"));
}

#[test]
fn a_file_shows_every_quantity() {
    let html = body(&file(), &seeds(&[1, 2]), "a", &Query::default()).expect("runs").into_string();
    assert_eq!(html.matches(" over the seeds</h2>").count(), 4);
    assert!(!html.contains("?of="), "{html}");
}

#[test]
fn hostile_texts_stay_texts() {
    let long = "x".repeat(1_000_000);
    for text in HOSTILE.into_iter().chain([long.as_str()]) {
        let mut runs = seeds(&[1, 30]);
        runs[0].record = runs[0].record.clone().map(|record| with_record_texts(record, text));
        runs[1].record = runs[1].record.clone().map(|record| with_record_texts(record, text));
        runs[1].record.as_mut().expect("a record").choices[0].value = format!("{text}2");
        runs.push(KeptRun { id: "a/seed-2".into(), record: Err(text.into()), previous: None });
        let html = page(&server(), &runs, "a", &Query::default()).expect("runs");
        assert_harmless(&html, text);
        assert_eq!(wellformed::check(&html), Ok(()));
        assert!(html.len() < 30_000, "{}", html.len());
    }
}
