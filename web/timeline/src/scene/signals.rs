//! What became of the signals of a process: from raised over delivered to handled.

use std::collections::BTreeMap;

use loopbox_trace::{DefaultAction, EventKind, Nanos, Signal};

use super::names::Names;
use super::{Look, Slice};

/// The signals of one process.
#[derive(Default)]
pub(super) struct Signals {
    sent: Vec<Sent>,
    /// Those of one kind and moment whose fate is open: indices into `sent`.
    pending: BTreeMap<(Signal, Nanos), Vec<usize>>,
    /// Those that were delivered and not handled yet.
    delivered: BTreeMap<(Signal, Nanos), usize>,
}

/// A signal that was sent.
struct Sent {
    signal: Signal,
    raised: Nanos,
    event: u32,
    fate: Fate,
}

enum Fate {
    Pending,
    Merged,
    Default { at: Nanos },
    Delivered { at: Nanos, event: u32, handled: Option<Nanos> },
}

impl Signals {
    /// Takes note of what happened; of anything but signals that is nothing.
    pub(super) fn take_note_of(&mut self, at: Nanos, kind: EventKind, event: u32) {
        match kind {
            EventKind::SignalRaised(signal) => {
                let index = self.send(signal, at, event);
                self.pending.entry((signal, at)).or_default().push(index);
            }
            // Each of these two follows the raising that it is about.
            EventKind::SignalMerged(signal) => self.settle(signal, at, event, Fate::Merged),
            EventKind::SignalDefault(signal) => {
                self.settle(signal, at, event, Fate::Default { at });
            }
            EventKind::SignalDelivered { signal, raised } => {
                self.settle(signal, raised, event, Fate::Delivered { at, event, handled: None });
            }
            EventKind::SignalHandled { signal, raised } => {
                let sent = self.delivered.remove(&(signal, raised));
                let fate = sent.map(|sent| &mut self.sent[sent].fate);
                if let Some(Fate::Delivered { handled, .. }) = fate {
                    *handled = Some(at);
                }
            }
            _ => {}
        }
    }

    fn send(&mut self, signal: Signal, raised: Nanos, event: u32) -> usize {
        self.sent.push(Sent { signal, raised, event, fate: Fate::Pending });
        self.sent.len() - 1
    }

    /// The fate of a signal that was sent then is known. If the sending is not in the trace, it is made up.
    fn settle(&mut self, signal: Signal, raised: Nanos, event: u32, fate: Fate) {
        let key = (signal, raised);
        let open = self.pending.get_mut(&key).and_then(Vec::pop);
        let index = open.unwrap_or_else(|| self.send(signal, raised, event));
        if matches!(fate, Fate::Delivered { .. }) {
            self.delivered.insert(key, index);
        }
        self.sent[index].fate = fate;
    }

    /// One slice for each phase of each signal, if the process ended then.
    pub(super) fn slices(&self, end: Nanos, names: &mut Names) -> Vec<Slice> {
        let mut slices = Vec::new();
        for &Sent { signal, raised, event, ref fate } in &self.sent {
            let mut add = |begin: Nanos, end: Nanos, look: Look, event: u32, what: &str| {
                let name = names.text(&format!("{signal}{what}"));
                slices.push(Slice { begin, end: end.max(begin), name, look, event });
            };
            match *fate {
                Fate::Pending => add(raised, end, Look::SignalLost, event, " never delivered"),
                Fate::Merged => {
                    let what = " merged with the pending one";
                    add(raised, raised, Look::SignalDropped, event, what);
                }
                Fate::Default { at } => match signal.default_action() {
                    DefaultAction::Terminate => {
                        add(raised, at, Look::SignalLost, event, " ends the process");
                    }
                    DefaultAction::Ignore => {
                        add(raised, at, Look::SignalDropped, event, " ignored");
                    }
                },
                Fate::Delivered { at, event: delivered, handled } => {
                    add(raised, at, Look::SignalPending, event, " pending");
                    match handled {
                        Some(handled) => {
                            add(at, handled, Look::SignalHandled, delivered, " being handled");
                        }
                        None => add(at, end, Look::SignalLost, delivered, " never handled"),
                    }
                }
            }
        }
        slices
    }
}
