//! Frames out of memories that are made here: as CPython lays them out, and as nobody does.

use super::image::{Image, RUNTIME_AT};
use super::*;

/// What is read out of a memory.
trait Read {
    fn interpreter(&self) -> Interpreter;
    fn backtrace(&self) -> Vec<String>;
    fn place(&self) -> Option<String>;
}

impl Read for Image {
    fn interpreter(&self) -> Interpreter {
        Interpreter::find(&self.bytes).expect("it has a runtime")
    }

    fn backtrace(&self) -> Vec<String> {
        self.interpreter().backtrace(&self.bytes, 100)
    }

    fn place(&self) -> Option<String> {
        self.interpreter().place(&self.bytes)
    }
}

/// What a program, asyncio and the runtime look like while a task sleeps.
fn sleeping() -> Image {
    let mut image = Image::new();
    image.call("/world/wit_world/imports/blocking.py", "call", 25);
    image.call("site-packages/slow/__init__.py", "wait", 3);
    image.call("app.py", "main.<locals>.work", 12);
    image.call("/python/asyncio/events.py", "Handle._run", 94);
    image.call("/0/loopbox/_loop.py", "EventLoop._run_once", 170);
    image.call("/python/asyncio/base_events.py", "BaseEventLoop.run_forever", 683);
    image.call("app.py", "<module>", 20);
    image.call("/0/loopbox_entry.py", "Run.run", 19);
    image
}

#[test]
fn frames_are_named_from_the_innermost_outwards_without_the_runtimes() {
    assert_eq!(
        sleeping().backtrace(),
        [
            "wait (site-packages/slow/__init__.py:3)",
            "main.<locals>.work (app.py:12)",
            "Handle._run (/python/asyncio/events.py:94)",
            "BaseEventLoop.run_forever (/python/asyncio/base_events.py:683)",
            "<module> (app.py:20)",
        ]
    );
    assert_eq!(sleeping().interpreter().backtrace(&sleeping().bytes, 2).len(), 2);
}

#[test]
fn the_place_is_in_the_programs_own_code() {
    assert_eq!(sleeping().place().as_deref(), Some("app.py:12"));
}

#[test]
fn the_place_is_not_outside_of_the_turn() {
    let mut image = Image::new();
    image.call("/python/asyncio/events.py", "Handle._run", 94);
    image.call("/0/loopbox/_loop.py", "EventLoop._run_once", 170);
    image.call("app.py", "<module>", 20);
    assert_eq!(image.place(), None);
}

#[test]
fn only_files_of_the_programs_folder_are_its_own() {
    for (file, is_own) in [
        ("app.py", true),
        ("pkg/mod.py", true),
        ("größe.py", true),
        ("site-packages/aiofiles/os.py", false),
        ("/python/json/encoder.py", false),
        ("/0/loopbox/_start.py", false),
        ("<frozen importlib._bootstrap>", false),
        ("<string>", false),
        ("", false),
    ] {
        assert_eq!(is_the_programs(file), is_own, "{file}");
    }
}

#[test]
fn frames_that_the_interpreter_made_are_left_out() {
    let mut image = Image::new();
    // The frame in which an `__init__` returns: code without lines.
    let init = image.code("__init__", "__init__", 0, &[0xf8, 0xf8]);
    image.frame(init, 1, 0);
    image.call("app.py", "Thing.__init__", 7);
    let none = image.text("None");
    // Where C has called into Python: no code.
    image.frame(none, 0, offsets::FRAME_OWNED_BY_INTERPRETER);
    image.frame(none, 0, 0);
    let generator = image.code("app.py", "numbers", 8, &[0x80, 0]);
    image.frame(generator, 0, 1);
    image.frame(none, 0, 4);
    assert_eq!(image.backtrace(), ["Thing.__init__ (app.py:7)", "numbers (app.py:8)"]);
    assert_eq!(image.place().as_deref(), Some("app.py:7"));
}

#[test]
fn names_of_every_width_are_read() {
    let mut image = Image::new();
    image.call("größe.py", "maß", 2);
    image.call("программа.py", "главная", 3);
    image.call("🐍.py", "𝕞𝕒𝕚𝕟", 4);
    image.call(&"x".repeat(300), "long", 5);
    let long = format!("long ({}...:5)", "x".repeat(NAME_CHARS_MAX));
    assert_eq!(
        image.backtrace(),
        ["maß (größe.py:2)", "главная (программа.py:3)", "𝕞𝕒𝕚𝕟 (🐍.py:4)", long.as_str()]
    );
}

#[test]
fn another_version_has_no_frames() {
    for (field, value) in [(1, 0x030d_00f0_u64), (1, 0x030f_00f0), (2, 1), (26, 1 << 30)] {
        let mut image = sleeping();
        image.bytes[RUNTIME_AT + 8 * field..][..8].copy_from_slice(&value.to_le_bytes());
        assert!(Interpreter::find(&image.bytes).is_none(), "{field} {value}");
    }
    assert!(Interpreter::find(&[]).is_none());
    assert!(Interpreter::find(offsets::COOKIE).is_none());
}

#[test]
fn the_cookie_alone_is_not_taken_for_a_runtime() {
    let mut image = sleeping();
    image.bytes[800..808].copy_from_slice(offsets::COOKIE);
    assert_eq!(image.place().as_deref(), Some("app.py:12"));
}

