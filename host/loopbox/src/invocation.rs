//! How to start this command again: the line that a failure ends with.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

/// The name of the command in places that must not depend on how it was started.
pub const PLAIN: &str = "loopbox";

/// What somebody types who started this process: `loopbox`, or `cargo run --release --` in a checkout.
pub fn of_this_process() -> &'static str {
    let program = env::current_exe().unwrap_or_default();
    invocation(env::var_os("CARGO").is_some(), &program)
}

fn invocation(under_cargo: bool, program: &Path) -> &'static str {
    let profile = program.parent().and_then(Path::file_name).and_then(OsStr::to_str);
    match profile {
        Some("release") if under_cargo => "cargo run --release --",
        Some("debug") if under_cargo => "cargo run --",
        _ => PLAIN,
    }
}

/// The command that gives a run again; of this guest, if the scenario has several.
pub fn reproduce(invocation: &str, scenario: &Path, guest: Option<&str>, seed: u64) -> String {
    let scenario = quote(&scenario.to_string_lossy());
    let guest = guest.map(|name| format!(" --guest {name}")).unwrap_or_default();
    format!("{invocation} run {scenario}{guest} --seed {seed}")
}

/// The command that writes a scenario's golden anew.
pub fn bless(invocation: &str, scenario: &Path) -> String {
    format!("{invocation} run {} --bless", quote(&scenario.to_string_lossy()))
}

/// The text as one word of a shell.
fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,+@".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(is_plain) {
        return word.into();
    }
    // A word that begins with a dash would be taken for an option, quoted or not.
    let prefix = if word.starts_with('-') { "./" } else { "" };
    format!("'{prefix}{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_uses_cargo_is_shown_cargo() {
        let release = Path::new("/x/target/release/loopbox");
        assert_eq!(invocation(true, release), "cargo run --release --");
        assert_eq!(invocation(true, Path::new("/x/target/debug/loopbox")), "cargo run --");
        assert_eq!(invocation(false, release), "loopbox");
        assert_eq!(invocation(true, Path::new("/home/me/.cargo/bin/loopbox")), "loopbox");
    }

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        let command = |path: &str| reproduce("loopbox", Path::new(path), None, 7);
        assert_eq!(command("scenarios/a.toml"), "loopbox run scenarios/a.toml --seed 7");
        assert_eq!(command("it's here.toml"), r"loopbox run 'it'\''s here.toml' --seed 7");
        assert_eq!(command("$(rm).toml"), "loopbox run '$(rm).toml' --seed 7");
        assert_eq!(command("-x.toml"), "loopbox run './-x.toml' --seed 7");
        let of_one = reproduce("loopbox", Path::new("a.toml"), Some("python"), 7);
        assert_eq!(of_one, "loopbox run a.toml --guest python --seed 7");
        assert_eq!(bless("loopbox", Path::new("a.toml")), "loopbox run a.toml --bless");
    }
}
