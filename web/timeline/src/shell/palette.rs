//! Which colours the reader wants: dark or light, or those of the system.

use std::borrow::Cow;

use web_sys::Window;

use crate::draw::Paint;
use crate::scene::Look;
use crate::theme::Theme;

#[derive(Clone, Copy)]
pub enum Palette {
    /// Ours.
    Of(Theme),
    /// The reader has chosen all colours: only those of the system are used, by their names.
    Forced,
}

/// The reader's general wish.
pub const DARK: &str = "(prefers-color-scheme: dark)";
/// The reader's strict wish.
pub const FORCED: &str = "(forced-colors: active)";

impl Palette {
    /// `data-theme` of the document is what the reader has chosen for this page.
    pub fn wanted(window: &Window) -> Palette {
        let is =
            |query| window.match_media(query).ok().flatten().is_some_and(|list| list.matches());
        let root = window.document().and_then(|document| document.document_element());
        if is(FORCED) {
            return Palette::Forced;
        }
        match root.and_then(|root| root.get_attribute("data-theme")).as_deref() {
            Some("dark") => Palette::Of(Theme::Dark),
            Some("light") => Palette::Of(Theme::Light),
            _ if is(DARK) => Palette::Of(Theme::Dark),
            _ => Palette::Of(Theme::Light),
        }
    }

    /// As CSS writes it.
    pub fn colour(self, paint: Paint) -> Cow<'static, str> {
        match self {
            Palette::Of(theme) => theme.colour(paint).css().into(),
            Palette::Forced => forced(paint).into(),
        }
    }
}

/// By the names that CSS has for them. What is wrong is told from what is not, and what is selected from both.
fn forced(paint: Paint) -> &'static str {
    match paint {
        Paint::Background | Paint::Gutter | Paint::Stripe | Paint::Panel => "Canvas",
        // What lies below them must be seen, and the system has no such colour.
        Paint::Range | Paint::Shade => "#80808050",
        Paint::Grid | Paint::Dim | Paint::PanelDim => "GrayText",
        Paint::Text | Paint::PanelText | Paint::PanelEdge | Paint::Cursor | Paint::RangeEdge => {
            "CanvasText"
        }
        Paint::Slice(look) | Paint::Dense(look) if is_wrong(look) => "Mark",
        Paint::OnSlice(look) if is_wrong(look) => "MarkText",
        Paint::Slice(_) | Paint::Dense(_) => "GrayText",
        Paint::OnSlice(_) => "Canvas",
        Paint::Edge(_) => "CanvasText",
        Paint::Selection | Paint::Flow | Paint::Hover | Paint::Ghost => "Highlight",
        Paint::Found => "LinkText",
        Paint::Issue => "Mark",
    }
}

fn is_wrong(look: Look) -> bool {
    matches!(
        look,
        Look::Stall
            | Look::BlockingOnLoop
            | Look::SignalLost
            | Look::Warning
            | Look::Error
            | Look::Moved
            | Look::Missing
            | Look::Extra
    )
}
