//! The pages of `docs/asyncio` that make promises, held against the cases, the scenarios and the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use loopbox::scenario::{self, Scenario};
use loopbox_trace::codes::{CODES, Origin};

use crate::ours::{self, IN_PYTHON, IN_RUST};

/// How many rows of each name there are: `SLOW-1` to `SLOW-7` and so on. Those that asyncio's catalogue of
/// behaviours numbers itself have its numbers.
const ROWS: [(&str, u32); 21] = [
    ("CONST", 16),
    ("SLOW", 7),
    ("THR", 9),
    ("SIG", 11),
    ("RUN", 8),
    ("EXE", 10),
    ("AWAIT", 9),
    ("RET", 7),
    ("RES", 10),
    ("EXC", 20),
    ("AG", 5),
    ("MIS", 27),
    ("CANCEL", 3),
    ("STARVE", 2),
    ("ORDER", 3),
    ("TURN", 8),
    ("PY312", 5),
    ("PY313", 5),
    ("PY314", 6),
    ("PY315", 3),
    ("MAIN", 2),
];

/// A row of `conformance.md`.
struct Row {
    id: String,
    verdict: String,
    why: String,
    shown_by: Vec<String>,
}

pub fn page(name: &str) -> String {
    let path = ours::root().join("docs/asyncio").join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The cells of all rows of all tables on a page, without the heads.
pub fn cells(page: &str) -> Vec<Vec<String>> {
    let lines = page.lines().filter(|line| line.starts_with("| "));
    let all = lines.map(|line| {
        let cells = line.trim().trim_start_matches('|').trim_end_matches('|');
        // `\|` is a bar inside a cell.
        let cells = cells.replace("\\|", "\u{1}");
        cells.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect::<Vec<_>>()
    });
    // The head of a table is told by its first cell: a word, where a row has an id or a code.
    all.filter(|cells| cells[0].starts_with('`') || cells[0].starts_with('"')).collect()
}

/// What stands in backquotes.
pub fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn rows() -> Vec<Row> {
    let all = cells(&page("conformance.md")).into_iter().map(|cells| {
        let [id, _, verdict, why, shown_by] = &cells[..] else {
            panic!("a row has five cells: {cells:?}")
        };
        Row {
            id: quoted(id).concat(),
            verdict: verdict.clone(),
            why: why.clone(),
            shown_by: quoted(shown_by),
        }
    });
    all.collect()
}

/// Panics unless this is the name of a case, a scenario's file, a test, or an example that must not compile.
fn assert_exists(what: &str, named_by: &str) {
    if let Some((file, mark)) = what.split_once('#') {
        let text = fs::read_to_string(ours::root().join(file)).unwrap_or_default();
        let examples = text.split("```compile_fail").skip(1);
        let marks = examples.filter_map(|example| example.split_once("```"));
        let found = marks.into_iter().any(|(example, _)| example.contains(&format!("// {mark}:")));
        assert!(found, "{named_by}: there is no example {what} that must not compile");
    } else if let Some((file, test)) = what.split_once("::") {
        let text = fs::read_to_string(ours::root().join(file)).unwrap_or_default();
        assert!(text.contains(&format!("fn {test}()")), "{named_by}: there is no test {what}");
    } else if what.ends_with(".toml") {
        assert!(scenarios().contains(what), "{named_by}: {what} is not among the scenarios");
    } else {
        assert!(IN_RUST.names().iter().any(|name| name == what), "{named_by}: no case {what}");
    }
}

/// The scenarios of the repository that are run when all are, which other tests do.
fn scenarios() -> &'static BTreeSet<String> {
    static SCENARIOS: OnceLock<BTreeSet<String>> = OnceLock::new();
    SCENARIOS.get_or_init(|| {
        let listed = Command::new(env!("CARGO_BIN_EXE_loopbox"))
            .args(["list", "scenarios", "--format", "json"])
            .current_dir(ours::root())
            .output()
            .expect("the command starts");
        let listed = String::from_utf8(listed.stdout).expect("UTF-8");
        let parse = |line| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
        let sound = listed.lines().map(parse).filter(|line| line["error"].is_null());
        sound.filter_map(|line| Some(line["scenario"].as_str()?.to_owned())).collect()
    })
}

