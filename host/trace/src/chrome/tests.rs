//! The rules of the form, held against what is written. In a file of their own: a reader of the form is longer than
//! its writer.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::testing::{Builder, Random, generated, ms, one_of_everything};
use crate::{Signal, TaskId};

fn written(trace: &Trace) -> Vec<Value> {
    let mut out = Vec::new();
    let facts = [("seed".to_owned(), "7".to_owned())].into();
    write(trace, "a \"run\"\u{202e}", &facts, &mut out).expect("to memory");
    let text = String::from_utf8(out).expect("JSON is UTF-8");
    serde_json::from_str::<Value>(&text).expect("JSON");
    let mut whole: Value = serde_json::from_str(&with_quoted_times(&text)).expect("JSON");
    assert_eq!(whole["displayTimeUnit"], "ns");
    assert_eq!(whole["otherData"]["seed"], "7");
    let Value::Array(events) = whole["traceEvents"].take() else { panic!("no events") };
    events
}

/// Times as texts, because `serde_json` does not read every number to its last digit.
fn with_quoted_times(text: &str) -> String {
    let quoted = |text: String, key: &str| {
        let mut parts = text.split(key);
        let mut quoted = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find([',', '}']).expect("a number ends");
            quoted.extend([key, "\"", &part[..end], "\"", &part[end..]]);
        }
        quoted
    };
    quoted(quoted(text.to_owned(), "\"ts\":"), "\"dur\":")
}

/// As Perfetto reads a time: the double times 1,000, cut off.
fn nanos(time: &Value) -> u64 {
    nanos_of_text(time.as_str().expect("a quoted number"))
}

fn nanos_of_text(micros: &str) -> u64 {
    let micros: f64 = micros.parse().expect("a number");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as readers do")]
    let nanos = (micros * 1_000.0) as u64;
    nanos
}

fn is(event: &Value, phase: &str) -> bool {
    event["ph"] == phase
}

fn thread(event: &Value) -> (u64, u64) {
    (event["pid"].as_u64().expect("a number"), event["tid"].as_u64().expect("a number"))
}

fn begin_and_end(slice: &Value) -> (u64, u64) {
    let begin = nanos(&slice["ts"]);
    (begin, begin + nanos(&slice["dur"]))
}

/// Slices of one thread nest, in the order in which readers see them.
fn slices_nest(events: &[Value]) {
    let mut open: BTreeMap<(u64, u64), Vec<(u64, u64)>> = BTreeMap::new();
    for slice in events.iter().filter(|event| is(event, "X")) {
        let (begin, end) = begin_and_end(slice);
        let open = open.entry(thread(slice)).or_default();
        open.retain(|around| around.1 > begin || (around.1 == begin && around.0 == begin));
        if let Some(around) = open.last() {
            // One of no length may stand at the end of another.
            let nests = around.0 <= begin && (end <= around.1 || begin == around.1);
            assert!(nests, "{slice} in {around:?}");
        }
        open.push((begin, end));
    }
}

/// A flow has a start, then steps, then an end, all bound to slices that stand before them.
fn flows_are_whole(events: &[Value]) -> usize {
    let mut flows: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    let mut last_slice: BTreeMap<(u64, u64), &Value> = BTreeMap::new();
    for event in events {
        if is(event, "X") {
            last_slice.insert(thread(event), event);
        }
        if ["s", "t", "f"].iter().any(|phase| is(event, phase)) {
            let slice = last_slice.get(&thread(event)).expect("a slice on the same thread");
            let ((begin, end), at) = (begin_and_end(slice), nanos(&event["ts"]));
            assert!(begin <= at && at <= end, "{event} is not in {slice}");
            assert_eq!(slice["cat"], event["cat"]);
            let key = format!("{} {} {}", event["cat"], event["name"], event["id"]);
            flows.entry(key).or_default().push(event);
        }
    }
    let ids: BTreeSet<_> = flows.values().map(|flow| flow[0]["id"].as_u64()).collect();
    assert_eq!(ids.len(), flows.len(), "ids are given once");
    for flow in flows.values() {
        let [first, steps @ .., last] = &flow[..] else { panic!("of one point: {flow:?}") };
        assert!(is(first, "s") && is(last, "f") && last["bp"] == "e", "{flow:?}");
        assert!(steps.iter().all(|step| is(step, "t")), "{flow:?}");
        assert!(flow.is_sorted_by_key(|point| nanos(&point["ts"])), "{flow:?}");
    }
    flows.len()
}

fn in_order_of_time(events: &[Value]) {
    let timed = events.iter().filter(|event| !is(event, "M") && !is(event, "C"));
    assert!(timed.map(|event| nanos(&event["ts"])).is_sorted());
}

fn counters_are_in_order_of_time(events: &[Value]) {
    let mut counters: BTreeMap<String, u64> = BTreeMap::new();
    for counter in events.iter().filter(|event| is(event, "C")) {
        let at = nanos(&counter["ts"]);
        let key = format!("{} {}", counter["pid"], counter["name"]);
        let before = counters.insert(key, at);
        assert!(before.is_none_or(|before| before <= at), "{counter}");
    }
}

