//! What of the list is asked for, and in which order: the part of the address behind `?`.

use std::fmt;

use crate::quantity::Quantity;

/// What of the list of runs is shown. A form sends it, so that it works without scripts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Words that must all be in a row.
    pub words: String,
    /// Which verdicts.
    pub shown: Shown,
    /// In which order.
    pub sort: Sort,
}

/// Which rows are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// All.
    #[default]
    All,
    /// Those that fail.
    Fails,
    /// Those that hold.
    Holds,
    /// Those in which something is new or was resolved.
    Changed,
    /// Those in which something was reported.
    Reported,
    /// Those that cannot be read.
    Unreadable,
}

/// In which order rows are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// What fails first, then by name.
    #[default]
    Verdict,
    /// By the scenario's name.
    Scenario,
    /// The largest value first.
    Largest(Quantity),
}

impl Shown {
    /// All of them: the value in the address, and words.
    pub const ALL: [(Shown, &str, &str); 6] = [
        (Shown::All, "", "everything"),
        (Shown::Fails, "fails", "what fails"),
        (Shown::Holds, "holds", "what holds"),
        (Shown::Changed, "changed", "what changed"),
        (Shown::Reported, "reported", "what has diagnostics"),
        (Shown::Unreadable, "unreadable", "what cannot be read"),
    ];
}

impl Sort {
    /// All of them: the value in the address, and words.
    pub const ALL: [(Sort, &str, &str); 6] = [
        (Sort::Verdict, "", "failing first"),
        (Sort::Scenario, "scenario", "by name"),
        (Sort::Largest(Quantity::Stall), Quantity::Stall.name(), "longest stall first"),
        (Sort::Largest(Quantity::Lag), Quantity::Lag.name(), "largest lag first"),
        (Sort::Largest(Quantity::Signal), Quantity::Signal.name(), "slowest signal first"),
        (Sort::Largest(Quantity::Time), Quantity::Time.name(), "longest run first"),
    ];
}

/// The longest words that are looked for.
const WORDS_CHARS_MAX: usize = 1_000;

impl Query {
    /// From the part of an address behind `?`. What has no meaning is as if it were not there.
    pub fn parse(query: &str) -> Query {
        let mut parsed = Query::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "q" => {
                    parsed.words = value.chars().take(WORDS_CHARS_MAX).collect();
                }
                "verdict" => parsed.shown = of_name(&Shown::ALL, &value).unwrap_or_default(),
                "sort" => parsed.sort = of_name(&Sort::ALL, &value).unwrap_or_default(),
                _ => {}
            }
        }
        parsed
    }

    /// Whether everything is shown.
    pub fn is_everything(&self) -> bool {
        self.words.trim().is_empty() && self.shown == Shown::All
    }
}

fn of_name<T: Copy>(all: &[(T, &str, &str)], name: &str) -> Option<T> {
    all.iter().find(|(_, known, _)| *known == name).map(|(value, ..)| *value)
}

fn name_of<T: Copy + PartialEq>(all: &[(T, &'static str, &str)], value: T) -> &'static str {
    all.iter().find(|(known, ..)| *known == value).map_or("", |(_, name, _)| name)
}

/// With `?` in front, or nothing at all.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let values = [
            ("q", self.words.as_str()),
            ("verdict", name_of(&Shown::ALL, self.shown)),
            ("sort", name_of(&Sort::ALL, self.sort)),
        ];
        query.extend_pairs(values.iter().filter(|(_, value)| !value.is_empty()));
        let query = query.finish();
        if query.is_empty() { Ok(()) } else { write!(f, "?{query}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gives_the_query_that_gave_it() {
        for (shown, ..) in Shown::ALL {
            for (sort, ..) in Sort::ALL {
                let query = Query { words: "a b&c=<ü>#%".into(), shown, sort };
                let address = query.to_string();
                assert_eq!(Query::parse(address.trim_start_matches('?')), query, "{address}");
            }
        }
        assert_eq!(Query::default().to_string(), "");
    }

    #[test]
    fn what_has_no_meaning_is_passed_over() {
        let query = Query::parse("q=%ff&verdict=maybe&sort=&x&sort=stall&&=");
        assert_eq!(query.words, "\u{fffd}");
        assert_eq!((query.shown, query.sort), (Shown::All, Sort::Largest(Quantity::Stall)));
        let long = Query::parse(&format!("q={}", "ä".repeat(1_000_000)));
        assert_eq!(long.words.chars().count(), WORDS_CHARS_MAX);
    }

    #[test]
    fn only_an_empty_query_asks_for_everything() {
        assert!(Query::parse("sort=stall&q=+").is_everything());
        assert!(!Query::parse("q=a").is_everything());
        assert!(!Query::parse("verdict=fails").is_everything());
    }
}
