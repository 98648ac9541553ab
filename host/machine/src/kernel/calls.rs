//! Calls that block the thread that makes them.
//!
//! How long a call takes, and whether it fails, is the scenario's first matching rule; what that leaves open is a
//! choice. What such a call does to the loop is reported by [`super::blocked`].

use std::sync::Arc;

use loopbox_trace::{EventKind, Nanos, Outcome};

use super::{Halt, Kernel};
use crate::config::BlockingRule;

impl Kernel {
    /// A named blocking call: what the scenario's first matching rule says.
    pub(crate) fn blocking_call(&mut self, name: &str) -> Result<Result<Vec<u8>, String>, Halt> {
        let Some((rule, takes, error)) = self.draw_call(name) else {
            return Err(Halt::Misuse(format!(
                "the blocking call {name:?} has no [[blocking]] rule in the scenario: add `[[blocking]]`, `call = {name:?}` and `takes = ...`"
            )));
        };
        let outcome = if error.is_some() { Outcome::Failed } else { Outcome::Done };
        self.block_until(name, self.now() + takes, outcome)?;
        Ok(match error {
            Some(error) => Err(error),
            None => Ok(self.config.blocking[rule].returns.clone()),
        })
    }

    /// A blocking call of the standard library on a file or a stream: takes no time and does not fail,
    /// unless a rule says so.
    pub(crate) fn blocking_io(&mut self, name: &str) -> Result<Result<(), String>, Halt> {
        let (takes, error) = match self.draw_call(name) {
            Some((_, takes, error)) => (takes, error),
            None => (Nanos::ZERO, None),
        };
        let outcome = if error.is_some() { Outcome::Failed } else { Outcome::Done };
        self.block_until(name, self.now() + takes, outcome)?;
        Ok(error.map_or(Ok(()), Err))
    }

    /// [`blocking_io`](Kernel::blocking_io) of a kind that is no call at all without a rule.
    pub(crate) fn blocking_io_with_rule(&mut self, name: &str) -> Result<Result<(), String>, Halt> {
        if self.config.blocking.iter().any(|rule| rule.call.is_match(name)) {
            return self.blocking_io(name);
        }
        Ok(Ok(()))
    }

    /// The calling thread is blocked until then.
    pub(crate) fn block_until(
        &mut self,
        name: &str,
        until: Nanos,
        outcome: Outcome,
    ) -> Result<(), Halt> {
        let began = self.now();
        let label = self.recorder.intern(name);
        self.record(EventKind::BlockingBegin(label));
        self.jump_to(until)?;
        self.record(EventKind::BlockingEnd(label, outcome));
        self.report_call(name, began);
        Ok(())
    }

    /// Finds the rule for a call, and decides what the rule leaves open.
    pub(super) fn draw_call(&mut self, name: &str) -> Option<(usize, Nanos, Option<String>)> {
        let config = Arc::clone(&self.config);
        let (index, rule): (usize, &BlockingRule) =
            config.blocking.iter().enumerate().find(|(_, rule)| rule.call.is_match(name))?;
        let number = self.calls[index];
        self.calls[index] += 1;
        let label = |what: &str| format!("blocking[{index}].{what} ({name} #{number})");
        let takes = self.choices.nanos(|| label("takes"), &rule.takes);
        let error = rule.fails.as_ref().and_then(|failure| {
            let fails = self.choices.chance(|| label("fails"), failure.per_million);
            fails.then(|| failure.error.clone())
        });
        Some((index, takes, error))
    }
}
