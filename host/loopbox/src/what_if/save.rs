//! A scenario made of a what-if.
//!
//! The new file stands beside the scenario that it extends, and says only what is otherwise: the seed, the
//! workers, all signals together if one of them is moved, all rules of blocking calls likewise, because lists
//! are replaced as a whole. It expects what the what-if was judged by. So its run gives the trace and the
//! verdict that the what-if showed.
//!
//! What is not changed in such a list has the value that was written, be it fixed or drawn; its comments stay
//! behind.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use loopbox_machine::config::Config;
use loopbox_trace::Nanos;
use loopbox_trace::record::{Record, Source};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Value;
use toml::de::{DeTable, DeValue};

use super::{Kept, Parameters, Variant, WhatIfError};
use crate::files::{self, Readers};
use crate::judge;
use crate::scenario::{Scenario, ScenarioError};

/// With its end, such a name is legal on every file system.
const NAME_BYTES_MAX: usize = 200;

/// The keys of a golden, in `[expect]`.
const GOLDEN_KEYS: [&str; 3] = ["trace", "trace-kinds", "trace-tolerance"];

/// Names that mean devices on some systems, whatever follows after a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// Why no scenario was made.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It is not a name for a file.
    #[error("{0}")]
    Name(String),
    /// The what-if makes no sense.
    #[error(transparent)]
    WhatIf(#[from] WhatIfError),
    /// It would be the scenario itself.
    #[error("nothing is otherwise than in the scenario: change something first")]
    NothingChanged,
    /// It is not overwritten.
    #[error("there is a `{}` already: choose another name", .0.display())]
    Exists(PathBuf),
    /// What came out is no scenario, such as when too many files extend each other.
    #[error("it would be no scenario: {}", .0.message())]
    NoScenario(ScenarioError),
    /// It cannot be written there.
    #[error("cannot write the scenario: {0}")]
    Unwritable(#[from] io::Error),
}

/// Writes a new scenario, NAME.toml beside that of the kept run, which gives what the what-if gave. Returns
/// its path. Blocks.
///
/// # Errors
/// See [`SaveError`]. No file is ever overwritten.
pub fn save(record: &Record, parameters: &Parameters, name: &str) -> Result<PathBuf, SaveError> {
    let name = checked_name(name).map_err(SaveError::Name)?;
    let kept = Kept::of(record);
    let original = kept.load()?;
    let variant = kept.variant(parameters)?;
    let own_file = original.path.file_name().and_then(|name| name.to_str());
    let own_file = own_file.ok_or_else(|| WhatIfError::Moved(original.path.clone()))?;
    if variant.changes.leave_the_world() && variant.seed == original.seed {
        return Err(SaveError::NothingChanged);
    }
    let text = text(&original, &variant, own_file, name);
    let path = original.path.with_file_name(format!("{name}.toml"));
    let write = |file: &mut io::BufWriter<&mut std::fs::File>| file.write_all(text.as_bytes());
    let check = |written: &Path| Scenario::load(written).map(drop).map_err(SaveError::NoScenario);
    match files::create(&path, Readers::Everyone, write, check) {
        Err(SaveError::Unwritable(error)) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(SaveError::Exists(path))
        }
        Err(error) => Err(error),
        Ok(()) => Ok(path),
    }
}

/// The name without an end that is added anyway, if it is one for a file.
fn checked_name(name: &str) -> Result<&str, String> {
    let name = name.strip_suffix(".toml").unwrap_or(name);
    let Some(first) = name.chars().next() else {
        return Err("the new scenario needs a name".into());
    };
    if name.len() > NAME_BYTES_MAX {
        return Err(format!("a name has at most {NAME_BYTES_MAX} bytes, not {}", name.len()));
    }
    let is_plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if let Some(odd) = name.chars().find(|c| !is_plain(*c)) {
        return Err(format!(
            "a name has letters, digits, `-`, `_` and `.` in it, but no `{}`",
            odd.escape_default()
        ));
    }
    if !first.is_alphanumeric() {
        // A base, a hidden file, an option.
        return Err(format!("a name begins with a letter or a digit, not with `{first}`"));
    }
    if name.ends_with('.') {
        return Err("a name does not end with a dot".into());
    }
    let stem = name.split('.').next().unwrap_or(name).to_lowercase();
    let device = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let needs_digit = matches!(device, "com" | "lpt");
    if DEVICES.contains(&device) && (stem != device) == needs_digit {
        return Err(format!("`{stem}` is the name of a device on some systems"));
    }
    Ok(name)
}

