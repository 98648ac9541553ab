//! Signals of the process: which have handlers, which are pending.
//!
//! As in POSIX, pending signals of one number are one; as in an event loop, a pending signal with a
//! handler waits until the main thread looks. What a signal without a handler does is its default action.

use loopbox_trace::{DefaultAction, Nanos, Signal};

/// Signal numbers run from 1 to 31; index 0 stays empty.
const NUMBERS: usize = 32;

/// What happens to a signal that is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// It is pending now, and the loop is to be told.
    Pending,
    /// It was pending already.
    Merged,
    /// The process ends.
    Terminates,
    /// Nothing happens.
    Ignored,
}

/// Why a handler cannot be set or a signal not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignalError {
    /// The machine has no such signal.
    Unknown,
    /// SIGKILL.
    Uncatchable,
    /// A job asked; handlers belong to the main thread.
    NotMainThread,
}

/// The process's signal state.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    handled: [bool; NUMBERS],
    /// The handler is for one delivery.
    once: [bool; NUMBERS],
    /// A handler for one delivery whose signal is pending: it is told, though it handles no more.
    last: [bool; NUMBERS],
    /// When a pending signal was first raised.
    pending: [Option<Nanos>; NUMBERS],
    /// When the signal that was delivered last, and whose handler has not reported yet, was raised.
    delivered: [Option<Nanos>; NUMBERS],
}

impl Signals {
    pub(crate) fn has_handler(&self, signal: Signal) -> bool {
        self.handled[index(signal)]
    }

    /// Whether the process would end if the signal came now.
    pub(crate) fn would_terminate(&self, signal: Signal) -> bool {
        !self.has_handler(signal) && signal.default_action() == DefaultAction::Terminate
    }

    /// Sets or removes a handler; returns whether there was one.
    pub(crate) fn set_handler(&mut self, number: u8, handled: bool) -> Result<bool, SignalError> {
        let signal = Signal::from_number(number).ok_or(SignalError::Unknown)?;
        if !signal.can_be_caught() {
            return Err(SignalError::Uncatchable);
        }
        self.once[index(signal)] = false;
        self.last[index(signal)] = false;
        Ok(std::mem::replace(&mut self.handled[index(signal)], handled))
    }

    /// The handler that was just set is for one delivery.
    pub(crate) fn set_once(&mut self, number: u8) {
        if let Some(signal) = Signal::from_number(number) {
            self.once[index(signal)] = true;
        }
    }

    /// Signals that are pending, and when they were raised.
    pub(crate) fn undelivered(&self) -> Vec<(Signal, Nanos)> {
        let pending = (0..).zip(&self.pending);
        pending
            .filter_map(|(number, raised)| Some((Signal::from_number(number)?, (*raised)?)))
            .collect()
    }

    pub(crate) fn raise(&mut self, signal: Signal, at: Nanos) -> Disposition {
        if self.has_handler(signal) {
            let pending = &mut self.pending[index(signal)];
            if pending.is_some() {
                return Disposition::Merged;
            }
            *pending = Some(at);
            if std::mem::take(&mut self.once[index(signal)]) {
                self.handled[index(signal)] = false;
                self.last[index(signal)] = true;
            }
            return Disposition::Pending;
        }
        match signal.default_action() {
            DefaultAction::Terminate => Disposition::Terminates,
            DefaultAction::Ignore => Disposition::Ignored,
        }
    }

    /// The loop takes a pending signal; returns when it was raised.
    pub(crate) fn deliver(&mut self, signal: Signal) -> Option<Nanos> {
        let raised = self.pending[index(signal)].take()?;
        if !self.has_handler(signal) && !std::mem::take(&mut self.last[index(signal)]) {
            return None;
        }
        self.delivered[index(signal)] = Some(raised);
        Some(raised)
    }

    /// The handler has run; returns when its signal was raised.
    pub(crate) fn handled(&mut self, signal: Signal) -> Option<Nanos> {
        self.delivered[index(signal)].take()
    }
}

fn index(signal: Signal) -> usize {
    usize::from(signal.number())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERM: Signal = Signal::SIGTERM;

    #[test]
    fn pending_signals_of_one_number_are_one() {
        let mut signals = Signals::default();
        signals.set_handler(TERM.number(), true).expect("can be caught");
        assert_eq!(signals.raise(TERM, Nanos(1)), Disposition::Pending);
        assert_eq!(signals.raise(TERM, Nanos(2)), Disposition::Merged);
        assert_eq!(signals.deliver(TERM), Some(Nanos(1)));
        assert_eq!(signals.raise(TERM, Nanos(3)), Disposition::Pending, "delivered, so a new one");
        assert_eq!(signals.handled(TERM), Some(Nanos(1)));
        assert_eq!(signals.handled(TERM), None);
    }

    #[test]
    fn a_handler_for_one_delivery_is_told_once() {
        let mut signals = Signals::default();
        signals.set_handler(TERM.number(), true).expect("can be caught");
        signals.set_once(TERM.number());
        assert_eq!(signals.raise(TERM, Nanos(1)), Disposition::Pending);
        assert!(signals.would_terminate(TERM), "the next one takes the default action");
        assert_eq!(signals.deliver(TERM), Some(Nanos(1)));
        assert_eq!(signals.raise(TERM, Nanos(2)), Disposition::Terminates);
    }

    #[test]
    fn without_a_handler_the_default_action_is_taken() {
        let mut signals = Signals::default();
        let winch = Signal::from_number(28).expect("SIGWINCH");
        assert_eq!(signals.raise(TERM, Nanos(1)), Disposition::Terminates);
        assert_eq!(signals.raise(winch, Nanos(1)), Disposition::Ignored);
        assert!(signals.would_terminate(TERM) && !signals.would_terminate(winch));
    }

    #[test]
    fn a_removed_handler_is_not_told_of_a_pending_signal() {
        let mut signals = Signals::default();
        assert_eq!(signals.set_handler(15, true), Ok(false));
        signals.raise(TERM, Nanos(1));
        assert_eq!(signals.set_handler(15, false), Ok(true));
        assert_eq!(signals.deliver(TERM), None);
    }

    #[test]
    fn kill_and_unknown_numbers_are_refused() {
        let mut signals = Signals::default();
        assert_eq!(signals.set_handler(9, true), Err(SignalError::Uncatchable));
        assert_eq!(signals.set_handler(99, true), Err(SignalError::Unknown));
    }
}
