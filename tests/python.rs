//! Guests in Python as their authors meet them: building, what is said of bad ones, the first steps.
//!
//! Building the Python for guests takes long, so the tests share a cache, which is kept from run to run beside what
//! cargo builds: things are found there only by everything that they were made from. Tests of the cache itself
//! have one of their own. Nothing here needs a network but the place from which pip gets the tool.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use loopbox::cache::Cache;
use loopbox::what_if::{Engine, Parameters};
use loopbox_trace::record::Record;
use support::{Done, Folder, done};

/// The cache that these tests share.
fn caches() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-caches")
}

/// The command in a folder, with the shared cache.
fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = folder.command(arguments);
    command.env("LOOPBOX_CACHE", caches());
    command
}

fn run(folder: &Folder, arguments: &[&str]) -> Done {
    done(command(folder, arguments).output().expect("the command starts"))
}

/// A scenario for a program in Python.
fn scenario(folder: &Folder, name: &str, program: &str, rest: &str) {
    let text = format!("title = \"{name}\"\nguest = {{ python = \"{program}\" }}\n{rest}");
    folder.write(&format!("{name}.toml"), text);
}

/// No Python is found, and none is named.
fn without_python(folder: &Folder, command: &mut Command) -> Done {
    std::fs::create_dir_all(folder.path().join("empty")).expect("a folder");
    command.env("PATH", folder.path().join("empty")).env_remove("LOOPBOX_PYTHON");
    done(command.output().expect("the command starts"))
}

// --- Building ------------------------------------------------------------------------------------

/// Everything whose order or value comes from the seed of the hashes, from addresses, or from `random`.
const UNORDERED: &str = r#"
import asyncio
import random

async def main():
    print({f"name-{index}" for index in range(30)})
    print(hash("x"), hash(b"x"))
    print(list({object(): index for index in range(9)}.values()), set(map(str, range(9))))
    print(sorted(range(9), key=lambda index: id(type(str(index), (), {}))))
    print(random.random(), random.choice("abcdefgh"))
    tasks = {asyncio.create_task(asyncio.sleep(index / 100)) for index in range(9)}
    print([task.get_name() for task in tasks])
    await asyncio.gather(*tasks)

asyncio.run(main())
"#;

#[test]
fn two_builds_of_one_source_in_two_folders_give_one_trace_and_a_second_run_builds_nothing() {
    let (one, two) = (Folder::new(), Folder::new());
    for folder in [&one, &two] {
        folder.write("src/unordered.py", UNORDERED);
        scenario(folder, "unordered", "src/unordered.py", "[expect]\nexit = 0\n");
    }
    let first = run(&one, &["run", "unordered.toml"]);
    first.exits(0);
    // The other cache has what a kill left of an environment, which is made anew.
    two.write("cache/python/componentize-py-0.25.1/bin/python", "#!/bin/false\n");
    let second = two.loopbox(&["run", "unordered.toml"]);
    second.exits(0).says("loopbox: preparing to build Python guests, which is done once");
    second.says("loopbox: building the Python for guests, which is done once\n");
    let trace = ".loopbox/results/unordered/seed-0.trace.jsonl";
    assert_eq!(one.read(trace), two.read(trace));
    assert!(one.read(trace).contains("name-29"), "the output is in the trace");
    // What was built is enough for the next run, on a machine without Python.
    let mut again = two.command(&["run", "unordered.toml"]);
    let again = without_python(&two, &mut again);
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""), "{}", again.stdout);
    assert_eq!(one.read(trace), two.read(trace));
    // What `random` gives is drawn when the program runs, from the seed of the run.
    let other = run(&one, &["run", "unordered.toml", "--seed", "1"]);
    other.exits(0);
    let line = |seed: u32| {
        let trace = one.read(&format!(".loopbox/results/unordered/seed-{seed}.trace.jsonl"));
        trace.lines().find(|line| line.contains("0.")).map(str::to_owned)
    };
    assert_ne!(line(0), line(1));
}

#[test]
fn without_python_it_is_said_what_to_install() {
    let folder = Folder::new();
    folder.write("app.py", "print('never built')\n");
    scenario(&folder, "app", "app.py", "[expect]\nexit = 0\n");
    let mut command = folder.command(&["run", "app.toml"]);
    let done = without_python(&folder, &mut command);
    done.exits(96).says("could not run: Python guests are built by Python 3.10 or later");
    done.says("`apt install python3 python3-venv`").says("LOOPBOX_PYTHON");
    let mut command = folder.command(&["run", "app.toml"]);
    command.env("LOOPBOX_PYTHON", folder.path().join("nopython"));
    let done = support::done(command.output().expect("the command starts"));
    done.exits(96).says("LOOPBOX_PYTHON does not name what builds Python guests: Python 3.10");
    done.says("nopython` cannot be started\n");
}

