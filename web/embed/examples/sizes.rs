//! Prints what the timeline weighs: `cargo xtask web` runs this.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use loopbox_embed::{TIMELINE_JS, TIMELINE_WASM};

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, bytes) in [("timeline.wasm", TIMELINE_WASM), ("timeline.js", TIMELINE_JS.as_bytes())]
    {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes)?;
        let compressed = encoder.finish()?.len();
        writeln!(out, "{name}: {} bytes, {compressed} bytes compressed", bytes.len())?;
    }
    Ok(())
}