#[test]
fn endless_frames_come_to_an_end() {
    let mut image = sleeping();
    let first = u32::from_le_bytes({
        let thread = image.link - 4;
        image.bytes[thread as usize + 4..][..4].try_into().expect("four bytes")
    });
    assert_eq!(first, 0, "the last frame has none before it");
    // The outermost frame is called by itself.
    image.set(image.link, image.link - 4);
    assert!(image.interpreter().frames(&image.bytes).count() <= FRAMES_MAX);
}

#[test]
fn no_memory_makes_it_panic_or_run_away() {
    let (whole, interpreter) = (sleeping().bytes, sleeping().interpreter());
    let mut random = 1_u64;
    let mut draw = |below: usize| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).expect("31 bits") % below
    };
    for _ in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..=draw(8) {
            // Mostly where it matters: behind the runtime.
            let at = RUNTIME_AT + draw(whole.len() - RUNTIME_AT - 4);
            let value: [u8; 4] = match draw(3) {
                0 => [0xff; 4],
                1 => u32::try_from(draw(whole.len())).expect("small").to_le_bytes(),
                _ => u32::try_from(draw(1 << 30)).expect("30 bits").to_le_bytes(),
            };
            let len = 1 + draw(4);
            bytes[at..at + len].copy_from_slice(&value[..len]);
        }
        let cut = if draw(4) == 0 { draw(whole.len()) } else { 0 };
        bytes.truncate(whole.len() - cut);
        for interpreter in Interpreter::find(&bytes).iter().chain([&interpreter]) {
            interpreter.place(&bytes);
            assert!(interpreter.backtrace(&bytes, 24).len() <= 24);
        }
    }
}

/// A function's `co_linetable` and first line, as CPython 3.14 made them, and its lines with the number of code units
/// of each; 0 for none.
struct Compiled {
    table: &'static str,
    first: u32,
    lines: &'static [(u32, u32)],
}

#[test]
fn lines_are_those_that_cpython_finds() {
    let functions = [
        // A module, whose first instruction has line 0; 3,000 empty lines in it.
        Compiled {
            table: "f003010101db000bf70417011af10017011af23401010df4765d01060103",
            first: 1,
            lines: &[(0, 1), (1, 4), (3, 10), (29, 3), (3032, 5)],
        },
        // A class with a cell that has no line.
        Compiled {
            table: "f887008000f2020d0516f71e07051af00007051a",
            first: 3,
            lines: &[(0, 1), (3, 9), (4, 3), (19, 9)],
        },
        // Calls over several lines, a loop, a comprehension in place.
        Compiled {
            table: "8000dc1116d80c0df60302120a8841f00600101190318f758c75dc1014970a920ad81415f603021112f00800\
                    1115970a910a9831d81b1cf60301111ef11102120af416001a1f98719c18f303021016d919219041dc1314f7\
                    050011129001d91921f103021016f000020916f9f200021016",
            first: 4,
            lines: &[
                (4, 1),
                (5, 5),
                (6, 1),
                (5, 8),
                (8, 15),
                (9, 16),
                (10, 1),
                (9, 7),
                (13, 12),
                (14, 1),
                (13, 7),
                (5, 2),
                (16, 11),
                (15, 4),
                (16, 3),
                (17, 5),
                (15, 9),
                (16, 2),
                (15, 3),
                (0, 2),
                (15, 3),
            ],
        },
        // A coroutine with `try`, `async with` and `finally`.
        Compiled {
            table: "e9008000f00206091adf171b977491749871d81617976691669368970e900ef70300181c9774f40a000d12902\
                    68e4df10b00181cd9101ef70300181c977497749274fbe40f19f400010922dc121aa001d00c21fbf00301092\
                    2fbf406000d1290268d4dfc",
            first: 19,
            lines: &[
                (19, 3),
                (20, 1),
                (21, 19),
                (22, 24),
                (21, 16),
                (26, 13),
                (21, 2),
                (22, 2),
                (21, 27),
                (0, 4),
                (23, 10),
                (24, 7),
                (0, 4),
                (23, 1),
                (0, 4),
                (26, 12),
                (0, 5),
            ],
        },
        // Empty lines within a list.
        Compiled {
            table: "8000d80001f406000104f300020102f009061503f000060e03",
            first: 3032,
            lines: &[(3032, 1), (3033, 1), (3036, 9), (3032, 2)],
        },
    ];
    for Compiled { table, first, lines } in functions {
        let digits: Vec<char> = table.chars().collect();
        let table: Vec<u8> = digits
            .chunks(2)
            .map(|digits| u8::from_str_radix(&String::from_iter(digits), 16).expect("hexadecimal"))
            .collect();
        let wanted: Vec<Option<u32>> = lines
            .iter()
            .flat_map(|&(line, units)| {
                vec![(line != 0 || first == 1).then_some(line); units as usize]
            })
            .collect();
        let found: Vec<Option<u32>> =
            (0..).map(|unit| lines::line_of(&table, first, unit)).take(wanted.len()).collect();
        assert_eq!(found, wanted);
        let end = u32::try_from(wanted.len()).expect("short");
        assert_eq!(lines::line_of(&table, first, end), None);
    }
}
