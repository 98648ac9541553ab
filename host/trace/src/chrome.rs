//! A trace in Chrome's JSON form, for Perfetto and every other viewer that reads it.
//!
//! The form is described in the document "Trace Event Format" of the Chromium project. What it asks for:
//! - slices (`X`) of one thread nest perfectly: [`spans`] pairs beginnings and ends so;
//! - a flow (`s`, then `t`, then `f`) has one id, category and name, and each of its ends lies in a slice of its
//!   thread, which stands before it: [`flows`];
//! - times are microseconds, with a fraction where there are nanoseconds.
//!
//! Processes are processes, lanes are threads. What takes time is a slice, what happens at a moment an instant (`i`), and
//! what a flow runs through at a moment is a slice of no length, for flows bind to slices only. The length of each
//! pool's queue is a counter (`C`).

mod describe;
mod flows;
mod spans;

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::measure::queue_lengths;
use crate::text::one_line;
use crate::{EventKind, Lane, Nanos, PoolId, Trace};
use describe::Description;
use flows::{Flow, Flows};
use spans::Spans;

/// What is said of the run beside its trace, such as its scenario and seed.
pub type Facts = BTreeMap<String, String>;

/// One event of the form. Fields that an event has not are left out.
#[derive(Default, Serialize)]
struct Record<'a> {
    ph: &'static str,
    pid: u32,
    tid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    #[serde(skip_serializing_if = "str::is_empty")]
    cat: &'static str,
    name: &'a str,
    /// Of an instant: how far it is seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    /// Of the end of a flow: `e` binds it to the slice around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    args: Map<String, Value>,
}

/// Nanoseconds, written as microseconds.
#[derive(Clone, Copy)]
struct Micros(Nanos);

impl Micros {
    /// Readers multiply by 1,000 and cut off, so a double that is a little too small would lose a nanosecond,
    /// and slices would nest no more. Exact up to 2^42 us, 50 days.
    #[expect(clippy::cast_precision_loss, reason = "said above")]
    fn to_f64(self) -> f64 {
        let nanos = self.0.0 as f64;
        let micros = nanos / 1_000.0;
        if micros * 1_000.0 < nanos { micros.next_up() } else { micros }
    }
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.0.is_multiple_of(1_000) {
            serializer.serialize_u64(self.0.0 / 1_000)
        } else {
            serializer.serialize_f64(self.to_f64())
        }
    }
}

/// Writes a trace. `title` names the run's first process.
///
/// # Errors
/// It cannot be written there.
pub fn write(trace: &Trace, title: &str, facts: &Facts, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    // The unit comes first: readers look for it before they read the events.
    out.write_all(b"{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
    let mut writer = Writer { trace, processes: trace.main_lanes(), out: &mut out, first: true };
    writer.names(title)?;
    writer.events()?;
    writer.counters()?;
    out.write_all(b"\n],\"otherData\":")?;
    serde_json::to_writer(&mut out, facts)?;
    out.write_all(b"}\n")?;
    out.flush()
}

struct Writer<'a, W> {
    trace: &'a Trace,
    /// By lane: the main lane of its process.
    processes: Vec<Lane>,
    out: W,
    /// Whether nothing was put yet.
    first: bool,
}

