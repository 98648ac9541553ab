//! Virtual time, in nanoseconds.
//!
//! One type serves as a moment (nanoseconds since the start of the run) and as a span, because every
//! moment here is a span since the start. Arithmetic saturates: the machine's limits end a run long
//! before 2^64 ns (584 years), and a report about a limit must not itself overflow.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment since the start of the run, or a span of virtual time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

/// The units that a duration may be written in, largest first, with their nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl Nanos {
    /// The start of the run; an empty span.
    pub const ZERO: Nanos = Nanos(0);
    /// Later than any moment of a run: "never".
    pub const MAX: Nanos = Nanos(u64::MAX);

    /// A span of whole microseconds.
    pub const fn from_micros(micros: u64) -> Nanos {
        Nanos(micros * 1_000)
    }

    /// A span of whole milliseconds.
    pub const fn from_millis(millis: u64) -> Nanos {
        Nanos(millis * 1_000_000)
    }

    /// A span of whole seconds.
    pub const fn from_secs(secs: u64) -> Nanos {
        Nanos(secs * 1_000_000_000)
    }

    /// The text that is read back as exactly this, in the unit that people are shown: `1.234567891s`, `250ms`.
    pub fn exact(self) -> String {
        if self == Nanos::ZERO {
            return "0s".into();
        }
        let (unit, size) = self.unit();
        let (whole, rest) = (self.0 / size, self.0 % size);
        let mut text = whole.to_string();
        if rest != 0 {
            let digits = size.ilog10() as usize;
            text.push_str(format!(".{rest:0digits$}").trim_end_matches('0'));
        }
        text + unit
    }

    /// The largest unit that keeps the number at 1 or above, with its nanoseconds. Hours and minutes stay in
    /// seconds: 5400s is easier to compare than 1.5h.
    fn unit(self) -> (&'static str, u64) {
        let mut units = UNITS[2..].iter();
        let unit = units.find(|(_, size)| self.0 >= *size);
        *unit.unwrap_or(&UNITS[UNITS.len() - 1])
    }

    /// How far apart two moments are, whichever comes first.
    pub fn abs_diff(self, other: Nanos) -> Nanos {
        Nanos(self.0.abs_diff(other.0))
    }

    /// The nearest multiple of `step`; halves go up. A `step` of zero changes nothing.
    pub fn round_to(self, step: Nanos) -> Nanos {
        if step.0 == 0 {
            return self;
        }
        let below = self.0 - self.0 % step.0;
        if self.0 - below >= step.0.div_ceil(2) {
            Nanos(below.saturating_add(step.0))
        } else {
            Nanos(below)
        }
    }
}

impl Add for Nanos {
    type Output = Nanos;
    fn add(self, span: Nanos) -> Nanos {
        Nanos(self.0.saturating_add(span.0))
    }
}

impl AddAssign for Nanos {
    fn add_assign(&mut self, span: Nanos) {
        *self = *self + span;
    }
}

impl Sub for Nanos {
    type Output = Nanos;
    fn sub(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(other.0))
    }
}

/// Three significant places in the largest unit that keeps the number at 1 or above: `1.05s`, `20ms`.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.pad("0s");
        }
        let (unit, size) = self.unit();
        let (whole, rest) = (self.0 / size, self.0 % size);
        let thousandths = rest * 1_000 / size;
        let mut text = whole.to_string();
        if thousandths != 0 {
            text.push_str(format!(".{thousandths:03}").trim_end_matches('0'));
        }
        text.push_str(unit);
        f.pad(&text)
    }
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseNanosError {
    /// There is no number, or it is not a plain decimal.
    #[error("`{0}` is not a duration: write a number and a unit, such as `250ms` or `1.5s`")]
    NotANumber(String),
    /// A negative span cannot be waited for.
    #[error("`{0}` is negative: a duration is zero or more, such as `250ms`")]
    Negative(String),
    /// The number has no unit; guessing one would be wrong half of the time.
    #[error("`{0}` has no unit: write `{0}ms`, or one of h, m, s, ms, us, ns")]
    NoUnit(String),
    /// The unit is none of ours.
    #[error("`{unit}` is not a unit of time: use one of h, m, s, ms, us, ns")]
    UnknownUnit {
        /// What stood after the number.
        unit: String,
    },
    /// More precise than the clock, or longer than it can count.
    #[error("`{0}` is out of range: a duration is a whole number of nanoseconds up to 584 years")]
    OutOfRange(String),
}

