//! A view as a short text that fits an address: `t=250000000-500000000&sel=17&q=fetch&scroll=40`.
//!
//! Who opens such an address sees the same. What an address holds may come from anybody: what makes no sense
//! is left out, and what lies outside of the run is moved into it.

use super::{Range, View};
use crate::scene::{Scene, SliceRef};

/// A longer address is not read.
const ADDRESS_BYTES_MAX: usize = 4_096;

impl View {
    /// What is looked at, as a text; empty if it is everything.
    pub fn address(&self, scene: &Scene) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        if self.range != Range::whole(scene.end.0) {
            text.append_pair("t", &self.range.text());
        }
        if let Some(at) = self.selected
            && let Some(slice) = scene.slice(at)
        {
            let group = if at.group == 0 { String::new() } else { format!("{}.", at.group) };
            text.append_pair("sel", &format!("{group}{}", slice.event));
        }
        if !self.search.is_empty() {
            text.append_pair("q", &self.search);
        }
        if self.scroll >= 1.0 {
            text.append_pair("scroll", &format!("{:.0}", self.scroll));
        }
        text.finish()
    }

    /// Looks at what a text of [`View::address`] says, with or without the mark before it.
    pub fn open_address(&mut self, scene: &Scene, text: &str) {
        let text = text.trim_start_matches(['?', '#']);
        if text.len() > ADDRESS_BYTES_MAX {
            return;
        }
        self.range = Range::whole(scene.end.0);
        self.selected = None;
        let mut search = String::new();
        self.scroll = 0.0;
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            match &*key {
                "t" => {
                    if let Some(range) = Range::from_text(&value) {
                        self.range = range.within(scene.end.0);
                    }
                }
                "sel" => self.selected = selected(scene, &value),
                "q" => search = value.into_owned(),
                "scroll" => self.scroll = value.parse().unwrap_or(0.0),
                _ => {}
            }
        }
        self.search_for(scene, &search);
        self.clamp_scroll(scene);
    }
}

/// The slice that begins with an event: `17`, or `1.17` in the second group.
fn selected(scene: &Scene, text: &str) -> Option<SliceRef> {
    let (group, event) = text.split_once('.').unwrap_or(("0", text));
    find(scene, group.parse().ok()?, event.parse().ok()?)
}

/// The slice of a group that begins with an event; of several, that of the uppermost row.
fn find(scene: &Scene, group: u16, event: u32) -> Option<SliceRef> {
    let lanes = (0..u16::MAX).zip(&scene.groups.get(usize::from(group))?.lanes);
    let mut rows = lanes.flat_map(|(lane, rows)| {
        (0..u16::MAX).zip(&rows.rows).map(move |(row, slices)| (lane, row, slices))
    });
    rows.find_map(|(lane, row, slices)| {
        slices.find(event).map(|slice| SliceRef { group, lane, row, slice })
    })
}

impl Range {
    /// As an address has it: nanoseconds with as many places as a view can tell apart.
    pub fn text(self) -> String {
        let number = |number: f64| {
            let text = format!("{number:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        format!("{}-{}", number(self.from), number(self.to))
    }

    /// The range that a text names; none if it names no range.
    pub fn from_text(text: &str) -> Option<Range> {
        // The first character may be the sign of the first number.
        let dash = text.char_indices().skip(1).find(|(_, char)| *char == '-')?.0;
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
        let (from, to) = (number(&text[..dash])?, number(&text[dash + 1..])?);
        (from < to).then_some(Range { from, to })
    }
}
