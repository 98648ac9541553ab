//! The page of an experiment, as a reader finds it.

use loopbox_trace::check::Status;

use super::*;
use crate::testing::{
    HOSTILE, assert_harmless, changed_run, ms, server, stalled_run, stalled_trace,
    with_record_texts, words,
};

fn field(subject: Subject, name: &str, kept: &str, asked: &str) -> Field {
    Field { subject, name: name.into(), kept: kept.into(), asked: asked.into(), error: None }
}

fn fields() -> Vec<Field> {
    vec![
        field(Subject::Seed, "seed", "7", ""),
        field(Subject::Workers { max: 64 }, "workers", "2", "8"),
        field(Subject::Signal { signal: "SIGTERM".into() }, "signal.0", "2.5s", "250ms"),
        field(Subject::Blocking { call: "db.*".into() }, "blocking.0", "5ms to 1.1s", ""),
    ]
}

/// Another moment of the signal, which makes the run hold.
fn experiment() -> Experiment {
    let mut record = stalled_run().record.expect("a record");
    record.holds = true;
    record.checks[1].status = Status::Holds;
    record.checks.remove(2);
    record.summary.worst_stall = Some(ms(5));
    Experiment {
        fields: fields(),
        query: "workers=8&signal.0=250ms".into(),
        outcome: Some(Ok(Outcome { record, notes: vec!["The golden had no say.".into()] })),
        save: Save { folder: "scenarios".into(), name: "db-2".into(), ..Save::default() },
    }
}

fn shown(experiment: &Experiment) -> String {
    page(&server(), &stalled_run(), &Ok(stalled_trace()), experiment)
}

#[test]
fn old_and_new_stand_beside_each_other_and_what_turned_comes_first() {
    let html = shown(&experiment());
    let text = words(&html);
    assert!(text.contains("It failed, and now it holds."), "{text}");
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    let order = [
        "✓fails → holds",
        "+fails → holds",
        "caught → not checked",
        "exit✓holds",
        "Longest turn1.05s5ms−1.045s",
    ];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{text}");
    assert!(text.contains("The golden had no say."), "{text}");
    let fragment = fragment(&stalled_run(), &experiment());
    assert!(html.contains(&fragment) && !fragment.contains("<form") && !fragment.contains("<html"));
}

#[test]
fn the_timeline_has_both_and_can_be_dragged() {
    let html = shown(&experiment());
    for part in [
        r#"data-columns="/T/run/scenarios/db/seed-7/trace.columns""#,
        r#"data-second="/T/run/scenarios/db/seed-7/what-if.columns?workers=8&amp;signal.0=250ms""#,
        r#"data-what-if="/T/run/scenarios/db/seed-7/what-if/fragment""#,
        r#"[{"signal":0,"event":14}]"#.replace('"', "&quot;").as_str(),
        r#"data-budget="20000000""#,
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
}

#[test]
fn the_form_has_what_was_asked_for_and_the_kept_run_beside_it() {
    let html = shown(&experiment());
    assert!(html.contains(r#"name="signal.0" value="250ms" placeholder="2.5s""#), "{html}");
    assert!(
        html.contains(r#"name="workers" value="8" placeholder="2" type="number" min="1" max="64""#),
        "{html}"
    );
    assert!(html.contains(r#"<input type="hidden" name="signal.0" value="250ms">"#));
    assert!(!html.contains(r#"type="hidden" name="seed""#), "what was not asked for is not saved");
    assert!(html.contains(r#"method="post" action="/T/run/scenarios/db/seed-7/what-if/save""#));
    assert!(words(&html).contains("Writes a new file scenarios/name.toml"));
}

#[test]
fn errors_stand_beside_their_field() {
    let mut wrong = Experiment { outcome: None, ..experiment() };
    wrong.fields[2].asked = "250".into();
    wrong.fields[2].error = Some("`250` has no unit".into());
    let html = shown(&wrong);
    let input = html.split("name=\"signal.0\"").nth(1).and_then(|rest| rest.split('>').next());
    let input = input.expect("the field");
    assert!(
        input.contains(r#"value="250""#) && input.contains(r#"aria-invalid="true""#),
        "{input}"
    );
    assert!(input.contains(r#"aria-describedby="field-2-error field-2-hint""#), "{input}");
    assert!(html.contains(r#"id="field-2-error"><bdi>`250` has no unit</bdi>"#), "{html}");
    assert!(words(&html).contains("it says so beside its field") && !html.contains("id=\"save\""));
    assert!(!html.contains("data-second="));
}

#[test]
fn each_state_says_what_to_do() {
    let nothing = Experiment { outcome: None, query: String::new(), ..experiment() };
    assert!(words(&shown(&nothing)).contains("Nothing is changed yet."));
    let failed =
        Experiment { outcome: Some(Err("the guest does not compile".into())), ..experiment() };
    assert!(
        words(&shown(&failed)).contains("could not be run like that: the guest does not compile")
    );
    let mut taken = experiment();
    taken.save.error = Some("there is such a file".into());
    assert!(words(&shown(&taken)).contains("there is such a file"));
    let mut saved = experiment();
    saved.save.saved = Some("scenarios/db-2.toml".into());
    assert!(
        words(&shown(&saved))
            .contains("Saved as scenarios/db-2.toml. Run it with:loopbox run scenarios/db-2.toml")
    );
    let broken = KeptRun { record: Err("damaged".into()), ..stalled_run() };
    let html = page(&server(), &broken, &Ok(stalled_trace()), &nothing);
    assert!(
        words(&html).contains("Nothing can be tried with it. damaged")
            && !html.contains("data-timeline")
    );
    let html = page(&server(), &stalled_run(), &Err("cut off".into()), &experiment());
    assert!(words(&html).contains("cut off") && !html.contains("data-timeline"));
}

#[test]
fn hostile_texts_are_shown_and_do_nothing() {
    for text in HOSTILE.into_iter().chain([&*"x".repeat(1_000_000)]) {
        let mut hostile = experiment();
        for field in &mut hostile.fields {
            (field.kept, field.asked, field.error) = (text.into(), text.into(), Some(text.into()));
        }
        hostile.fields[2].subject = Subject::Signal { signal: text.into() };
        hostile.fields[3].subject = Subject::Blocking { call: text.into() };
        hostile.save = Save {
            folder: text.into(),
            name: text.into(),
            error: Some(text.into()),
            saved: Some(text.into()),
        };
        if let Some(Ok(outcome)) = &mut hostile.outcome {
            outcome.notes.push(text.into());
            outcome.record = with_record_texts(outcome.record.clone(), text);
        }
        let run = changed_run(|record| *record = with_record_texts(record.clone(), text));
        let html = page(&server(), &run, &Ok(stalled_trace()), &hostile);
        assert_harmless(&html, text);
        assert!(html.len() < 200_000, "{}", html.len());
        hostile.outcome = Some(Err(text.into()));
        assert_harmless(&page(&server(), &run, &Ok(stalled_trace()), &hostile), text);
    }
}
