//! Scenes made by hand, and a source of numbers that are the same each time.

use loopbox_timeline::scene::{
    Flow, Group, Issue, Lane, LaneKind, Look, Row, Scene, Slice, SliceRef,
};
use loopbox_trace::Nanos;

/// Collects lanes.
#[derive(Default)]
pub struct Scenery {
    scene: Scene,
}

impl Scenery {
    /// A group of lanes; those that follow are in it.
    pub fn group(mut self, title: &str) -> Scenery {
        self.scene.groups.push(Group { title: title.into(), trace: Some(0), lanes: Vec::new() });
        self
    }

    /// A lane in the last group: rows of name, look, begin and end, in microseconds.
    pub fn lane(self, title: &str, kind: LaneKind, rows: &[&[(&str, Look, u64, u64)]]) -> Scenery {
        let micros = |&(name, look, begin, end): &(&str, Look, u64, u64)| {
            (name.to_owned(), look, begin * 1_000, end * 1_000)
        };
        let rows = rows.iter().map(|row| row.iter().map(micros).collect()).collect();
        self.lane_of(title, kind, rows)
    }

    /// A lane in the last group: rows of name, look, begin and end, in nanoseconds.
    pub fn lane_of(
        mut self,
        title: &str,
        kind: LaneKind,
        rows: Vec<Vec<(String, Look, u64, u64)>>,
    ) -> Scenery {
        let scene = &mut self.scene;
        let mut made = Vec::new();
        for row in rows {
            let mut slices = Vec::new();
            for (name, look, begin, end) in row {
                let known = scene.names.iter().rev().take(50).position(|known| *known == name);
                let name = match known {
                    Some(back) => scene.names.len() - 1 - back,
                    None => {
                        scene.names.push(name);
                        scene.names.len() - 1
                    }
                };
                scene.end = scene.end.max(Nanos(end));
                slices.push(Slice {
                    begin: Nanos(begin),
                    end: Nanos(end),
                    name: name.try_into().expect("few names"),
                    look,
                    event: begin.try_into().unwrap_or(u32::MAX),
                });
            }
            made.push(Row::from_slices(slices));
        }
        let group = scene.groups.last_mut().expect("a group was begun");
        group.lanes.push(Lane { title: title.into(), kind, process: 0, thread: None, rows: made });
        self
    }

    /// Something that is wrong, in microseconds.
    pub fn issue(mut self, title: &str, begin: u64, end: u64, slice: Option<SliceRef>) -> Scenery {
        let (begin, end) = (Nanos::from_micros(begin), Nanos::from_micros(end));
        self.scene.issues.push(Issue { title: title.into(), begin, end, slice });
        self
    }

    pub fn done(self) -> Scene {
        self.scene
    }
}

/// Where a slice is.
pub fn at(group: u16, lane: u16, row: u16, slice: u32) -> SliceRef {
    SliceRef { group, lane, row, slice }
}

/// A run of a second, as small as can be with something of everything.
pub fn small() -> Scene {
    use Look::*;
    Scenery::default()
        .group("")
        .lane(
            "loop",
            LaneKind::Loop,
            &[
                &[
                    ("turn", Turn, 0, 40_000),
                    ("turn", Stall, 100_000, 400_000),
                    ("turn", Turn, 500_000, 500_400),
                    ("turn", Turn, 700_000, 760_000),
                ],
                &[
                    ("main", Step, 1_000, 38_000),
                    ("fetch", Step, 101_000, 399_000),
                    ("on_term", Callback, 701_000, 759_000),
                ],
                &[("sleep", BlockingOnLoop, 120_000, 380_000)],
            ],
        )
        .lane("queue", LaneKind::Queue, &[&[("resize", Queued, 30_000, 90_000)]])
        .lane(
            "worker-1",
            LaneKind::Worker,
            &[
                &[("resize", Job, 90_000, 650_000)],
                &[("db.query", BlockingInPool, 100_000, 600_000)],
            ],
        )
        .lane(
            "signals",
            LaneKind::Signals,
            &[&[
                ("SIGTERM", SignalPending, 250_000, 700_000),
                ("SIGTERM", SignalHandled, 701_000, 759_000),
            ]],
        )
        .lane(
            "timers",
            LaneKind::Timers,
            &[&[("sleep 100ms", Timer, 38_000, 138_000), ("tick", Timer, 450_000, 500_000)]],
        )
        .lane(
            "log",
            LaneKind::Log,
            &[&[
                ("started", Log, 2_000, 2_000),
                ("Executing <Task> took 0.280 seconds", Warning, 400_000, 400_000),
                ("Task was destroyed but it is pending!", Error, 990_000, 990_000),
                ("end", End, 1_000_000, 1_000_000),
            ]],
        )
        .issue("a blocking call on the loop took 260ms", 120_000, 380_000, Some(at(0, 0, 2, 0)))
        .issue("SIGTERM was handled 450ms late", 250_000, 700_000, Some(at(0, 3, 0, 0)))
        .issue("task destroyed", 990_000, 990_000, Some(at(0, 5, 0, 2)))
        .done()
}

/// Arrows for the signal of [`small`].
pub fn flows() -> Vec<Flow> {
    vec![Flow {
        from: at(0, 3, 0, 0),
        from_at: Nanos::from_micros(700_000),
        to: at(0, 0, 1, 2),
        to_at: Nanos::from_micros(701_000),
        name: "handled by",
    }]
}

/// SplitMix64: numbers that look random and are the same each time.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than the limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

/// Looks for scenes that nobody made by hand.
const LOOKS: [Look; 6] =
    [Look::Turn, Look::Step, Look::Job, Look::BlockingOnLoop, Look::Timer, Look::Stall];

/// Slices of all lengths, some of them marks, some touching, in so many rows of so many each.
pub fn random(seed: u64, rows: u64, slices: u64) -> Scene {
    let mut numbers = Numbers(seed);
    let mut scenery = Scenery::default().group("");
    for row in 0..rows {
        let mut time = 0;
        let mut made = Vec::new();
        for _ in 0..slices {
            let magnitude = numbers.below(6);
            let gap = numbers.below(10_u64.pow(u32::try_from(magnitude).expect("small")));
            time += if numbers.below(3) == 0 { 0 } else { gap };
            let magnitude = numbers.below(7);
            let length = numbers.below(10_u64.pow(u32::try_from(magnitude).expect("small")));
            let look = LOOKS[usize::try_from(numbers.below(6)).expect("small")];
            let name = ["turn", "fetch", "世界 <script>", "a rather long name of a step"];
            let name = name[usize::try_from(numbers.below(4)).expect("small")].to_owned();
            made.push((name, look, time, time + length));
            time += length;
        }
        let kind = if row % 2 == 0 { LaneKind::Loop } else { LaneKind::Worker };
        scenery = scenery.lane_of(&format!("lane {row}"), kind, vec![made]);
    }
    scenery.done()
}
