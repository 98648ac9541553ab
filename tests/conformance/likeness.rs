//! What may differ between CPython's output and ours without being a difference, rule by rule.
//!
//! Each rule replaces what has to be another by one word, on both sides; whatever no rule speaks of must be
//! equal to the letter. `docs/asyncio/conformance.md` lists the rules for people.

/// The lines with everything replaced that has to differ.
pub fn normal<'t>(lines: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    let mut normal = Vec::new();
    let mut lines = lines.into_iter().peekable();
    while let Some(line) = lines.next() {
        // Nobody can turn tracemalloc on in Rust, so nobody is told to.
        if line.ends_with("Warning: Enable tracemalloc to get the object allocation traceback") {
            continue;
        }
        let begins_frames = line.contains("(most recent call last)") || is_warning(line);
        normal.push(inside(line));
        // Frames of the interpreter, with lines of source, of which Rust keeps neither: that there are some is
        // what counts.
        let mut has_frames = false;
        while begins_frames && let Some(frame) = lines.next_if(|next| next.starts_with("  ")) {
            has_frames |= frame.starts_with("  File ");
        }
        if has_frames {
            normal.push("  FRAMES".into());
        }
    }
    normal
}

/// The lines of one script on two machines, or on two versions of CPython, with everything replaced that has to differ.
/// Lines of the script itself have their numbers; those of the standard library, which differ by version, have not.
pub fn of_script<'t>(lines: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    // When a callback comes that prints an empty line in every turn is a matter of the machine's speed.
    lines.into_iter().filter(|line| !line.is_empty()).map(inside_of_script).collect()
}

fn inside_of_script(line: &str) -> String {
    // A program is in no folder there, and CPython's library in one of its own.
    let line = line.replace("$CWD/", "").replace("/python/", "$LIB/");
    let line = library_lines(&line);
    let line = numbers(&line, " at 0x", |c| c.is_ascii_hexdigit());
    let line = ["fd=", "pid=", "pid ", "when=", "<Process ", "subprocess ", "3.14."]
        .iter()
        .fold(line, |line, key| numbers(&line, key, |c| c.is_ascii_digit() || c == '.'));
    // What a script measures of its machine's speed.
    let line = [" spins ", " us, ", " us", " s)", "ms: "]
        .iter()
        .fold(line, |line, unit| before(&line, unit));
    by_address(&hundredths(&line))
}

/// `$LIB/asyncio/events.py:80` and `...unners.py:100`, a shortened text, have no number.
fn library_lines(line: &str) -> String {
    let mut parts = line.split(".py");
    let mut found = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let file = found.rsplit([' ', '"', '(']).next().unwrap_or_default();
        let is_library = file.starts_with("$LIB/") || file.contains("...");
        found += ".py";
        let mark =
            [":", "\", line ", "\", lineno "].into_iter().find(|mark| part.starts_with(mark));
        let rest = match mark {
            Some(mark) if is_library => {
                found += mark;
                found += "N";
                part[mark.len()..].trim_start_matches(|c: char| c.is_ascii_digit())
            }
            _ => part,
        };
        found += rest;
    }
    found
}

/// Replaces the number in front of each `unit` by `N`, if it is a word of its own.
fn before(line: &str, unit: &str) -> String {
    let mut parts = line.split(unit).collect::<Vec<_>>();
    let last = parts.pop().unwrap_or_default();
    let replaced = parts.into_iter().map(|part| {
        let rest = part.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let is_number = rest.len() < part.len() && rest.ends_with(' ');
        if is_number { format!("{rest}N{unit}") } else { format!("{part}{unit}") }
    });
    replaced.collect::<String>() + last
}

/// `in set order (by address): [2, 0, 1]`: the order of a set is another in each run of CPython.
fn by_address(line: &str) -> String {
    let Some((text, order)) = line.split_once("(by address): ") else { return line.to_owned() };
    let mut order: Vec<&str> = order.trim_matches(['[', ']']).split(", ").collect();
    order.sort_unstable();
    format!("{text}(by address): {order:?}")
}

/// `x.py:4: RuntimeWarning: ...`: a line of source follows.
fn is_warning(line: &str) -> bool {
    let kinds = [": RuntimeWarning: ", ": ResourceWarning: ", ": DeprecationWarning: "];
    kinds.iter().any(|kind| line.contains(kind))
}

/// The rules for what stands inside a line.
fn inside(line: &str) -> String {
    let line = places(line);
    // A closure goes by the name of the function that it is written in, and Rust does not keep the name of the
    // function that a function is written in.
    let line = without_locals(&line.replace(".<locals>.<lambda>", ""));
    // Nothing here has an address that could be shown.
    let line = numbers(&line, " at 0x", |c| c.is_ascii_hexdigit()).replace(" at 0xN", "");
    let line = ["fd=", "pid=", "pid ", "when="]
        .iter()
        .fold(line, |line, key| numbers(&line, key, |c| c.is_ascii_digit() || c == '.'));
    hundredths(&line)
}

/// `$CWD/x.py:4` and `guest/programs/src/x.rs:4:9` are places.
fn places(line: &str) -> String {
    let mut found = String::new();
    let mut rest = line;
    while let Some((end, after)) = next_place(rest) {
        let is_outside = |c: char| " \"'(<[,=".contains(c);
        let start = rest[..end].rfind(is_outside).map_or(0, |before| before + 1);
        found += &rest[..start];
        found += "PLACE";
        rest = after;
    }
    found + rest
}

