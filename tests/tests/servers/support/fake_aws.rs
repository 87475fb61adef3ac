//! An AWS of the services that moto lacks, after botocore's descriptions: `aws/fake.py`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use super::folder::Folder;
use super::http;
use super::moto::python;
use super::ports::free_port;
use super::process::Process;

/// One on a port of its own.
pub(crate) struct FakeAws {
    _process: Process,
    address: SocketAddr,
}

impl FakeAws {
    pub(crate) fn start(folder: &Folder) -> Self {
        let port = free_port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/aws/fake.py");
        let mut command = Process::command(&python());
        command.arg(script).arg(port.to_string());
        let mut process = Process::start("fake.py", &mut command, folder.path("fake.log"));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        process.wait_until("answers", |_| http::request(address, "GET", "/is-there", "").map(drop));
        Self {
            _process: process,
            address,
        }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
