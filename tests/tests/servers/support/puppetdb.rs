//! A real PuppetDB with a PostgreSQL of its own. It takes a quarter of a minute to start where nothing else runs.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use super::folder::Folder;
use super::http::send;
use super::ports::free_port;
use super::process::Process;
use super::required::{all_are_installed, are_possible, find};
use super::wait::until;

/// How long a start may take. It is some twenty seconds of work, so on a machine that is busy with other tests it takes longer
/// than anything else does.
const START: Duration = Duration::from_secs(300);

/// What Debian's package has.
const JAR: &str = "/usr/share/puppetdb/puppetdb.jar";

/// A PuppetDB on a port of its own.
pub(crate) struct PuppetDb {
    process: Process,
    address: SocketAddr,
    folder: PathBuf,
    // Runs as long as this value lives.
    _postgres: Process,
}

/// Whether one can be run, and is wanted. If not, it is said which test is skipped for it.
pub(crate) fn is_wanted() -> bool {
    let is_there = || Path::new(JAR).is_file() && postgres("initdb").is_some();
    all_are_installed(&["java", "psql", "setpriv", "chown", "date"])
        && are_possible("a PuppetDB (tests/setup installs it)", is_there)
}

impl PuppetDb {
    /// Starts one that knows nothing.
    pub(crate) fn start(folder: &Folder) -> Self {
        let (postgres, database) = start_postgres(folder);
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, free_port()).into();
        let (port, path) = (address.port(), folder.path("puppetdb"));
        folder.write(
            "puppetdb/logback.xml",
            "<configuration><appender name=\"S\" class=\"ch.qos.logback.core.ConsoleAppender\"><encoder><pattern>%d %p %c \
             %m%n</pattern></encoder></appender><root level=\"warn\"><appender-ref ref=\"S\"/></root></configuration>",
        );
        let database = format!("subname = {database}\nusername = puppetdb\npassword = x\nmaximum-pool-size = 5\n");
        folder.write(
            "puppetdb/conf.d/puppetdb.ini",
            format!(
                "[global]\nvardir = {path}/data\nlogging-config = {path}/logback.xml\n[database]\n{database}[read-database]\n\
                 {database}[command-processing]\nthreads = 1\n[jetty]\nhost = 127.0.0.1\nport = {port}\n[nrepl]\nenabled = \
                 false\n[puppetdb]\ndisable-update-checking = true\n",
                path = path.display()
            ),
        );
        // Everybody may do anything.
        folder.write(
            "puppetdb/conf.d/auth.conf",
            r#"authorization: {version: 1, rules: [{name: "all", sort-order: 1, allow-unauthenticated: true,
               match-request: {path: "/", type: path}}]}"#,
        );
        fs::create_dir_all(path.join("data")).expect("a folder");
        Self {
            process: launch(address, &path),
            address,
            folder: path,
            _postgres: postgres,
        }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A node has these resources now: titles of the type `Class`, with their parameters.
    #[track_caller]
    pub(crate) fn compile(&self, node: &str, resources: &[(&str, Value)]) {
        let resources = resources.iter().map(|(title, parameters)| {
            json!({
                "type": "Class", "title": title, "exported": false, "file": "/etc/x.pp", "line": 1,
                "tags": ["class", "monitoring"], "parameters": parameters,
            })
        });
        let now = now();
        let catalog = json!({
            "certname": node, "version": "1", "environment": "production", "transaction_uuid": null, "catalog_uuid": null,
            "code_id": null, "job_id": null, "producer_timestamp": now, "producer": "p", "edges": [],
            "resources": resources.collect::<Vec<_>>(),
        });
        self.command("replace_catalog", 9, node, &now, &catalog);
    }

    /// A node is no more.
    #[track_caller]
    pub(crate) fn deactivate(&self, node: &str) {
        let now = now();
        let body = json!({"certname": node, "producer_timestamp": now});
        self.command("deactivate_node", 3, node, &now, &body);
    }

    /// Kills it. What it knows is in its database.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, at the same address.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.process = launch(self.address, &self.folder);
    }

    /// Has it do something, and waits until that is done.
    #[track_caller]
    fn command(&self, command: &str, version: u8, node: &str, now: &str, body: &Value) {
        let path = format!(
            "/pdb/cmd/v1?command={command}&version={version}&certname={node}&producer-timestamp={now}\
             &secondsToWaitForCompletion=80"
        );
        let headers = "Content-Type: application/json\r\n";
        let answer = send(self.address, "POST", &path, headers, body.to_string().as_bytes()).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(!answer.text().contains("\"timed_out\":true"), "{}", answer.text());
    }
}