/// The text of the new scenario.
fn text(original: &Scenario, variant: &Variant, own_file: &str, name: &str) -> String {
    let Variant { seed, changes, .. } = variant;
    let mut text = "# Made from a what-if: say in the title what it shows.\n".to_owned();
    text += &line("title", title(original, variant));
    text += &line("extends", own_file);
    let unwanted: Vec<Value> = GOLDEN_KEYS
        .iter()
        .map(|key| format!("expect.{key}"))
        .filter(|key| original.source.places.contains_key(key))
        .map(Value::from)
        .collect();
    if !unwanted.is_empty() {
        text += &format!(
            "# The golden is another run's. For one of its own: take this out, say\n\
             # expect.trace = \"{name}.trace\", and run it with --bless.\n"
        );
        text += &line("without", unwanted);
    }
    // The library's integers end before the seeds do.
    text += &format!("seed = {seed}\n");
    if let Some(workers) = changes.workers {
        text += "\n[machine]\n";
        text += &line("workers", i64::from(workers));
    }
    let lists = [("signal", "at", &changes.signals), ("blocking", "takes", &changes.blocking)];
    for (list, key, changed) in lists {
        if !changed.is_empty() {
            text += &list_with(&original.source, list, key, changed);
        }
    }
    text + &expect(original)
}

fn line(key: &str, value: impl Into<Value>) -> String {
    format!("{key} = {}\n", value.into())
}

/// What `[expect]` needs so that no golden is missed in it.
fn expect(original: &Scenario) -> String {
    let rest = judge::without_golden(&original.expect);
    let mut lines = String::new();
    if rest.is_empty() {
        // It was checked before, too, but something must be said.
        lines += &line("exit", 0);
    }
    if rest.must_fail != original.expect.must_fail {
        lines += &line("must-fail", rest.must_fail.into_iter().collect::<Vec<String>>());
    }
    if lines.is_empty() { lines } else { format!("\n[expect]\n{lines}") }
}

/// The list as it was written, with other times in some of its entries.
fn list_with(source: &Source, list: &str, key: &str, changed: &BTreeMap<usize, Nanos>) -> String {
    let place = source.places.get(list).expect("the scenario has the list that is changed");
    let file = DeTable::parse(&source.files[place.file].text).expect("it was read from this");
    let Some(DeValue::Array(entries)) =
        file.into_inner().remove(list).map(toml::Spanned::into_inner)
    else {
        unreachable!("its place is in that file, and it is a list")
    };
    let mut text = String::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let DeValue::Table(entry) = entry.into_inner() else {
            unreachable!("signals and rules are tables")
        };
        text += &format!("\n[[{list}]]\n");
        let mut keys: Vec<_> = entry.into_iter().collect();
        keys.sort_by_key(|(key, _)| key.span().start);
        for (own_key, value) in keys {
            let own_key = own_key.get_ref();
            text += &match changed.get(&index).filter(|_| own_key == key) {
                Some(nanos) => line(key, nanos.exact()),
                None => {
                    let value = Value::deserialize(value.into_deserializer());
                    line(own_key, value.expect("it was read before"))
                }
            };
        }
    }
    text
}

/// What the new scenario is called.
fn title(original: &Scenario, variant: &Variant) -> String {
    let Variant { seed, changes, .. } = variant;
    let Config { signals, blocking, .. } = &*original.config;
    let seed = Some(format!("seed {seed}")).filter(|_| *seed != original.seed);
    let workers = changes.workers.map(|workers| match workers {
        1 => "1 worker".to_owned(),
        _ => format!("{workers} workers"),
    });
    let signals = changes
        .signals
        .iter()
        .map(|(index, at)| format!("{} at {}", signals[*index].signal, at.exact()));
    let blocking = changes
        .blocking
        .iter()
        .map(|(index, takes)| format!("{} takes {}", blocking[*index].call.glob(), takes.exact()));
    let changes: Vec<String> =
        seed.into_iter().chain(workers).chain(signals).chain(blocking).collect();
    format!("{} (what if: {})", original.title, changes.join(", "))
}
