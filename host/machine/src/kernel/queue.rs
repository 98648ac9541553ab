//! Things that will happen: a priority queue by virtual time.
//!
//! Entries of one moment leave in the order in which they entered. That order is a fact of the scenario
//! and the program; it never depends on how a heap happens to be laid out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use loopbox_trace::Nanos;

/// A queue of `T` by time.
#[derive(Debug)]
pub(crate) struct TimeQueue<T> {
    /// Smallest time first, then smallest sequence number.
    heap: BinaryHeap<Reverse<Entry<T>>>,
    /// How many entries were ever pushed: the next sequence number.
    pushed: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Nanos,
    sequence: u64,
    item: T,
}

impl<T> TimeQueue<T> {
    pub(crate) fn new() -> TimeQueue<T> {
        TimeQueue { heap: BinaryHeap::new(), pushed: 0 }
    }

    /// Enters something that happens at `at`, which may lie in the past of some clocks.
    pub(crate) fn push(&mut self, at: Nanos, item: T) {
        self.heap.push(Reverse(Entry { at, sequence: self.pushed, item }));
        self.pushed += 1;
    }

    /// When the next thing happens.
    pub(crate) fn next_at(&self) -> Option<Nanos> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Takes the next thing if it happens at `now` or before.
    pub(crate) fn pop_due(&mut self, now: Nanos) -> Option<(Nanos, T)> {
        if self.next_at()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.item))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_moments_keep_their_order() {
        let mut queue = TimeQueue::new();
        for item in 0..100 {
            queue.push(Nanos(item % 3), item);
        }
        let mut left = Vec::new();
        while let Some((at, item)) = queue.pop_due(Nanos(2)) {
            left.push((at.0, item));
        }
        let mut sorted = left.clone();
        sorted.sort();
        assert_eq!(left, sorted);
        assert_eq!(left.len(), 100);
    }

    #[test]
    fn nothing_leaves_before_its_time() {
        let mut queue = TimeQueue::new();
        queue.push(Nanos(10), ());
        assert_eq!(queue.pop_due(Nanos(9)), None);
        assert_eq!(queue.pop_due(Nanos(10)), Some((Nanos(10), ())));
    }
}
