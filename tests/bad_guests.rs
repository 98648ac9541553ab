//! Guests that are missing, broken, careless or hostile: each is named with its reason, ends with the right exit
//! code, and leaves the other scenarios of the session alone. What the machine makes of them in detail is
//! tested with it (`host/machine/tests`).

mod support;

use std::path::Path;

use serde_json::Value;
use support::guests::{
    ALLOCATE_WITHOUT_END, PRINT_WITHOUT_END, RECURSE, SPIN, SUCCEED, TRAP, USE_DB, component,
};
use support::{Done, EXPECT_0, Folder, PASSING};

/// A session of `s/bad.toml` between two good scenarios, which must both hold. `make` makes `s/bad.wasm`
/// or a scenario of its own.
fn session(make: impl FnOnce(&Folder)) -> Done {
    let folder = Folder::new();
    folder.scenario("s/a", SUCCEED, EXPECT_0);
    folder.write("s/bad.toml", PASSING.replace("guest.wasm", "bad.wasm"));
    folder.scenario("s/z", SUCCEED, EXPECT_0);
    make(&folder);
    let done = folder.loopbox(&["run", "s"]);
    done.says("ok     s/a.toml").says("ok     s/z.toml").says("\n\n2 hold, 1 ");
    assert_eq!(done.stderr, "", "all of it is a result");
    done
}

// --- Files that are no programs ------------------------------------------------------------------

/// What is said of a guest that cannot be loaded.
#[track_caller]
fn could_not_run(wasm: Option<&[u8]>, why: &str) {
    let done = session(|folder| {
        if let Some(wasm) = wasm {
            folder.write("s/bad.wasm", wasm);
        }
    });
    done.exits(96).says("\nerror  s/bad.toml  passes\n       could not run: ").says(why);
    assert!(done.stdout.ends_with("\n\n2 hold, 1 could not run\n"), "{}", done.stdout);
}

#[test]
fn a_guest_that_is_missing() {
    could_not_run(None, "cannot read `s/bad.wasm`: No such file");
}

#[test]
fn a_guest_that_is_a_folder() {
    let done = session(|folder| {
        folder.write("s/bad.wasm/x", "");
    });
    done.exits(96).says("could not run: cannot read `s/bad.wasm`: ");
}

#[test]
fn files_that_are_not_webassembly() {
    let why = "cannot load `s/bad.wasm`: this is not WebAssembly";
    could_not_run(Some(b""), why);
    could_not_run(Some(b"#!/bin/sh\n"), why);
}

#[test]
fn a_core_module() {
    let module = wat::parse_str("(module)").expect("a module");
    let why = "cannot load `s/bad.wasm`: this is a core WebAssembly module, not a component: build it for";
    could_not_run(Some(&module), why);
}

#[test]
fn a_component_that_is_broken() {
    let whole = component("", SUCCEED);
    let cut = &whole[..whole.len() * 2 / 3];
    could_not_run(Some(cut), "cannot load `s/bad.wasm`: this WebAssembly component is broken: ");
}

#[test]
fn a_component_that_is_no_program() {
    let library = wat::parse_str("(component)").expect("a component");
    let why = "cannot load `s/bad.wasm`: this component does not export wasi:cli/run";
    could_not_run(Some(&library), why);
}

#[test]
fn an_import_that_nobody_offers() {
    let import = r#"(import "acme:rockets/launch" (instance (export "go" (func))))"#;
    let why = "this component imports what the machine does not offer: acme:rockets/launch\n";
    could_not_run(Some(&component(import, SUCCEED)), why);
}

// --- Programs that misbehave ---------------------------------------------------------------------

/// What is said of a guest that was expected to exit with 0. It also ends as `exit = "keyword"` expects.
#[track_caller]
fn ends_badly(body: &str, machine: &str, keyword: &str, why: &[&str]) {
    let done = session(|folder| folder.scenario("s/bad", body, &format!("{machine}{EXPECT_0}")));
    done.exits(100).says("\nFAIL   s/bad.toml  bad  (seed 0, ").says("expected  status 0\n");
    for text in why {
        done.says(text);
    }
    assert!(done.stdout.ends_with("\n\n2 hold, 1 fails\n"), "{}", done.stdout);
    let folder = Folder::new();
    folder.scenario("bad", body, &format!("{machine}[expect]\nexit = \"{keyword}\"\n"));
    folder.loopbox(&["run", "bad.toml"]).exits(0);
}

