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

/// Something that will happen.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) at: Nanos,
    sequence: u64,
    pub(crate) item: T,
}

impl<T> Entry<T> {
    /// Another thing at the same place in the order.
    pub(crate) fn with(self, item: T) -> Entry<T> {
        Entry { item, ..self }
    }
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
        self.pop_entry(now).map(|entry| (entry.at, entry.item))
    }

    /// [`pop_due`](TimeQueue::pop_due), for somebody who may want to put it back.
    pub(crate) fn pop_entry(&mut self, now: Nanos) -> Option<Entry<T>> {
        if self.next_at()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// Takes back what [`pop_entry`](TimeQueue::pop_entry) gave: it keeps its place among those of its moment.
    pub(crate) fn put_back(&mut self, entry: Entry<T>) {
        self.heap.push(Reverse(entry));
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
    fn what_is_put_back_keeps_its_place() {
        let mut queue = TimeQueue::new();
        queue.push(Nanos(1), 'a');
        queue.push(Nanos(1), 'b');
        let first = queue.pop_entry(Nanos(1)).expect("is due");
        queue.push(Nanos(1), 'c');
        queue.put_back(first);
        let order: Vec<char> =
            std::iter::from_fn(|| queue.pop_due(Nanos(1))).map(|(_, item)| item).collect();
        assert_eq!(order, ['a', 'b', 'c']);
    }

    #[test]
    fn nothing_leaves_before_its_time() {
        let mut queue = TimeQueue::new();
        queue.push(Nanos(10), ());
        assert_eq!(queue.pop_due(Nanos(9)), None);
        assert_eq!(queue.pop_due(Nanos(10)), Some((Nanos(10), ())));
    }
}
