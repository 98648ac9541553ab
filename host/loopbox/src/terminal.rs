//! Writing for people: results to standard output, everything else to standard error.
//!
//! Colours are written always and taken out by `anstream` where they are not wanted (`NO_COLOR`, a pipe, a
//! file). A reader that went away, as in `loopbox list | head -1`, is no error: what is left to say is
//! dropped, and the exit code stays what it would have been.

use std::io::{self, Write};
use std::path::Path;

/// Standard output, as long as it can be written.
pub struct Output<W: Write = anstream::Stdout> {
    stream: W,
    /// Once something could not be written, nothing more is.
    trouble: Option<io::Error>,
}

impl Output {
    /// Standard output of this process.
    pub fn stdout() -> Output {
        Output::to(anstream::stdout())
    }
}

impl<W: Write> Output<W> {
    fn to(stream: W) -> Output<W> {
        Output { stream, trouble: None }
    }

    /// Writes a text and sees to it that it is out. [`Output::check`] tells of trouble.
    pub fn write(&mut self, text: &str) {
        if self.trouble.is_none() {
            let written = self.stream.write_all(text.as_bytes()).and_then(|()| self.stream.flush());
            self.trouble = written.err();
        }
    }

    /// Whether all that was written is out.
    ///
    /// # Errors
    /// Some text could not be written although somebody waits for it, such as on a full disk.
    pub fn check(&mut self) -> io::Result<()> {
        match self.trouble.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether standard output shows colours.
pub fn stdout_has_colour() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Says something beside the results, on a line of its own.
pub fn note(text: &str) {
    // If standard error is gone there is nobody left to tell.
    let _ = writeln!(anstream::stderr().lock(), "loopbox: {}", printable(text));
}

/// The text without anything that moves the cursor, changes colours or turns the reading direction.
///
/// For texts of guests, scenario files and file names. Findings are escaped where they are made; this is
/// for what was not, and changes nothing in what was (`loopbox_trace::text::escape` would escape the
/// escapes).
pub fn printable(text: &str) -> String {
    text.chars().fold(String::new(), |mut shown, c| {
        if c.is_control() || turns_direction(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        shown
    })
}

/// A path as [`printable`] text.
pub fn printable_path(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

fn turns_direction(c: char) -> bool {
    matches!(
        c,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails as it is told to, and counts how often it is asked.
    struct Broken {
        kind: io::ErrorKind,
        asked: usize,
    }

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.asked += 1;
            Err(self.kind.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_error_and_is_left_alone() {
        let mut output = Output::to(Broken { kind: io::ErrorKind::BrokenPipe, asked: 0 });
        output.write("one\n");
        output.write("two\n");
        assert_eq!(output.stream.asked, 1);
        output.check().expect("no error");
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let mut output = Output::to(Broken { kind: io::ErrorKind::StorageFull, asked: 0 });
        output.write("one\n");
        output.write("two\n");
        output.check().expect_err("the text is lost");
    }

    #[test]
    fn printable_text_has_no_controls_and_is_not_escaped_twice() {
        assert_eq!(printable("a\u{1b}[2J\r\n\u{202e}ä"), r"a\u{1b}[2J\r\n\u{202e}ä");
        assert_eq!(printable(r"a\u{1b}"), r"a\u{1b}");
    }
}
