//! Exit codes: what a script or a CI job may rely on. They do not change their meaning.
//!
//! 1 is not among them, and 101 is also what a panic of this program would give; everything else that is
//! not listed here is a bug. When several apply, [`worst`] says which one is given.

/// Every scenario holds; or what was asked for is done.
pub const ALL_HOLD: u8 = 0;
/// The command line makes no sense.
pub const USAGE: u8 = 2;
/// There is no scenario in the given paths, or no result.
pub const NOTHING_SELECTED: u8 = 4;
/// A scenario file is wrong, or something that a run needs is missing or does not work.
pub const BAD_SETUP: u8 = 96;
/// An expectation failed.
pub const EXPECTATION_FAILED: u8 = 100;
/// A guest did not build.
pub const GUEST_NOT_BUILT: u8 = 101;
/// Ctrl-C or SIGTERM ended the session before all scenarios had run: 128 and the number of SIGINT.
pub const INTERRUPTED: u8 = 130;

/// The codes that a session can end with, the most severe first. The less is known about the scenarios,
/// the more severe: a failed expectation is at least a full answer.
const SEVERITY: [u8; 4] = [INTERRUPTED, BAD_SETUP, GUEST_NOT_BUILT, EXPECTATION_FAILED];

/// For `--help`.
pub const HELP: &str = "\
Exit codes:
  0    every scenario holds
  2    the command line makes no sense
  4    there is no scenario in the given paths
  96   a scenario file is wrong, or what a run needs is missing
  100  an expectation failed
  101  a guest did not build
  130  interrupted by Ctrl-C or SIGTERM
When several apply: 130 before 96 before 101 before 100.";

/// The most severe of these codes; [`ALL_HOLD`] if there are none.
pub fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    let codes: Vec<u8> = codes.into_iter().collect();
    SEVERITY.into_iter().find(|code| codes.contains(code)).unwrap_or(ALL_HOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_severe_code_counts_whatever_the_order() {
        assert_eq!(worst([]), ALL_HOLD);
        assert_eq!(worst([ALL_HOLD, ALL_HOLD]), ALL_HOLD);
        assert_eq!(worst([ALL_HOLD, EXPECTATION_FAILED, ALL_HOLD]), EXPECTATION_FAILED);
        assert_eq!(worst([EXPECTATION_FAILED, GUEST_NOT_BUILT]), GUEST_NOT_BUILT);
        assert_eq!(worst([BAD_SETUP, GUEST_NOT_BUILT, EXPECTATION_FAILED]), BAD_SETUP);
        assert_eq!(worst([EXPECTATION_FAILED, INTERRUPTED, BAD_SETUP]), INTERRUPTED);
    }

    #[test]
    fn the_help_names_every_code() {
        let codes = [USAGE, NOTHING_SELECTED, ALL_HOLD];
        for code in codes.into_iter().chain(SEVERITY) {
            assert!(HELP.contains(&format!("\n  {code} ")), "{code}");
        }
    }
}
