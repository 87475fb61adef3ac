//! A real vmagent.

use std::net::SocketAddr;
use std::path::Path;

use super::folder::Folder;
use super::http;
use super::ports::free_port;
use super::process::Process;
use super::prometheus::{Seen, seen};
use super::required::find;

/// A vmagent on a port of its own, that has nowhere to write to.
pub(crate) struct Vmagent {
    address: SocketAddr,
    // Runs as long as this value lives.
    _process: Process,
}

impl Vmagent {
    /// What it is installed as: the version is that of its relabelling.
    pub(crate) const PROGRAM: &'static str = "vmagent-1.112";

    /// Starts one; what it writes goes to the folder's subfolder `name`.
    pub(crate) fn start(folder: &Folder, name: &str, config: &Path) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = Process::command(&find(Self::PROGRAM).expect("vmagent is installed"));
        command
            .arg(format!("-promscrape.config={}", config.display()))
            .arg(format!("-remoteWrite.tmpDataPath={}", folder.text(name)))
            .arg(format!("-httpListenAddr={address}"))
            .args([
                "-remoteWrite.url=http://127.0.0.1:9/",
                "-promscrape.httpSDCheckInterval=1s",
            ])
            .args(["-promscrape.fileSDCheckInterval=1s", "-remoteWrite.showURL=false"]);
        let mut process = Process::start(name, &mut command, folder.path(&format!("{name}.log")));
        process.wait_until("is ready", |_| {
            match http::request(address, "GET", "/ready", "")?.status {
                200 => Ok(()),
                status => Err(format!("status {status}")),
            }
        });
        Self {
            address,
            _process: process,
        }
    }

    /// Its targets.
    pub(crate) fn targets(&self) -> Result<Seen, String> {
        let answer = http::request(self.address, "GET", "/api/v1/targets", "")?.json()?;
        seen(&answer["data"])
    }
}
