//! What somebody wants to be otherwise, and how that is written in an address.
//!
//! ```text
//! seed=3&workers=2&signal.0=250ms&blocking.1=80ms
//! ```
//!
//! Signals and blocking rules are counted as the scenario lists them, from 0. A field without a value asks for
//! nothing: that is what a form sends for what was left empty. Whatever else makes no sense is an error of its
//! field, never passed over; and what is right for a scenario file is right here, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use loopbox_machine::config::{Config, Draw};
use loopbox_trace::Nanos;
use loopbox_trace::text::{one_line, report};

use crate::scenario::{Scenario, WORKERS_MAX};

/// What is to be otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// What is drawn, is drawn from this.
    pub seed: Option<u64>,
    /// Workers of the pool that is there from the start.
    pub workers: Option<u16>,
    /// When a signal is sent, by its place among the scenario's signals.
    pub signals: BTreeMap<usize, Nanos>,
    /// What every call of a rule takes, by the rule's place among those of the scenario.
    pub blocking: BTreeMap<usize, Nanos>,
}

/// A field that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {message}")]
pub struct ParameterError {
    /// The field, shortened to be one line.
    pub field: String,
    /// What is wrong with it, and what would be right.
    pub message: String,
}

/// No value that makes sense is longer.
const VALUE_BYTES_MAX: usize = 64;

/// The fields that a scenario may have any number of.
const SIGNAL: &str = "signal";
const BLOCKING: &str = "blocking";

impl Parameters {
    /// Reads the query of an address, without its `?`.
    ///
    /// # Errors
    /// Every field that makes no sense; at least one.
    pub fn read(query: &str) -> Result<Parameters, Vec<ParameterError>> {
        Parameters::from_fields(form_urlencoded::parse(query.as_bytes()))
    }

    /// Takes fields with their values, as a form sends them.
    ///
    /// # Errors
    /// As [`Parameters::read`].
    pub fn from_fields(
        fields: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
    ) -> Result<Parameters, Vec<ParameterError>> {
        let (mut parameters, mut errors) = (Parameters::default(), Vec::new());
        let mut seen = BTreeSet::new();
        for (field, value) in fields {
            let (field, value) = (field.as_ref(), value.as_ref());
            let taken = if seen.insert(field.to_owned()) {
                parameters.take(field, value)
            } else {
                Err("it is there twice: say it once".into())
            };
            errors.extend(taken.err().map(|message| ParameterError::of(field, &message)));
        }
        if errors.is_empty() { Ok(parameters) } else { Err(errors) }
    }

    /// Takes one field; says what is wrong with it.
    fn take(&mut self, field: &str, value: &str) -> Result<(), String> {
        // Errors repeat what was written.
        if value.len() > VALUE_BYTES_MAX {
            return Err(format!("a value of {} bytes is no number and no duration", value.len()));
        }
        let value = Some(value).filter(|value| !value.is_empty());
        match (field, field.split_once('.')) {
            ("seed", _) => {
                let seed = value.map(|value| whole(value, 0, u64::MAX)).transpose()?;
                self.seed = seed;
            }
            ("workers", _) => {
                let workers = value.map(|value| whole(value, 1, WORKERS_MAX.into())).transpose()?;
                self.workers = workers.map(|n| u16::try_from(n).unwrap_or(WORKERS_MAX));
            }
            (_, Some((SIGNAL, index))) => take_nanos(&mut self.signals, index, value)?,
            (_, Some((BLOCKING, index))) => take_nanos(&mut self.blocking, index, value)?,
            _ => {
                return Err(
                    "there is no such field: use seed, workers, signal.N (when signal N is \
                            sent) and blocking.N (what calls of rule N take)"
                        .into(),
                );
            }
        }
        Ok(())
    }

