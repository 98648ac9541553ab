//! Keys, and what they do: one table, which the view obeys, the help shows, and the documentation lists.

/// A key, as far as the timeline knows any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A key that writes this character.
    Char(char),
    /// An arrow.
    Left,
    /// An arrow.
    Right,
    /// An arrow.
    Up,
    /// An arrow.
    Down,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Return.
    Enter,
    /// Away with it.
    Escape,
}

/// Names of keys as a browser's `KeyboardEvent.key` has them.
const NAMES: [(&str, Key, &str); 10] = [
    ("ArrowLeft", Key::Left, "←"),
    ("ArrowRight", Key::Right, "→"),
    ("ArrowUp", Key::Up, "↑"),
    ("ArrowDown", Key::Down, "↓"),
    ("Home", Key::Home, "Home"),
    ("End", Key::End, "End"),
    ("PageUp", Key::PageUp, "PgUp"),
    ("PageDown", Key::PageDown, "PgDn"),
    ("Enter", Key::Enter, "Enter"),
    ("Escape", Key::Escape, "Esc"),
];

impl Key {
    /// The key with this name in a browser; none if the timeline has no use for it.
    pub fn from_name(name: &str) -> Option<Key> {
        let mut chars = name.chars();
        match (chars.next(), chars.next()) {
            (Some(char), None) => Some(Key::Char(char)),
            _ => NAMES.iter().find(|(known, ..)| *known == name).map(|&(_, key, _)| key),
        }
    }

    /// As it is shown.
    pub fn label(self) -> String {
        match self {
            Key::Char(char) => char.into(),
            _ => {
                NAMES.iter().find(|(_, key, _)| *key == self).map_or("", |(.., label)| label).into()
            }
        }
    }
}

/// What is held down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modifiers {
    /// Control.
    pub ctrl: bool,
    /// Shift.
    pub shift: bool,
    /// Alt, or option.
    pub alt: bool,
    /// Command, or the key of the window system.
    pub meta: bool,
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See less, larger.
    ZoomIn,
    /// See more, smaller.
    ZoomOut,
    /// Look at what was before.
    PanLeft,
    /// Look at what comes after.
    PanRight,
    /// Select the slice before the selected one; without one, look at what was before.
    Previous,
    /// Select the slice after the selected one; without one, look at what comes after.
    Next,
    /// Select in the row above; without a selection, scroll.
    RowUp,
    /// Select in the row below; without a selection, scroll.
    RowDown,
    /// Move the selected signal, or the end of the measured range.
    Earlier,
    /// Move the selected signal, or the end of the measured range.
    Later,
    /// Scroll.
    PageUp,
    /// Scroll.
    PageDown,
    /// To the beginning of the run.
    Begin,
    /// To the end of the run.
    End,
    /// Show the measured range or the selected slice, else everything.
    Fit,
    /// Show everything.
    FitAll,
    /// Back to what was shown before the last zoom or jump.
    Undo,
    /// Search.
    Search,
    /// To the next thing found.
    NextFound,
    /// To the one before.
    PreviousFound,
    /// To the next thing that is wrong.
    NextIssue,
    /// To the one before.
    PreviousIssue,
    /// Ask for a moment to go to.
    GoTo,
    /// Measure the selected slice.
    Measure,
    /// Fold the lane of the selection, or unfold it.
    Fold,
    /// Select what is in the middle, or open the selected slice, or let go of the dragged signal.
    Enter,
    /// Help.
    Help,
    /// Away with the uppermost of what is open, dragged, measured, selected, found.
    Escape,
}

/// A line of the table of keys.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Any of them.
    pub keys: &'static [Key],
    /// Together with shift. Characters come with the shift that writes them, and need none here.
    pub shift: bool,
    /// What it does.
    pub action: Action,
    /// What it does, in a few words.
    pub help: &'static str,
}

const fn bind(keys: &'static [Key], action: Action, help: &'static str) -> Binding {
    Binding { keys, shift: false, action, help }
}

const fn bind_shift(keys: &'static [Key], action: Action, help: &'static str) -> Binding {
    Binding { keys, shift: true, action, help }
}