fn launch(address: SocketAddr, folder: &Path) -> Process {
    let mut command = Process::command(&find("java").expect("java is installed"));
    // What makes a start cheaper: it loads some ten thousand classes, and the package's are as they should be.
    command.args(["-XX:+UnlockDiagnosticVMOptions", "-XX:-BytecodeVerificationRemote"]);
    command.args(["-Xmx400m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]);
    command.args(["-cp", JAR, "clojure.main", "-m"]);
    command.args(["puppetlabs.puppetdb.core", "services", "--config"]);
    command.arg(folder.join("conf.d"));
    let mut process = Process::start("puppetdb", &mut command, folder.with_extension("log"));
    let answers = |_: &Process| match send(address, "GET", "/pdb/query/v4/nodes", "", b"")? {
        answer if answer.status == 200 => Ok(()),
        answer => Err(format!("status {}: {}", answer.status, answer.text())),
    };
    process.wait_until_within(START, "answers", answers);
    process
}

/// Starts a database for it; gives where it is.
fn start_postgres(folder: &Folder) -> (Process, String) {
    let (data, port) = (folder.path("postgres"), free_port());
    fs::create_dir_all(&data).expect("a folder");
    let is_root = rustix::process::geteuid().is_root();
    // PostgreSQL does not run as root.
    let as_user = |program: &Path| {
        let mut command = Process::command(&find("setpriv").expect("setpriv is installed"));
        if is_root {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
            // What it is started by goes with who it was.
            command.args(["--pdeathsig", "KILL"]);
        }
        command.arg("--").arg(program);
        command
    };
    if is_root {
        let way = folder.path("");
        fs::set_permissions(&way, fs::Permissions::from_mode(0o711)).expect("its own folder");
        done(Command::new("chown").arg("postgres:").arg(&data));
    }
    let program = |name: &str| postgres(name).expect("it is installed");
    done(
        as_user(&program("initdb"))
            .args(["--auth=trust", "--username=postgres", "--no-sync", "--pgdata"])
            .arg(&data),
    );
    let mut command = as_user(&program("postgres"));
    command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
    for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"] {
        command.args(["-c", setting]);
    }
    let postgres = Process::start("postgres", &mut command, folder.path("postgres.log"));
    let psql = |database: &str, text: &str| {
        let mut command = Command::new("psql");
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1", "-p"]);
        command.arg(port.to_string()).args([database, "-c", text]);
        command.output().expect("running psql")
    };
    until("the database answers", || match psql("postgres", "select 1") {
        output if output.status.success() => Ok(()),
        output => Err(said(&output)),
    });
    for (database, text) in [
        ("postgres", "create role puppetdb superuser login"),
        ("postgres", "create database puppetdb owner puppetdb"),
        ("puppetdb", "create extension pg_trgm"),
    ] {
        let output = psql(database, text);
        assert!(output.status.success(), "{text}: {}", said(&output));
    }
    (postgres, format!("//127.0.0.1:{port}/puppetdb"))
}

/// Where a program of PostgreSQL's is: Debian has those of each version in a folder.
fn postgres(program: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut programs = versions.filter_map(|version| Some(version.ok()?.path().join("bin").join(program)));
    programs.find(|program| program.is_file())
}

/// The time, as PuppetDB wants it.
fn now() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.%3NZ"]).output();
    let output = output.expect("running date");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[track_caller]
fn done(command: &mut Command) {
    // Not where nobody else may look.
    let output = command.current_dir(env::temp_dir()).output().expect("running it");
    assert!(output.status.success(), "{command:?}: {}", said(&output));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
