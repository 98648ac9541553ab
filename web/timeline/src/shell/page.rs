//! What is around the canvas: buttons, the boxes to search and to go somewhere, the status line, the details,
//! the help.
//!
//! Ordinary elements of the page, so that touch, mouse and readers of the screen need no keys. Every text
//! of a trace becomes a text node; nothing is ever parsed as HTML.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    Document, Element, HtmlButtonElement, HtmlDialogElement, HtmlElement, HtmlInputElement,
};

use crate::scene::Details;
use crate::view::{self, Action};

/// Longer texts are cut in the search box: nobody types so much.
const INPUT_CHARS_MAX: u32 = 200;

/// Buttons: what they do, what they show, what they are called.
const BUTTONS: [(Action, &str, &str); 7] = [
    (Action::ZoomIn, "+", "Zoom in (w)"),
    (Action::ZoomOut, "\u{2212}", "Zoom out (s)"),
    (Action::FitAll, "Fit", "Fit everything (F)"),
    (Action::Undo, "Undo", "Undo the last zoom or jump (z)"),
    (Action::PreviousIssue, "\u{2039} Issue", "Previous issue (p)"),
    (Action::NextIssue, "Issue \u{203a}", "Next issue (n)"),
    (Action::Help, "?", "Keys and gestures (?)"),
];

/// The elements that the shell reads from and writes to.
pub struct Page {
    pub search: HtmlInputElement,
    pub go_to: HtmlInputElement,
    pub buttons: Vec<(Action, HtmlButtonElement)>,
    pub help: HtmlDialogElement,
    status: Element,
    found: Element,
    details: HtmlElement,
    document: Document,
}

impl Page {
    /// Adds what is missing to the section. The rest is part of the page, and stands there without scripts too.
    pub fn new(section: &Element, canvas: &Element, has_issues: bool) -> Result<Page, JsValue> {
        let document = section.owner_document().ok_or("the section is in no document")?;
        let status = child(section, ".timeline-status")?;
        let details: HtmlElement = child(section, ".timeline-details")?.dyn_into()?;
        details.set_tab_index(-1);

        let tools = element(&document, "div", "timeline-tools")?;
        tools.set_attribute("role", "group")?;
        tools.set_attribute("aria-label", "Timeline controls")?;
        let mut buttons = Vec::new();
        for (action, text, title) in BUTTONS {
            if !has_issues && matches!(action, Action::NextIssue | Action::PreviousIssue) {
                continue;
            }
            let button = button(&document, text)?;
            button.set_title(title);
            button.set_attribute("aria-label", title)?;
            tools.append_child(&button)?;
            buttons.push((action, button));
        }
        let search = input(&document, &tools, "Search", "search")?;
        search.set_placeholder("name");
        let found = element(&document, "span", "timeline-found")?;
        tools.append_child(&found)?;
        let go_to = input(&document, &tools, "Go to", "text")?;
        go_to.set_placeholder("1.5s");
        section.insert_before(&tools, Some(canvas))?;

        let help = help(&document)?;
        section.append_child(&help)?;
        Ok(Page { search, go_to, buttons, help, status, found, details, document })
    }

    /// Says something where it is seen, and read out.
    pub fn say(&self, text: &str) {
        self.status.set_text_content(Some(text));
    }

    /// What is searched for, and beside the box how often it was found.
    pub fn show_search(&self, text: &str, found: usize) {
        let count = match (text, found) {
            ("", _) => String::new(),
            (_, 1) => "1 match".into(),
            _ => format!("{found} matches"),
        };
        self.found.set_text_content(Some(&count));
        // Whoever types knows better what is in there.
        let focused = self.document.active_element();
        if focused.is_none_or(|focused| !focused.is_same_node(Some(&self.search))) {
            self.search.set_value(text);
        }
    }

