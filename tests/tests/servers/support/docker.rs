//! A real Docker Engine in a network of its own, in which nothing of the machine's is touched. It is reached by a socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::certificates::Certificates;
use super::folder::Folder;
use super::ports::free_port;
use super::process::Process;
use super::required::find;

/// Nothing but a shell.
const BUSYBOX: &str = "/bin/busybox";

/// An Engine, and what runs in it.
pub(crate) struct Docker {
    process: Process,
    folder: PathBuf,
    reached: Reached,
}

/// How it is reached besides its socket.
enum Reached {
    /// It has a network of its own, in which it can do anything.
    NoOther,
    /// On a port of the loopback, with these certificates. Its network is the machine's, of which nothing is changed.
    Tls(SocketAddr, Certificates),
}

/// Ends the test, saying so, where no Engine can be run.
macro_rules! require_docker {
    () => {
        require!("dockerd", "busybox", "curl", "iptables", "ip", "tar");
        if !$crate::support::required::are_possible(
            "a Docker Engine (unshare --net --mount --pid)",
            $crate::support::Docker::is_possible,
        ) {
            return;
        }
    };
}
pub(crate) use require_docker;

impl Docker {
    pub(crate) fn is_possible() -> bool {
        let unshared = unshare(true).arg("true").stderr(Stdio::null()).status();
        unshared.is_ok_and(|status| status.success())
    }

    /// Starts one that has the image `tiny`, in which there is a shell, and nothing else.
    pub(crate) fn start(folder: &Folder) -> Self {
        Self::with(folder, Reached::NoOther)
    }

    /// The same, that also listens for clients with a certificate. There are no networks but the machine's.
    pub(crate) fn with_tls(folder: &Folder, certificates: Certificates) -> Self {
        let address = (Ipv4Addr::LOCALHOST, free_port()).into();
        Self::with(folder, Reached::Tls(address, certificates))
    }

    fn with(folder: &Folder, reached: Reached) -> Self {
        let image = folder.path("image");
        std::fs::create_dir_all(image.join("bin")).expect("a folder");
        std::fs::copy(BUSYBOX, image.join("bin/busybox")).expect("copying busybox");
        std::os::unix::fs::symlink("busybox", image.join("bin/sleep")).expect("a link");
        let tar = folder.path("image.tar");
        let packed = Command::new("tar")
            .arg("-C")
            .arg(&image)
            .arg("-cf")
            .arg(&tar)
            .arg(".")
            .status();
        assert!(packed.expect("running tar").success(), "tar failed");
        let folder = folder.path("docker");
        std::fs::create_dir_all(&folder).expect("a folder");
        let docker = Self {
            process: launch(&folder, &reached),
            folder,
            reached,
        };
        docker.curl(
            "POST",
            "/images/create?fromSrc=-&repo=tiny&tag=latest",
            &[
                "-H",
                "Content-Type: application/x-tar",
                "--data-binary",
                &format!("@{}", tar.display()),
            ],
        );
        docker
    }

    /// Where it is, as `host` says it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}/socket", self.folder.display())
    }

    /// The same for who has a certificate.
    pub(crate) fn secure_host(&self) -> String {
        match &self.reached {
            Reached::NoOther => panic!("it does not listen"),
            Reached::Tls(address, _) => format!("https://{address}"),
        }
    }

    /// Kills it and all that runs in it.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again. Nothing runs in it then.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.process = launch(&self.folder, &self.reached);
    }

    /// Asks it for something, and gives what it answers.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let said = self.curl("GET", path, &[]);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// Sends it something.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> String {
        let body = body.to_string();
        self.curl(
            "POST",
            path,
            &["-H", "Content-Type: application/json", "--data-binary", &body],
        )
    }

    /// Has it delete something.
    #[track_caller]
    pub(crate) fn delete(&self, path: &str) {
        self.curl("DELETE", path, &[]);
    }

    /// Builds an image of a folder with a Dockerfile.
    #[track_caller]
    pub(crate) fn build(&self, name: &str, folder: &std::path::Path) {
        let tar = self.folder.with_extension("build.tar");
        let packed = Command::new("tar")
            .arg("-C")
            .arg(folder)
            .arg("-cf")
            .arg(&tar)
            .arg(".")
            .status();
        assert!(packed.expect("running tar").success(), "tar failed");
        let body = format!("@{}", tar.display());
        let arguments = ["-H", "Content-Type: application/x-tar", "--data-binary", &body];
        let said = self.curl("POST", &format!("/build?t={name}&rm=true"), &arguments);
        assert!(said.contains("Successfully built"), "{said}");
    }

    /// Creates and starts a container that sleeps.
    #[track_caller]
    pub(crate) fn run(&self, name: &str, mut container: Value) {
        container["Image"] = "tiny".into();
        container["Cmd"] = serde_json::json!(["/bin/sleep", "3600"]);
        container["StopSignal"] = "SIGKILL".into();
        self.post(&format!("/containers/create?name={name}"), &container);
        self.curl("POST", &format!("/containers/{name}/start"), &[]);
    }

    /// Removes a container.
    #[track_caller]
    pub(crate) fn remove(&self, name: &str) {
        self.curl("DELETE", &format!("/containers/{name}?force=true"), &[]);
    }

    #[track_caller]
    fn curl(&self, method: &str, path: &str, arguments: &[&str]) -> String {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail-with-body", "-X", method, "--unix-socket"]);
        curl.arg(self.folder.join("socket")).args(arguments);
        let output = curl
            .arg(format!("http://docker/v1.41{path}"))
            .output()
            .expect("running curl");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{method} {path}: {error}{said}");
        said
    }
}

fn launch(folder: &std::path::Path, reached: &Reached) -> Process {
    let path = folder.display();
    let (up, more) = match reached {
        Reached::NoOther => ("ip link set lo up && ", String::new()),
        Reached::Tls(address, certificates) => {
            let [ca, cert, key] = [("ca", "crt"), ("server", "crt"), ("server", "key")]
                .map(|(name, ending)| certificates.path(name, ending));
            let none = "--iptables=false --ip-forward=false --ip-masq=false --bridge=none";
            let tls = format!("--tlsverify --tlscacert {ca} --tlscert {cert} --tlskey {key}");
            ("", format!("{none} --host tcp://{address} {tls}"))
        }
    };
    // What an Engine that was killed has left behind would stop the next one.
    let script = format!(
        "{up}rm -rf {path}/pid {path}/exec {path}/socket && exec dockerd --storage-driver=overlay2 --host unix://{path}/socket \
         --data-root {path}/root --exec-root {path}/exec --pidfile {path}/pid --shutdown-timeout 1 {more}"
    );
    let mut command = unshare(matches!(reached, Reached::NoOther));
    command.args(["sh", "-c", &script]);
    let mut process = Process::start("dockerd", &mut command, folder.with_extension("log"));
    process.wait_until("answers", |_| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail", "--unix-socket"]).arg(folder.join("socket"));
        let output = curl.arg("http://docker/_ping").output().expect("running curl");
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    });
    process
}

/// A command in new namespaces, which ends with all that it has started.
fn unshare(with_network: bool) -> Command {
    let mut command = Process::command(&find("unshare").expect("util-linux is installed"));
    if with_network {
        command.arg("--net");
    }
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    command
}