#[test]
fn every_row_of_the_catalogue_has_one_verdict() {
    let mut expected: Vec<String> = ROWS
        .iter()
        .flat_map(|(name, count)| (1..=*count).map(move |number| format!("{name}-{number}")))
        .collect();
    let mut listed: Vec<String> = rows().into_iter().map(|row| row.id).collect();
    expected.sort();
    listed.sort();
    assert_eq!(listed, expected);
}

#[test]
fn every_verdict_has_what_it_needs() {
    for Row { id, verdict, why, shown_by } in rows() {
        match verdict.as_str() {
            "same" => {}
            "stricter" | "refused" | "not covered" => assert!(why.len() > 10, "{id}: say why"),
            _ => panic!("{id}: `{verdict}` is no verdict"),
        }
        assert!(verdict == "not covered" || !shown_by.is_empty(), "{id}: nothing shows it");
        shown_by.iter().for_each(|what| assert_exists(what, &id));
    }
}

/// So that no case is there for nothing, and the page leads to each.
#[test]
fn every_case_shows_a_row() {
    let named: BTreeSet<String> = rows().into_iter().flat_map(|row| row.shown_by).collect();
    for name in IN_RUST.names() {
        assert!(named.contains(&name), "no row names {name}");
    }
}

#[test]
fn the_numbered_rows_are_those_of_the_catalogue_if_it_is_there() {
    let Some(catalogue) = ours::beside("catalogue.md") else { return };
    let numbered = catalogue.lines().filter_map(|line| {
        let (id, _) = line.strip_prefix("| ")?.split_once(" |")?;
        let (name, number) = id.split_once('-')?;
        let is_id = name.bytes().all(|b| b.is_ascii_uppercase());
        is_id.then(|| number.parse::<u32>().ok()).flatten().map(|number| (name.to_owned(), number))
    });
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for (name, number) in numbered {
        let count = counts.entry(name).or_default();
        *count = number.max(*count);
    }
    assert!(counts.len() >= 7, "{counts:?}");
    for (name, count) in counts {
        assert!(ROWS.contains(&(name.as_str(), count)), "{name}: {count}");
    }
}

// --- Codes ---------------------------------------------------------------------------------------

/// A row of `codes.md`.
struct CodeRow {
    logger: String,
    /// One for each level that it is reported at.
    levels: Vec<String>,
    default: String,
}

fn code_rows() -> BTreeMap<String, CodeRow> {
    let rows = cells(&page("codes.md"));
    let all = rows.iter().map(|cells| {
        let [code, logger, levels, _, default] = &cells[..] else {
            panic!("five cells: {cells:?}")
        };
        let levels = levels.split(", ").map(str::to_owned).collect();
        let row = CodeRow { logger: quoted(logger).concat(), levels, default: default.clone() };
        (quoted(code).concat(), row)
    });
    let codes: BTreeMap<_, _> = all.collect();
    assert_eq!(codes.len(), rows.len(), "a code is listed once");
    codes
}

#[test]
fn the_page_of_codes_lists_those_that_there_are() {
    let rows = code_rows();
    let listed: Vec<&str> = rows.keys().map(String::as_str).collect();
    assert_eq!(listed, CODES.iter().map(|code| code.name).collect::<Vec<_>>());
    for code in CODES {
        let default = match code.origin {
            Origin::Asyncio => "as asyncio",
            Origin::Ours => "on",
            Origin::OnDemand => "off",
        };
        assert_eq!(rows[code.name].default, default, "{}", code.name);
    }
}

#[test]
fn reports_have_the_level_and_logger_of_the_page() {
    let rows = code_rows();
    for (name, ours) in IN_RUST.all().iter().chain(IN_PYTHON.all()) {
        for report in ours.reports() {
            let row = rows.get(&report.code).unwrap_or_else(|| panic!("{name}: {report:?}"));
            assert_eq!(row.logger, report.logger, "{name}: {report:?}");
            assert!(row.levels.iter().any(|l| l == report.level.name()), "{name}: {report:?}");
        }
    }
}

