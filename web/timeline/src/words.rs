//! How looks are called.

use crate::scene::Look;

/// A look in a word or two.
pub fn look(look: Look) -> &'static str {
    match look {
        Look::Turn => "turn",
        Look::Stall => "stall",
        Look::Step => "step",
        Look::Callback => "callback",
        Look::BlockingOnLoop => "blocking call on the loop",
        Look::BlockingInPool => "blocking call in the pool",
        Look::Job => "job",
        Look::Queued => "waits for a worker",
        Look::Timer => "timer",
        Look::SignalPending => "signal, not delivered yet",
        Look::SignalHandled => "signal, handled",
        Look::SignalLost => "signal, not handled",
        Look::SignalDropped => "signal without an effect",
        Look::Message => "message from a thread",
        Look::Process => "process",
        Look::Pipe => "pipe",
        Look::Log => "log",
        Look::Warning => "warning",
        Look::Error => "error",
        Look::Same => "same as in the golden",
        Look::Moved => "at another time than in the golden",
        Look::Missing => "only in the golden",
        Look::Extra => "not in the golden",
        Look::End => "end",
    }
}
