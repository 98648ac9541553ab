//! The files that pages need besides their text. They are part of the program.

use crate::sha256::Sha256;

/// A file.
#[derive(Debug)]
pub struct Asset {
    name: &'static str,
    /// What it is, for browsers.
    pub kind: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
    /// Another one for other bytes.
    pub etag: String,
}

/// All of them.
#[derive(Debug)]
pub struct Assets(Vec<Asset>);

impl Assets {
    /// Those that pages refer to.
    pub fn embedded() -> Assets {
        let asset = |name, kind, bytes| {
            let etag = format!("\"{}\"", Sha256::of(bytes));
            Asset { name, kind, bytes, etag }
        };
        Assets(vec![
            asset("style.css", "text/css; charset=utf-8", loopbox_pages::STYLE_CSS.as_bytes()),
            asset(
                "viewer.js",
                "text/javascript; charset=utf-8",
                loopbox_pages::VIEWER_JS.as_bytes(),
            ),
            asset(
                "timeline.js",
                "text/javascript; charset=utf-8",
                loopbox_embed::TIMELINE_JS.as_bytes(),
            ),
            asset("timeline.wasm", "application/wasm", loopbox_embed::TIMELINE_WASM),
        ])
    }

    /// The file of this name.
    pub fn get(&self, name: &str) -> Option<&Asset> {
        self.0.iter().find(|asset| asset.name == name)
    }
}
