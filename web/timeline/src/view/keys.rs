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
    /// What it does, in words; empty if the line above says it.
    pub help: &'static str,
}

const fn bind(keys: &'static [Key], action: Action, help: &'static str) -> Binding {
    Binding { keys, shift: false, action, help }
}

const fn bind_shift(keys: &'static [Key], action: Action, help: &'static str) -> Binding {
    Binding { keys, shift: true, action, help }
}

/// All keys.
pub const KEYS: &[Binding] = &[
    bind(&[Key::Char('w'), Key::Char('+'), Key::Char('=')], Action::ZoomIn, "zoom in"),
    bind(&[Key::Char('s'), Key::Char('-'), Key::Char('_')], Action::ZoomOut, "zoom out"),
    bind(&[Key::Char('a')], Action::PanLeft, "earlier"),
    bind(&[Key::Char('d')], Action::PanRight, "later"),
    bind(
        &[Key::Left],
        Action::Previous,
        "previous slice of the row (earlier, if none is selected)",
    ),
    bind(&[Key::Right], Action::Next, "next slice of the row (later, if none is selected)"),
    bind(&[Key::Up], Action::RowUp, "slice in the row above (scroll, if none is selected)"),
    bind(&[Key::Down], Action::RowDown, "slice in the row below (scroll, if none is selected)"),
    bind(&[Key::PageUp], Action::PageUp, "scroll up"),
    bind(&[Key::PageDown], Action::PageDown, "scroll down"),
    bind(&[Key::Home], Action::Begin, "beginning of the run"),
    bind(&[Key::End], Action::End, "end of the run"),
    bind(&[Key::Enter], Action::Enter, "select in the middle; open the selected slice"),
    bind(
        &[Key::Char('f')],
        Action::Fit,
        "fit the measured range or the selection, then everything",
    ),
    bind(&[Key::Char('F'), Key::Char('0')], Action::FitAll, "fit everything"),
    bind(&[Key::Char('z')], Action::Undo, "undo the last zoom or jump"),
    bind(&[Key::Char('g')], Action::GoTo, "go to a time, such as 1.5s or 250ms"),
    bind(&[Key::Char('n')], Action::NextIssue, "next issue, the worst first"),
    bind(&[Key::Char('p')], Action::PreviousIssue, "previous issue"),
    bind(&[Key::Char('/')], Action::Search, "search"),
    bind(&[Key::Char(']')], Action::NextFound, "next match of the search"),
    bind(&[Key::Char('[')], Action::PreviousFound, "previous match of the search"),
    bind(&[Key::Char('m')], Action::Measure, "measure the selected slice"),
    bind_shift(&[Key::Left], Action::Earlier, "drag the selected signal earlier, or measure"),
    bind_shift(&[Key::Right], Action::Later, "drag the selected signal later, or measure"),
    bind(&[Key::Char('c')], Action::Fold, "fold the lane of the selection, or unfold it"),
    bind(&[Key::Char('?')], Action::Help, "this help"),
    bind(&[Key::Escape], Action::Escape, "close, let go, deselect"),
];

/// What the pointer does, for the help and the documentation: the gesture, and what it does.
pub const GESTURES: &[(&str, &str)] = &[
    ("click", "select; on a lane's title, fold it"),
    ("drag", "measure; edges of slices attract"),
    ("drag a signal", "what if it came then?"),
    ("Shift drag", "pan, as one finger does"),
    ("Ctrl wheel", "zoom, as two fingers do"),
    ("Shift wheel", "pan"),
    ("double click", "fit the slice or the measured range"),
];

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
    /// The keys as they are shown, such as `w + =` or `Shift ←`.
    pub fn label(&self) -> String {
        let keys: Vec<_> = self.keys.iter().map(|key| key.label()).collect();
        let shift = if self.shift { "Shift " } else { "" };
        format!("{shift}{}", keys.join(" "))
    }
}
