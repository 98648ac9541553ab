//! A scenario file and the files that it extends, read and merged into one table.
//!
//! What a file says wins over what its base says. `[machine]`, `[expect]` and `env` are merged key by key;
//! any other value, arrays too, is replaced as a whole: half of another file's `guest` is no guest. What a
//! file has in its `without` is not taken over at all.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Place, ScenarioError};
use super::sources::{Sources, read_file};
use super::texts::HostPath;
use super::values::Text;

/// A larger file is no scenario.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// A longer chain is an accident.
const FILES_MAX: usize = 32;

/// The tables that are merged key by key.
const SECTIONS: [&str; 3] = ["env", "expect", "machine"];

/// A whole file as a table that knows the place of everything in it.
pub(super) type Table<'t> = Spanned<DeTable<'t>>;

/// Reads the file, what it extends, what that extends, and so on.
pub(super) fn read(path: &Path) -> Result<Sources, ScenarioError> {
    let mut sources = Sources::default();
    let bytes = read_file(path, FILE_BYTES_MAX)
        .map_err(|reason| ScenarioError::of_file(path, format!("cannot read it: {reason}")))?;
    let mut next = add(&mut sources, path, bytes)?;
    // Paths as shown, and as the system knows them: one file may have several names.
    let mut chain = vec![(path.to_owned(), path.canonicalize().ok())];
    while let Some((base, span)) = next {
        let canonical = base.canonicalize().ok();
        let is_circle = canonical.is_some() && chain.iter().any(|(_, seen)| *seen == canonical);
        chain.push((base.clone(), canonical));
        if is_circle {
            let names: Vec<_> = chain.iter().map(|(path, _)| path.to_string_lossy()).collect();
            let message = format!("`extends` goes in a circle: {}", names.join(" -> "));
            return Err(sources.error(span, message));
        }
        if chain.len() > FILES_MAX {
            let message = format!("a chain of `extends` has at most {FILES_MAX} files");
            return Err(sources.error(span, message));
        }
        let bytes = read_file(&base, FILE_BYTES_MAX).map_err(|reason| {
            let message = format!("cannot read the base `{}`: {reason}", base.to_string_lossy());
            sources.error(span, message)
        })?;
        next = add(&mut sources, &base, bytes)?;
    }
    Ok(sources)
}

/// All files in one table, in which every span is a place in the sources.
pub(super) fn merge(sources: &Sources) -> Result<Table<'_>, ScenarioError> {
    let mut tables = sources.texts().map(|(text, start)| parse(text, start, sources));
    let mut merged = tables.next().expect("a scenario is at least one file")?;
    let mut unwanted = Unwanted::default();
    unwanted.add_those_of(merged.get_mut(), sources)?;
    for base in tables {
        let mut base = base?.into_inner();
        unwanted.remove_from(&mut base);
        unwanted.add_those_of(&mut base, sources)?;
        take_over(merged.get_mut(), base);
    }
    unwanted.check(sources)?;
    Ok(merged)
}

/// What is not taken over from the files that come further down the chain.
#[derive(Default)]
struct Unwanted {
    keys: Vec<UnwantedKey>,
}

struct UnwantedKey {
    /// A key of a scenario, or of one of its sections: `signal`, `expect.trace`.
    key: Spanned<String>,
    /// Whether any file has it.
    found: bool,
}

impl Unwanted {
    /// Takes the list out of a file.
    fn add_those_of(
        &mut self,
        table: &mut DeTable<'_>,
        sources: &Sources,
    ) -> Result<(), ScenarioError> {
        let Some(list) = table.remove("without") else { return Ok(()) };
        let list: Vec<Spanned<String>> = Deserialize::deserialize(list.into_deserializer())
            .map_err(|error| sources.format_error(&error))?;
        for key in list {
            if self.keys.iter().any(|known| known.key == key) {
                continue;
            }
            if find(table, key.get_ref()).is_some() {
                let message =
                    format!("`{}` is said in this file, which wins anyway", key.get_ref());
                return Err(sources.error(key.span(), message));
            }
            self.keys.push(UnwantedKey { key, found: false });
        }
        Ok(())
    }

    fn remove_from(&mut self, base: &mut DeTable<'_>) {
        for UnwantedKey { key, found } in &mut self.keys {
            if let Some((table, key)) = find(base, key.get_ref()) {
                table.remove(key);
                *found = true;
            }
        }
    }

