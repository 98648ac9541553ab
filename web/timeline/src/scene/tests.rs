//! What scenes are made of: each rule with a trace made by hand, and the scene of a whole run.

use loopbox_trace::EventKind::*;
use loopbox_trace::{DefaultAction, ExitStatus, Lane as TraceLane, Level, Outcome, Signal, Stream};

use super::testing::{Builder, ms, text};
use super::*;

/// The lanes of a trace as text, without what is only there because the run ends.
fn lanes(b: Builder) -> String {
    let scene = Scene::of_run(&b.exit(100), Some(ms(20)), Vec::new());
    text(&scene)
        .replace("    100ms End end #", "END")
        .lines()
        .filter(|line| !line.starts_with("END"))
        .fold(String::new(), |text, line| text + line + "\n")
}

#[track_caller]
fn check(b: Builder, expected: &str) {
    let expected: String = expected.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    assert_eq!(lanes(b), expected);
}

#[test]
fn turns_hold_steps_and_steps_hold_blocking_calls() {
    let mut b = Builder::new();
    let (task, tick, net, app) = (b.task("fetch"), b.label("tick"), b.label("net"), b.label("app"));
    b.main(0, TurnBegin).main(1, StepBegin(task));
    b.blocking(TraceLane::MAIN, "db.query", 2, 12);
    b.main(12, HandlerBegin { handler: net, logger: app });
    b.blocking(TraceLane::MAIN, "send", 12, 13);
    b.main(14, HandlerEnd { handler: net, logger: app });
    b.main(15, StepEnd(task, Outcome::Pending))
        .main(15, CallbackBegin(tick))
        .main(20, CallbackEnd(tick));
    b.main(20, TurnEnd).main(30, TurnBegin).main(51, TurnEnd);
    check(
        b,
        "\
loop
  row 0
    0s..20ms Turn turn #0
    30ms..51ms Stall turn #12
  row 1
    1ms..15ms Step fetch #1
    15ms..20ms Callback tick #9
  row 2
    2ms..12ms BlockingOnLoop db.query #2
    12ms..14ms Callback net #4
  row 3
    12ms..13ms BlockingOnLoop send #5
log
  row 0 handlers
    12ms..14ms Log net #4",
    );
}
