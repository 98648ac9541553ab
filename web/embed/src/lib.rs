//! The timeline, compiled for browsers and embedded. The build script of this crate compiles it.
//!
//! Nothing here serves it: a page loads [`TIMELINE_JS`] as an ordinary script, which defines the one global
//! `wasm_bindgen`, and gives that [`TIMELINE_WASM`]. Both come from one build and fit no other.

/// The script between the page and the module.
pub const TIMELINE_JS: &str = include_str!(concat!(env!("OUT_DIR"), "/timeline.js"));

/// The module.
pub const TIMELINE_WASM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/timeline.wasm"));

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;

    #[test]
    fn the_module_is_one_that_browsers_take() {
        assert_eq!(TIMELINE_WASM[..8], *b"\0asm\x01\0\0\0", "a core module");
    }

    #[test]
    fn the_script_defines_one_global_and_no_module() {
        let begin = TIMELINE_JS.trim_start();
        assert!(begin.starts_with("let wasm_bindgen = "), "{}", &begin[..60]);
        // In a page without `type="module"` such a line would be an error.
        assert!(!TIMELINE_JS.lines().any(|line| line.trim_start().starts_with("export ")));
    }

    #[test]
    fn the_module_is_under_300_kilobytes_compressed() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(TIMELINE_WASM).expect("into memory");
        let compressed = encoder.finish().expect("into memory").len();
        assert!(compressed < 300_000, "{compressed} bytes");
    }
}
