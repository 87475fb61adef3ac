//! A real Consul: one agent that is the only server of its datacenter. It keeps everything in memory, unless it is said
//! to be durable.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::folder::Folder;
use super::http::{self, Answer};
use super::ports::free_port;
use super::process::Process;
use super::required::find;
use super::wait::until;

/// The token that may do everything, where tokens are asked for.
pub(crate) const ROOT_TOKEN: &str = "root-token";
/// The agent's name for itself, and for its node.
pub(crate) const NODE: &str = "n1";

/// A Consul agent on ports of its own, all of them on the loopback.
pub(crate) struct Consul {
    process: Process,
    address: SocketAddr,
    config: PathBuf,
    log: PathBuf,
    /// How the agent runs, beside what its configuration says.
    mode: &'static [&'static str],
}

impl Consul {
    /// Starts one that lets everybody do everything.
    pub(crate) fn start(folder: &Folder) -> Self {
        Self::with_settings(folder, json!({}))
    }

    /// Starts one that shows nothing to who has no token.
    pub(crate) fn with_tokens(folder: &Folder) -> Self {
        let acl = json!({"enabled": true, "default_policy": "deny", "tokens": {"master": ROOT_TOKEN}});
        Self::with_settings(folder, json!({ "acl": acl }))
    }

    /// Starts one that lets everybody do everything, and knows after a restart what it knew before.
    pub(crate) fn durable(folder: &Folder) -> Self {
        let settings = json!({
            "server": true,
            "bootstrap_expect": 1,
            "data_dir": folder.text("consul-data"),
            // As in a small network: elections take a second instead of five.
            "performance": {"raft_multiplier": 1},
        });
        Self::launch(folder, settings, &[])
    }

    /// Starts one with more settings.
    pub(crate) fn with_settings(folder: &Folder, settings: Value) -> Self {
        Self::launch(folder, settings, &["-dev"])
    }

    fn launch(folder: &Folder, mut settings: Value, mode: &'static [&'static str]) -> Self {
        let port = free_port();
        let base = json!({
            "node_name": NODE,
            "datacenter": "dc1",
            "bind_addr": "127.0.0.1",
            "client_addr": "127.0.0.1",
            "ports": {"http": port, "server": free_port(), "serf_lan": free_port(), "serf_wan": free_port(),
                      "dns": -1, "grpc": -1},
            "disable_host_node_id": true,
            // It would ask its makers whether there is a newer one.
            "disable_update_check": true,
            "log_level": "warn",
        });
        for (name, value) in base.as_object().expect("an object") {
            settings[name] = value.clone();
        }
        let config = folder.write("consul.json", settings.to_string());
        let (address, log) = ((Ipv4Addr::LOCALHOST, port).into(), folder.path("consul.log"));
        Self {
            process: launch(mode, address, &config, &log),
            address,
            config,
            log,
            mode,
        }
    }

    /// Where its HTTP API is, as `host:port`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it, and everything that it knew is gone unless it is durable.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, at the same address, and knowing nothing unless it is durable.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.process = launch(self.mode, self.address, &self.config, &self.log);
    }

    /// It keeps its connections, takes new ones, and says nothing.
    pub(crate) fn hang(&self) {
        self.process.signal(Signal::STOP);
    }

    /// It goes on after [`hang`](Self::hang).
    pub(crate) fn go_on(&self) {
        self.process.signal(Signal::CONT);
    }

    /// Sends a request as the one who may do everything, and takes an answer of status 200 only.
    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let answer = send(self.address, method, path, body);
        let answer = answer.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
        answer
    }

    /// Sends an object, or nothing if it is null, and gives what is answered.
    #[track_caller]
    pub(crate) fn put(&self, path: &str, body: &Value) -> Value {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = self.send("PUT", path, body.as_bytes());
        answer.json().unwrap_or(Value::Null)
    }

    /// Registers an instance with the agent, as `/v1/agent/service/register` takes it, and waits until the catalog has it: the
    /// agent tells its server afterwards, and when that fails, tries again in a minute or so, or when it is told once more.
    #[track_caller]
    pub(crate) fn register(&self, instance: &Value) {
        const TOLD_AGAIN: usize = 200;
        self.put("/v1/agent/service/register", instance);
        let text = |field: &str| instance[field].as_str().expect("a name").to_owned();
        let (name, id) = (text("Name"), text("ID"));
        let mut looks = 0;
        until(&format!("Consul's catalog has {id}"), || {
            looks += 1;
            if looks % TOLD_AGAIN == 0 {
                self.put("/v1/agent/service/register", instance);
            }
            let catalog = self.send("GET", &format!("/v1/catalog/service/{name}"), b"");
            let instances = catalog.json().unwrap_or(Value::Null);
            let all = instances.as_array().into_iter().flatten();
            match all.into_iter().any(|known| known["ServiceID"] == id) {
                true => Ok(()),
                false => Err(instances.to_string()),
            }
        });
    }

    /// Removes an instance from the agent.
    #[track_caller]
    pub(crate) fn deregister(&self, id: &str) {
        self.put(&format!("/v1/agent/service/deregister/{id}"), &Value::Null);
    }

    /// Sets the status of a check of the agent's that has a time to live.
    #[track_caller]
    pub(crate) fn set_check(&self, id: &str, status: &str) {
        let status = json!({"Status": status, "Output": "said by a test"});
        self.put(&format!("/v1/agent/check/update/{id}"), &status);
    }

    /// Writes a node, and with it instances and checks, into the catalog, as `/v1/catalog/register` takes it.
    #[track_caller]
    pub(crate) fn catalog(&self, entry: &Value) {
        self.put("/v1/catalog/register", entry);
    }

    /// How many connections others have to its HTTP API.
    pub(crate) fn connections(&self) -> usize {
        let port = format!("{:04X}", self.address.port());
        let table = fs::read_to_string("/proc/net/tcp").expect("reading the table of connections");
        // Number, own address, other's address, state (01 is "established"), …
        let columns = table.lines().skip(1).map(|line| line.split_whitespace());
        let is_ours = |columns: &mut std::str::SplitWhitespace<'_>| {
            let own = columns.nth(1).and_then(|address| address.split(':').nth(1));
            own == Some(&port) && columns.nth(1) == Some("01")
        };
        columns
            .filter_map(|mut columns| is_ours(&mut columns).then_some(()))
            .count()
    }
}

fn launch(mode: &[&str], address: SocketAddr, config: &Path, log: &Path) -> Process {
    let mut command = Process::command(&find("consul").expect("consul is installed"));
    command.arg("agent").args(mode);
    command.arg("-config-file").arg(config).env_clear();
    let mut process = Process::start("consul", &mut command, log.to_owned());
    process.wait_until("knows itself", |_| {
        let services = send(address, "GET", "/v1/catalog/services", b"")?;
        match services.json()? {
            services if services.get("consul").is_some() => Ok(()),
            services => Err(services.to_string()),
        }
    });
    process
}

fn send(address: SocketAddr, method: &str, path: &str, body: &[u8]) -> Result<Answer, String> {
    http::send(
        address,
        method,
        path,
        &format!("X-Consul-Token: {ROOT_TOKEN}\r\n"),
        body,
    )
}
