//! A real kube-apiserver 1.20 with an etcd of its own, and nothing else of a cluster: no controller makes anything.

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::certificates::Certificates;
use super::folder::Folder;
use super::ports::free_port;
use super::process::Process;
use super::required::find;
use super::wait::until;

/// The token of who may do everything.
pub(crate) const ADMIN: &str = "admin-token";
/// The token of who may read pods and nothing else.
pub(crate) const PODS_ONLY: &str = "pods-token";

/// Where a kube-apiserver is, if one was named. It is in no package, and takes minutes to be built.
pub(crate) fn kube_apiserver() -> Option<PathBuf> {
    let path = env::var_os("HEADCOUNT_KUBE_APISERVER").map(PathBuf::from);
    let path = path.filter(|path| path.is_file());
    if path.is_none() {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let message = "HEADCOUNT_KUBE_APISERVER names no kube-apiserver";
        // Not with `eprintln!`, which the test runner keeps to itself when a test passes.
        writeln!(std::io::stderr(), "NOT TESTED: {test}: {message}").ok();
    }
    path
}

/// An API server on a port of its own.
pub(crate) struct Kubernetes {
    server: Process,
    program: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    port: u16,
    certificates: Certificates,
    // Run as long as this value lives.
    etcd: Process,
    slices: Option<Process>,
}