#[test]
fn a_trap() {
    let why = ["actual    trapped: wasm trap: wasm `unreachable`", "| fail\n", "| run\n"];
    ends_badly(TRAP, "", "trap", &why);
}

#[test]
fn a_computation_without_end() {
    let limit = "machine.fuel-limit = 100_000_000\n";
    let why = ["actual    reached fuel-limit = 100000000\n", "| run\n"];
    ends_badly(SPIN, limit, "fuel-limit", &why);
}

#[test]
fn a_recursion_without_end() {
    let why = ["actual    reached stack-limit = 1MiB\n", "| recurse\n", "| ... and more frames\n"];
    ends_badly(RECURSE, "", "stack-limit", &why);
}

#[test]
fn an_allocation_without_end() {
    let why = ["actual    reached memory-limit = 64MiB\n", "| run\n"];
    ends_badly(ALLOCATE_WITHOUT_END, "", "memory-limit", &why);
}

#[test]
fn an_output_without_end() {
    let why = ["actual    reached output-limit = 1MiB\n", "| hello\n", "| run\n"];
    ends_badly(PRINT_WITHOUT_END, "", "output-limit", &why);
}

#[test]
fn a_trace_without_end() {
    let body = "(loop $again (call $db.query) (br $again)) (i32.const 0)";
    let machine = "blocking = [{ call = \"*\", takes = \"1ns\" }]\nmachine.trace-limit = 1000\n";
    ends_badly(body, machine, "trace-limit", &["actual    reached trace-limit = 1000\n"]);
}

#[test]
fn a_blocking_call_without_a_rule() {
    let why = ["actual    misused the sandbox: ", "db.open", "| run\n"];
    ends_badly(USE_DB, "", "misuse", &why);
}

#[test]
fn all_of_them_in_one_session() {
    let folder = Folder::new();
    let spin = format!("machine.fuel-limit = 100_000_000\n{EXPECT_0}");
    folder.write("s/missing.toml", PASSING.replace("guest.wasm", "none.wasm"));
    folder.write("s/module.toml", PASSING.replace("guest.wasm", "module.wasm"));
    folder.write("s/module.wasm", wat::parse_str("(module)").expect("a module"));
    let misbehaving = [
        ("allocates", ALLOCATE_WITHOUT_END),
        ("prints", PRINT_WITHOUT_END),
        ("recurses", RECURSE),
        ("spins", SPIN),
        ("traps", TRAP),
    ];
    for (name, body) in misbehaving {
        folder.scenario(&format!("s/{name}"), body, &spin);
        folder.scenario(&format!("s/{name}-not"), SUCCEED, EXPECT_0);
    }
    let done = folder.loopbox(&["run", "s", "--jobs", "4", "--format", "json"]);
    done.exits(96);
    for (name, _) in misbehaving {
        assert_eq!(done.json_of(&format!("s/{name}.toml"))["outcome"], "fails");
        assert_eq!(done.json_of(&format!("s/{name}-not.toml"))["outcome"], "holds");
    }
    for name in ["missing", "module"] {
        assert_eq!(done.json_of(&format!("s/{name}.toml"))["outcome"], "could-not-run");
    }
    let results = folder.files(".loopbox/results");
    assert_eq!(results.len(), 2 * 2 * misbehaving.len(), "a trace and a result of each run");
}

// --- Guests that cargo builds --------------------------------------------------------------------

