//! A real keystone and a real nova, and a stub for neutron and Octavia. They take half a minute to start, so they run in the
//! long mode only.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::ports::free_port;
use super::required::{all_are_installed, are_possible, is_long};

/// Where `tests/setup --long` has installed the servers.
const INSTALLED: &str = "/usr/local/lib/headcount-openstack";

/// An OpenStack at ports of its own, with what `tests/golden-openstack` puts into it.
pub(crate) struct OpenStack {
    script: Child,
    // Its end is the servers' end.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    ports: [u16; 3],
}

/// Whether one can be run, and is wanted. If not, it is said which test is skipped for it.
pub(crate) fn is_wanted() -> bool {
    is_long("a real OpenStack")
        && all_are_installed(&["python3"])
        && are_possible("an OpenStack (tests/setup --long installs it)", || {
            environment().join("bin/uwsgi").is_file()
        })
}

fn environment() -> PathBuf {
    env::var_os("HEADCOUNT_OPENSTACK").map_or_else(|| INSTALLED.into(), PathBuf::from)
}

impl OpenStack {
    /// Starts one, and waits until it answers.
    pub(crate) fn start() -> Self {
        let ports = [free_port(), free_port(), free_port()];
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden-openstack");
        let mut script = Command::new("python3")
            .arg(script)
            .arg("--serve")
            .arg(environment())
            .env("OPENSTACK_PORTS", ports.map(|port| port.to_string()).join(","))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let (commands, answers) = (script.stdin.take(), script.stdout.take().expect("piped"));
        let mut started = Self {
            script,
            commands,
            answers: BufReader::new(answers),
            ports,
        };
        started.expect("ready");
        started
    }

    /// Where keystone is.
    pub(crate) fn keystone(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// Has it do something, and waits until that is done: what the script's own help lists.
    #[track_caller]
    pub(crate) fn command(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("it runs");
        writeln!(commands, "{command}").expect("the script reads");
        self.expect("done");
    }

    #[track_caller]
    fn expect(&mut self, answer: &str) {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the script writes");
        assert_eq!(line.trim(), answer, "what it has to say stands above");
    }
}

impl Drop for OpenStack {
    fn drop(&mut self) {
        drop(self.commands.take());
        self.script.wait().ok();
    }
}