impl Kubernetes {
    /// Starts one.
    pub(crate) fn start(folder: &Folder, program: PathBuf) -> Self {
        let (etcd, etcd_address) = start_etcd(folder);
        let certificates = Certificates::new(folder);
        folder.write(
            "tokens.csv",
            format!("{ADMIN},admin,1,system:masters\n{PODS_ONLY},reader,2\n"),
        );
        // It takes no other keys than RSA's in the form in which openssl writes them.
        let accounts = folder.text("accounts.key");
        let mut openssl = Command::new(find("openssl").expect("openssl is installed"));
        let made = openssl.args(["genrsa", "-out", &accounts, "2048"]).output();
        assert!(made.expect("running openssl").status.success());
        let port = free_port();
        let (certificate, key) = (certificates.path("server", "crt"), certificates.path("server", "key"));
        let arguments = [
            format!("--etcd-servers={etcd_address}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={port}"),
            "--insecure-port=0".to_owned(),
            format!("--tls-cert-file={certificate}"),
            format!("--tls-private-key-file={key}"),
            format!("--cert-dir={}", folder.text("kube-certs")),
            "--service-cluster-ip-range=10.96.0.0/16,fd00:1::/112".to_owned(),
            "--feature-gates=EndpointSliceTerminatingCondition=true,EndpointSliceNodeName=true,IPv6DualStack=true"
                .to_owned(),
            format!("--service-account-key-file={accounts}"),
            format!("--service-account-signing-key-file={accounts}"),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--token-auth-file={}", folder.text("tokens.csv")),
            format!("--client-ca-file={}", certificates.path("ca", "crt")),
            "--authorization-mode=RBAC".to_owned(),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            "--allow-privileged=true".to_owned(),
        ];
        let log = folder.path("kube-apiserver.log");
        let server = launch(&program, &arguments, &log);
        let mut kubernetes = Self {
            server,
            program,
            arguments: arguments.to_vec(),
            log,
            port,
            certificates,
            etcd,
            slices: None,
        };
        kubernetes.wait();
        let rule = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]});
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        kubernetes.create(
            &format!("{rbac}/clusterroles"),
            &json!({"metadata": {"name": "pods-only"}, "rules": [rule]}),
        );
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "pods-only"});
        let subject = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "reader"});
        kubernetes.create(
            &format!("{rbac}/clusterrolebindings"),
            &json!({"metadata": {"name": "pods-only"}, "roleRef": role, "subjects": [subject]}),
        );
        kubernetes
    }

    /// Its address, as `https://host:port`.
    pub(crate) fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificates, of which `ca` is the server's authority and `client` somebody whom it knows.
    pub(crate) fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// Serves endpoint slices in v1, too.
    pub(crate) fn serve_slices(&mut self, folder: &Folder) {
        let program = folder.write("slices.py", include_str!("../kubernetes/slices.py"));
        let port = free_port();
        let mut command = Process::command(&find("python3").expect("python3 is installed"));
        command
            .arg(program)
            .arg(port.to_string())
            .arg(self.port.to_string())
            .arg(ADMIN);
        command.arg(self.certificates.path("server", "crt"));
        command.arg(self.certificates.path("server", "key"));
        self.slices = Some(Process::start("slices", &mut command, folder.path("slices.log")));
        self.create("/api/v1/namespaces", &json!({"metadata": {"name": "aggregated"}}));
        let ports = json!([{"port": port}]);
        self.create(
            "/api/v1/namespaces/aggregated/services",
            &json!({"metadata": {"name": "slices"}, "spec": {"type": "ExternalName", "externalName": "localhost", "ports": ports}}),
        );
        let service = json!({"namespace": "aggregated", "name": "slices", "port": port});
        self.create(
            "/apis/apiregistration.k8s.io/v1/apiservices",
            &json!({"metadata": {"name": "v1.discovery.k8s.io"}, "spec": {
                "group": "discovery.k8s.io", "version": "v1", "service": service, "insecureSkipTLSVerify": true,
                "groupPriorityMinimum": 1000, "versionPriority": 100,
            }}),
        );
        until("endpoint slices are served", || {
            match self.send("GET", "/apis/discovery.k8s.io/v1/endpointslices", None)? {
                (200, _) => Ok(()),
                (status, answer) => Err(format!("status {status}: {answer}")),
            }
        });
    }

    /// Creates an object at the path of its kind.
    #[track_caller]
    pub(crate) fn create(&self, path: &str, object: &Value) {
        self.must("POST", path, Some(("application/json", object)));
    }

    /// Tries to; gives the status and the answer.
    pub(crate) fn try_create(&self, path: &str, object: &Value) -> Result<(u16, String), String> {
        self.send("POST", path, Some(("application/json", object)))
    }

    /// A token with which a service account is known.
    #[track_caller]
    pub(crate) fn token_of(&self, namespace: &str, account: &str) -> String {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        until(&format!("{path} is answered"), || {
            let (status, answer) = self.try_create(&path, &json!({"spec": {"expirationSeconds": 3600}}))?;
            let token: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
            let token = token["status"]["token"].as_str().map(str::to_owned);
            token.ok_or_else(|| format!("status {status}: {answer}"))
        })
    }

    /// The status of the answer to a request of who has this token.
    #[track_caller]
    pub(crate) fn ask_as(&self, token: &str, method: &str, path: &str) -> u16 {
        send_as(token, self.port, method, path, None).expect("an answer").0
    }

    /// Changes fields of an object.
    #[track_caller]
    pub(crate) fn change(&self, path: &str, fields: &Value) {
        self.must("PATCH", path, Some(("application/merge-patch+json", fields)));
    }

    /// Deletes an object, at once.
    #[track_caller]
    pub(crate) fn delete(&self, path: &str) {
        self.must("DELETE", &format!("{path}?gracePeriodSeconds=0"), None);
    }

    /// Kills it. What it knows is in etcd.
    pub(crate) fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again, at the same address.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.server = launch(&self.program, &self.arguments, &self.log);
        self.wait();
    }

    /// Starts it again, at the same address, without anything of what it knew.
    pub(crate) fn forget(&mut self, folder: &Folder) {
        self.kill();
        self.etcd.kill();
        std::fs::remove_dir_all(folder.path("etcd")).expect("what etcd knew");
        self.restart_with_etcd(folder);
    }

    /// Keeps what it knows now for [`go_back`](Self::go_back); it is stopped for that, and started again.
    pub(crate) fn save(&mut self, folder: &Folder) {
        self.kill();
        self.etcd.kill();
        copy_folder(&folder.path("etcd"), &folder.path("etcd-saved"));
        self.restart_with_etcd(folder);
    }

    /// Starts it again, at the same address, with what it knew when that was saved.
    pub(crate) fn go_back(&mut self, folder: &Folder) {
        self.kill();
        self.etcd.kill();
        std::fs::remove_dir_all(folder.path("etcd")).expect("what etcd knew");
        copy_folder(&folder.path("etcd-saved"), &folder.path("etcd"));
        self.restart_with_etcd(folder);
    }

    /// The version of all that there is.
    #[track_caller]
    pub(crate) fn version(&self) -> u64 {
        let (status, answer) = self.send("GET", "/api/v1/pods", None).expect("an answer");
        assert_eq!(status, 200, "{answer}");
        let list: Value = serde_json::from_str(&answer).expect("JSON");
        let version = list["metadata"]["resourceVersion"].as_str();
        version.and_then(|version| version.parse().ok()).expect("a version")
    }

    fn restart_with_etcd(&mut self, folder: &Folder) {
        let (etcd, address) = start_etcd(folder);
        self.etcd = etcd;
        for argument in &mut self.arguments {
            if argument.starts_with("--etcd-servers=") {
                *argument = format!("--etcd-servers={address}");
            }
        }
        self.restart();
    }

    fn wait(&mut self) {
        let port = self.port;
        self.server
            .wait_until("is ready", |_| match send(port, "GET", "/readyz", None)? {
                (200, _) => Ok(()),
                (status, answer) => Err(format!("status {status}: {answer}")),
            });
    }

    #[track_caller]
    fn must(&self, method: &str, path: &str, body: Option<(&str, &Value)>) {
        // What it needs itself is made after it says that it is ready.
        until(&format!("{method} {path} works"), || {
            match self.send(method, path, body)? {
                (200..=202, _) => Ok(()),
                (status, answer) => Err(format!("status {status}: {answer}")),
            }
        });
    }

    fn send(&self, method: &str, path: &str, body: Option<(&str, &Value)>) -> Result<(u16, String), String> {
        send(self.port, method, path, body)
    }
}

