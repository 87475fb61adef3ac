//! A real tinyproxy.

use std::net::TcpStream;

use super::folder::Folder;
use super::ports::free_port;
use super::process::Process;
use super::required::find;

/// A tinyproxy that asks for the user `proxy-user` and the password `proxy-password`.
pub(crate) struct Tinyproxy {
    process: Process,
    port: u16,
}

impl Tinyproxy {
    /// Starts one that connects to these ports only when it is asked for a tunnel.
    pub(crate) fn start(folder: &Folder, tunnel_ports: &[u16]) -> Self {
        let port = free_port();
        let ports: String = tunnel_ports
            .iter()
            .map(|port| format!("ConnectPort {port}\n"))
            .collect();
        let config = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nAllow 127.0.0.1\nLogLevel Connect\n\
             BasicAuth proxy-user proxy-password\n{ports}"
        );
        let config = folder.write("tinyproxy.conf", config);
        let mut command = Process::command(&find("tinyproxy").expect("tinyproxy is installed"));
        command.arg("-d").arg("-c").arg(config);
        let mut process = Process::start("tinyproxy", &mut command, folder.path("tinyproxy.log"));
        process.wait_until("accepts connections", |_| {
            TcpStream::connect(("127.0.0.1", port))
                .map(|_| ())
                .map_err(|error| error.to_string())
        });
        Self { process, port }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What it has logged: the requests, among other things.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}