    /// The query of an address, without its `?`: what [`Parameters::read`] reads back as the same.
    pub fn to_query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (field, value) in self.fields() {
            query.append_pair(&field, &value);
        }
        query.finish()
    }

    /// Every field that asks for something, and its value.
    pub fn fields(&self) -> Vec<(String, String)> {
        let plain = [
            ("seed", self.seed.map(|seed| seed.to_string())),
            ("workers", self.workers.map(|workers| workers.to_string())),
        ];
        let plain = plain.into_iter().filter_map(|(field, value)| Some((field.into(), value?)));
        let listed = [(SIGNAL, &self.signals), (BLOCKING, &self.blocking)];
        let listed = listed.into_iter().flat_map(|(field, list)| {
            list.iter().map(move |(index, nanos)| (format!("{field}.{index}"), nanos.exact()))
        });
        plain.chain(listed).collect()
    }

    /// Whether the world is to be the scenario's own. The seed may be another one.
    pub fn leave_the_world(&self) -> bool {
        Parameters { seed: self.seed, ..Parameters::default() } == *self
    }

    /// What of this is really otherwise than in a run of this scenario with this seed.
    ///
    /// # Errors
    /// Every field for something that the scenario does not have.
    pub fn changes(
        &self,
        scenario: &Scenario,
        seed: u64,
    ) -> Result<Parameters, Vec<ParameterError>> {
        let Config { workers, signals, blocking, .. } = &*scenario.config;
        let errors: Vec<_> = missing(SIGNAL, "signal", &self.signals, signals.len())
            .chain(missing(BLOCKING, "rule of blocking calls", &self.blocking, blocking.len()))
            .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut changes = self.clone();
        changes.seed = self.seed.filter(|other| *other != seed);
        changes.workers = self.workers.filter(|other| other != workers);
        changes.signals.retain(|index, at| signals[*index].at != Draw::Fixed(*at));
        changes.blocking.retain(|index, takes| blocking[*index].takes != Draw::Fixed(*takes));
        Ok(changes)
    }

    /// The world with what is asked for. The scenario has everything that is: see [`Parameters::changes`].
    pub(super) fn apply(&self, config: &Config) -> Config {
        let mut config = config.clone();
        config.workers = self.workers.unwrap_or(config.workers);
        for (index, at) in &self.signals {
            config.signals[*index].at = Draw::Fixed(*at);
        }
        for (index, takes) in &self.blocking {
            config.blocking[*index].takes = Draw::Fixed(*takes);
        }
        config
    }
}

impl ParameterError {
    fn of(field: &str, message: &str) -> ParameterError {
        ParameterError { field: one_line(field), message: report(message) }
    }
}

fn take_nanos(
    list: &mut BTreeMap<usize, Nanos>,
    index: &str,
    value: Option<&str>,
) -> Result<(), String> {
    // One way of writing only, so that nothing can be there twice.
    let index = index.parse().ok().filter(|number: &usize| number.to_string() == index);
    let index = index.ok_or("a whole number follows the dot, such as `signal.0` for the first")?;
    if let Some(value) = value {
        let nanos: Nanos = value.parse().map_err(|error| format!("{error}"))?;
        list.insert(index, nanos);
    }
    Ok(())
}

fn whole(value: &str, min: u64, max: u64) -> Result<u64, String> {
    let digits = Some(value).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok());
    number
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| format!("`{value}` is not a whole number from {min} to {max}"))
}

