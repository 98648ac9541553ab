//! The values that a scenario is written with: durations, sizes, patterns, numbers, draws.
//!
//! Each says in its own words what would be right, because serde's would speak of Rust's types. Values
//! that are texts in the end are in `texts`, those of `[expect]` in `expected`.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use globset::{GlobBuilder, GlobMatcher};
use loopbox_machine::config::Draw;
use loopbox_trace::{Group, Nanos, Signal};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::size;

/// What is written as a text.
pub(super) trait Written: Sized {
    /// What would be right, to follow "expected".
    const EXPECTED: &'static str;
    /// Takes the text apart, or says what is wrong with it.
    fn read(text: &str) -> Result<Self, String>;
}

/// Reads a [`Written`] value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text<T>(pub(super) T);

impl<'de, T: Written> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<T>, D::Error> {
        struct TextVisitor<T>(PhantomData<T>);
        impl<T: Written> Visitor<'_> for TextVisitor<T> {
            type Value = Text<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXPECTED)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text<T>, E> {
                T::read(text).map(Text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

/// What is written as a table.
pub(super) trait Shape {
    /// What would be right, to follow "expected".
    const EXPECTED: &'static str;
}

/// Reads a [`Shape`]. Without this, serde would also take a list of the table's values.
#[derive(Clone, Debug, Default)]
pub(super) struct Map<T>(pub(super) T);

impl<'de, T: Shape + Deserialize<'de>> Deserialize<'de> for Map<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Map<T>, D::Error> {
        struct MapVisitor<T>(PhantomData<T>);
        impl<'de, T: Shape + Deserialize<'de>> Visitor<'de> for MapVisitor<T> {
            type Value = Map<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXPECTED)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Map<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Map)
            }
        }
        deserializer.deserialize_map(MapVisitor(PhantomData))
    }
}

/// A duration.
impl Written for Nanos {
    const EXPECTED: &'static str = "a duration such as \"250ms\"";
    fn read(text: &str) -> Result<Nanos, String> {
        text.parse().map_err(|error: loopbox_trace::nanos::ParseNanosError| error.to_string())
    }
}

/// A duration of at least a nanosecond.
#[derive(Clone, Copy, Debug)]
pub(super) struct Positive(pub(super) Nanos);

impl Written for Positive {
    const EXPECTED: &'static str = Nanos::EXPECTED;
    fn read(text: &str) -> Result<Positive, String> {
        match Nanos::read(text)? {
            Nanos::ZERO => Err(format!("`{text}` is too short: it must be more than nothing")),
            nanos => Ok(Positive(nanos)),
        }
    }
}

impl Written for Signal {
    const EXPECTED: &'static str = "the name of a signal such as \"SIGTERM\"";
    fn read(text: &str) -> Result<Signal, String> {
        text.parse().map_err(|error: loopbox_trace::signal::UnknownSignal| error.to_string())
    }
}

/// A kind of event, for `trace-kinds`.
impl Written for Group {
    const EXPECTED: &'static str = "a kind of event such as \"signal\"";
    fn read(text: &str) -> Result<Group, String> {
        Group::ALL.into_iter().find(|group| group.name() == text).ok_or_else(|| {
            let names: Vec<_> = Group::ALL.iter().map(|group| group.name()).collect();
            format!("`{text}` is not a kind of event: use some of {}", names.join(", "))
        })
    }
}

/// A pattern for names or texts.
impl Written for GlobMatcher {
    const EXPECTED: &'static str = "a pattern such as \"db.*\"";
    fn read(text: &str) -> Result<GlobMatcher, String> {
        if text.is_empty() {
            return Err("an empty pattern matches nothing: use `*` for everything".into());
        }
        // The default is another one on Windows, and a scenario must mean the same everywhere.
        let glob = GlobBuilder::new(text).backslash_escape(true).build();
        glob.map(|glob| glob.compile_matcher())
            .map_err(|error| format!("`{text}` is not a pattern: {}", error.kind()))
    }
}

/// A number of bytes between these two, both included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<const MIN: u64, const MAX: u64>(pub(super) usize);

impl<const MIN: u64, const MAX: u64> Written for Bytes<MIN, MAX> {
    const EXPECTED: &'static str = size::EXPECTED;
    fn read(text: &str) -> Result<Bytes<MIN, MAX>, String> {
        let bytes = Some(size::parse(text)?).filter(|bytes| (MIN..=MAX).contains(bytes));
        bytes.and_then(|bytes| usize::try_from(bytes).ok()).map(Bytes).ok_or_else(|| {
            let (min, max) = (size::show(MIN), size::show(MAX));
            format!("`{text}` is out of range: it must be from {min} to {max}")
        })
    }
}

/// A whole number between these two, both included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole<const MIN: u64, const MAX: u64>(pub(super) u64);

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WholeVisitor<const MIN: u64, const MAX: u64>;
        impl<const MIN: u64, const MAX: u64> Visitor<'_> for WholeVisitor<MIN, MAX> {
            type Value = Whole<MIN, MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a whole number from {MIN} to {MAX}")
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                match u64::try_from(number) {
                    Ok(number) => self.visit_u64(number),
                    Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
                }
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                if (MIN..=MAX).contains(&number) {
                    Ok(Whole(number))
                } else {
                    Err(E::invalid_value(Unexpected::Unsigned(number), &self))
                }
            }
        }
        deserializer.deserialize_u64(WholeVisitor)
    }
}

