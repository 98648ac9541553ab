//! A heap of things that are due at given times.
//!
//! Equal times come out in the order in which they went in (asyncio leaves that order to its heap). As in
//! asyncio, removing an entry leaves its place in the heap, to be dropped when it comes to the top or when
//! such places are in the majority. Storage is reused: a program whose timers come and go at a steady number
//! allocates nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use slab::Slab;

/// From this many places on, a majority of dead ones is swept out (asyncio's number).
const SWEEP_FROM: usize = 100;

/// Entries in the order of their times.
pub(crate) struct Timers<T> {
    /// The order; a place whose entry is gone is dead.
    heap: BinaryHeap<Reverse<Place>>,
    /// The live entries.
    entries: Slab<Entry<T>>,
    /// Numbers entries in the order of arrival, and tells an entry from a later one in the same slot.
    arrivals: u64,
}

/// Ordered by time, then by arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    at: u64,
    arrival: u64,
    slot: usize,
}

struct Entry<T> {
    arrival: u64,
    what: T,
}

/// Names one entry for as long as it is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    slot: usize,
    arrival: u64,
}

impl<T> Timers<T> {
    pub(crate) const fn new() -> Timers<T> {
        Timers { heap: BinaryHeap::new(), entries: Slab::new(), arrivals: 0 }
    }

    /// Puts `what` in, due at `at`.
    pub(crate) fn insert(&mut self, at: u64, what: T) -> Key {
        let arrival = self.arrivals;
        self.arrivals += 1;
        let slot = self.entries.insert(Entry { arrival, what });
        self.heap.push(Reverse(Place { at, arrival, slot }));
        Key { slot, arrival }
    }

    /// The entry, if it is still in.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let entry = self.entries.get_mut(key.slot)?;
        (entry.arrival == key.arrival).then_some(&mut entry.what)
    }

    /// Takes an entry out before its time, if it is still in.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        self.get_mut(key)?;
        let removed = self.entries.remove(key.slot);
        if self.heap.len() > SWEEP_FROM && self.heap.len() > 2 * self.entries.len() {
            let entries = &self.entries;
            self.heap.retain(|Reverse(place)| is_live(entries, place));
        }
        Some(removed.what)
    }

    /// When the first entry is due.
    pub(crate) fn next_due(&mut self) -> Option<u64> {
        while let Some(Reverse(place)) = self.heap.peek() {
            if is_live(&self.entries, place) {
                return Some(place.at);
            }
            self.heap.pop();
        }
        None
    }

    /// Takes out the first entry and its time, if it is due by `now`.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<(u64, T)> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse(place) = self.heap.pop()?;
        Some((place.at, self.entries.remove(place.slot).what))
    }

    /// Takes everything out.
    pub(crate) fn clear(&mut self) -> Vec<T> {
        self.heap.clear();
        self.entries.drain().map(|entry| entry.what).collect()
    }
}

fn is_live<T>(entries: &Slab<Entry<T>>, place: &Place) -> bool {
    entries.get(place.slot).is_some_and(|entry| entry.arrival == place.arrival)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(timers: &mut Timers<&'static str>, now: u64) -> Vec<&'static str> {
        std::iter::from_fn(|| timers.pop_due(now)).map(|(_, what)| what).collect()
    }

    #[test]
    fn comes_out_by_time_then_by_arrival() {
        let mut timers = Timers::new();
        for (at, what) in [(5, "d"), (3, "a"), (3, "b"), (9, "e"), (3, "c")] {
            timers.insert(at, what);
        }
        assert_eq!(timers.next_due(), Some(3));
        assert_eq!(drain(&mut timers, 5), ["a", "b", "c", "d"]);
        assert_eq!(timers.next_due(), Some(9));
    }

    #[test]
    fn a_removed_entry_is_never_due() {
        let mut timers = Timers::new();
        let first = timers.insert(1, "first");
        timers.insert(2, "second");
        assert_eq!(timers.remove(first), Some("first"));
        assert_eq!(timers.remove(first), None);
        assert_eq!(timers.next_due(), Some(2));
        assert_eq!(drain(&mut timers, 2), ["second"]);
    }

    #[test]
    fn a_key_is_not_good_for_the_slots_next_entry() {
        let mut timers = Timers::new();
        let old = timers.insert(1, "old");
        timers.remove(old);
        let new = timers.insert(7, "new");
        assert_eq!(old.slot, new.slot);
        assert!(timers.get_mut(old).is_none());
        assert_eq!(timers.next_due(), Some(7));
    }

    #[test]
    fn dead_places_do_not_pile_up() {
        let mut timers = Timers::new();
        timers.insert(u64::MAX, "last");
        for at in 0..10_000 {
            let key = timers.insert(at, "cancelled");
            timers.remove(key);
        }
        assert!(timers.heap.len() <= SWEEP_FROM + 1, "{}", timers.heap.len());
        assert_eq!(timers.next_due(), Some(u64::MAX));
    }
}
