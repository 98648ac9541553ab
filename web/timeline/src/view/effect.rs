//! What a key or the pointer has changed, for the shell, which does what a view cannot.

use loopbox_trace::Nanos;

use crate::scene::SliceRef;

/// How long what is said may be, in characters: names come from guests.
const SAID_CHARS_MAX: usize = 300;

/// What has happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effect {
    /// The event was meant for the timeline: the browser is to do nothing with it.
    pub handled: bool,
    /// The frame is another one now.
    pub redraw: bool,
    /// Another slice is selected, or none.
    pub selection: bool,
    /// What [`crate::view::View::address`] says is different now.
    pub address: bool,
    /// To be said in the status line, which screen readers read out.
    pub say: Option<String>,
    /// What only the shell can do.
    pub request: Option<Request>,
}

/// What only the shell can do.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Ask what to search for, and call [`crate::view::View::search`].
    Search,
    /// Ask for a moment, and call [`crate::view::View::go_to`].
    GoTo,
    /// Move the focus to the details of this slice.
    Open(SliceRef),
    /// Run again with the signal at this moment.
    WhatIf {
        /// Its index among the scenario's signals.
        signal: u32,
        /// When it is raised.
        at: Nanos,
        /// It was let go there. Otherwise it is still dragged, and an answer that comes too late is of no use.
        dropped: bool,
    },
}

impl Effect {
    /// Nothing: the event is not for us.
    pub fn none() -> Effect {
        Effect::default()
    }

    /// It was for us, though nothing has changed.
    pub fn handled() -> Effect {
        Effect { handled: true, ..Effect::default() }
    }

    /// The frame is another one.
    pub fn redraw() -> Effect {
        Effect { redraw: true, ..Effect::handled() }
    }

    /// What the address says has changed, and so has the frame.
    pub fn moved() -> Effect {
        Effect { address: true, ..Effect::redraw() }
    }

    /// With something to say, of which nobody wants to hear more than some sentences.
    pub fn saying(self, text: impl Into<String>) -> Effect {
        let mut text: String = text.into();
        if let Some((end, _)) = text.char_indices().nth(SAID_CHARS_MAX) {
            text.truncate(end);
        }
        Effect { say: Some(text), ..self }
    }

    /// With something to do.
    pub fn asking(self, request: Request) -> Effect {
        Effect { request: Some(request), ..self }
    }
}
