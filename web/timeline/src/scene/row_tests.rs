//! Rows against what one sees who looks at every slice.

use super::*;

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    /// A number below the bound.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

const LOOKS: [Look; 5] = [Look::Turn, Look::Stall, Look::BlockingOnLoop, Look::Warning, Look::Step];

/// A row of so many slices, most of them short.
fn row(numbers: &mut Numbers, count: u64) -> Row {
    let mut now = 0;
    Row::from_slices((0..count).map(|event| {
        let longest = [1, 10, 1_000][usize::try_from(numbers.below(3)).expect("small")];
        let begin = now + numbers.below(longest);
        now = begin + numbers.below(longest);
        // Bad ones are rare.
        let look = if numbers.below(20) == 0 { numbers.below(5) } else { 0 };
        let look = LOOKS[usize::try_from(look).expect("small")];
        let event = u32::try_from(event).expect("few slices");
        Slice { begin: Nanos(begin), end: Nanos(now), name: event, look, event }
    }))
}

/// What there is to draw, found by a look at every slice.
fn seen(row: &Row, from: Nanos, to: Nanos, pixel: Nanos) -> Vec<Visible> {
    let in_view = (0..).zip(row.slices()).filter(|(_, it)| it.end >= from && it.begin <= to);
    let in_view: Vec<(u32, Slice)> = in_view.collect();
    let mut seen = Vec::new();
    for of_pixel in
        in_view.chunk_by(|(_, one), (_, next)| one.begin.0 / pixel.0 == next.begin.0 / pixel.0)
    {
        let (wide, narrow): (Vec<_>, Vec<_>) =
            of_pixel.iter().copied().partition(|(_, slice)| slice.length() >= pixel);
        let mut shapes: Vec<(u8, usize, Visible)> = Vec::new();
        match narrow[..] {
            [] => {}
            [(index, slice)] => shapes.push((slice.look.severity(), 0, Visible::Slice(index))),
            [(first, _), .., (_, last)] => {
                let worst = narrow
                    .iter()
                    .max_by_key(|(index, it)| {
                        (it.look.severity(), it.length(), std::cmp::Reverse(*index))
                    })
                    .expect("there are two");
                let dense = Visible::Dense {
                    first,
                    count: u32::try_from(narrow.len()).expect("few slices"),
                    begin: narrow[0].1.begin,
                    end: last.end,
                    worst: worst.0,
                    look: worst.1.look,
                    longest: narrow
                        .iter()
                        .map(|(_, slice)| slice.length())
                        .max()
                        .expect("there are two"),
                };
                shapes.push((worst.1.look.severity(), 0, dense));
            }
        }
        for (index, slice) in wide {
            shapes.push((slice.look.severity(), 1, Visible::Slice(index)));
        }
        // The worse comes last; of two that are equally bad, the wide one.
        shapes.sort_by_key(|&(severity, wide, _)| (severity, wide));
        seen.extend(shapes.into_iter().map(|(.., visible)| visible));
    }
    seen
}

#[test]
fn what_is_visible_is_what_a_look_at_every_slice_finds() {
    let mut numbers = Numbers(1);
    for count in [0, 1, 2, 7, 8, 9, 63, 64, 65, 513, 2_000] {
        let row = row(&mut numbers, count);
        let end = row.end().0 + 2;
        for _ in 0..60 {
            let from = numbers.below(end);
            let to = from + numbers.below(end);
            let widest = [1, 10, 500, 20_000][usize::try_from(numbers.below(4)).expect("small")];
            let pixel = 1 + numbers.below(widest);
            let (from, to, pixel) = (Nanos(from), Nanos(to), Nanos(pixel));
            let visible: Vec<Visible> = row.visible(from, to, pixel).collect();
            assert_eq!(
                visible,
                seen(&row, from, to, pixel),
                "{count} slices, {from}..{to}, {pixel}"
            );
        }
    }
}

#[test]
fn a_frame_draws_at_most_two_things_for_each_pixel() {
    let row = row(&mut Numbers(2), 50_000);
    for pixels in [1, 100, 2_000] {
        let pixel = Nanos(row.end().0.div_ceil(pixels));
        let count = row.visible(Nanos::ZERO, row.end(), pixel).count() as u64;
        assert!(count <= 2 * (pixels + 1), "{count} things on {pixels} pixels");
    }
}