/// A package with a bin that builds and one that does not, and three scenarios that want them.
fn package() -> Folder {
    let folder = Folder::new();
    let manifest = "[package]\nname = \"programs\"\nedition = \"2024\"\n[workspace]\n";
    folder.write("Cargo.toml", manifest);
    folder.write("src/bin/good.rs", "fn main() { println!(\"built\"); }\n");
    folder.write("src/bin/bad.rs", "fn main() { this_is_no_function() }\n");
    folder.write("s/good.toml", wants("programs", "good") + "stdout = \"built\\n\"\n");
    folder.write("s/bad.toml", wants("programs", "bad"));
    folder.write("s/bad-too.toml", wants("programs", "bad"));
    folder.scenario("s/z", SUCCEED, EXPECT_0);
    folder
}

fn wants(package: &str, bin: &str) -> String {
    let guest = format!("guest = {{ package = \"{package}\", bin = \"{bin}\" }}");
    format!("title = \"{bin}\"\n{guest}\n{EXPECT_0}")
}

#[test]
fn a_guest_that_does_not_compile_shows_the_compilers_words_once() {
    let folder = package();
    let done = folder.loopbox(&["run", "s"]);
    done.exits(101).says("ok     s/good.toml").says("ok     s/z.toml");
    assert!(done.stdout.ends_with("\n\n2 hold, 2 did not build\n"), "{}", done.stdout);
    for scenario in ["s/bad.toml", "s/bad-too.toml"] {
        done.says(&format!("error  {scenario}"));
    }
    let why =
        "guest did not build: bin `bad` of package `programs` did not build: see cargo's messages";
    assert_eq!(done.stdout.matches(why).count(), 2, "{}", done.stdout);
    let compiler = "cannot find function `this_is_no_function`";
    assert_eq!(done.stderr.matches(compiler).count(), 1, "{}", done.stderr);
    assert!(!done.stdout.contains(compiler), "{}", done.stdout);
    done.says("--> src/bin/bad.rs:1:13");

    let done = folder.loopbox(&["run", "s", "--format", "json"]);
    let bad = done.exits(101).json_of("s/bad.toml");
    assert_eq!(bad["outcome"], "not-built");
    assert!(bad["error"]["message"].as_str().is_some_and(|message| message.contains("`bad`")));
    assert_eq!(done.json().len(), 5, "cargo's messages are not among ours");
}

#[test]
fn a_package_or_a_bin_that_does_not_exist() {
    let folder = package();
    folder.write("s/bad.toml", wants("plays", "hamlet"));
    folder.write("s/bad-too.toml", wants("programs", "hamlet"));
    let done = folder.loopbox(&["run", "s"]);
    done.exits(101)
        .says("ok     s/good.toml")
        .says("guest did not build: there is no package `plays` in the workspace `")
        .says("`; it has `programs`\n")
        .says("there is no bin `hamlet` in package `programs`; it has `bad`, `good`\n");
    assert!(done.stdout.ends_with("\n\n2 hold, 2 did not build\n"), "{}", done.stdout);
}

#[test]
fn a_package_without_a_workspace() {
    let folder = Folder::new();
    folder.scenario("s/a", SUCCEED, EXPECT_0);
    folder.write("s/bad.toml", wants("programs", "good"));
    let done = folder.loopbox(&["run", "s"]);
    done.exits(101)
        .says("ok     s/a.toml")
        .says("guest did not build: there is no cargo workspace to build from in `s`");
}

/// Failed checks weigh less than guests that were not built, and these less than broken scenarios.
#[test]
fn the_exit_code_is_that_of_the_worst() {
    let folder = package();
    folder.scenario("s/z", TRAP, EXPECT_0);
    folder.loopbox(&["run", "s"]).exits(101).says("1 holds, 1 fails, 2 did not build");
    folder.write("s/0.toml", "");
    folder.loopbox(&["run", "s"]).exits(96);
}

/// The scenarios of the repository name the programs of `guest/programs`, which cargo builds here.
#[test]
fn a_program_of_the_repository_is_built_and_run_from_another_folder() {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/plain/wasi.toml");
    let folder = Folder::new();
    let scenario = scenario.to_str().expect("UTF-8");
    let done = folder.loopbox(&["run", scenario, "--format", "json"]);
    let line: Value = done.exits(0).json_of(scenario);
    assert_eq!(line["outcome"], "holds");
    assert_eq!(folder.files(".loopbox/results").len(), 2);
}
