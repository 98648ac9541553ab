//! A headless Chromium, and just enough of its DevTools protocol for the tests: pages, keys, the pointer,
//! screenshots.
//!
//! It is driven in one thread over one socket a page. Nothing here sleeps: a page is waited for by its own
//! events or by a promise in it, and a deadline on the socket turns a page that never comes into a failure.

use std::collections::VecDeque;
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

/// Longer than anything takes on a loaded machine. It is not a measure of speed.
const DEADLINE: Duration = Duration::from_secs(120);

/// Where screenshots are put, to be looked at by people and kept by CI.
const SCREENSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/browser/screenshots");

/// A browser of one's own, which ends with the test.
pub struct Chromium {
    child: Child,
    /// `127.0.0.1:PORT` of its DevTools.
    address: String,
    _profile: TempDir,
}

impl Chromium {
    /// Starts Debian's Chromium, or the program that `CHROMIUM` names.
    pub fn start() -> Chromium {
        let profile = tempfile::tempdir().expect("a folder");
        let program = env::var_os("CHROMIUM").unwrap_or_else(|| "chromium".into());
        let mut command = Command::new(&program);
        command
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb"])
            .args(["--enable-precise-memory-info", "--remote-debugging-port=0", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!(
                "{} does not start ({error}): install Debian's package `chromium` (`cargo xtask test` does it \
                 for root), or name another one by CHROMIUM",
                program.display()
            )
        });
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let address = lines
            .by_ref()
            .map(|line| line.expect("Chromium's messages are text"))
            .find_map(|line| {
                let url = line.strip_prefix("DevTools listening on ws://")?.to_owned();
                url.split('/').next().map(str::to_owned)
            })
            .expect("Chromium says where its DevTools are");
        // Else it would stop when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Chromium { child, address, _profile: profile }
    }