#[test]
fn without_a_network_pips_words_are_shown() {
    let folder = Folder::new();
    folder.write("app.py", "print('never built')\n");
    scenario(&folder, "app", "app.py", "[expect]\nexit = 0\n");
    let mut command = folder.command(&["run", "app.toml"]);
    // Nobody listens on this port; and nothing can be kept in a file.
    let file = folder.write("file", "");
    command.env("LOOPBOX_CACHE", file.join("cache"));
    command.env("PIP_INDEX_URL", "http://127.0.0.1:9/").env("PIP_RETRIES", "0");
    command.env("PIP_NO_CACHE_DIR", "1").env_remove("PIP_FIND_LINKS");
    command.env("PIP_CONFIG_FILE", "/dev/null");
    let done = support::done(command.output().expect("the command starts"));
    done.exits(96).says("pip cannot install componentize-py 0.25.1:\n");
    done.says("No matching distribution found for componentize-py==0.25.1");
    done.says("loopbox: warning: Python guests are not kept (`");
}

// --- Requirements --------------------------------------------------------------------------------

/// A wheel of this name and tag, with these files, in the folder `wheels`.
fn wheel(folder: &Folder, name: &str, tag: &str, files: &[(&str, &str)]) {
    const MAKE: &str = r#"
import sys, sysconfig, zipfile
path, name, tag, *files = sys.argv[1:]
tag = tag.replace("HERE", sysconfig.get_platform().replace("-", "_").replace(".", "_"))
info = f"{name}-1.0.dist-info"
with zipfile.ZipFile(f"{path}/{name}-1.0-{tag}.whl", "w") as wheel:
    for file, text in zip(files[::2], files[1::2]):
        wheel.writestr(file, text)
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
    wheel.writestr(f"{info}/RECORD", "")
"#;
    let wheels = folder.path().join("wheels");
    std::fs::create_dir_all(&wheels).expect("a folder");
    let mut python = Command::new("python3");
    python.args(["-I", "-c", MAKE]).arg(wheels).args([name, tag]);
    python.args(files.iter().flat_map(|(file, text)| [*file, *text]));
    assert!(python.status().expect("python3 starts").success());
}

/// The command, with pip looking for wheels in the folder `wheels` and nowhere else, but for the tool.
fn run_with_wheels(folder: &Folder, arguments: &[&str]) -> Done {
    // The environment is there already if another test was first; else pip has to find the tool.
    let mut command = command(folder, arguments);
    let links = std::env::var("PIP_FIND_LINKS").unwrap_or_default();
    command.env("PIP_FIND_LINKS", format!("{} {links}", folder.path().join("wheels").display()));
    done(command.output().expect("the command starts"))
}

#[test]
fn what_a_program_requires_is_built_into_it_if_it_is_pure_python() {
    let folder = Folder::new();
    wheel(
        &folder,
        "loopbox_test_idea",
        "py3-none-any",
        &[("loopbox_test_idea/__init__.py", "def greet(name):\n    return f'hello, {name}'\n")],
    );
    folder.write("shop/main.py", "from loopbox_test_idea import greet\nprint(greet('shop'))\n");
    folder.write("shop/requirements.txt", "loopbox_test_idea==1.0\n");
    scenario(&folder, "shop", "shop", "[expect]\nstdout = \"hello, shop\\n\"\n");
    run_with_wheels(&folder, &["run", "shop.toml"]).exits(0);
    // Others cannot be had: with native code, that do not exist, that are nonsense.
    wheel(
        &folder,
        "loopbox_test_fast",
        "py3-none-HERE",
        &[("loopbox_test_fast/__init__.py", ""), ("loopbox_test_fast/_speed.so", "native")],
    );
    for (requirement, why) in [
        (
            "loopbox_test_fast",
            "C extension: loopbox_test_fast cannot be loaded in a guest, which runs pure Python only",
        ),
        ("loopbox_test_nonesuch", "No matching distribution found for loopbox_test_nonesuch"),
        ("two words", "Invalid requirement"),
    ] {
        folder.write("shop/requirements.txt", requirement);
        let done = run_with_wheels(&folder, &["run", "shop.toml"]);
        done.exits(101).says("guest did not build: ").says(why);
    }
    // And in the program itself nothing is looked for that cannot be loaded.
    folder.write("shop/requirements.txt", "");
    folder.write("shop/quick/_quick.cpython-314-x86_64-linux-gnu.so", "native");
    let done = run(&folder, &["run", "shop.toml"]);
    done.exits(101).says("C extension: quick cannot be loaded in a guest");
}

