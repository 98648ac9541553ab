//! The command in ordinary use, through its command line.

mod support;
use support::guests::*;
use support::*;

#[test]
fn probe() {
    let folder = Folder::new();
    folder.scenario("a", SUCCEED, EXPECT_0);
    folder.scenario("b", FAIL, EXPECT_0);
    folder.scenario("c", TRAP, EXPECT_0);
    folder.scenario("d", "(call $hello) (i32.const 0)", "[expect]\nstdout = \"hello\\n\"");
    folder.scenario("e", RECURSE, EXPECT_0);
    folder.scenario("f", ALLOCATE_WITHOUT_END, EXPECT_0);
    folder.scenario("g", PRINT_WITHOUT_END, EXPECT_0);
    folder.scenario("h", SPIN, &format!("machine.fuel-limit = 1000000\n{EXPECT_0}"));
    folder.scenario("i", USE_DB, "[[blocking]]\ncall = \"db.*\"\ntakes = { between = [\"1ms\", \"90ms\"] }\n[expect]\nexit = 1\ntrace = \"i.trace\"");
    let done = folder.loopbox(&["run", "."]);
    panic!("{:?}\n{}\n{}", done.code, done.stdout, done.stderr);
}
