//! The texts that a scenario is made of, as one long text.
//!
//! Values of a scenario and of its bases end up in one table. So that each still knows where it was
//! written, the files share one numbering of bytes: the second begins behind the first, and so on. A span
//! in that numbering leads to a file and a place in it. Also here: reading a file, within bounds.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use loopbox_trace::record::{Source as KeptSource, SourceFile, SourcePlace};
use toml::de::{DeTable, DeValue};

use super::chain::Table;
use super::error::{Place, ScenarioError};

/// The files of one scenario: itself, what it extends, what that extends.
#[derive(Debug, Default)]
pub(super) struct Sources {
    files: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    path: PathBuf,
    text: String,
    /// Where it begins in the common numbering.
    start: usize,
}

impl Sources {
    /// The place of what is missing from the scenario altogether.
    pub(super) const BEGINNING: Range<usize> = 0..0;

    /// Adds a file; returns where it begins.
    pub(super) fn add(&mut self, path: PathBuf, text: String) -> usize {
        // One byte lies between two files, so that the end of one is not the beginning of the next.
        let start = self.files.last().map_or(0, |last| last.start + last.text.len() + 1);
        self.files.push(Source { path, text, start });
        start
    }

    /// The texts of the files and where each begins, the scenario's own first.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.files.iter().map(|source| (source.text.as_str(), source.start))
    }

    /// The file that these bytes are in.
    pub(super) fn path(&self, span: &Range<usize>) -> &Path {
        &self.source(span).path
    }

    /// The folder of that file, which the paths written in it are relative to.
    pub(super) fn folder(&self, span: &Range<usize>) -> &Path {
        self.path(span).parent().unwrap_or(Path::new(""))
    }

    /// The texts for those who read results, and where each key of the merged table is.
    pub(super) fn kept(&self, table: &Table<'_>) -> KeptSource {
        let files = self.files.iter().map(|source| SourceFile {
            path: source.path.to_string_lossy().into_owned(),
            text: source.text.clone(),
        });
        let mut places = BTreeMap::new();
        self.note_places("", table.get_ref(), &mut places);
        KeptSource { files: files.collect(), places }
    }

    /// Adds the places of what is in a table, whose own key is the prefix.
    fn note_places(
        &self,
        prefix: &str,
        table: &DeTable<'_>,
        places: &mut BTreeMap<String, SourcePlace>,
    ) {
        for (key, value) in table {
            let path = format!("{prefix}{}", key.get_ref());
            places.insert(path.clone(), self.place(&key.span()));
            match value.get_ref() {
                DeValue::Table(table) => self.note_places(&format!("{path}."), table, places),
                DeValue::Array(array) => {
                    for (index, value) in array.iter().enumerate() {
                        let path = format!("{path}[{index}]");
                        places.insert(path.clone(), self.place(&value.span()));
                        if let DeValue::Table(table) = value.get_ref() {
                            self.note_places(&format!("{path}."), table, places);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// The file and the line in which these bytes begin.
    fn place(&self, span: &Range<usize>) -> SourcePlace {
        let file = self.files.partition_point(|source| source.start <= span.start) - 1;
        let source = &self.files[file];
        let before = &source.text.as_bytes()[..(span.start - source.start).min(source.text.len())];
        SourcePlace { file, line: 1 + before.iter().filter(|byte| **byte == b'\n').count() }
    }

    /// An error in what these bytes say.
    pub(super) fn error(&self, span: Range<usize>, message: impl Into<String>) -> ScenarioError {
        let source = self.source(&span);
        let span = span.start - source.start..span.end.saturating_sub(source.start);
        ScenarioError::at(&source.path, Place::new(&source.text, span), message)
    }

    /// An error of the TOML reader, in the words of the format.
    pub(super) fn format_error(&self, error: &toml::de::Error) -> ScenarioError {
        let span = error.span().unwrap_or(Sources::BEGINNING);
        let message = error.message();
        if let Some((key, known)) = unknown_key(message) {
            if key == DATE_KEY {
                return self.error(span, "a date and time has no place here");
            }
            let error = self.error(span, format!("unknown key `{key}`"));
            return match nearest(key, &known) {
                Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
                None => error.help(format!("the keys here are {}", known.join(", "))),
            };
        }
        if let Some(key) = message.strip_prefix("missing field ") {
            return self.error(span, format!("missing key {key}"));
        }
        // Serde's words for what TOML calls a table and a list.
        let message = match message.strip_suffix("expected a sequence") {
            Some(begin) => format!("{begin}expected a list"),
            None => message.replacen("invalid type: sequence,", "invalid type: list,", 1),
        };
        let message = message.replacen("invalid type: map,", "invalid type: table,", 1);
        let header = self.text(&span).strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        match header.filter(|_| message == "invalid type: table, expected a list") {
            Some(header) => self.error(span.clone(), message).help(format!("write [[{header}]]")),
            None => self.error(span, message),
        }
    }

    /// The bytes themselves.
    fn text(&self, span: &Range<usize>) -> &str {
        let source = self.source(span);
        let (start, end) = (span.start - source.start, span.end.saturating_sub(source.start));
        source.text.get(start..end).unwrap_or_default()
    }

    fn source(&self, span: &Range<usize>) -> &Source {
        let after = self.files.partition_point(|source| source.start <= span.start);
        &self.files[after - 1]
    }
}

/// The key by which the TOML reader hands over a date, where the format has a table.
const DATE_KEY: &str = "$__toml_private_datetime";

/// The key and the known ones, if this is serde's message about an unknown key.
pub(super) fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (key, known) = rest.rsplit_once("`, expected ")?;
    Some((key, known.split('`').skip(1).step_by(2).collect()))
}

/// The known key that was probably meant.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(key, known), *known))
        .filter(|&(distance, known)| distance * 3 <= known.len())
        .min()
        .map(|(_, known)| known)
}

/// The contents of a file that is not larger than this. The error says why not, in a few words.
pub(super) fn read_file(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let words = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    };
    // Asked first: to open a pipe can take for ever.
    if !path.metadata().map_err(words)?.is_file() {
        return Err("it is not a file".into());
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes))
        .map_err(words)?;
    if bytes.len() as u64 > bytes_max {
        return Err(format!("it is larger than {} MiB", bytes_max >> 20));
    }
    Ok(bytes)
}