/// All rules; gives the number of flows.
fn check(events: &[Value]) -> usize {
    slices_nest(events);
    in_order_of_time(events);
    counters_are_in_order_of_time(events);
    for event in events {
        let keys = ["ph", "pid", "tid", "name"];
        assert!(keys.iter().all(|key| !event[*key].is_null()), "{event}");
        let phases = ["X", "i", "C", "M", "s", "t", "f"];
        assert!(phases.iter().any(|phase| is(event, phase)), "{event}");
        assert_eq!(event["ts"].is_null(), is(event, "M"), "{event}");
        assert_eq!(event["s"].is_null(), !is(event, "i"), "{event}");
        assert_eq!(event["dur"].is_null(), !is(event, "X"), "{event}");
    }
    flows_are_whole(events)
}

/// With one process more.
fn both() -> Trace {
    let mut both = one_of_everything();
    both.add_process("cat[2]", one_of_everything());
    both
}

#[test]
fn the_rules_of_the_form_are_kept() {
    for (trace, flows) in [(one_of_everything(), 4), (both(), 8), (Builder::new().exit(0), 0)] {
        assert_eq!(check(&written(&trace)), flows);
    }
    let large = generated(1, 20_000);
    assert_eq!(check(&written(&large)), large.jobs.len());
}

#[test]
fn a_forged_trace_keeps_the_rules_too() {
    let mut random = Random(3);
    let pick = |random: &mut Random, count: usize| -> usize {
        usize::try_from(random.below(count as u64)).expect("an index")
    };
    for round in 0..40 {
        let mut trace = both();
        for _ in 0..200 {
            let (one, other) =
                (pick(&mut random, trace.events.len()), pick(&mut random, trace.events.len()));
            match random.below(4) {
                0 => trace.events.swap(one, other),
                1 => trace.events[one].at = Nanos(random.below(3_000_000)),
                2 => trace.events[one].kind = trace.events[other].kind,
                _ => trace.events[one].lane = trace.events[other].lane,
            }
        }
        if round % 2 == 0 {
            // All at one moment, so that only the order tells.
            trace.events.iter_mut().for_each(|event| event.at = ms(1));
        }
        let events = written(&trace);
        slices_nest(&events);
        in_order_of_time(&events);
    }
}

#[test]
fn every_event_is_written_with_its_exact_time() {
    let mut trace = generated(2, 5_000);
    for (event, offset) in trace.events.iter_mut().zip(0..) {
        // Long runs, too: the last exact hours.
        event.at = event.at + Nanos(offset) + Nanos(if offset > 2_500 { 1 << 51 } else { 0 });
    }
    trace.finished = Nanos::MAX;
    let ends = |event: &&crate::Event| {
        use EventKind::*;
        matches!(event.kind, TurnEnd | StepEnd(..) | BlockingEnd(..) | CallbackEnd(_))
    };
    let mut expected: Vec<u64> =
        trace.events.iter().filter(|event| !ends(event)).map(|event| event.at.0).collect();
    expected.sort_unstable();
    let events = written(&trace);
    let seen = events.iter().filter(|event| is(event, "X") || is(event, "i"));
    let seen: Vec<u64> = seen.map(|event| nanos(&event["ts"])).collect();
    assert_eq!(seen, expected);
}

#[test]
fn times_are_microseconds_and_nanoseconds_survive() {
    for (nanos_before, text) in
        [(0, "0"), (1_000, "1"), (1_500, "1.5"), (1_001, "1.0010000000000001")]
    {
        assert_eq!(serde_json::to_string(&Micros(Nanos(nanos_before))).expect("a number"), text);
    }
    let mut random = Random(1);
    for _ in 0..20_000 {
        let before = random.below((1 << 42) * 1_000);
        let text = serde_json::to_string(&Micros(Nanos(before))).expect("a number");
        assert_eq!(nanos_of_text(&text), before, "{text}");
    }
}

#[test]
fn lanes_are_threads_with_names_and_processes_have_their_own() {
    let events = written(&both());
    let named = |kind: &str| -> Vec<(u64, u64, String)> {
        let named = events.iter().filter(|event| is(event, "M") && event["name"] == kind);
        named
            .map(|event| {
                let (pid, tid) = thread(event);
                (pid, tid, event["args"]["name"].as_str().unwrap_or_default().to_owned())
            })
            .collect()
    };
    let title = "a \"run\"\\u{202e}".to_owned();
    assert_eq!(named("process_name"), [(1, 1, title), (5, 5, "cat[2]".into())]);
    let threads = named("thread_name");
    assert_eq!(threads[2], (1, 3, "worker-1".into()));
    assert_eq!(threads[4], (5, 5, "cat[2]".into()));
    assert_eq!(threads[6], (5, 7, "cat[2] worker-1".into()));
    let sorted = events.iter().filter(|event| event["name"] == "thread_sort_index");
    let order: Vec<_> = sorted.map(|event| event["args"]["sort_index"].as_u64()).collect();
    assert_eq!(order, (0..8).map(Some).collect::<Vec<_>>());
}

