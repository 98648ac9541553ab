//! `loopbox view` on results of one's own, and the runs that make them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::support::Folder;

/// The folder of the repository.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A running viewer, which ends with the test.
pub struct Viewer {
    child: Child,
    /// Its address, with the token and a slash at the end.
    pub url: String,
}

impl Viewer {
    /// Shows the results in a folder.
    pub fn of(folder: &Folder) -> Viewer {
        let mut command = folder.command(&["view"]);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("the address");
        let url = line.trim_end().to_owned();
        assert!(url.starts_with("http://127.0.0.1:") && url.ends_with('/'), "{url:?}");
        Viewer { child, url }
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Puts a guest of the repository into a folder, as `NAME.wasm`, building it if need be.
pub fn guest(folder: &Folder, name: &str) {
    let status = std::process::Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"])
        .args(["--package", "loopbox-programs", "--bin", name])
        .current_dir(WORKSPACE)
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the guest {name} does not build");
    let target =
        Path::new(env!("CARGO_BIN_EXE_loopbox")).ancestors().nth(2).expect("a target folder");
    let built: PathBuf = target.join("wasm32-wasip2/release").join(format!("{name}.wasm"));
    folder.write(&format!("{name}.wasm"), std::fs::read(built).expect("it was built"));
}

/// A scenario in which SIGTERM comes in the midst of a stall, so that its latency fails: `late.toml`.
pub const LATE: &str = r#"title = "SIGTERM during a stall waits until the loop looks again"
guest = { wasm = "graceful.wasm" }
args = ["--stall", "300ms", "--stall-at", "900ms", "--save", "--workers", "2"]

[machine]
workers = 2
time-limit = "30s"

[[signal]]
name = "SIGTERM"
at = "1s"

[[blocking]]
call = "db.save"
takes = "5ms"

[expect]
exit = 0
max-stall = "50ms"
signal-latency = "50ms"
offloaded = ["db.*"]
"#;

/// A folder with the run of [`LATE`], which fails; and its id.
pub fn late() -> (Folder, &'static str) {
    let folder = Folder::new();
    guest(&folder, "graceful");
    folder.write("late.toml", LATE);
    folder.loopbox(&["run", "late.toml"]).exits(100);
    (folder, "late/seed-0")
}
