//! A real Chromium without a screen, told what to do in the language of its developer tools, over
//! a pair of pipes: messages in JSON, each ended by a zero byte.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;

use serde_json::{Value, json};

use super::folder::Folder;
use super::process::Process;
use super::wait::{PATIENCE, until};

/// A page in a browser of its own, which ends with this value.
pub(crate) struct Browser {
    wire: RefCell<Wire>,
    // After the wire: its process ends when nobody can talk to it any more.
    _process: Process,
}

struct Wire {
    to: ChildStdin,
    from: Receiver<Value>,
    /// Counts requests.
    last: u64,
    session: Option<String>,
    /// What went wrong in the page: errors, and what its policy refused.
    complaints: Vec<String>,
    /// What the page asked for.
    requested: Vec<String>,
}

impl Browser {
    /// Starts a browser with an empty page.
    pub(crate) fn start(folder: &Folder) -> Self {
        let profile = folder.path("chromium");
        fs::create_dir_all(&profile).expect("a folder for the browser");
        // The browser's pipes are its descriptors 3 and 4.
        let script = r#"exec chromium "$@" 3<&0 4>&1 </dev/null >&2"#;
        let mut command = Process::command("/bin/sh".as_ref());
        command.args(["-c", script, "sh", "--headless", "--remote-debugging-pipe"]);
        // As root, as in a container, it does not start with its sandbox; what it is shown is ours.
        command.args(["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        command.args(["--disable-background-networking", "--no-first-run", "--lang=en-US"]);
        // Names that whoever has them lets point here.
        command.arg("--host-resolver-rules=MAP *.example 127.0.0.1");
        command.arg(format!("--user-data-dir={}", profile.display()));
        let (process, to, from) = Process::start_with_pipes("chromium", &mut command, folder.path("chromium.log"));
        let mut wire = Wire {
            to,
            from: messages(from),
            last: 0,
            session: None,
            complaints: Vec::new(),
            requested: Vec::new(),
        };
        let target = wire.call("Target.createTarget", json!({"url": "about:blank"}));
        let attached = wire.call(
            "Target.attachToTarget",
            json!({"targetId": target["targetId"], "flatten": true}),
        );
        wire.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            wire.call(&format!("{domain}.enable"), json!({}));
        }
        Self {
            wire: RefCell::new(wire),
            _process: process,
        }
    }

    /// Goes to an address, or to another place of the page that is open.
    pub(crate) fn open(&self, url: &str) {
        let answer = self.wire.borrow_mut().call("Page.navigate", json!({"url": url}));
        assert_eq!(answer["errorText"], Value::Null, "{url}");
    }

    /// The value of a JavaScript expression, waited for if it is a promise.
    pub(crate) fn evaluate(&self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.wire.borrow_mut().call("Runtime.evaluate", parameters);
        assert_eq!(answer["exceptionDetails"], Value::Null, "{expression}");
        answer["result"]["value"].take()
    }

    /// Has the page believe that its reader prefers `light` or `dark`.
    pub(crate) fn prefer(&self, scheme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        let mut wire = self.wire.borrow_mut();
        wire.call("Emulation.setEmulatedMedia", json!({"features": [feature]}));
    }

    /// The text on the screen; none while a page is only beginning.
    pub(crate) fn text(&self) -> String {
        let text = self.evaluate("document.body?.innerText");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the screen shows all of these texts.
    #[track_caller]
    pub(crate) fn wait_for(&self, texts: &[&str]) {
        until(&format!("the page shows {texts:?}"), || {
            let shown = self.text();
            if texts.iter().all(|text| shown.contains(text)) {
                Ok(())
            } else {
                Err(shown)
            }
        });
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn wait_until(&self, expression: &str) {
        until(&format!("{expression} in the page"), || {
            match self.evaluate(expression) {
                Value::Bool(true) => Ok(()),
                value => Err(value.to_string()),
            }
        });
    }

    /// Clicks on the first element that a CSS selector finds.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        let element = format!("document.querySelector({})", json!(selector));
        self.wait_until(&format!("{element} !== null"));
        self.evaluate(&format!("{element}.click()"));
    }

    /// Types a text where the focus is.
    pub(crate) fn type_text(&self, text: &str) {
        let mut wire = self.wire.borrow_mut();
        for letter in text.chars() {
            for (kind, text) in [("keyDown", letter.to_string()), ("keyUp", String::new())] {
                let key = json!({"type": kind, "key": letter.to_string(), "text": text});
                wire.call("Input.dispatchKeyEvent", key);
            }
        }
    }

    /// Presses a key that is no letter.
    pub(crate) fn press(&self, key: &str) {
        let mut wire = self.wire.borrow_mut();
        for kind in ["rawKeyDown", "keyUp"] {
            wire.call("Input.dispatchKeyEvent", json!({"type": kind, "key": key, "code": key}));
        }
    }

    /// Forgets what went wrong with this in its text: it was meant to.
    #[track_caller]
    pub(crate) fn forgive(&self, text: &str) {
        self.evaluate("null");
        let complaints = &mut self.wire.borrow_mut().complaints;
        let before = complaints.len();
        complaints.retain(|complaint| !complaint.contains(text));
        assert!(complaints.len() < before, "nothing says {text}: {complaints:?}");
    }

    /// Fails if anything went wrong in the page, or if it asked for anything that is not below
    /// `origin`.
    #[track_caller]
    pub(crate) fn assert_content(&self, origin: &str) {
        // An answer comes after everything that happened before.
        self.evaluate("null");
        let wire = self.wire.borrow();
        assert_eq!(wire.complaints, [""; 0]);
        let foreign: Vec<_> = wire.requested.iter().filter(|url| !url.starts_with(origin)).collect();
        assert!(foreign.is_empty(), "{foreign:?}");
        assert!(!wire.requested.is_empty(), "requests are seen");
    }
}

impl Wire {
    /// Calls a method and waits for its answer. What happens meanwhile is noted.
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut request = json!({"id": self.last, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        let sent = write!(self.to, "{request}\0").and_then(|()| self.to.flush());
        sent.unwrap_or_else(|error| panic!("{method}: talking to the browser: {error}"));
        loop {
            let mut message = match self.from.recv_timeout(PATIENCE) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => panic!("{method}: no answer of the browser in {PATIENCE:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("{method}: the browser ended"),
            };
            if message["id"] == self.last {
                assert_eq!(message["error"], Value::Null, "{method}");
                return message["result"].take();
            }
            self.note(&message["method"], &message["params"]);
        }
    }

    fn note(&mut self, event: &Value, parameters: &Value) {
        match event.as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => self.complaints.push(parameters["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" => self.complaints.push(parameters["args"].to_string()),
            "Log.entryAdded" => self.complaints.push(parameters["entry"].to_string()),
            "Page.javascriptDialogOpening" => self.complaints.push(parameters.to_string()),
            "Network.requestWillBeSent" => {
                let url = parameters["request"]["url"].as_str().unwrap_or_default();
                self.requested.push(url.to_owned());
            }
            _ => {}
        }
    }
}

/// Messages as they come. The channel closes when the browser ends.
fn messages(from: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let messages = BufReader::new(from).split(0).map_while(Result::ok);
        for message in messages {
            let message = serde_json::from_slice(&message).expect("the browser speaks JSON");
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}