    /// Whatever has no effect is an error.
    fn check(&self, sources: &Sources) -> Result<(), ScenarioError> {
        let Some(UnwantedKey { key, .. }) = self.keys.iter().find(|key| !key.found) else {
            return Ok(());
        };
        let message = format!("nothing that this file extends has `{}`", key.get_ref());
        let help = "name a key as it stands there: without = [\"signal\", \"expect.trace\"]";
        Err(sources.error(key.span(), message).help(help))
    }
}

/// The table that a key is in, and the key in that table; nothing if it is not there.
fn find<'a, 't, 'k>(
    table: &'a mut DeTable<'t>,
    key: &'k str,
) -> Option<(&'a mut DeTable<'t>, &'k str)> {
    let section = key.split_once('.').filter(|(section, _)| SECTIONS.contains(section));
    let (table, key) = match section {
        None => (table, key),
        Some((section, key)) => match table.get_mut(section)?.get_mut() {
            DeValue::Table(table) => (table, key),
            _ => return None,
        },
    };
    table.contains_key(key).then_some((table, key))
}

/// Adds a file; returns the path of the file that it extends, and where it says so.
fn add(
    sources: &mut Sources,
    path: &Path,
    bytes: Vec<u8>,
) -> Result<Option<(PathBuf, Range<usize>)>, ScenarioError> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes()[at];
        // What cannot be read is shown as a replacement character; what stands before it is not moved.
        let place = Place::new(&String::from_utf8_lossy(error.as_bytes()), at..at + 1);
        let message = format!("the file is not UTF-8: byte {at} is 0x{byte:02x}");
        ScenarioError::at(path, place, message).help("save it as UTF-8")
    })?;
    // A mark of byte order is no text, and would move the columns of the first line.
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    let start = sources.add(path.to_owned(), text);
    let (text, _) = sources.texts().last().expect("it was added just now");
    if text.trim().is_empty() {
        let error = sources.error(start..start, "the file is empty");
        return Err(error.help("a scenario has at least `title`, `guest` and an `[expect]` table"));
    }
    let Some(extends) = parse(text, start, sources)?.get_mut().remove("extends") else {
        return Ok(None);
    };
    let span = extends.span();
    let Text(HostPath(base)) = Text::deserialize(extends.into_deserializer())
        .map_err(|error| sources.format_error(&error))?;
    Ok(Some((sources.folder(&span).join(base), span)))
}

fn parse<'t>(text: &'t str, start: usize, sources: &Sources) -> Result<Table<'t>, ScenarioError> {
    let table = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        sources.error(start + span.start..start + span.end, error.message())
    })?;
    Ok(moved(table, start, |table| moved_table(table, start)))
}

/// The table with every place moved on by this many bytes.
fn moved_table(table: DeTable<'_>, by: usize) -> DeTable<'_> {
    table
        .into_iter()
        .map(|(key, value)| (moved(key, by, |key| key), moved_value(value, by)))
        .collect()
}

fn moved_value(value: Spanned<DeValue<'_>>, by: usize) -> Spanned<DeValue<'_>> {
    moved(value, by, |value| match value {
        DeValue::Table(table) => DeValue::Table(moved_table(table, by)),
        DeValue::Array(mut array) => {
            for value in array.iter_mut() {
                let taken = std::mem::replace(value, Spanned::new(0..0, DeValue::Boolean(false)));
                *value = moved_value(taken, by);
            }
            DeValue::Array(array)
        }
        value => value,
    })
}

fn moved<T>(spanned: Spanned<T>, by: usize, inside: impl FnOnce(T) -> T) -> Spanned<T> {
    let Range { start, end } = spanned.span();
    Spanned::new(start + by..end + by, inside(spanned.into_inner()))
}

/// Takes over from the base what the table does not say itself.
fn take_over<'t>(table: &mut DeTable<'t>, base: DeTable<'t>) {
    for (key, base_value) in base {
        let Some(own) = table.get_mut(key.get_ref().as_ref()) else {
            table.insert(key, base_value);
            continue;
        };
        if !SECTIONS.contains(&key.get_ref().as_ref()) {
            continue;
        }
        if let (DeValue::Table(own), DeValue::Table(base)) =
            (own.get_mut(), base_value.into_inner())
        {
            for (key, value) in base {
                own.entry(key).or_insert(value);
            }
        }
    }
}