// --- Programs that misbehave ---------------------------------------------------------------------

/// Does what its argument says.
const MISBEHAVE: &str = r#"
import asyncio
import os
import sys

def deeper(depth):
    return deeper(depth + 1) + 1

async def main():
    match sys.argv[1]:
        case "import":
            import nonesuch
        case "spin":
            while True:
                pass
        case "recurse":
            deeper(0)
        case "exit":
            os._exit(3)
        case "raise":
            raise ValueError("no such order: 7")

asyncio.run(main())
"#;

#[test]
fn programs_that_misbehave_are_reported_in_pythons_terms() {
    let folder = Folder::new();
    folder.write("misbehave.py", MISBEHAVE);
    let traceback = "Traceback (most recent call last):\n";
    let failed = |texts: &[&str]| format!("exit = 1\nstderr-contains = {texts:?}\n");
    let missing = "ModuleNotFoundError: No module named 'nonesuch'";
    for (what, expect) in [
        ("import", failed(&[traceback, "File \"misbehave.py\", line 12, in main", missing])),
        ("spin", "exit = \"fuel-limit\"\n".into()),
        (
            "recurse",
            failed(&[traceback, "in deeper", "RecursionError: maximum recursion depth exceeded"]),
        ),
        ("exit", "exit = 3\nstdout = \"\"\n".into()),
        ("raise", failed(&[traceback, "ValueError: no such order: 7"])),
    ] {
        let rest =
            format!("args = [\"{what}\"]\nmachine.fuel-limit = 2_000_000_000\n[expect]\n{expect}");
        scenario(&folder, &format!("s/{what}"), "../misbehave.py", &rest);
    }
    run(&folder, &["run", "s"]).exits(0).says("\n5 hold\n");
    // Who expects something else is shown Python's words.
    scenario(&folder, "good", "misbehave.py", "args = [\"raise\"]\n[expect]\nexit = 0\n");
    let done = run(&folder, &["run", "good.toml"]);
    done.exits(100).says("actual    exited with status 1\n");
    done.says("File \"misbehave.py\", line 21, in main\n").says("ValueError: no such order: 7\n");
}

#[test]
fn an_error_of_syntax_is_found_when_the_program_is_built() {
    let folder = Folder::new();
    folder.write("shop/main.py", "import orders\n");
    folder.write("shop/orders.py", "def order(number:\n    pass\n");
    scenario(&folder, "shop", "shop", "[expect]\nexit = 0\n");
    let done = run(&folder, &["run", "shop.toml"]);
    done.exits(101).says("guest did not build: `shop` is no program that can be run:\n");
    done.says("File \"orders.py\", line 1\n").says("SyntaxError: '(' was never closed\n");
    done.says("\n1 did not build\n");
}

// --- First steps ---------------------------------------------------------------------------------

#[test]
fn the_first_steps_lead_from_a_mistake_that_is_caught_to_its_cure() {
    let folder = Folder::new();
    let made = run(&folder, &["new", "--python", "shop"]);
    made.exits(0).says("1. loopbox run shop/scenarios\n");
    run(&folder, &["new", "--python", "shop"]).exits(96).says("`shop` is there already");
    let scenarios = folder.path().join("shop/scenarios");
    let path = scenarios.join("responsive.toml");
    let (scenarios, path) = (scenarios.to_str().expect("text"), path.to_str().expect("text"));
    let failed = run(&folder, &["run", scenarios, "--format", "json"]);
    failed.exits(100);
    let human = run(&folder, &["run", scenarios]);
    human
        .exits(100)
        .says("max-stall\n         expected  at most 50ms\n         actual    250")
        .says("app.py:");
    // Other worlds can be looked at, as with any guest.
    let line = failed.json_of(path);
    let record = folder.path().join(line["kept"].as_str().expect("it was kept"));
    let record = Record::read(&std::fs::read(record).expect("there")).expect("a record");
    let engine = Engine::new(Cache::under(&caches()), 1);
    let ask = |query: &str| {
        let parameters = Parameters::read(query).expect("a query");
        smol::block_on(engine.run(&record, &parameters)).expect("it runs")
    };
    let same = ask("");
    assert_eq!((same.record, same.guest_changed), (record.clone(), false));
    assert!(!ask("seed=5").record.holds, "it blocks with every seed");
    // The cure is the line that the first step named.
    let app = folder.read("shop/app.py");
    let said =
        made.stdout.lines().find(|line| line.contains("to_thread")).expect("the cure").trim();
    folder.write("shop/app.py", app.replace("print(write_report(number))", said));
    run(&folder, &["run", scenarios]).exits(0).says("\n1 holds\n");
}
