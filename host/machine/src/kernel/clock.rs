//! The local clock of one thread.
//!
//! A thread's time advances by the CPU time that it uses and by the time that it is blocked, never by
//! anything else. CPU time is counted in fuel and charged in picoseconds, so that a rate such as a third of
//! a nanosecond a unit loses nothing over a million small settlements.

use loopbox_trace::Nanos;

/// One thread's time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    now: Nanos,
    /// Picoseconds that were charged and do not make a nanosecond yet; below 1,000.
    remainder_ps: u64,
}

impl Clock {
    /// A clock that shows `now`.
    pub(crate) fn at(now: Nanos) -> Clock {
        Clock { now, remainder_ps: 0 }
    }

    pub(crate) fn now(&self) -> Nanos {
        self.now
    }

    /// Charges CPU time.
    #[inline]
    pub(crate) fn burn(&mut self, fuel: u64, ps_per_fuel: u64) {
        let picos = fuel.saturating_mul(ps_per_fuel).saturating_add(self.remainder_ps);
        self.now += Nanos(picos / 1_000);
        self.remainder_ps = picos % 1_000;
    }

    /// Moves to a later moment; one in the past changes nothing.
    pub(crate) fn advance_to(&mut self, then: Nanos) {
        self.now = self.now.max(then);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_settlements_add_up_to_one_large_one() {
        let (mut small, mut large) = (Clock::default(), Clock::default());
        for _ in 0..1_000 {
            small.burn(7, 333);
        }
        large.burn(7_000, 333);
        assert_eq!(small.now(), large.now());
        assert_eq!(large.now(), Nanos(2_331));
    }

    #[test]
    fn never_goes_back() {
        let mut clock = Clock::at(Nanos(10));
        clock.advance_to(Nanos(4));
        assert_eq!(clock.now(), Nanos(10));
    }
}