#[test]
fn what_is_bad_is_never_hidden_however_short_it_is() {
    let mark = |at: u64, length: u64, look: Look| Slice {
        begin: Nanos(at),
        end: Nanos(at + length),
        name: 0,
        look,
        event: 0,
    };
    let calm = (0..5_000).map(|at| mark(at * 10, 9, Look::Turn));
    let mut slices: Vec<Slice> = calm.collect();
    slices[2_345] = mark(23_450, 0, Look::BlockingOnLoop);
    let row = Row::from_slices(slices);
    let bad: Vec<Visible> = row
        .visible(Nanos::ZERO, row.end(), Nanos(1_000))
        .filter(|visible| matches!(visible, Visible::Dense { look: Look::BlockingOnLoop, .. }))
        .collect();
    // So many that whole buckets of eight are put together.
    let [Visible::Dense { worst: 2_345, longest: Nanos(9), count: 92..=108, .. }] = bad[..] else {
        panic!("{bad:?}");
    };
    // Between wide ones, too: it is painted after the one that shares its pixel.
    let row = Row::from_slices([
        mark(5, 1, Look::BlockingOnLoop),
        mark(6, 100, Look::Turn),
        mark(106, 100, Look::Stall),
    ]);
    let order: Vec<Visible> = row.visible(Nanos::ZERO, Nanos(300), Nanos(10)).collect();
    assert_eq!(order, [Visible::Slice(1), Visible::Slice(0), Visible::Slice(2)]);
}

#[test]
fn what_is_put_together_stays_the_same_while_somebody_pans() {
    let row = row(&mut Numbers(3), 3_000);
    let (span, pixel) = (row.end().0 / 3, Nanos(97));
    let inner = |from: u64| -> Vec<Visible> {
        let visible = row.visible(Nanos(from), Nanos(from + span), pixel);
        let begin = |visible: &Visible| match *visible {
            Visible::Slice(index) => row.slice(index).expect("it is there").begin.0,
            Visible::Dense { begin, .. } => begin.0,
        };
        visible.filter(|it| (span / 2..span).contains(&begin(it))).collect()
    };
    let first = inner(0);
    assert!(first.len() > 10);
    for from in [1, 13, 50, 96, 97, 200] {
        assert_eq!(inner(from), first, "from {from}");
    }
}

#[test]
fn slices_that_would_overlap_are_cut() {
    let slice = |begin: u64, end: u64| Slice {
        begin: Nanos(begin),
        end: Nanos(end),
        name: 0,
        look: Look::Turn,
        event: 0,
    };
    let row = Row::from_slices([slice(5, 10), slice(7, 12), slice(3, 4), slice(20, 15)]);
    let spans: Vec<(u64, u64)> = row.slices().map(|it| (it.begin.0, it.end.0)).collect();
    assert_eq!(spans, [(5, 10), (10, 12), (12, 12), (20, 20)]);
}

#[test]
fn the_nearest_slice_goes_on_then_or_is_near() {
    let slice = |begin: u64, end: u64| Slice {
        begin: Nanos(begin),
        end: Nanos(end),
        name: 0,
        look: Look::Turn,
        event: 0,
    };
    let row = Row::from_slices([slice(5, 10), slice(10, 12), slice(30, 30)]);
    for (at, nearest) in [(0, 0), (5, 0), (9, 0), (10, 1), (12, 1), (20, 1), (22, 2), (90, 2)] {
        assert_eq!(row.nearest(Nanos(at)), Some(nearest), "at {at}");
    }
    assert_eq!(Row::default().nearest(Nanos(3)), None);
    assert_eq!(row.between(Nanos(11), Nanos(29)), 1..2);
    assert_eq!(row.between(Nanos(13), Nanos(29)), 2..2);
}

#[test]
fn a_slice_is_found_by_its_event_in_any_order() {
    let slice =
        |event: u32| Slice { begin: Nanos(0), end: Nanos(0), name: 0, look: Look::Turn, event };
    let row = Row::from_slices([7, 9, 3, 12].map(slice));
    assert_eq!(
        [3, 7, 9, 12, 4].map(|event| row.find(event)),
        [Some(2), Some(0), Some(1), Some(3), None]
    );
}
