//! QUEUE-GROWTH: a queue without a limit that grows because its items come faster than they are taken.
//!
//! A long queue is no mistake by itself: programs put all their work in at once, and then work it off. So the
//! report wants both a queue that grew over many turns and somebody who takes from it. It comes once a queue.

use std::cell::Cell;

use super::waiters::Identity;
use crate::debug;
use crate::event_loop;

/// How long a queue is when it is reported.
const LENGTH: usize = 1000;
/// In how many turns, since it was empty, items must have been put.
const TURNS: u32 = 100;

/// What is counted since the queue was last empty.
#[derive(Debug, Default)]
pub(super) struct Growth {
    puts: Cell<u32>,
    gets: Cell<u32>,
    /// The last turn in which something was put.
    last_turn: Cell<u32>,
    turns: Cell<u32>,
    reported: Cell<bool>,
}

impl Growth {
    /// An item was put, which makes the queue so long.
    #[inline]
    pub(super) fn put(&self, len: usize, identity: &Identity) {
        let turn = event_loop::with(|event_loop| event_loop.turns.get());
        if self.last_turn.replace(turn) != turn {
            self.turns.set(self.turns.get() + 1);
        }
        self.puts.set(self.puts.get() + 1);
        if len >= LENGTH && !self.reported.get() {
            self.judge(len, identity);
        }
    }

    /// An item was taken, which leaves so many.
    #[inline]
    pub(super) fn got(&self, len: usize) {
        self.gets.set(self.gets.get() + 1);
        if len == 0 {
            self.puts.set(0);
            self.gets.set(0);
            self.turns.set(0);
        }
    }

    #[cold]
    fn judge(&self, len: usize, identity: &Identity) {
        if self.gets.get() == 0 || self.turns.get() < TURNS {
            return;
        }
        self.reported.set(true);
        let text = format!(
            "{identity} has no maxsize and grew to {len} items: since it was last empty, {} were put and {} taken",
            self.puts.get(),
            self.gets.get()
        );
        event_loop::with(|event_loop| {
            event_loop
                .watch
                .report_ours(|| debug::ours("QUEUE-GROWTH", text, Some(identity.made())));
        });
    }
}