/// What is written as a number, whole or not.
pub(super) trait Measured: Sized {
    /// What would be right, to follow "expected".
    const EXPECTED: &'static str;
    /// Takes the number, if it is in range.
    fn read(number: f64) -> Option<Self>;
}

/// Reads a [`Measured`] value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number<T>(pub(super) T);

impl<'de, T: Measured> Deserialize<'de> for Number<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number<T>, D::Error> {
        struct NumberVisitor<T>(PhantomData<T>);
        impl<T: Measured> Visitor<'_> for NumberVisitor<T> {
            type Value = Number<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXPECTED)
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Number<T>, E> {
                // Large numbers lose their last digits, but no limit here is as large.
                T::read(number as f64)
                    .map(Number)
                    .ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Number<T>, E> {
                T::read(number)
                    .map(Number)
                    .ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
            }
        }
        deserializer.deserialize_f64(NumberVisitor(PhantomData))
    }
}

/// How often something happens, out of a million times.
#[derive(Clone, Copy, Debug)]
pub(super) struct PerMillion(pub(super) u32);

impl Measured for PerMillion {
    const EXPECTED: &'static str = "a probability: 0, or from 0.000001 to 1";
    fn read(number: f64) -> Option<PerMillion> {
        // What is written as possible must not be rounded to never.
        let in_range = number == 0.0 || (0.000_001..=1.0).contains(&number);
        let per_million = in_range.then(|| rounded(number * 1_000_000.0))?;
        u32::try_from(per_million).ok().map(PerMillion)
    }
}

/// Virtual time for a unit of fuel, in picoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct FuelPrice(pub(super) u64);

impl Measured for FuelPrice {
    const EXPECTED: &'static str = "a number of nanoseconds from 0.001 to 1000000";
    fn read(number: f64) -> Option<FuelPrice> {
        let in_range = (0.001..=1_000_000.0).contains(&number);
        in_range.then(|| FuelPrice(rounded(number * 1_000.0)))
    }
}

/// The nearest whole number of one that is known to be between 0 and 2^53.
#[expect(clippy::cast_possible_truncation, reason = "what is cut off is zero")]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}

/// A duration that is given, or drawn from the seed.
#[derive(Clone, Debug)]
pub(super) struct DrawnNanos(pub(super) Draw<Nanos>);

impl<'de> Deserialize<'de> for DrawnNanos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DrawnNanos, D::Error> {
        struct DrawVisitor;
        impl<'de> Visitor<'de> for DrawVisitor {
            type Value = DrawnNanos;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a duration such as \"250ms\", { between = [\"0s\", \"5s\"] } \
                     or { one-of = [\"1s\", \"2s\"] }",
                )
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<DrawnNanos, E> {
                let nanos = Nanos::read(text).map_err(E::custom)?;
                Ok(DrawnNanos(Draw::Fixed(nanos)))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DrawnNanos, A::Error> {
                let table = DrawTable::deserialize(MapAccessDeserializer::new(map))?;
                draw(table).map(DrawnNanos).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(DrawVisitor)
    }
}

/// A duration that is left open.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct DrawTable {
    between: Option<Vec<Text<Nanos>>>,
    one_of: Option<Vec<Text<Nanos>>>,
}

fn draw(table: DrawTable) -> Result<Draw<Nanos>, String> {
    match (table.between.as_deref(), table.one_of.as_deref()) {
        (Some(&[Text(low), Text(high)]), None) if low <= high => Ok(Draw::Between(low, high)),
        (Some(&[Text(low), Text(high)]), None) => {
            Err(format!("`between` is the wrong way round: write [\"{high}\", \"{low}\"]"))
        }
        (Some(_), None) => Err("`between` takes two durations: [\"0s\", \"5s\"]".into()),
        (None, Some([])) => Err("`one-of` has nothing to choose from".into()),
        (None, Some(options)) => {
            Ok(Draw::OneOf(options.iter().map(|Text(nanos)| *nanos).collect()))
        }
        (None, None) | (Some(_), Some(_)) => {
            Err("say one of `between = [\"0s\", \"5s\"]` and `one-of = [\"1s\", \"2s\"]`".into())
        }
    }
}

/// What the wall clock shows at the start, since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock(pub(super) Duration);

impl<'de> Deserialize<'de> for WallClock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<WallClock, D::Error> {
        struct WallClockVisitor;
        impl<'de> Visitor<'de> for WallClockVisitor {
            type Value = WallClock;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date and time such as 2026-01-01T00:00:00Z")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<WallClock, E> {
                let moment: jiff::Timestamp = text.parse().map_err(|_| {
                    E::custom(format!(
                        "`{text}` is not a date and time with a zone: write 2026-01-01T00:00:00Z"
                    ))
                })?;
                Duration::try_from(moment.as_duration()).map(WallClock).map_err(|_| {
                    E::custom(format!("`{text}` is before 1970: the clock begins there"))
                })
            }
            // TOML has dates of its own.
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WallClock, A::Error> {
                let date = toml::value::Datetime::deserialize(MapAccessDeserializer::new(map))?;
                self.visit_str(&date.to_string())
            }
        }
        deserializer.deserialize_any(WallClockVisitor)
    }
}