    /// Shows what is known of a slice.
    pub fn show_details(&self, details: &Details) -> Result<(), JsValue> {
        self.details.set_text_content(None);
        let heading = self.append("h3")?;
        heading.append_child(&*isolated(&self.document, &details.title)?)?;
        let list = self.append("dl")?;
        for (name, text) in &details.facts {
            let term = element(&self.document, "dt", "")?;
            term.set_text_content(Some(name));
            list.append_child(&term)?;
            let description = element(&self.document, "dd", "")?;
            description.append_child(&*isolated(&self.document, text)?)?;
            list.append_child(&description)?;
        }
        if let Some(text) = &details.text {
            let lines = self.append("pre")?;
            lines.set_text_content(Some(text));
        }
        self.details.set_hidden(false);
        Ok(())
    }

    fn append(&self, name: &str) -> Result<Element, JsValue> {
        let element = element(&self.document, name, "")?;
        self.details.append_child(&element)?;
        Ok(element)
    }

    pub fn hide_details(&self) {
        self.details.set_text_content(None);
        self.details.set_hidden(true);
    }

    /// Moves the focus to the details.
    pub fn focus_details(&self) {
        // What cannot have the focus keeps it where it is.
        let _ = self.details.focus();
    }

    pub fn show_help(&self) {
        if !self.help.open() {
            let _ = self.help.show_modal();
        }
    }
}

fn child(section: &Element, selector: &str) -> Result<Element, JsValue> {
    let missing = || JsValue::from_str(&format!("the section has no {selector}"));
    section.query_selector(selector)?.ok_or_else(missing)
}

fn element(document: &Document, name: &str, class: &str) -> Result<Element, JsValue> {
    let element = document.create_element(name)?;
    if !class.is_empty() {
        element.set_class_name(class);
    }
    Ok(element)
}

/// A text of somebody's choosing: its direction of writing goes no further than its end.
fn isolated(document: &Document, text: &str) -> Result<Element, JsValue> {
    let isolated = element(document, "bdi", "")?;
    isolated.set_text_content(Some(text));
    Ok(isolated)
}

fn button(document: &Document, text: &str) -> Result<HtmlButtonElement, JsValue> {
    let button: HtmlButtonElement = document.create_element("button")?.dyn_into()?;
    button.set_type("button");
    button.set_text_content(Some(text));
    Ok(button)
}

/// A box to type in, in its label.
fn input(
    document: &Document,
    tools: &Element,
    text: &str,
    kind: &str,
) -> Result<HtmlInputElement, JsValue> {
    let label = element(document, "label", "")?;
    label.set_text_content(Some(text));
    let input: HtmlInputElement = document.create_element("input")?.dyn_into()?;
    input.set_type(kind);
    input.set_attribute("maxlength", &INPUT_CHARS_MAX.to_string())?;
    input.set_attribute("autocomplete", "off")?;
    input.set_attribute("spellcheck", "false")?;
    label.append_child(&input)?;
    tools.append_child(&label)?;
    Ok(input)
}

/// Keys and gestures. Escape closes it, by the browser.
fn help(document: &Document) -> Result<HtmlDialogElement, JsValue> {
    let dialog: HtmlDialogElement = element(document, "dialog", "timeline-help")?.dyn_into()?;
    dialog.set_attribute("aria-label", "Keys and gestures of the timeline")?;
    let heading = element(document, "h2", "")?;
    heading.set_text_content(Some("Keys and gestures"));
    dialog.append_child(&heading)?;
    let table = element(document, "table", "")?;
    let body = element(document, "tbody", "")?;
    for (keys, text) in view::help() {
        let row = element(document, "tr", "")?;
        let head = element(document, "th", "")?;
        head.set_attribute("scope", "row")?;
        head.set_text_content(Some(&keys));
        let cell = element(document, "td", "")?;
        cell.set_text_content(Some(text));
        row.append_child(&head)?;
        row.append_child(&cell)?;
        body.append_child(&row)?;
    }
    table.append_child(&body)?;
    dialog.append_child(&table)?;
    // A form of this kind closes its dialog without any script.
    let form = element(document, "form", "")?;
    form.set_attribute("method", "dialog")?;
    let close: HtmlButtonElement = document.create_element("button")?.dyn_into()?;
    close.set_text_content(Some("Close"));
    form.append_child(&close)?;
    dialog.append_child(&form)?;
    Ok(dialog)
}