/// All keys. Those that follow each other and do the two halves of one thing share its words.
pub const KEYS: &[Binding] = &[
    bind(&[Key::Char('w'), Key::Char('+'), Key::Char('=')], Action::ZoomIn, "zoom in"),
    bind(&[Key::Char('s'), Key::Char('-'), Key::Char('_')], Action::ZoomOut, "zoom out"),
    bind(&[Key::Char('a')], Action::PanLeft, "earlier, later"),
    bind(&[Key::Char('d')], Action::PanRight, "earlier, later"),
    bind(&[Key::Left], Action::Previous, "slice before, after (else pan)"),
    bind(&[Key::Right], Action::Next, "slice before, after (else pan)"),
    bind(&[Key::Up], Action::RowUp, "row above, below (else scroll)"),
    bind(&[Key::Down], Action::RowDown, "row above, below (else scroll)"),
    bind(&[Key::PageUp], Action::PageUp, "scroll"),
    bind(&[Key::PageDown], Action::PageDown, "scroll"),
    bind(&[Key::Home], Action::Begin, "beginning, end of the run"),
    bind(&[Key::End], Action::End, "beginning, end of the run"),
    bind(&[Key::Enter], Action::Enter, "select; open what is selected"),
    bind(&[Key::Char('f')], Action::Fit, "fit range or selection, then all"),
    bind(&[Key::Char('F'), Key::Char('0')], Action::FitAll, "fit everything"),
    bind(&[Key::Char('z')], Action::Undo, "undo the last zoom or jump"),
    bind(&[Key::Char('g')], Action::GoTo, "go to a time: 1.5s, 250ms"),
    bind(&[Key::Char('n')], Action::NextIssue, "next, previous issue; worst first"),
    bind(&[Key::Char('p')], Action::PreviousIssue, "next, previous issue; worst first"),
    bind(&[Key::Char('/')], Action::Search, "search"),
    bind(&[Key::Char(']')], Action::NextFound, "next, previous match"),
    bind(&[Key::Char('[')], Action::PreviousFound, "next, previous match"),
    bind(&[Key::Char('m')], Action::Measure, "measure the selected slice"),
    bind_shift(&[Key::Left], Action::Earlier, "drag selected signal, or measure"),
    bind_shift(&[Key::Right], Action::Later, "drag selected signal, or measure"),
    bind(&[Key::Char('c')], Action::Fold, "fold the lane of the selection"),
    bind(&[Key::Char('?')], Action::Help, "this help"),
    bind(&[Key::Escape], Action::Escape, "close, let go, deselect"),
];

/// What the pointer does: the gesture, and what it does.
const GESTURES: [(&str, &str); 7] = [
    ("click", "select; on a title, fold the lane"),
    ("drag", "measure, from edge to edge"),
    ("drag a signal", "what if it came then?"),
    ("Shift drag", "pan, as a finger does"),
    ("Ctrl wheel", "zoom, as two fingers do"),
    ("Shift wheel", "pan"),
    ("double click", "fit the slice or the range"),
];

/// All keys and gestures with what they do, for the help and the documentation: `← →`, `slice before, after`.
pub fn help() -> Vec<(String, &'static str)> {
    let keys = KEYS.chunk_by(|one, other| one.help == other.help).map(|bindings| {
        let labels: Vec<_> = bindings.iter().map(Binding::label).collect();
        (labels.join(" "), bindings[0].help)
    });
    let gestures = GESTURES.iter().map(|&(gesture, help)| (gesture.to_owned(), help));
    keys.chain(gestures).collect()
}

/// What a key does with these modifiers. The browser keeps what is pressed with control, alt or command.
pub fn action(key: Key, modifiers: Modifiers) -> Option<Action> {
    if modifiers.ctrl || modifiers.alt || modifiers.meta {
        return None;
    }
    let shift = modifiers.shift && !matches!(key, Key::Char(_));
    KEYS.iter()
        .find(|binding| binding.shift == shift && binding.keys.contains(&key))
        .map(|binding| binding.action)
}

impl Binding {
    /// The keys as they are shown, such as `w + =` or `Shift+←`.
    pub fn label(&self) -> String {
        let keys: Vec<_> = self.keys.iter().map(|key| key.label()).collect();
        let shift = if self.shift { "Shift+" } else { "" };
        format!("{shift}{}", keys.join(" "))
    }
}
