//! How fast the viewer opens a trace of a million events in headless Chromium, how it pans, and what it takes.
//!
//! Opening goes from the request for the page to a drawn timeline, with everything that the server has to do
//! for it the first time. Panning is seen from the page: the time from frame to frame, with a key pressed in
//! each. Memory is the page's own: the heap of its scripts and that of WebAssembly.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::chromium::{Chromium, Page};
use crate::report::{self, Report};
use crate::support::{Folder, made};
use crate::viewer_process::Viewer;

const EVENTS: usize = 1_000_000;

pub const OPEN: &str = "viewer, 1,000,000 events: open";
pub const PAN_ALL: &str = "viewer, a frame while panning, all in view";
pub const PAN_PART: &str = "viewer, a frame while panning, zoomed in";
pub const MEMORY: &str = "viewer, memory beside the stored trace";
pub const SIZE: &str = "viewer, wasm compressed";

/// Takes so many samples.
pub fn sample(samples: u32, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let folder = Folder::new();
    let id = made::keep(&folder, "long", &made::long_trace(EVENTS));
    let trace = folder.path().join(format!(".loopbox/results/{id}.trace.jsonl"));
    let stored_bytes = std::fs::metadata(trace)?.len() as f64;
    let browser = Chromium::start();
    for sample in 1..=samples {
        report::line(&format!("viewer, sample {sample} of {samples}"));
        // Another one each time: it remembers what it has read.
        let viewer = Viewer::of(&folder);
        let mut page = browser.page();
        let begin = Instant::now();
        page.open(&viewer.at(&format!("run/{id}")));
        page.until_drawn();
        report.add("loopbox", OPEN, "ms", begin.elapsed().as_secs_f64() * 1e3);
        page.eval("document.querySelector('[data-timeline] canvas').focus()");
        // All but all: what is in view at once cannot be panned.
        page.key("w");
        report.add("loopbox", PAN_ALL, "ms", frame_ms(&mut page)?);
        for _ in 0..12 {
            page.key("w");
        }
        report.add("loopbox", PAN_PART, "ms", frame_ms(&mut page)?);
        let bytes = page.eval(
            "(async () => performance.memory.usedJSHeapSize + (await wasm_bindgen()).memory.buffer.byteLength)()",
        );
        let bytes = bytes.as_f64().ok_or("the page knows no memory")?;
        report.add("loopbox", MEMORY, "times", bytes / stored_bytes);
    }
    let mut compressed = DeflateEncoder::new(Vec::new(), Compression::best());
    compressed.write_all(loopbox_embed::TIMELINE_WASM)?;
    report.add("loopbox", SIZE, "bytes", compressed.finish()?.len() as f64);
    Ok(())
}

/// The median time from frame to frame, with a key pressed in each.
fn frame_ms(page: &mut Page) -> Result<f64, Box<dyn Error>> {
    let median = page.eval(
        "new Promise(resolve => {
           const canvas = document.querySelector('[data-timeline] canvas');
           const times = [];
           let last = null;
           const frame = now => {
             if (last !== null) times.push(now - last);
             last = now;
             const key = Math.floor(times.length / 30) % 2 ? 'a' : 'd';
             canvas.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
             if (times.length < 180) requestAnimationFrame(frame);
             else resolve(times.sort((a, b) => a - b)[90]);
           };
           requestAnimationFrame(frame);
         })",
    );
    median.as_f64().ok_or_else(|| "no frames".into())
}
