//! Formatters: Python's `%`-style, for the fields that a record has here.
//!
//! There is no `asctime`, no date format and no padding: times are virtual, and `%(created)f` shows them in
//! seconds since the start of the run.

use super::Record;

/// Turns a record into a line. The default is the message alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formatter(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name,
    LevelName,
    LevelNumber,
    Message,
    Created,
}

/// A format that is not understood, with the words of Python's `logging`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid format '{0}' for '%' style")]
pub struct FormatError(String);

impl Formatter {
    /// A formatter for a format such as [`BASIC_FORMAT`](super::BASIC_FORMAT). It knows `%(name)s`,
    /// `%(levelname)s`, `%(levelno)d`, `%(message)s`, `%(created)f` and `%%`.
    ///
    /// # Errors
    /// If there is anything else in it that begins with `%`, or no field at all.
    pub fn new(format: &str) -> Result<Formatter, FormatError> {
        let invalid = || FormatError(format.to_owned());
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = format;
        while let Some((before, after)) = rest.split_once('%') {
            text.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                text.push('%');
                rest = after;
                continue;
            }
            let (piece, after) = FIELDS
                .iter()
                .find_map(|(field, piece)| Some((piece, after.strip_prefix(field)?)))
                .ok_or_else(invalid)?;
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(piece.clone());
            rest = after;
        }
        text.push_str(rest);
        if pieces.is_empty() {
            return Err(invalid());
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Formatter(pieces))
    }

    /// The line for a record, without its end.
    pub fn format(&self, record: &Record) -> String {
        let mut line = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => line.push_str(text),
                Piece::Name => line.push_str(&record.name),
                Piece::LevelName => line.push_str(&record.level.to_string()),
                Piece::LevelNumber => line.push_str(&record.level.number().to_string()),
                Piece::Message => line.push_str(&record.message),
                Piece::Created => {
                    let (seconds, micros) =
                        (record.created.as_secs(), record.created.subsec_micros());
                    line.push_str(&format!("{seconds}.{micros:06}"));
                }
            }
        }
        line
    }
}

impl Default for Formatter {
    fn default() -> Formatter {
        Formatter(vec![Piece::Message])
    }
}

/// What may follow a `%`.
const FIELDS: [(&str, Piece); 6] = [
    ("(name)s", Piece::Name),
    ("(levelname)s", Piece::LevelName),
    ("(levelno)d", Piece::LevelNumber),
    ("(levelno)s", Piece::LevelNumber),
    ("(message)s", Piece::Message),
    ("(created)f", Piece::Created),
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::logging::{BASIC_FORMAT, Level};

    fn record() -> Record {
        Record {
            name: "app.db".into(),
            level: Level::WARNING,
            message: "100 % slow".into(),
            created: Duration::from_micros(1_250_003),
        }
    }

    #[test]
    fn a_format_is_filled_in() {
        for (format, line) in [
            (BASIC_FORMAT, "WARNING:app.db:100 % slow"),
            ("%(created)f %(levelno)d", "1.250003 30"),
            ("%% %(message)s.", "% 100 % slow."),
        ] {
            let formatter = Formatter::new(format).expect("a good format");
            assert_eq!(formatter.format(&record()), line);
        }
        assert_eq!(Formatter::default().format(&record()), "100 % slow");
    }

    #[test]
    fn a_bad_format_is_refused_in_pythons_words() {
        for format in ["%(asctime)s", "%s", "100 %", "no field", ""] {
            let error = Formatter::new(format).expect_err(format).to_string();
            assert_eq!(error, format!("invalid format '{format}' for '%' style"));
        }
    }
}