/// Sends a request as the one who may do everything; gives the status and the answer.
fn send(port: u16, method: &str, path: &str, body: Option<(&str, &Value)>) -> Result<(u16, String), String> {
    send_as(ADMIN, port, method, path, body)
}

/// Sends a request as who has this token.
fn send_as(
    token: &str,
    port: u16,
    method: &str,
    path: &str,
    body: Option<(&str, &Value)>,
) -> Result<(u16, String), String> {
    let mut curl = Command::new(find("curl").expect("curl is installed"));
    curl.args([
        "--silent",
        "--show-error",
        "--insecure",
        "--max-time",
        "20",
        "--noproxy",
        "*",
    ]);
    curl.args(["--request", method, "--write-out", "\n%{http_code}", "--header"]);
    curl.arg(format!("Authorization: Bearer {token}"));
    if let Some((kind, _)) = body {
        curl.args(["--data-binary", "@-", "--header", &format!("Content-Type: {kind}")]);
    }
    curl.arg(format!("https://127.0.0.1:{port}{path}"));
    curl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = curl.spawn().map_err(|error| error.to_string())?;
    let text = body.map(|(_, body)| body.to_string()).unwrap_or_default();
    // It may have failed already, which its end says.
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).ok();
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match said
        .rsplit_once('\n')
        .map(|(answer, status)| (answer, status.parse::<u16>()))
    {
        Some((answer, Ok(status))) if output.status.success() => Ok((status, answer.to_owned())),
        _ => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn launch(program: &std::path::Path, arguments: &[String], log: &std::path::Path) -> Process {
    let mut command = Process::command(program);
    command.args(arguments);
    Process::start("kube-apiserver", &mut command, log.to_owned())
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a new folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy_folder(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).expect("a copy")),
        }
    }
}

fn start_etcd(folder: &Folder) -> (Process, String) {
    let [client, peer] = [free_port(), free_port()].map(|port| format!("http://127.0.0.1:{port}"));
    let mut command = Process::command(&find("etcd").expect("etcd is installed"));
    command.args(["--name", "t", "--log-level", "warn", "--unsafe-no-fsync"]);
    command.args(["--data-dir", &folder.text("etcd")]);
    command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
    command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
    command.args(["--initial-cluster", &format!("t={peer}")]);
    let etcd = Process::start("etcd", &mut command, folder.path("etcd.log"));
    (etcd, client)
}
