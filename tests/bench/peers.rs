//! Builds and samples the native peers, a crate of its own outside the workspace.

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

use crate::guests::workspace;
use crate::report::Report;

/// Builds the peers; returns their program.
pub fn build() -> Result<PathBuf, Box<dyn Error>> {
    let folder = workspace().join("tests/peers");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release"])
        .current_dir(&folder)
        // Its own .cargo/config.toml sets the flags that madsim needs; these would override it.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .status()?;
    if !status.success() {
        return Err("the native peers do not build".into());
    }
    Ok(folder.join("target/release/peers"))
}

/// One sample of every workload on every peer.
pub fn sample(program: &PathBuf, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let output = Command::new(program).args(["--samples", "1"]).output()?;
    if !output.status.success() {
        return Err(format!("peers: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let sample: serde_json::Value = serde_json::from_slice(line)?;
        let text = |key: &str| sample[key].as_str().unwrap_or("?").to_owned();
        let who = format!("{} {}", text("peer"), text("version"));
        let value = sample["value"].as_f64().ok_or("a peer printed no value")?;
        report.add(&who, &text("workload"), &text("unit"), value);
    }
    Ok(())
}
