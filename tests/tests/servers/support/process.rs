//! Processes that end with their test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::required;
use super::wait::{PATIENCE, until, until_within};

/// Lines of a process's log that stand in the report of a test that failed.
const REPORTED_LINES: usize = 40;

/// A process. It is killed when this value goes, and what it said is shown if the test failed.
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program whose standard output and standard error go to `log`.
    pub(crate) fn start(name: &str, command: &mut Command, log: PathBuf) -> Self {
        let out = open_log(&log);
        let error = out.try_clone().expect("a second handle of a log");
        Self::spawn(name, command.stdin(Stdio::null()).stdout(out).stderr(error), log)
    }

    /// Starts a program that is talked to; its standard error goes to `log`.
    pub(crate) fn start_with_pipes(name: &str, command: &mut Command, log: PathBuf) -> (Self, ChildStdin, ChildStdout) {
        let error = open_log(&log);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(error);
        let mut process = Self::spawn(name, command, log);
        let (to, from) = (process.child.stdin.take(), process.child.stdout.take());
        (process, to.expect("a pipe"), from.expect("a pipe"))
    }

    fn spawn(name: &str, command: &mut Command, log: PathBuf) -> Self {
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("starting {name}: {error}"));
        Self {
            name: name.to_owned(),
            child,
            log,
        }
    }

    /// A command for `program`, which the system kills if this thread is gone without having
    /// done so. Where `setpriv` is not installed, nothing does.
    pub(crate) fn command(program: &Path) -> Command {
        match required::find("setpriv") {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--"]).arg(program);
                command
            }
            None => Command::new(program),
        }
    }

    /// What it has said.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).expect("reading a log")).into_owned()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = Pid::from_child(&self.child);
        kill_process(id, signal).unwrap_or_else(|error| panic!("sending a signal to {}: {error}", self.name));
    }

    /// Waits for its end.
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        let (name, child) = (&self.name, &mut self.child);
        until(&format!("{name} ends"), || {
            let ended = child.try_wait().map_err(|error| error.to_string())?;
            ended.ok_or_else(|| "it runs".to_owned())
        })
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Waits until a look at it succeeds; fails at once when it ends before.
    pub(crate) fn wait_until<T>(&mut self, what: &str, attempt: impl FnMut(&Self) -> Result<T, String>) -> T {
        self.wait_until_within(PATIENCE, what, attempt)
    }

    /// Like [`Self::wait_until`], for what takes longer than anything else.
    pub(crate) fn wait_until_within<T>(
        &mut self,
        patience: Duration,
        what: &str,
        mut attempt: impl FnMut(&Self) -> Result<T, String>,
    ) -> T {
        until_within(patience, &format!("{} {what}", self.name), || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("{} ended ({status}); it said:\n{}", self.name, self.log());
            }
            attempt(self)
        })
    }
}

fn open_log(log: &Path) -> File {
    let opened = File::options().create(true).append(true).open(log);
    opened.expect("creating a log")
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let end = lines[lines.len().saturating_sub(REPORTED_LINES)..].join("\n");
            eprintln!("the last that {} said:\n{end}\n", self.name);
        }
    }
}
