//! Which seeds a session runs its scenarios with.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A session runs so many scenarios with so many seeds at most: more than that fill a disk with results.
pub const RUNS_MAX: u64 = 100_000;

/// The seeds of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seeds {
    /// Each scenario's own.
    Own,
    /// This one, for all of them.
    Given(u64),
    /// All of these, for each of them.
    Sweep(SeedRange),
}

/// Seeds that follow one another; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedRange {
    /// The first one.
    pub first: u64,
    /// The last one, which is not smaller.
    pub last: u64,
}

/// Why a text does not mean seeds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseSeedsError {
    /// It is not two numbers.
    #[error(
        "write the first seed, `..` and the seed behind the last one: 0..200; or `..=` and the last one: 0..=199"
    )]
    Form,
    /// There is no seed between the two.
    #[error("no seed is in it")]
    Empty,
    /// There are more of them than a session runs.
    #[error("{count} seeds are too many: a session has at most {RUNS_MAX} runs")]
    TooMany {
        /// How many.
        count: u128,
    },
}

impl Seeds {
    /// The seeds for a scenario that has this one itself.
    pub fn of(&self, own: u64) -> RangeInclusive<u64> {
        match self {
            Seeds::Own => own..=own,
            Seeds::Given(seed) => *seed..=*seed,
            Seeds::Sweep(range) => range.first..=range.last,
        }
    }

    /// How many runs there are of each scenario.
    pub fn runs_each(&self) -> u64 {
        match self {
            Seeds::Own | Seeds::Given(_) => 1,
            Seeds::Sweep(range) => range.count(),
        }
    }
}

impl SeedRange {
    /// How many they are.
    pub fn count(&self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

/// As Rust writes ranges.
impl fmt::Display for SeedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}", self.first, self.last)
    }
}

impl FromStr for SeedRange {
    type Err = ParseSeedsError;

    fn from_str(text: &str) -> Result<SeedRange, ParseSeedsError> {
        let (first, end) = text.split_once("..").ok_or(ParseSeedsError::Form)?;
        let number = |text: &str| {
            let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            digits.and_then(|text| text.parse::<u64>().ok()).ok_or(ParseSeedsError::Form)
        };
        let first = number(first)?;
        let last = match end.strip_prefix('=') {
            Some(last) => Some(number(last)?),
            None => number(end)?.checked_sub(1),
        };
        let last = last.filter(|last| first <= *last).ok_or(ParseSeedsError::Empty)?;
        let range = SeedRange { first, last };
        if range.count() > RUNS_MAX {
            return Err(ParseSeedsError::TooMany { count: u128::from(last - first) + 1 });
        }
        Ok(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_its_end_or_not_as_in_rust() {
        let read = |text: &str| text.parse::<SeedRange>().map(|range| (range.first, range.last));
        assert_eq!(read("0..200"), Ok((0, 199)));
        assert_eq!(read("7..=7"), Ok((7, 7)));
        let last = u64::MAX;
        assert_eq!(read(&format!("{last}..={last}")), Ok((last, last)));
        for empty in ["5..5", "6..5", "6..=5", "0..0"] {
            assert_eq!(read(empty), Err(ParseSeedsError::Empty), "{empty}");
        }
        for odd in
            ["", "5", "..", "..5", "5..", "5..=", "a..b", "+1..5", "1 .. 5", "-1..5", "1...5"]
        {
            assert_eq!(read(odd), Err(ParseSeedsError::Form), "{odd}");
        }
        assert_eq!("3..9".parse::<SeedRange>().expect("a range").to_string(), "3..=8");
    }

    #[test]
    fn too_many_seeds_are_counted() {
        let read = |text: &str| text.parse::<SeedRange>().map(|range| range.count());
        assert_eq!(read("1..=100000"), Ok(RUNS_MAX));
        assert_eq!(read("0..=100000"), Err(ParseSeedsError::TooMany { count: 100_001 }));
        let all = read(&format!("0..={}", u64::MAX)).expect_err("too many").to_string();
        assert_eq!(
            all,
            "18446744073709551616 seeds are too many: a session has at most 100000 runs"
        );
    }

    #[test]
    fn only_a_sweep_has_several_runs_of_a_scenario() {
        let sweep = Seeds::Sweep(SeedRange { first: 3, last: 5 });
        assert_eq!((Seeds::Own.of(7), Seeds::Own.runs_each()), (7..=7, 1));
        assert_eq!((Seeds::Given(9).of(7), Seeds::Given(9).runs_each()), (9..=9, 1));
        assert_eq!((sweep.of(7), sweep.runs_each()), (3..=5, 3));
    }
}
