//! The codes of the runtime's reports: which there are, whose they are, and which are made unless told.
//!
//! A code is stable: scenarios and goldens hold it. asyncio's own reports go by the rows of the catalogue in
//! `docs/asyncio/codes.md`; they are made when asyncio makes them, and the program's own switches (debug mode,
//! levels, filters) are the way to be without them. Reports of *ours* say what asyncio is silent about; a
//! scenario switches them on and off by `[diagnostics]`. A guest may report under any code; only the ones here
//! can be switched.

/// Whose report a code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// asyncio, Python's `warnings`, or Python's interpreter.
    Asyncio,
    /// Loopbox alone; made unless the scenario switches it off.
    Ours,
    /// Made only if the scenario switches it on.
    OnDemand,
}

use Origin::{Asyncio, OnDemand, Ours};

/// One code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Such as `SLOW-1`.
    pub name: &'static str,
    /// Whose it is.
    pub origin: Origin,
}

const fn code(name: &'static str, origin: Origin) -> Code {
    Code { name, origin }
}

/// All of them, by name.
pub const CODES: &[Code] = &[
    code("AG-1", Ours),
    code("AG-2", Asyncio),
    code("AG-3", Asyncio),
    code("AG-4", Ours),
    code("AWAIT-1", Asyncio),
    code("BLOCK", Ours),
    code("BUSY-FD", Ours),
    code("CANCEL-IGNORED", Ours),
    code("CHILD-CRASHED", Ours),
    code("EXC-1", Asyncio),
    code("EXC-18", Asyncio),
    code("EXC-2", Asyncio),
    code("EXC-3", Asyncio),
    code("EXE-5", Asyncio),
    code("EXE-6", Asyncio),
    code("EXIT-UNCLEAN", Ours),
    code("HANDLER-REPLACED", Ours),
    code("LOCK-ORDER", Ours),
    code("LOG-LEFT", Ours),
    code("LOG-LOST", Ours),
    code("LOST-WAKER", Ours),
    code("LOST-WAKEUP", Ours),
    code("ORPHAN-CHILD", Ours),
    code("POOL-SATURATED", Ours),
    code("QUEUE-GROWTH", Ours),
    code("RES-1", Asyncio),
    code("RES-2", Asyncio),
    code("RES-3", Asyncio),
    code("RES-4", Asyncio),
    code("RES-5", Asyncio),
    code("RES-7", Asyncio),
    code("RET-1", Asyncio),
    code("RET-4", Asyncio),
    code("RET-6", Asyncio),
    code("RET-7", Asyncio),
    code("RET-GATHER", Ours),
    code("RET-HIDDEN", Ours),
    code("RET-SUBMIT", Ours),
    code("RET-THREADSAFE", Ours),
    code("SIGNAL-COALESCED", OnDemand),
    code("SIGNAL-UNDELIVERED", Ours),
    code("SLOW-1", Asyncio),
    code("SLOW-2", Asyncio),
    code("SLOW-4", OnDemand),
    code("SLOW-7", Ours),
    code("STALE-READER", Ours),
    code("TURN", Ours),
    code("ZOMBIE", Ours),
];

/// The code of this name.
pub fn find(name: &str) -> Option<Code> {
    CODES.iter().find(|code| code.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_listed_once_in_order() {
        assert!(CODES.is_sorted_by(|first, second| first.name < second.name));
        assert_eq!(find("TURN"), Some(code("TURN", Ours)));
        assert_eq!(find("turn"), None);
    }
}