    /// A new, empty page of 1280 by 900 pixels in the light theme.
    pub fn page(&self) -> Page {
        let target = self.http("PUT", "/json/new?about:blank");
        let url = target["webSocketDebuggerUrl"].as_str().expect("a page has an address");
        let stream = TcpStream::connect(&self.address).expect("Chromium listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let (socket, _) = tungstenite::client::client_with_config(url, stream, Some(config))
            .expect("DevTools speak WebSocket");
        let mut page = Page { socket, last_id: 0, events: VecDeque::new(), troubles: Vec::new() };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.size(1280, 900);
        page.dark(false);
        page
    }

    fn http(&self, method: &str, path: &str) -> Value {
        let mut stream = TcpStream::connect(&self.address).expect("Chromium listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a header");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        serde_json::from_slice(&body).expect("JSON")
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One page.
pub struct Page {
    socket: WebSocket<TcpStream>,
    last_id: u64,
    /// Events that nobody has waited for yet.
    events: VecDeque<Value>,
    /// What the console said that must not be: errors of scripts, refusals of the content security policy.
    troubles: Vec<String>,
}

impl Page {
    /// Opens an address and waits until everything of it has been loaded.
    pub fn open(&mut self, url: &str) {
        self.events.clear();
        let answer = self.call("Page.navigate", json!({ "url": url }));
        if let Some(error) = answer.get("errorText") {
            panic!("{url}: {error}");
        }
        self.wait_for("Page.loadEventFired");
    }

    /// The value of an expression; of its result, if it is a promise.
    #[track_caller]
    pub fn eval(&mut self, expression: &str) -> Value {
        let parameters = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        let answer = self.call("Runtime.evaluate", parameters);
        if let Some(details) = answer.get("exceptionDetails") {
            panic!("{expression}: {details:#}");
        }
        answer["result"]["value"].clone()
    }

    /// The text of the element that a selector finds first.
    #[track_caller]
    pub fn text(&mut self, selector: &str) -> String {
        let value = self.eval(&format!("document.querySelector({}).textContent", json!(selector)));
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a condition of the page is true, which is looked at in every frame.
    #[track_caller]
    pub fn until(&mut self, condition: &str) {
        let looked_at = format!(
            "new Promise(resolve => {{ const look = () => ({condition}) ? resolve(true) : \
             requestAnimationFrame(look); look(); }})"
        );
        self.eval(&looked_at);
    }

    /// Waits until the timeline of the page, which must be seen to be started, is drawn.
    #[track_caller]
    pub fn until_drawn(&mut self) {
        let shown =
            "[...document.querySelectorAll('[data-timeline]')].find(t => t.offsetParent !== null)";
        self.until(&format!("{shown} !== undefined"));
        self.eval(&format!("{shown}.scrollIntoView({{ block: 'start', behavior: 'instant' }})"));
        self.until(&format!("'started' in {shown}.dataset"));
        self.frames();
    }

    /// Lets two frames go by, so that what was asked for is painted.
    pub fn frames(&mut self) {
        self.eval("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))");
    }

    /// Presses and releases a key, by its name in DOM events: `w`, `/`, `Escape`, `Tab`.
    pub fn key(&mut self, key: &str) {
        self.key_with(key, 0);
    }

    /// As [`Page::key`], with modifiers: 1 is alt, 2 control, 4 meta, 8 shift.
    pub fn key_with(&mut self, key: &str, modifiers: u8) {
        let (code, number) = match key {
            "Enter" => ("Enter", 13),
            "Escape" => ("Escape", 27),
            "Tab" => ("Tab", 9),
            "ArrowLeft" => ("ArrowLeft", 37),
            "ArrowUp" => ("ArrowUp", 38),
            "ArrowRight" => ("ArrowRight", 39),
            "ArrowDown" => ("ArrowDown", 40),
            "Home" => ("Home", 36),
            "End" => ("End", 35),
            _ => ("", 0),
        };
        let text = match key {
            "Enter" => Some("\r".to_owned()),
            _ if key.chars().count() == 1 => Some(key.to_owned()),
            _ => None,
        };
        let mut down = json!({
            "type": "keyDown", "key": key, "code": code, "windowsVirtualKeyCode": number,
            "modifiers": modifiers,
        });
        if let Some(text) = text {
            down["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", down);
        self.call(
            "Input.dispatchKeyEvent",
            json!({ "type": "keyUp", "key": key, "code": code, "windowsVirtualKeyCode": number }),
        );
        self.frames();
    }

    /// Types a text into what has the focus.
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
        self.frames();
    }

    /// Moves the pointer, presses, releases: `mouseMoved`, `mousePressed`, `mouseReleased`.
    pub fn pointer(&mut self, kind: &str, x: f64, y: f64) {
        self.dispatch_pointer(kind, x, y);
        self.frames();
    }

    fn dispatch_pointer(&mut self, kind: &str, x: f64, y: f64) {
        let pressed = u8::from(kind != "mouseMoved");
        let parameters = json!({
            "type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": pressed,
        });
        self.call("Input.dispatchMouseEvent", parameters);
    }

    /// Clicks the middle of an element.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let (x, y) = self.middle(selector);
        self.pointer("mousePressed", x, y);
        self.pointer("mouseReleased", x, y);
    }

    /// Where the middle of an element is, which is brought into sight.
    #[track_caller]
    fn middle(&mut self, selector: &str) -> (f64, f64) {
        let middle = self.eval(&format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            json!(selector)
        ));
        let at = |index: usize| middle[index].as_f64().expect("a number");
        (at(0), at(1))
    }

    /// As [`Page::click`], of what leads to another page; waits until that has been loaded.
    #[track_caller]
    pub fn click_through(&mut self, selector: &str) {
        let (x, y) = self.middle(selector);
        self.events.clear();
        for kind in ["mousePressed", "mouseReleased"] {
            self.dispatch_pointer(kind, x, y);
        }
        self.wait_for("Page.loadEventFired");
    }

    /// Waits until the address tells what is looked at, which it does when nothing has moved for some frames.
    pub fn settle(&mut self) {
        self.eval(
            "new Promise(resolve => { let left = 30; const wait = () => left-- ? requestAnimationFrame(wait) : \
             resolve(); wait(); })",
        );
    }

    /// The size of the window in CSS pixels.
    pub fn size(&mut self, width: u32, height: u32) {
        let parameters =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", parameters);
    }

    /// The theme that the user's system has.
    pub fn dark(&mut self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let feature = json!({ "name": "prefers-color-scheme", "value": value });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [feature] }));
    }

    /// Switches scripts of pages off or on, for what is opened next.
    pub fn scripts(&mut self, on: bool) {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": !on }));
    }

    /// Keeps a picture of the page under this name.
    pub fn screenshot(&mut self, name: &str) -> PathBuf {
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let bytes = STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base64");
        std::fs::create_dir_all(SCREENSHOTS).expect("a folder for screenshots");
        let path = Path::new(SCREENSHOTS).join(format!("{name}.png"));
        std::fs::write(&path, bytes).expect("a picture");
        path
    }

    /// Fails if the console told of an error since the page was made.
    #[track_caller]
    pub fn has_no_troubles(&mut self) {
        // An answer to a call comes after the events before it.
        self.eval("0");
        assert_eq!(self.troubles, Vec::<String>::new());
    }

    /// One command of the protocol and its result.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let command = json!({ "id": id, "method": method, "params": parameters });
        self.socket.send(Message::text(command.to_string())).expect("sent");
        let begin = Instant::now();
        loop {
            // Events may go on coming while the answer does not.
            assert!(begin.elapsed() < DEADLINE, "no answer to {command}");
            let message = self.read();
            if message["id"] == id {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    fn wait_for(&mut self, event: &str) {
        loop {
            while let Some(message) = self.events.pop_front() {
                if message["method"] == event {
                    return;
                }
            }
            self.read();
        }
    }

    fn read(&mut self) -> Value {
        let message = self.socket.read().expect("an answer before the deadline");
        let text = message.into_text().expect("DevTools send text");
        let message: Value = serde_json::from_str(&text).expect("JSON");
        if message.get("method").is_some() {
            self.note_trouble(&message);
            self.events.push_back(message.clone());
        }
        message
    }

    fn note_trouble(&mut self, message: &Value) {
        let parameters = &message["params"];
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => {
                self.troubles.push(parameters["exceptionDetails"].to_string());
            }
            Some("Log.entryAdded") if parameters["entry"]["level"] == "error" => {
                self.troubles.push(parameters["entry"]["text"].to_string());
            }
            Some("Runtime.consoleAPICalled") if parameters["type"] == "error" => {
                self.troubles.push(parameters["args"].to_string());
            }
            _ => {}
        }
    }
}
