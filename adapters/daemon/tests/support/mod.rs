//! Runs the real binary and speaks HTTP to it.

#![allow(clippy::expect_used, reason = "a test's helper reports by panicking")]
#![allow(dead_code, unused_imports, reason = "each test binary uses its part")]

mod http;
mod outcome;
mod setup;
mod times;
mod upstream;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

pub(crate) use http::Answer;
pub(crate) use outcome::{folder, outcome};
pub(crate) use setup::{CONFIG, Setup};
pub(crate) use times::without_times;
pub(crate) use upstream::Upstream;

/// What anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// So that the build lacks a mechanism, whatever there is.
pub(crate) const LACKING: &str = "--without-mechanism=marathon";

/// A running daemon; dropping it kills it.
pub(crate) struct Daemon {
    child: Child,
    address: String,
    log: Arc<Mutex<Vec<serde_json::Value>>>,
}

/// The binary under test. It keeps nothing over a restart unless it is told where: not in the home of who runs the tests.
pub(crate) fn headcount() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headcount"));
    for variable in ["STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"] {
        command.env_remove(variable);
    }
    command
}

impl Daemon {
    /// Starts `headcount run` on a free port, and waits until it listens.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::launch(headcount(), options)
    }

    /// The same, with a command that has variables of its own.
    pub(crate) fn launch(command: Command, options: &[&str]) -> Self {
        Self::run(command, &[&["--listen", "127.0.0.1:0"], options].concat())
    }

    /// The same where its settings say where it listens.
    pub(crate) fn start_as_settings(options: &[&str]) -> Self {
        Self::run(headcount(), options)
    }

    fn run(mut command: Command, options: &[&str]) -> Self {
        let mut child = command
            .args(["run", "--log-format", "json"])
            .args(options)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stderr = child.stderr.take().expect("piped");
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let entry = serde_json::from_str(&line).unwrap_or(serde_json::Value::String(line));
                lines.lock().expect("not poisoned").push(entry);
            }
        });
        let mut daemon = Self {
            child,
            address: String::new(),
            log,
        };
        daemon.address = daemon.logged("an address", |entry| entry["address"].as_str().map(str::to_owned));
        daemon
    }

    /// Starts it with a configuration and a throttle without delay.
    pub(crate) fn with_config(config: &Path, options: &[&str]) -> Self {
        let config = config.to_str().expect("UTF-8");
        Self::start(&[&["--config", config, "--throttle", "backoff:0..100ms"], options].concat())
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[])
    }

    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        http::request(&self.address, method, path, headers)
    }

    /// Waits until `path` answers 200 with a body of which `condition` holds.
    pub(crate) fn wait_for(&self, path: &str, condition: impl Fn(&str) -> bool) -> Answer {
        wait_until(&format!("{path} to be as expected; it is {:?}", self.get(path)), || {
            let answer = self.get(path);
            (answer.status == 200 && condition(&answer.text())).then_some(answer)
        })
    }

    /// Waits for a log entry.
    pub(crate) fn logged<T>(&self, what: &str, find: impl Fn(&serde_json::Value) -> Option<T>) -> T {
        wait_until(what, || self.log.lock().expect("not poisoned").iter().find_map(&find))
    }

    /// Looks at each line of the log.
    pub(crate) fn assert_log(&self, assert: impl Fn(&str)) {
        let log = self.log.lock().expect("not poisoned");
        log.iter().for_each(|entry| assert(&entry.to_string()));
    }

    /// How many log entries `condition` holds for.
    pub(crate) fn log_count(&self, condition: impl Fn(&serde_json::Value) -> bool) -> usize {
        self.log
            .lock()
            .expect("not poisoned")
            .iter()
            .filter(|entry| condition(entry))
            .count()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id");
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits until it ends by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_until("the end", || self.child.try_wait().expect("a child"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits until there is something, for as long as a busy machine may take.
pub(crate) fn wait_until<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Replaces a file as a whole, as a careful writer does.
pub(crate) fn replace(path: &Path, content: &str) {
    let unfinished = path.with_extension("unfinished");
    std::fs::write(&unfinished, content).expect("written");
    std::fs::rename(unfinished, path).expect("renamed");
}
