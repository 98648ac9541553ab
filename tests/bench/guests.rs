//! Builds the guest programs of the benchmark, with the workspace's profile `guest`: as those who care for
//! speed would. The native peers are built with the same settings.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the compiled guests are.
pub struct Guests {
    folder: PathBuf,
}

impl Guests {
    /// The component of one program.
    pub fn wasm(&self, name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
        let path = self.folder.join(format!("{name}.wasm"));
        std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()).into())
    }
}

/// The workspace's own folder.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Builds all programs.
pub fn build() -> Result<Guests, Box<dyn Error>> {
    let target = "wasm32-wasip2";
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--profile",
            "guest",
            "--package",
            "loopbox-programs",
            "--target",
            target,
        ])
        .current_dir(workspace())
        .status()?;
    if !status.success() {
        return Err(format!("the guests do not build; is the target {target} installed?").into());
    }
    // The bench itself lies in target/<profile>/deps.
    let own = std::env::current_exe()?;
    let target_folder = own.ancestors().nth(3).ok_or("the bench is not in a target folder")?;
    Ok(Guests { folder: target_folder.join(target).join("guest") })
}
