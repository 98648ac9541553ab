//! Which event of the golden is which of the trace, on one lane.
//!
//! What is compared is the sequence of texts. That alone would not tell which of ten ticks of a timer is missing: any
//! would do. So wherever a gap could as well be earlier or later, it goes where the times of the pairs fit best.

use std::collections::BTreeMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::golden::Line;

/// For each line of one side the line of the other that it belongs to; they are in one order.
type Pairs = Vec<Option<usize>>;

/// For each event of the golden the event of the trace that it is.
pub(super) fn pairs(expected: &[(usize, Line)], actual: &[(usize, Line)]) -> Pairs {
    // Comparing is most of the work, so each text becomes a number first.
    let mut known = BTreeMap::new();
    let [expected_texts, actual_texts] = [expected, actual].map(|lines| -> Vec<usize> {
        let mut number = |line| {
            let next = known.len();
            *known.entry(line).or_insert(next)
        };
        lines.iter().map(|(_, line)| number(line.key())).collect()
    });
    let mut pairs = vec![None; expected.len()];
    // Without a deadline, which would make the result depend on the host's speed.
    for op in capture_diff_slices(Algorithm::Myers, &expected_texts, &actual_texts) {
        if let DiffOp::Equal { .. } = op {
            for (expected, actual) in op.old_range().zip(op.new_range()) {
                pairs[expected] = Some(actual);
            }
        }
    }
    let apart =
        |one: usize, other: usize| i128::from(expected[one].1.time_apart(&actual[other].1).0);
    settle_gaps(&mut pairs, &expected_texts, apart);
    let mut inverse = turned(&pairs, actual.len());
    settle_gaps(&mut inverse, &actual_texts, |one, other| apart(other, one));
    turned(&inverse, expected.len())
}

/// The same pairs, seen from the other side.
fn turned(pairs: &Pairs, others: usize) -> Pairs {
    let mut turned = vec![None; others];
    for (index, pair) in pairs.iter().enumerate() {
        if let Some(other) = pair {
            turned[*other] = Some(index);
        }
    }
    turned
}

/// Moves each gap of one side to where the pairs around it are least apart in time.
fn settle_gaps(pairs: &mut Pairs, texts: &[usize], apart: impl Fn(usize, usize) -> i128) {
    let mut at = 0;
    while let Some(begin) = (at..pairs.len()).find(|&index| pairs[index].is_none()) {
        let end = (begin..pairs.len()).find(|&index| pairs[index].is_some());
        let end = end.unwrap_or(pairs.len());
        // Moved by one, one line of the gap takes over the pair of the line on its other side.
        let later = best_move(pairs.len() - end, |step| {
            (texts[begin + step] == texts[end + step])
                .then(|| pairs[end + step])?
                .map(|other| apart(begin + step, other) - apart(end + step, other))
        });
        let earlier = best_move(begin, |step| {
            let (first, last) = (begin - 1 - step, end - 1 - step);
            (texts[first] == texts[last])
                .then(|| pairs[first])?
                .map(|other| apart(last, other) - apart(first, other))
        });
        if earlier.1 < later.1 {
            let steps = earlier.0;
            pairs.copy_within(begin - steps..begin, end - steps);
            pairs[begin - steps..end - steps].fill(None);
            at = end;
        } else {
            let steps = later.0;
            pairs.copy_within(end..end + steps, begin);
            pairs[begin + steps..end + steps].fill(None);
            at = end + steps;
        }
    }
}

/// By how many steps to move, of at most so many, and how much nearer that brings the pairs (below zero).
/// `change` is what one step adds to how far they are apart; `None` if it cannot be made.
fn best_move(steps_max: usize, change: impl Fn(usize) -> Option<i128>) -> (usize, i128) {
    let (mut best, mut total) = ((0, 0), 0);
    for step in 0..steps_max {
        let Some(change) = change(step) else { break };
        total += change;
        if total < best.1 {
            best = (step + 1, total);
        }
    }
    best
}