/// Errors for those that are asked for and beyond the end of the scenario's list.
fn missing(
    field: &str,
    what: &str,
    asked: &BTreeMap<usize, Nanos>,
    count: usize,
) -> impl Iterator<Item = ParameterError> {
    let has = match count {
        0 => format!("the scenario has no {what}"),
        1 => format!("the scenario has one {what} only: `{field}.0`"),
        _ => format!("the last {what} of the scenario is `{field}.{}`", count - 1),
    };
    let beyond = asked.range(count..);
    beyond.map(move |(index, _)| ParameterError::of(&format!("{field}.{index}"), &has))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> Nanos {
        text.parse().expect("a duration")
    }

    /// Everything that can be asked for.
    fn all() -> Parameters {
        Parameters {
            seed: Some(u64::MAX),
            workers: Some(2),
            signals: [(0, nanos("250ms")), (10, nanos("1.000000001s"))].into(),
            blocking: [(1, nanos("80ms"))].into(),
        }
    }

    /// The errors of a query, each as one line.
    fn errors(query: &str) -> Vec<String> {
        let errors = Parameters::read(query).expect_err(query);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_query_is_read_back_as_it_was_written() {
        let query = "seed=18446744073709551615&workers=2&signal.0=250ms&signal.10=1.000000001s&blocking.1=80ms";
        assert_eq!(all().to_query(), query);
        assert_eq!(Parameters::read(query), Ok(all()));
        assert_eq!(Parameters::default().to_query(), "");
        assert_eq!(Parameters::read(""), Ok(Parameters::default()));
        assert_eq!(Parameters::from_fields(all().fields()), Ok(all()));
    }

    #[test]
    fn what_was_left_empty_asks_for_nothing() {
        let query = "seed=&workers=&signal.3=&blocking.0=";
        assert_eq!(Parameters::read(query), Ok(Parameters::default()));
    }

    #[test]
    fn addresses_are_written_in_many_ways() {
        let read = Parameters::read("signal%2E0=1.5+s&blocking.1=%38%30ms").expect("escaped");
        assert_eq!(read.signals, [(0, nanos("1.5s"))].into());
        assert_eq!(read.blocking, [(1, nanos("80ms"))].into());
    }

    #[test]
    fn whatever_makes_no_sense_is_an_error_of_its_field() {
        for (query, error) in [
            ("seed=x", "`seed`: `x` is not a whole number from 0 to 18446744073709551615"),
            (
                "seed=18446744073709551616",
                "`seed`: `18446744073709551616` is not a whole number from 0 to 18446744073709551615",
            ),
            ("seed=-1", "`seed`: `-1` is not a whole number from 0 to 18446744073709551615"),
            ("workers=0", "`workers`: `0` is not a whole number from 1 to 1024"),
            ("workers=1025", "`workers`: `1025` is not a whole number from 1 to 1024"),
            ("workers=%2B2", "`workers`: `+2` is not a whole number from 1 to 1024"),
            (
                "signal.0=5",
                "`signal.0`: `5` has no unit: write `5ms`, or one of h, m, s, ms, us, ns",
            ),
            (
                "blocking.0=-5s",
                "`blocking.0`: `-5s` is negative: a duration is zero or more, such as `250ms`",
            ),
            (
                "blocking.0=5parsecs",
                "`blocking.0`: `parsecs` is not a unit of time: use one of h, m, s, ms, us, ns",
            ),
            (
                "signal.00=5s",
                "`signal.00`: a whole number follows the dot, such as `signal.0` for the first",
            ),
            (
                "signal.=5s",
                "`signal.`: a whole number follows the dot, such as `signal.0` for the first",
            ),
            (
                "signal.-1=",
                "`signal.-1`: a whole number follows the dot, such as `signal.0` for the first",
            ),
            ("seed=1&seed=1", "`seed`: it is there twice: say it once"),
            ("signal.0=&signal.0=5s", "`signal.0`: it is there twice: say it once"),
        ] {
            assert_eq!(errors(query), [error], "{query}");
        }
        for unknown in ["sed=1", "signal=5s", "=", "blocking=1", "Seed=1", "workers.0=1"] {
            let [error] = &errors(unknown)[..] else { panic!("{unknown}") };
            assert!(
                error.contains("there is no such field: use seed, workers, signal.N"),
                "{error}"
            );
        }
    }

    #[test]
    fn every_bad_field_is_named_and_the_good_ones_do_not_help() {
        let found = Parameters::read("seed=1&workers=x&signal.0=1&blocking.0=1s").expect_err("two");
        let fields: Vec<_> = found.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["workers", "signal.0"]);
    }

    #[test]
    fn odd_texts_are_shown_short_and_harmless() {
        let long = "9".repeat(1 << 20);
        for query in [
            format!("seed={long}"),
            format!("{long}={long}"),
            format!("signal.{long}=1s"),
            format!("blocking.0={long}s"),
            "signal.0=%1b[2J%E2%80%AE%ff".into(),
            "%1b[2J%E2%80%AE%ff=1".into(),
        ] {
            for error in errors(&query) {
                assert!(error.len() < 400, "{} bytes", error.len());
                assert!(!error.contains(['\u{1b}', '\u{202e}']), "{error:?}");
            }
        }
    }
}