impl<W: Write> Writer<'_, W> {
    /// Names and order of processes and threads.
    fn names(&mut self, title: &str) -> io::Result<()> {
        let trace = self.trace;
        let first = (title, Lane::MAIN);
        let others = trace.processes.iter().map(|process| (&*process.name, process.first_lane));
        for (order, (name, lane)) in std::iter::once(first).chain(others).enumerate() {
            let on = self.record("M", lane);
            let name = one_line(name);
            self.put(&Record { name: "process_name", args: arg("name", name), ..on })?;
            let on = self.record("M", lane);
            self.put(&Record { name: "process_sort_index", args: arg("sort_index", order), ..on })?;
        }
        for (lane, name) in (0..).map(Lane).zip(&trace.lanes) {
            let on = self.record("M", lane);
            let name = one_line(name);
            self.put(&Record { name: "thread_name", args: arg("name", name), ..on })?;
            let on = self.record("M", lane);
            self.put(&Record { name: "thread_sort_index", args: arg("sort_index", lane.0), ..on })?;
        }
        Ok(())
    }

    /// Slices, instants and flows, in order of time.
    fn events(&mut self) -> io::Result<()> {
        let trace = self.trace;
        let spans = Spans::of(trace);
        let flows = Flows::of(trace, &spans);
        for index in flows.order(trace, &spans) {
            let event = &trace.events[index];
            let Some(description) = describe::event(trace, event, spans.end_event(index)) else {
                continue;
            };
            let (at, end) = (spans.at(index), spans.end(index));
            self.event(event.lane, event.kind, description, at, end)?;
            if let Some(flow) = flows.of_event(index) {
                self.flow(event.lane, event.kind, flow, at)?;
            }
        }
        Ok(())
    }

    fn event(
        &mut self,
        lane: Lane,
        kind: EventKind,
        description: Description,
        at: Nanos,
        end: Option<Nanos>,
    ) -> io::Result<()> {
        // A flow needs a slice to bind to, if only of no length.
        let end = end.or_else(|| flows::may_flow(kind).then_some(at));
        let Description { name, args } = description;
        let record = Record {
            ts: Some(Micros(at)),
            dur: end.map(|end| Micros(end - at)),
            cat: kind.group().name(),
            s: end.is_none().then_some(if kind == EventKind::Ended { "p" } else { "t" }),
            name: &name,
            args,
            ..self.record(if end.is_some() { "X" } else { "i" }, lane)
        };
        self.put(&record)
    }

    fn flow(&mut self, lane: Lane, kind: EventKind, flow: Flow, at: Nanos) -> io::Result<()> {
        let cat = kind.group().name();
        let record = Record {
            ts: Some(Micros(at)),
            id: Some(flow.id),
            cat,
            name: cat,
            bp: (flow.phase == flows::END).then_some("e"),
            ..self.record(flow.phase, lane)
        };
        self.put(&record)
    }

    /// The lengths of queues, each in the process of those that wait in it.
    fn counters(&mut self) -> io::Result<()> {
        let trace = self.trace;
        let mut lanes: BTreeMap<PoolId, Lane> = BTreeMap::new();
        for event in &trace.events {
            if let EventKind::JobQueued(job) = event.kind {
                lanes.entry(trace.jobs[job.0 as usize].pool).or_insert(event.lane);
            }
        }
        for (pool, lengths) in queue_lengths(trace) {
            let name = format!("queue of {}", one_line(&trace.pools[usize::from(pool.0)].name));
            let lane = lanes.get(&pool).copied().unwrap_or(Lane::MAIN);
            for (at, length) in lengths {
                let on = self.record("C", lane);
                let ts = Some(Micros(at));
                self.put(&Record { ts, name: &name, args: arg("jobs", length), ..on })?;
            }
        }
        Ok(())
    }

    /// What every event has. Threads are numbered from 1, and a process has the number of its main thread, as
    /// on Linux.
    fn record(&self, ph: &'static str, lane: Lane) -> Record<'static> {
        let process = self.processes[usize::from(lane.0)];
        let number = |lane: Lane| u32::from(lane.0) + 1;
        Record { ph, pid: number(process), tid: number(lane), ..Record::default() }
    }

    fn put(&mut self, record: &Record<'_>) -> io::Result<()> {
        let separator: &[u8] = if std::mem::take(&mut self.first) { b"\n" } else { b",\n" };
        self.out.write_all(separator)?;
        Ok(serde_json::to_writer(&mut self.out, record)?)
    }
}

/// The only argument of an event.
fn arg(name: &str, value: impl Into<Value>) -> Map<String, Value> {
    [(name.to_owned(), value.into())].into_iter().collect()
}

#[cfg(test)]
#[path = "chrome/tests.rs"]
mod tests;
