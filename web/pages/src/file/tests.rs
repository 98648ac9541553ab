use super::*;
use crate::testing::{HOSTILE, assert_harmless, stalled_run, stalled_trace, with_record_texts};

const ASSETS: Assets<'_> = Assets {
    timeline_js: "let wasm_bindgen = '</script><!--';\r\n",
    viewer_js: "begin();",
    timeline_wasm: "AAAA",
};

fn file_of(runs: &[KeptRun], columns: Result<&str, String>) -> String {
    let mut file = File::begin(Vec::new(), "results", runs, ASSETS).expect("to memory");
    for run in runs {
        file.run(run, &Ok(stalled_trace()), columns.clone()).expect("to memory");
    }
    String::from_utf8(file.finish().expect("to memory")).expect("text")
}

/// The text of each element of this kind that has no id.
fn inline<'a>(html: &'a str, element: &str) -> Vec<&'a str> {
    let (begin, end) = (format!("<{element}"), format!("</{element}>"));
    let elements = html.split(&begin).skip(1).map(|rest| {
        let (attributes, rest) = rest.split_once('>').expect("a whole tag");
        (attributes, rest.split_once(&end).expect("an end").0)
    });
    elements.filter(|(attributes, _)| !attributes.contains("id=")).map(|(_, text)| text).collect()
}

#[test]
fn every_link_within_the_file_leads_somewhere() {
    let second = KeptRun { id: "scenarios/db/seed-8".into(), ..stalled_run() };
    let html = file_of(&[stalled_run(), second], Ok("AAAA"));
    let mut links = 0;
    for link in html.split("href=\"#").skip(1) {
        let id = link.split('"').next().unwrap_or_default();
        assert!(html.contains(&format!("id=\"{id}\"")), "#{id} leads nowhere");
        links += 1;
    }
    assert!(links > 20, "{links}");
    assert!(!html.contains("href=\"/"), "there is no server");
}

#[test]
fn each_id_is_there_once() {
    let other = KeptRun { id: "scenarios/db-2/seed-7".into(), ..stalled_run() };
    let html = file_of(&[stalled_run(), other], Ok("AAAA"));
    let mut ids: Vec<&str> =
        html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let number = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), number);
}

#[test]
fn the_policy_has_the_hash_of_what_is_inline_and_nothing_else() {
    let html = file_of(&[stalled_run()], Ok("AAAA"));
    let policy = html.split("Content-Security-Policy\" content=\"").nth(1).expect("a policy");
    let policy = policy.split('"').next().unwrap_or_default();
    let scripts = inline(&html, "script");
    assert_eq!(scripts, ["let wasm_bindgen = '<\\/script><\\!--';\n", "begin();"]);
    let style = inline(&html, "style");
    assert_eq!(style.len(), 1);
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; script-src {} {} 'wasm-unsafe-eval'; style-src {}; img-src data:; \
             base-uri 'none'; form-action 'none'",
            hash(scripts[0]),
            hash(scripts[1]),
            hash(style[0])
        )
    );
    // As `printf 'begin();' | openssl dgst -sha256 -binary | base64` gives it.
    assert_eq!(hash("begin();"), "'sha256-RGdiNHrz6SleHp86rY1Pe6UYC/Z2F6aw/rzfvgFU15Q='");
    for inline in ["style=\"", "onclick=", "javascript:"] {
        assert!(!html.contains(inline), "the policy forbids {inline}");
    }
}

#[test]
fn a_trace_is_inside_or_it_is_said_why_not() {
    let data = "<script type=\"application/octet-stream\" id=\"columns/";
    assert!(file_of(&[stalled_run()], Ok("AAAA")).contains(data));
    let html = file_of(&[stalled_run()], Err("The trace is too large for this file.".into()));
    assert!(!html.contains(data));
    assert!(html.contains("The trace is too large for this file."));
}

#[test]
fn data_that_could_end_its_element_are_refused() {
    let mut file = File::begin(Vec::new(), "results", &[], ASSETS).expect("to memory");
    let refused = file.run(&stalled_run(), &Ok(stalled_trace()), Ok("</script>"));
    assert_eq!(refused.expect_err("no base64").kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn a_run_without_room_says_so_and_how_to_see_it() {
    let run = stalled_run();
    let mut file =
        File::begin(Vec::new(), "results", std::slice::from_ref(&run), ASSETS).expect("to memory");
    file.pages_bytes = PAGES_BYTES_MAX - 1;
    assert!(file.has_room());
    file.pages_bytes = PAGES_BYTES_MAX;
    assert!(!file.has_room());
    let before = file.out.len();
    file.run(&run, &Ok(stalled_trace()), Ok("AAAA")).expect("to memory");
    let section = String::from_utf8(file.out[before..].to_vec()).expect("text");
    assert!(section.contains("id=\"run/scenarios/db/seed-7\""), "{section}");
    assert!(section.contains("the file would become too large"), "{section}");
    assert!(section.contains("loopbox run scenarios/db.toml --seed 7"), "{section}");
    assert!(section.len() < 2_000, "{}", section.len());
}

#[test]
fn hostile_texts_stay_texts() {
    for text in HOSTILE.into_iter().chain([CONTENT]) {
        let mut run = stalled_run();
        run.record = run.record.map(|record| with_record_texts(record, text));
        let html = file_of(&[run], Ok("AAAA"));
        assert_harmless(&html, text);
        assert_eq!(html.matches("<h1>").count(), 5, "list, sweep, run, golden and source");
    }
}

#[test]
fn a_text_that_many_scenarios_extend_is_there_once() {
    let second = KeptRun { id: "scenarios/db/seed-8".into(), ..stalled_run() };
    let html = file_of(&[stalled_run(), second], Ok("AAAA"));
    assert_eq!(html.matches("<bdi>[[blocking]]</bdi>").count(), 1);
    assert_eq!(html.matches("class=\"file-page\" id=\"source/").count(), 1);
    assert!(html.matches("href=\"#source/").count() >= 4, "from the rules and from the texts");
}

#[test]
fn a_scenario_with_one_run_leads_to_it() {
    let html = file_of(&[stalled_run()], Ok("AAAA"));
    let section = html.split("id=\"sweep/scenarios/db\"").nth(1).expect("a section");
    let section = section.split("class=\"file-page\"").next().unwrap_or_default();
    assert!(section.contains("href=\"#run/scenarios/db/seed-7\""), "{section}");
    assert!(section.len() < 400, "{section}");
}