/// Where the next file name ends, and what follows its line and column.
fn next_place(text: &str) -> Option<(usize, &str)> {
    let ends = text.match_indices(':').map(|(index, _)| index);
    ends.filter(|&end| text[..end].ends_with(".py") || text[..end].ends_with(".rs")).find_map(
        |end| {
            let after = |text: &str| -> Option<usize> {
                let digits = text.strip_prefix(':')?.bytes().take_while(u8::is_ascii_digit).count();
                (digits > 0).then_some(digits + 1)
            };
            let line = &text[end..];
            let rest = &line[after(line)?..];
            Some((end, &rest[after(rest).unwrap_or(0)..]))
        },
    )
}

/// `main.<locals>.cb()` is `cb()`.
fn without_locals(line: &str) -> String {
    let mut line = line.to_owned();
    while let Some(at) = line.find(".<locals>.") {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let name = line[..at].trim_end_matches(is_name).len();
        line.replace_range(name..at + ".<locals>.".len(), "");
    }
    line
}

/// Replaces the number after each `key` by `N`.
fn numbers(line: &str, key: &str, belongs: impl Fn(char) -> bool) -> String {
    let mut parts = line.split(key);
    let mut found = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(&belongs);
        found += key;
        found += if rest.len() < part.len() { "N" } else { "" };
        found += rest;
    }
    found
}

/// `took 0.251 seconds`: a real machine is late by some milliseconds, ours is not.
fn hundredths(line: &str) -> String {
    let Some((before, after)) = line.rsplit_once(" took ") else { return line.to_owned() };
    let seconds = after.strip_suffix(" seconds").and_then(|seconds| seconds.parse::<f64>().ok());
    match seconds {
        Some(seconds) => format!("{before} took {seconds:.2} seconds"),
        None => line.to_owned(),
    }
}

#[test]
fn what_has_to_differ_is_replaced_and_nothing_else_is() {
    for (line, expected) in [
        (
            "coro=<main() done, defined at $CWD/s01.py:2> x",
            "coro=<main() done, defined at PLACE> x",
        ),
        ("at guest/a/b.rs:12:5>, created at c.rs:1>", "at PLACE>, created at PLACE>"),
        ("$CWD/s.py:7: RuntimeWarning: x", "PLACE: RuntimeWarning: x"),
        ("a.py: b", "a.py: b"),
        ("<Lock object at 0x7f604c63f850 [locked]>", "<Lock object [locked]>"),
        ("<T pid=902 fd=6 when=27.5>, pid 3 pid x", "<T pid=N fd=N when=N>, pid N pid x"),
        ("<Handle main.<locals>.f.<locals>.cb()>", "<Handle cb()>"),
        ("<Handle main.<locals>.f.<locals>.<lambda>()>", "<Handle f()>"),
        ("Executing x took 0.251 seconds", "Executing x took 0.25 seconds"),
        ("Executing x took 0.256 seconds", "Executing x took 0.26 seconds"),
    ] {
        assert_eq!(normal([line]), [expected]);
    }
}

#[test]
fn a_script_differs_only_in_what_its_machine_and_its_library_are() {
    for (recorded, ours) in [
        (
            "coro=<main() defined at $CWD/s01.py:2> at $LIB/x.py:180>",
            "coro=<main() defined at s01.py:2> at /python/x.py:1>",
        ),
        ("  File \"$LIB/x.py\", line 12, in f", "  File \"/python/x.py\", line 3, in f"),
        ("  File \"$LIB/x.py\", lineno 12", "  File \"/python/x.py\", lineno 3"),
        ("<Task finishe...unners.py:100>)", "<Task finishe...unners.py:2>)"),
        (
            "<gen at 0x7f60> fd=6 when=2.5> <Process 12> pid 3",
            "<gen at 0x1> fd=7 when=3> <Process 4> pid 9",
        ),
        ("x took 0.251 seconds", "x took 0.250 seconds"),
        ("await 8.1 us, sleep(0) 3.6 us", "await 7 us, sleep(0) 1.25 us"),
        ("with 38064 spins in between", "with 7 spins in between"),
        ("no I/O (real 0.000 s)", "no I/O (real 0.001 s)"),
        ("(by address): [0, 5, 3]", "(by address): [3, 0, 5]"),
        ("3.14.10", "3.14.0"),
    ] {
        assert_eq!(of_script([recorded]), of_script([ours]));
    }
    for (recorded, ours) in [
        ("$CWD/s01.py:2", "s01.py:3"),
        ("  File \"$CWD/s01.py\", line 12, in f", "  File \"s01.py\", line 3, in f"),
        ("x took 0.256 seconds", "x took 0.25 seconds"),
        ("ran at 0.1 s", "ran at 0.2 s"),
        ("hits: 3", "hits: 2"),
        ("(by address): [0, 5, 3]", "(by address): [3, 0, 4]"),
        ("    ^^^", "    ~~^"),
    ] {
        assert_ne!(of_script([recorded]), of_script([ours]), "{recorded}");
    }
    assert_eq!(of_script(["a", "", "", "b"]), of_script(["a", "", "b"]));
    assert_ne!(of_script(["a", " ", "b"]), of_script(["a", "b"]));
}

#[test]
fn frames_are_one_line_wherever_they_are_and_must_be_there() {
    let python = [
        "x.py:4: RuntimeWarning: w",
        "  work()",
        "RuntimeWarning: Enable tracemalloc to get the object allocation traceback",
        "Traceback (most recent call last):",
        "  File \"x.py\", line 4, in f",
        "    raise E",
        "    ^^^^^^^",
        "  File \"x.py\", line 9, in g",
        "E: e",
        "  indented by the program",
    ];
    let frames = ["Traceback (most recent call last):", "  FRAMES", "E: e"];
    let expected = [&["PLACE: RuntimeWarning: w"], &frames[..], &["  indented by the program"]];
    assert_eq!(normal(python), expected.concat());
    assert_eq!(normal(["Traceback (most recent call last):", "E: e"]).len(), 2);
}