#[test]
fn what_takes_time_is_a_slice_with_all_that_is_known() {
    let trace = one_of_everything();
    let events = written(&trace);
    let find = |name: &str, cat: &str| -> &Value {
        let found = events.iter().find(|event| event["name"] == name && event["cat"] == cat);
        found.unwrap_or_else(|| panic!("no {name}"))
    };
    let sleep = find("sleep", "blocking");
    assert_eq!(begin_and_end(sleep), (60_000_000, 1_000_000_000));
    assert_eq!(sleep["args"]["outcome"], "done");
    let job = find("hash", "job");
    assert_eq!(begin_and_end(job), (1_000_000, 60_000_000));
    assert_eq!((&job["args"]["waited_ns"], &job["args"]["outcome"]), (&0.into(), &"done".into()));
    let step = find("main", "step");
    assert_eq!(step["args"]["place"], "guest/a.rs:12:5");
    let handled = find("SIGTERM handled", "signal");
    assert_eq!(handled["args"]["latency_ns"], 51_000_000);
    let report = find("SLOW-1", "diagnostic");
    assert_eq!((&report["ph"], &report["s"]), (&"i".into(), &"t".into()));
    assert_eq!(report["args"]["text"], "took 0.940 seconds");
    assert_eq!(find("exited with status 0", "exit")["s"], "p");
}

#[test]
fn what_has_not_ended_ends_with_the_run_and_what_was_left_ends_with_what_is_around() {
    let mut b = Builder::new();
    let (task, name) = (b.task("spin"), b.label("f"));
    b.main(0, EventKind::TurnBegin).main(1, EventKind::CallbackBegin(name));
    b.main(2, EventKind::StepBegin(task)).main(5, EventKind::CallbackEnd(name));
    b.main(6, EventKind::StepEnd(task, crate::Outcome::Done)).main(7, EventKind::TurnBegin);
    b.on(Lane::worker(0), 3, EventKind::StepBegin(TaskId(0)));
    let trace = b.exit(9);
    let slices = |events: &[Value]| -> Vec<(String, (u64, u64))> {
        let slices = events.iter().filter(|event| is(event, "X"));
        slices.map(|slice| (slice["name"].to_string(), begin_and_end(slice))).collect()
    };
    let at = |name: &str, begin: u64, end: u64| {
        (format!("\"{name}\""), (begin * 1_000_000, end * 1_000_000))
    };
    let expected =
        [at("turn", 0, 7), at("f", 1, 5), at("spin", 2, 5), at("spin", 3, 9), at("turn", 7, 9)];
    assert_eq!(slices(&written(&trace)), expected);
}

#[test]
fn a_flow_at_one_moment_is_in_the_order_of_its_points() {
    let signal = Signal::SIGTERM;
    let mut b = Builder::new();
    let job = b.job("hash");
    b.main(1, EventKind::SignalDelivered { signal, raised: ms(1) });
    b.main(1, EventKind::SignalHandled { signal, raised: ms(1) });
    b.main(1, EventKind::JobDelivered { job, finished: ms(1) });
    b.signals(1, EventKind::SignalRaised(signal));
    b.on(Lane::worker(0), 1, EventKind::JobStarted(job));
    b.on(Lane::worker(0), 1, EventKind::JobFinished(job, crate::Outcome::Done));
    let trace = b.exit(2);
    assert_eq!(check(&written(&trace)), 2);
}

#[test]
fn a_queue_is_a_counter_of_the_process_whose_jobs_wait() {
    let mut b = Builder::new();
    for (queued, started) in [(0, 1), (0, 2), (3, 3)] {
        let job = b.job("hash");
        b.queued(job, queued, 0).main(queued, EventKind::JobQueued(job));
        b.on(Lane::worker(0), started, EventKind::JobStarted(job));
    }
    let mut trace = b.exit(5);
    let events = written(&trace);
    let counters: Vec<_> = events
        .iter()
        .filter(|event| is(event, "C"))
        .map(|event| (nanos(&event["ts"]) / 1_000_000, event["args"]["jobs"].as_u64()))
        .collect();
    assert_eq!(counters, [(0, Some(1)), (0, Some(2)), (1, Some(1)), (2, Some(0))]);
    trace.add_process("cat[2]", trace.clone());
    let of_cat = written(&trace);
    let counter = of_cat.iter().rfind(|event| is(event, "C")).expect("one");
    assert_eq!((thread(counter), &counter["name"]), ((5, 5), &"queue of default".into()));
}

#[test]
fn texts_of_the_guest_are_escaped_and_cut() {
    let mut b = Builder::new();
    let name = b.label(&"<script>\u{202e}\u{0}\"\\".repeat(10_000));
    b.main(1, EventKind::CallbackBegin(name)).main(2, EventKind::CallbackEnd(name));
    let events = written(&b.exit(3));
    let callback = events.iter().find(|event| event["cat"] == "callback").expect("one");
    let shown = callback["name"].as_str().expect("a text");
    assert!(shown.starts_with("<script>\\u{202e}\\0\"\\\\<script>"), "{shown}");
    assert!(shown.len() < 1_000, "{}", shown.len());
}
