//! Slices that overlap, on as few rows as they need.

use loopbox_trace::Nanos;

use super::names::Names;
use super::{Row, Slice};

/// Puts slices on rows, each on the first that has room. Beyond so many rows there is one more, which says
/// how many found no room at each moment.
pub(super) fn pack(mut slices: Vec<Slice>, rows_max: usize, names: &mut Names) -> Vec<Row> {
    slices.sort_by_key(|slice| (slice.begin, slice.event));
    let mut rows: Vec<Row> = Vec::new();
    let mut left: Vec<Slice> = Vec::new();
    for slice in slices {
        let room = rows.iter().position(|row| has_room(row, &slice));
        match room {
            Some(row) => rows[row].push(slice),
            None if rows.len() < rows_max => {
                let mut row = Row::default();
                row.push(slice);
                rows.push(row);
            }
            None => left.push(slice),
        }
    }
    if !left.is_empty() {
        rows.push(counts(&left, names));
    }
    rows.iter_mut().for_each(Row::seal);
    rows
}

/// Two marks of one moment would hide each other; otherwise one may begin where another one ends.
fn has_room(row: &Row, slice: &Slice) -> bool {
    let Some(last) = row.len().checked_sub(1).and_then(|last| row.slice(last)) else { return true };
    let both_marks = last.begin == last.end && slice.begin == slice.end;
    if both_marks { last.end < slice.begin } else { last.end <= slice.begin }
}

/// One slice for each span in which the number of these does not change; they are in order of time.
fn counts(slices: &[Slice], names: &mut Names) -> Row {
    let mut row = Row::default().titled(names.text("more"));
    row.counts = true;
    let mut name_of = |count: usize| names.text(&format!("{count} more"));
    let mut ends: Vec<Nanos> =
        slices.iter().filter(|slice| slice.begin < slice.end).map(|slice| slice.end).collect();
    ends.sort_unstable();
    let (mut begun, mut ended) = (0, 0);
    // How many go on, since when, and the one that came last.
    let (mut count, mut since, mut last) = (0_usize, Nanos::ZERO, slices[0]);
    loop {
        let next = [slices.get(begun).map(|slice| slice.begin), ends.get(ended).copied()];
        let Some(moment) = next.into_iter().flatten().min() else { return row };
        if count > 0 && moment > since {
            row.push(Slice { begin: since, end: moment, name: name_of(count), ..last });
        }
        while ends.get(ended).is_some_and(|&end| end == moment) {
            (count, ended) = (count - 1, ended + 1);
        }
        let mut marks = 0;
        while let Some(slice) = slices.get(begun).filter(|slice| slice.begin == moment) {
            if slice.begin == slice.end {
                marks += 1
            } else {
                count += 1
            }
            (last, begun) = (*slice, begun + 1);
        }
        if marks > 0 && count == 0 {
            row.push(Slice { begin: moment, end: moment, name: name_of(marks), ..last });
        }
        since = moment;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Look;

    fn packed(spans: &[(u64, u64)], rows_max: usize) -> Vec<Vec<(u64, u64, String)>> {
        let mut names = Names::default();
        let name = names.text("job");
        let slices = (0..).zip(spans).map(|(event, &(begin, end))| Slice {
            begin: Nanos(begin),
            end: Nanos(end),
            name,
            look: Look::Queued,
            event,
        });
        let rows = pack(slices.collect(), rows_max, &mut names);
        let texts = names.into_texts();
        let shown = |slice: Slice| (slice.begin.0, slice.end.0, texts[slice.name as usize].clone());
        rows.iter().map(|row| row.slices().map(shown).collect()).collect()
    }

    fn job(begin: u64, end: u64) -> (u64, u64, String) {
        (begin, end, "job".into())
    }

    #[test]
    fn what_overlaps_lies_on_several_rows_and_room_is_used_again() {
        let rows = packed(&[(5, 8), (0, 4), (1, 2), (2, 5)], 8);
        assert_eq!(rows, [vec![job(0, 4), job(5, 8)], vec![job(1, 2), job(2, 5)]]);
    }

    #[test]
    fn marks_of_one_moment_are_seen_one_by_one() {
        assert_eq!(
            packed(&[(3, 3), (3, 3), (4, 4)], 8),
            [vec![job(3, 3), job(4, 4)], vec![job(3, 3)]]
        );
        assert_eq!(packed(&[(1, 3), (3, 3), (3, 5)], 8), [[job(1, 3), job(3, 3), job(3, 5)]]);
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let spans = [(0, 9), (1, 4), (2, 6), (6, 8), (7, 7)];
        let more = |begin, end, count: u32| (begin, end, format!("{count} more"));
        assert_eq!(
            packed(&spans, 1),
            [
                vec![job(0, 9)],
                vec![more(1, 2, 1), more(2, 4, 2), more(4, 6, 1), more(6, 7, 1), more(7, 8, 1)]
            ]
        );
        let marks = packed(&[(3, 3), (3, 3), (3, 3)], 1);
        assert_eq!(marks, [vec![job(3, 3)], vec![more(3, 3, 2)]]);
    }
}
