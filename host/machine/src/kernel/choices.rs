//! Choices: every decision that the scenario leaves open, drawn from the seed in this one place.
//!
//! Each decision has a label and draws from a stream of its own, keyed by seed and label. So adding a
//! signal to a scenario does not change how long its database calls take, and the tape (the list of all
//! decisions of a run) reads as a list of parameters.
//!
//! ChaCha8 is used because its output is fixed by its definition, on every platform and in every version.

use std::fmt::Display;

use loopbox_trace::Nanos;
use loopbox_trace::record::Choice;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::config::Draw;

/// The seed, and what was drawn from it so far.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    seed: u64,
    /// What the labels of this process begin with.
    prefix: String,
    tape: Vec<Choice>,
    /// What the guest's own requests for randomness are served from; made at the first of them.
    guest_entropy: Option<ChaCha8Rng>,
}

impl Choices {
    pub(crate) fn new(seed: u64) -> Choices {
        Choices { seed, ..Choices::default() }
    }

    /// The choices of a child: other streams than those of the first process.
    pub(crate) fn of_process(seed: u64, name: &str) -> Choices {
        Choices { seed, prefix: format!("{name} "), ..Choices::default() }
    }

    fn label(&self, label: impl FnOnce() -> String) -> String {
        let label = label();
        if self.prefix.is_empty() { label } else { self.prefix.clone() + &label }
    }

    /// A span or moment. Only what is really open is drawn, and noted on the tape.
    pub(crate) fn nanos(&mut self, label: impl FnOnce() -> String, draw: &Draw<Nanos>) -> Nanos {
        match draw {
            Draw::Fixed(nanos) => *nanos,
            Draw::Between(low, high) => {
                let label = self.label(label);
                let width = u128::from(high.0 - low.0) + 1;
                let nanos = Nanos(low.0 + self.below(&label, width));
                self.note_nanos(label, nanos)
            }
            Draw::OneOf(options) => {
                let label = self.label(label);
                let index = self.below(&label, options.len() as u128);
                let nanos = options[usize::try_from(index).expect("less than the length")];
                self.note_nanos(label, nanos)
            }
        }
    }

    /// True `per_million` times out of a million.
    pub(crate) fn chance(&mut self, label: impl FnOnce() -> String, per_million: u32) -> bool {
        if per_million == 0 {
            return false;
        }
        let label = self.label(label);
        let happens = self.below(&label, 1_000_000) < u64::from(per_million);
        self.note(label, happens)
    }

    /// Fills a buffer for the guest. Not noted on the tape: the guest's entropy is data, not a decision.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        let (seed, prefix) = (self.seed, &self.prefix);
        let entropy = || stream(seed, &format!("{prefix}guest entropy"));
        self.guest_entropy.get_or_insert_with(entropy).fill_bytes(bytes);
    }

    pub(crate) fn into_tape(self) -> Vec<Choice> {
        self.tape
    }

    /// A number from 0 to `bound` - 1 (Lemire's multiplication; its bias of 2^-64 cannot be seen).
    fn below(&self, label: &str, bound: u128) -> u64 {
        let random = u128::from(stream(self.seed, label).next_u64());
        if bound > u128::from(u64::MAX) {
            return u64::try_from(random).expect("64 bits were drawn");
        }
        u64::try_from((random * bound) >> 64).expect("less than the bound")
    }

    /// Exactly: a value that is taken from the tape into a scenario gives the same run.
    fn note_nanos(&mut self, label: String, nanos: Nanos) -> Nanos {
        self.note(label, nanos.exact());
        nanos
    }

    fn note<T: Display>(&mut self, label: String, value: T) -> T {
        self.tape.push(Choice { label, value: value.to_string() });
        value
    }
}

/// The stream of one label.
fn stream(seed: u64, label: &str) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(fnv1a(label));
    rng
}

/// FNV-1a, 64 bits: fixed by its definition, as a hash that chooses a stream must be.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u64, label: &str) -> Nanos {
        let between = Draw::Between(Nanos(0), Nanos::from_secs(5));
        Choices::new(seed).nanos(|| label.into(), &between)
    }

    #[test]
    fn a_value_is_fixed_by_seed_and_label() {
        // Literal values: a change of the generator would change every scenario's meaning.
        assert_eq!(draw(0, "signal[0].at"), draw(0, "signal[0].at"));
        assert_ne!(draw(0, "signal[0].at"), draw(1, "signal[0].at"));
        assert_ne!(draw(0, "signal[0].at"), draw(0, "signal[1].at"));
    }

    #[test]
    fn the_tape_has_the_exact_value() {
        let mut choices = Choices::new(7);
        let drawn = choices.nanos(|| "x".into(), &Draw::Between(Nanos(0), Nanos::from_secs(5)));
        assert_eq!(choices.into_tape()[0].value.parse(), Ok(drawn));
    }

    #[test]
    fn an_earlier_choice_does_not_move_a_later_one() {
        let mut choices = Choices::new(7);
        choices.chance(|| "extra".into(), 500_000);
        let between = Draw::Between(Nanos(0), Nanos::from_secs(5));
        assert_eq!(choices.nanos(|| "x".into(), &between), draw(7, "x"));
        assert_eq!(choices.into_tape().len(), 2);
    }

    #[test]
    fn draws_stay_in_their_bounds_and_reach_them() {
        let between = Draw::Between(Nanos(3), Nanos(5));
        let one_of = Draw::OneOf(vec![Nanos(1), Nanos(9)]);
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let mut choices = Choices::new(seed);
            seen.insert(choices.nanos(|| "between".into(), &between));
            seen.insert(choices.nanos(|| "one of".into(), &one_of));
        }
        assert_eq!(seen, [1, 3, 4, 5, 9].map(Nanos).into());
        let whole = Draw::Between(Nanos(0), Nanos(u64::MAX));
        Choices::new(1).nanos(|| "whole range".into(), &whole);
    }

    #[test]
    fn a_chance_is_about_as_frequent_as_it_says() {
        let hits = (0..10_000)
            .filter(|&seed| Choices::new(seed).chance(|| "fails".into(), 100_000))
            .count();
        assert!((900..1100).contains(&hits), "{hits} of 10000 at 10 %");
        assert!(!Choices::new(0).chance(|| "never".into(), 0));
        assert!(Choices::new(0).chance(|| "always".into(), 1_000_000));
    }

    #[test]
    fn what_is_fixed_is_no_choice() {
        let mut choices = Choices::new(0);
        assert_eq!(choices.nanos(|| "x".into(), &Draw::Fixed(Nanos(5))), Nanos(5));
        assert!(choices.into_tape().is_empty());
    }
}