/// Reads a decimal number and a unit: `250ms`, `1.5s`, `2 m`.
impl FromStr for Nanos {
    type Err = ParseNanosError;

    fn from_str(text: &str) -> Result<Nanos, ParseNanosError> {
        let trimmed = text.trim();
        if trimmed.starts_with('-') {
            return Err(ParseNanosError::Negative(trimmed.into()));
        }
        let split =
            trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, unit) = (&trimmed[..split], trimmed[split..].trim_start());
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let not_a_number = || ParseNanosError::NotANumber(trimmed.into());
        if whole.is_empty() || fraction.contains('.') || number.ends_with('.') {
            return Err(not_a_number());
        }
        if unit.is_empty() {
            return Err(ParseNanosError::NoUnit(trimmed.into()));
        }
        let &(_, size) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| ParseNanosError::UnknownUnit { unit: unit.into() })?;
        let out_of_range = || ParseNanosError::OutOfRange(trimmed.into());
        let mut nanos = whole
            .parse::<u64>()
            .ok()
            .and_then(|whole| whole.checked_mul(size))
            .ok_or_else(out_of_range)?;
        if !fraction.is_empty() {
            let scale = u32::try_from(fraction.len())
                .ok()
                .and_then(|digits| 10u64.checked_pow(digits))
                .ok_or_else(out_of_range)?;
            let part =
                u128::from(fraction.parse::<u64>().map_err(|_| out_of_range())?) * u128::from(size);
            if part % u128::from(scale) != 0 {
                return Err(out_of_range());
            }
            let part = u64::try_from(part / u128::from(scale)).map_err(|_| out_of_range())?;
            nanos = nanos.checked_add(part).ok_or_else(out_of_range)?;
        }
        Ok(Nanos(nanos))
    }
}

/// In stored forms: written as a number of nanoseconds, and read back from it. The text form is for people and scenarios.
impl Serialize for Nanos {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Nanos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Nanos, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Nanos;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of nanoseconds")
            }
            fn visit_u64<E: de::Error>(self, nanos: u64) -> Result<Nanos, E> {
                Ok(Nanos(nanos))
            }
        }
        deserializer.deserialize_u64(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_and_fractions() {
        for (text, nanos) in [
            ("0s", 0),
            ("1ns", 1),
            ("1.5us", 1_500),
            ("250ms", 250_000_000),
            ("1.05 s", 1_050_000_000),
            ("2m", 120_000_000_000),
            ("1h", 3_600_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_duration() {
        for text in
            ["", "s", "1.s", ".5s", "1.2.3s", "-5s", "5", "5 parsecs", "0.5ns", "600000000h"]
        {
            assert!(text.parse::<Nanos>().is_err(), "{text}");
        }
        assert_eq!(
            "-5s".parse::<Nanos>().expect_err("negative").to_string(),
            "`-5s` is negative: a duration is zero or more, such as `250ms`"
        );
        assert_eq!(
            "5".parse::<Nanos>().expect_err("no unit").to_string(),
            "`5` has no unit: write `5ms`, or one of h, m, s, ms, us, ns"
        );
    }

    #[test]
    fn shows_the_largest_fitting_unit() {
        for (nanos, text) in [
            (0, "0s"),
            (999, "999ns"),
            (1_500, "1.5us"),
            (20_000_000, "20ms"),
            (1_049_999_999, "1.049s"),
            (90_000_000_000, "90s"),
        ] {
            assert_eq!(Nanos(nanos).to_string(), text);
        }
    }

    #[test]
    fn the_exact_text_is_read_back_as_the_same() {
        for (nanos, text) in [
            (0, "0s"),
            (999, "999ns"),
            (1_001, "1.001us"),
            (20_000_000, "20ms"),
            (20_000_001, "20.000001ms"),
            (1_049_999_990, "1.04999999s"),
            (u64::MAX, "18446744073.709551615s"),
        ] {
            assert_eq!(Nanos(nanos).exact(), text);
            assert_eq!(text.parse(), Ok(Nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn rounds_to_the_nearest_step() {
        let ms = Nanos::from_millis(1);
        assert_eq!(Nanos(499_999).round_to(ms), Nanos(0));
        assert_eq!(Nanos(500_000).round_to(ms), ms);
        assert_eq!(Nanos(7).round_to(Nanos(0)), Nanos(7));
    }
}