/// Whatever makes a report uses a code of the list: only those can be switched off.
#[test]
fn no_source_has_a_code_that_is_not_listed() {
    for folder in ["guest/sdk/src", "host/machine/src"] {
        for entry in walkdir::WalkDir::new(ours::root().join(folder)) {
            let path = entry.expect("an entry").into_path();
            let is_test = path.components().any(|part| {
                part.as_os_str().to_string_lossy().trim_end_matches(".rs").ends_with("tests")
            });
            if !is_test && path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source");
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                for code in codes_in(text) {
                    let listed = loopbox_trace::codes::find(code);
                    assert!(listed.is_some(), "{}: {code} is not listed", path.display());
                }
            }
        }
    }
}

/// Literals that are codes: capitals and digits with hyphens between, such as `"SLOW-1"`.
fn codes_in(source: &str) -> impl Iterator<Item = &str> {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let literals = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    literals.filter(|text| {
        let is_part = |part: &str| {
            let is_of_code = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
            !part.is_empty() && part.bytes().all(is_of_code)
        };
        text.contains('-')
            && text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.split('-').all(is_part)
    })
}

// --- Twins ---------------------------------------------------------------------------------------

#[test]
fn the_table_of_twins_has_every_pair_with_what_it_is_held_to() {
    let rows = cells(&page("twins.md"));
    let listed: BTreeMap<String, BTreeSet<String>> = rows
        .iter()
        .map(|cells| {
            let [name, _, kinds] = &cells[..] else { panic!("three cells: {cells:?}") };
            (quoted(name).concat(), quoted(kinds).into_iter().collect())
        })
        .collect();
    assert_eq!(listed.len(), rows.len(), "none twice");
    let found = scenario::find(&[ours::root().join("scenarios/twins")]).expect("the folder");
    let held = found.into_iter().map(|path| {
        let scenarios = Scenario::load(&path.expect("readable")).expect("a scenario");
        let guests: Vec<_> = scenarios.iter().map(|one| one.guest_name.as_deref()).collect();
        assert_eq!(guests, [Some("rust"), Some("python")], "{}", scenarios[0].name);
        let golden = scenarios[0].golden.as_ref().expect("twins have a golden");
        assert!(golden.path.exists(), "{}", golden.path.display());
        let file = scenarios[0].path.file_stem().expect("a name").to_string_lossy().into_owned();
        (file, golden.groups.iter().map(|group| group.name().to_owned()).collect())
    });
    assert_eq!(listed, held.collect::<BTreeMap<String, BTreeSet<String>>>());
}

// --- The page ------------------------------------------------------------------------------------

#[test]
fn every_sentence_of_the_page_leads_to_a_scenario() {
    let rows = cells(&page("sentences.md"));
    assert!(rows.len() >= 24, "{}", rows.len());
    for cells in rows {
        let [sentence, shown_by, _] = &cells[..] else { panic!("three cells: {cells:?}") };
        let shown_by = quoted(shown_by);
        assert!(!shown_by.is_empty(), "{sentence}: nothing shows it");
        shown_by.iter().for_each(|what| assert_exists(what, sentence));
    }
}

#[test]
fn no_sentence_of_the_page_is_missing_if_it_is_there() {
    let Some(seed) = ours::beside("seed-asyncio-dev.txt") else { return };
    let listed = page("sentences.md");
    let mut missing = Vec::new();
    // The excerpt begins at the end of an example.
    let mut in_example = true;
    for line in seed.lines().skip_while(|line| *line != "---").skip(1) {
        if line.starts_with("```") {
            in_example = !in_example;
        } else if !in_example && !line.starts_with('#') {
            let line = without_links(line);
            let sentences = line.split(". ").map(|part| part.trim_end_matches(['.', ':']));
            missing.extend(sentences.filter(|s| !listed.contains(s)).map(str::to_owned));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Markdown's `[text](address)` is its text, without marks.
fn without_links(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, link)) = rest.split_once('[') {
        let Some((inside, after)) = link.split_once("](") else { break };
        text += before;
        text += inside;
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    (text + rest).replace('`', "").replace('’', "'")
}
