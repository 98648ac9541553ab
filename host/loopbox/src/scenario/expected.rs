//! The values of `[expect]`: endings, bounds, reports.

use std::fmt;
use std::marker::PhantomData;

use loopbox_trace::check::{ExpectedDiagnostic, Latency, Span};
use loopbox_trace::{DefaultAction, Limit, Nanos, Signal};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use super::values::{Text, Written};

/// How the run ends, in the word that [`loopbox_trace::Ending::keyword`] has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exit(pub(super) String);

/// Endings that are neither a status nor a signal nor a limit.
const ENDINGS: [&str; 4] = ["deadlock", "panic", "trap", "misuse"];
const LIMITS: [Limit; 6] =
    [Limit::Time, Limit::Fuel, Limit::Memory, Limit::Stack, Limit::Output, Limit::Trace];

impl<'de> Deserialize<'de> for Exit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Exit, D::Error> {
        struct ExitVisitor;
        impl Visitor<'_> for ExitVisitor {
            type Value = Exit;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status from 0 to 255, a signal such as \"SIGTERM\"")?;
                for ending in ENDINGS.into_iter().chain(LIMITS.map(Limit::key)) {
                    write!(f, ", \"{ending}\"")?;
                }
                Ok(())
            }
            fn visit_i64<E: Error>(self, status: i64) -> Result<Exit, E> {
                match u8::try_from(status) {
                    Ok(status) => Ok(Exit(status.to_string())),
                    Err(_) => Err(E::invalid_value(Unexpected::Signed(status), &self)),
                }
            }
            fn visit_str<E: Error>(self, word: &str) -> Result<Exit, E> {
                if let Ok(signal) = word.parse::<Signal>() {
                    if signal.default_action() != DefaultAction::Terminate {
                        return Err(E::custom(format!("{signal} does not end a program")));
                    }
                } else if !ENDINGS.into_iter().chain(LIMITS.map(Limit::key)).any(|w| w == word) {
                    return Err(E::invalid_value(Unexpected::Str(word), &self));
                }
                Ok(Exit(word.into()))
            }
        }
        deserializer.deserialize_any(ExitVisitor)
    }
}

/// Bounds of something measured, as a table.
pub(super) trait Bounds: Default {
    /// What would be right, to follow "expected".
    const EXPECTED: &'static str;
    /// What it is for the check.
    type Checked;
    /// With this upper bound alone.
    fn up_to(max: Nanos) -> Self;
    /// Says what is wrong with them, if anything is.
    fn checked(self) -> Result<Self::Checked, String>;
}

/// Reads bounds: a table, or only the upper bound.
#[derive(Debug)]
pub(super) struct MaxOr<B: Bounds>(pub(super) B::Checked);

impl<'de, B: Bounds + Deserialize<'de>> Deserialize<'de> for MaxOr<B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<MaxOr<B>, D::Error> {
        struct BoundsVisitor<B>(PhantomData<B>);
        impl<'de, B: Bounds + Deserialize<'de>> Visitor<'de> for BoundsVisitor<B> {
            type Value = MaxOr<B>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(B::EXPECTED)
            }
            fn visit_str<E: Error>(self, max: &str) -> Result<MaxOr<B>, E> {
                let max = Nanos::read(max).map_err(E::custom)?;
                B::up_to(max).checked().map(MaxOr).map_err(E::custom)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MaxOr<B>, A::Error> {
                let bounds = B::deserialize(MapAccessDeserializer::new(map))?;
                bounds.checked().map(MaxOr).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(BoundsVisitor(PhantomData))
    }
}

/// Bounds of one time.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpanBounds {
    min: Option<Text<Nanos>>,
    max: Option<Text<Nanos>>,
}

impl Bounds for SpanBounds {
    const EXPECTED: &'static str =
        "the largest duration such as \"20ms\", or { min = \"1s\", max = \"2s\" }";
    type Checked = Span;

    fn up_to(max: Nanos) -> SpanBounds {
        SpanBounds { max: Some(Text(max)), ..SpanBounds::default() }
    }

    fn checked(self) -> Result<Span, String> {
        let span = Span { min: self.min.map(|Text(min)| min), max: self.max.map(|Text(max)| max) };
        if span == Span::default() {
            return Err("this sets no bound: say `min`, `max` or both".into());
        }
        in_order(span.min, span.max)?;
        Ok(span)
    }
}

/// Bounds of many times.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LatencyBounds {
    min: Option<Text<Nanos>>,
    max: Option<Text<Nanos>>,
    p50: Option<Text<Nanos>>,
    p90: Option<Text<Nanos>>,
    p99: Option<Text<Nanos>>,
}

impl Bounds for LatencyBounds {
    const EXPECTED: &'static str = "the largest duration such as \"50ms\", or { p50 = \"10ms\", p99 = \"20ms\", max = \"50ms\" }";
    type Checked = Latency;

    fn up_to(max: Nanos) -> LatencyBounds {
        LatencyBounds { max: Some(Text(max)), ..LatencyBounds::default() }
    }

    fn checked(self) -> Result<Latency, String> {
        let nanos = |text: Option<Text<Nanos>>| text.map(|Text(nanos)| nanos);
        let latency = Latency {
            min: nanos(self.min),
            max: nanos(self.max),
            p50: nanos(self.p50),
            p90: nanos(self.p90),
            p99: nanos(self.p99),
        };
        if latency == Latency::default() {
            return Err("this sets no bound: say some of `min`, `max`, `p50`, `p90`, `p99`".into());
        }
        in_order(latency.min, latency.max)?;
        Ok(latency)
    }
}

fn in_order(min: Option<Nanos>, max: Option<Nanos>) -> Result<(), String> {
    match (min, max) {
        (Some(min), Some(max)) if min > max => {
            Err(format!("`min` is {min}, but `max` only {max}: nothing is between them"))
        }
        _ => Ok(()),
    }
}

/// A report that must appear: its code, or a table.
#[derive(Clone, Debug)]
pub(super) struct Report(pub(super) ExpectedDiagnostic);

/// A report with more about it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportTable {
    code: Text<Code>,
    text: Option<Text<globset::GlobMatcher>>,
    created: Option<Text<globset::GlobMatcher>>,
    ended: Option<Text<globset::GlobMatcher>>,
}

/// The code of a report.
#[derive(Clone, Debug)]
struct Code(String);

impl Written for Code {
    const EXPECTED: &'static str = "the code of a report such as \"SLOW-1\"";
    fn read(text: &str) -> Result<Code, String> {
        if text.is_empty() {
            return Err("a report has a code such as `SLOW-1`".into());
        }
        Ok(Code(text.into()))
    }
}

impl<'de> Deserialize<'de> for Report {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Report, D::Error> {
        struct ReportVisitor;
        impl<'de> Visitor<'de> for ReportVisitor {
            type Value = Report;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "the code of a report such as \"SLOW-1\", or \
                     { code = \"SLOW-1\", text = \"*took*\" }",
                )
            }
            fn visit_str<E: Error>(self, code: &str) -> Result<Report, E> {
                let Code(code) = Code::read(code).map_err(E::custom)?;
                Ok(Report(ExpectedDiagnostic { code, ..ExpectedDiagnostic::default() }))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Report, A::Error> {
                let table = ReportTable::deserialize(MapAccessDeserializer::new(map))?;
                let Text(Code(code)) = table.code;
                let [text, created, ended] = [table.text, table.created, table.ended]
                    .map(|pattern| pattern.map(|Text(glob)| glob));
                Ok(Report(ExpectedDiagnostic { code, text, created, ended }))
            }
        }
        deserializer.deserialize_any(ReportVisitor)
    }
}
