//! What is wrong with a scenario, and where: shown as rustc shows its errors.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use loopbox_trace::text::escape;

/// A scenario that cannot be run: the file, the place in it, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    file: PathBuf,
    message: String,
    help: Option<String>,
    place: Option<Place>,
}

/// A place in a text, with the line that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Counted from 1.
    line: usize,
    /// In characters, counted from 1.
    column: usize,
    /// The line without its end.
    text: String,
    /// The bytes of the line that are meant.
    span: Range<usize>,
}

impl Place {
    /// The place of these bytes. A place of several lines is shown by its first.
    pub(super) fn new(text: &str, span: Range<usize>) -> Place {
        let at = text.floor_char_boundary(span.start.min(text.len()));
        let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        // A carriage return is no part of the line, so a place may lie behind its end.
        let start = (at - line_start).min(line.len());
        let end = line.ceil_char_boundary(span.end.saturating_sub(line_start).min(line.len()));
        Place {
            line: text[..line_start].matches('\n').count() + 1,
            column: line[..start].chars().count() + 1,
            text: line.into(),
            span: start..end.max(start),
        }
    }
}

impl ScenarioError {
    /// Something is wrong at a place in this file.
    pub(super) fn at(file: &Path, place: Place, message: impl Into<String>) -> ScenarioError {
        ScenarioError::new(file, message.into(), Some(place))
    }

    /// Something is wrong with the file as a whole, so that there is no line to show.
    pub(super) fn of_file(file: &Path, message: impl Into<String>) -> ScenarioError {
        ScenarioError::new(file, message.into(), None)
    }

    fn new(file: &Path, message: String, place: Option<Place>) -> ScenarioError {
        ScenarioError(Box::new(Inner { file: file.into(), message, help: None, place }))
    }

    /// Adds what to do about it.
    pub(super) fn help(mut self, help: impl Into<String>) -> ScenarioError {
        self.0.help = Some(help.into());
        self
    }

    /// The file that is wrong: the scenario's own, or one that it extends.
    pub fn file(&self) -> &Path {
        &self.0.file
    }

    /// The line, counted from 1; none if the file could not be read.
    pub fn line(&self) -> Option<usize> {
        self.0.place.as_ref().map(|place| place.line)
    }

    /// The column in characters, counted from 1; none if the file could not be read.
    pub fn column(&self) -> Option<usize> {
        self.0.place.as_ref().map(|place| place.column)
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The whole report, several lines without a last line end.
    pub fn render(&self, color: bool) -> String {
        let Inner { file, message, help, place } = &*self.0;
        // The file may hold anything, and so may its name; the report goes to a terminal.
        let file = escape(&file.to_string_lossy());
        let title = Level::ERROR.primary_title(escape(message));
        let mut group = match place {
            None => title.element(Origin::path(file)),
            Some(place) => {
                let annotation = AnnotationKind::Primary.span(place.span.clone());
                let snippet = Snippet::source(&place.text).line_start(place.line).path(file);
                title.element(snippet.annotation(annotation))
            }
        };
        if let Some(help) = help {
            group = group.element(Level::HELP.message(escape(help)));
        }
        let report: [Group<'_>; 1] = [group];
        if color { Renderer::styled() } else { Renderer::plain() }.render(&report)
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for ScenarioError {}
