//! moto: an AWS that runs here, checks signatures, and lets in whom it knows.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::folder::Folder;
use super::http;
use super::ports::free_port;
use super::process::Process;
use super::required::find;

/// A moto on a port of its own.
pub(crate) struct Moto {
    process: Process,
    address: SocketAddr,
    log: PathBuf,
    /// Whom it knows, as `seed.py` says.
    pub(crate) known: Value,
}

impl Moto {
    /// Starts one with what `seed.py` puts into it.
    pub(crate) fn start(folder: &Folder) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let log = folder.path("moto.log");
        let (process, known) = launch(address, &log);
        Self {
            process,
            address,
            log,
            known,
        }
    }

    /// Starts it again where it was, with what was in it at first: it keeps nothing, and what `seed.py` makes has the same
    /// names and addresses each time.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let (process, known) = launch(self.address, &self.log);
        assert_eq!(known, self.known, "keys are the same each time");
        self.process = process;
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The fields of an entry that asks as this user.
    pub(crate) fn keys_of(&self, user: &str) -> String {
        let text = |name: &str| self.known[user][name].as_str().expect("a key").to_owned();
        format!(
            "access_key: {}, secret_key: '{}'",
            text("access_key"),
            text("secret_key")
        )
    }

    /// Does something in it, in lines of Python with `client`, as who may do everything.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) {
        let text = |name: &str| self.known["allowed"][name].to_string();
        let program = format!(
            "import boto3\nclient = lambda s: boto3.client(s, endpoint_url={:?}, region_name='eu-west-1', \
             aws_access_key_id={}, aws_secret_access_key={})\n{line}\n",
            self.url(),
            text("access_key"),
            text("secret_key"),
        );
        let output = Command::new(python())
            .args(["-c", &program])
            .output()
            .expect("running Python");
        assert!(
            output.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }
}

/// Starts a moto, fills it, and says whom it knows.
fn launch(address: SocketAddr, log: &Path) -> (Process, Value) {
    let mut command = Process::command(&python());
    command.arg(program("server.py"));
    command.args(["-H", "127.0.0.1", "-p", &address.port().to_string()]);
    let mut process = Process::start("moto", command.env_clear(), log.to_owned());
    process.wait_until("answers", |_| http::request(address, "GET", "/moto-api/", "").map(drop));
    let output = Command::new(python())
        .arg(program("seed.py"))
        .arg(format!("http://{address}"))
        .output();
    let output = output.expect("running seed.py");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let known = serde_json::from_str(&said);
    let known = known.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (process, known)
}

/// A program of the tests' own.
fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/servers/aws")
        .join(name)
}

/// The Python that moto runs on.
pub(super) fn python() -> PathBuf {
    let server = find("moto_server-5.2").expect("moto is installed");
    let server = server.canonicalize().expect("where it is");
    server.with_file_name("python")
}
