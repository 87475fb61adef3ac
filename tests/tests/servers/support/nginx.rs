//! A real nginx.

use std::net::TcpStream;

use rustix::process::Signal;

use super::folder::Folder;
use super::ports::free_port;
use super::process::Process;
use super::required::find;

/// An nginx with servers that the test describes.
pub(crate) struct Nginx {
    process: Process,
    folder: String,
    ports: Vec<u16>,
}

impl Nginx {
    /// Starts one with a server for each of `servers`, which are the content of nginx's `server`
    /// blocks. `listen` and a port are put before each, so that it can begin with ` ssl;` or `;`.
    /// Files are served from the folder's subfolder `www`.
    pub(crate) fn start(folder: &Folder, servers: &[&str]) -> Self {
        let ports: Vec<_> = servers.iter().map(|_| free_port()).collect();
        let blocks = servers.iter().zip(&ports);
        let blocks: String = blocks
            .map(|(server, port)| format!("  server {{ listen 127.0.0.1:{port}{server} }}\n"))
            .collect();
        let path = folder.text("");
        let path = path.trim_end_matches('/');
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary: String = temporary
            .iter()
            .map(|kind| format!("  {kind}_temp_path {path}/nginx-{kind};\n"))
            .collect();
        // Without the line about the user it gives its folders to one that a network of a test's own does not have.
        folder.write(
            "nginx.conf",
            format!(
                "user root;\ndaemon off;\nmaster_process off;\npid {path}/nginx.pid;\nerror_log stderr warn;\n\
                 events {{ worker_connections 256; }}\n\
                 http {{\n{temporary}\
                 \x20 log_format short '$status $request_method $scheme $host $request_uri';\n\
                 \x20 log_format sizes '$status $body_bytes_sent $bytes_sent';\n\
                 \x20 access_log {path}/access.log short;\n\
                 \x20 access_log {path}/sizes.log sizes;\n\
                 \x20 root {path}/www;\n\
                 \x20 types {{ application/json json; }}\n\
                 {blocks}}}\n"
            ),
        );
        Self {
            process: launch(path, &ports),
            folder: path.to_owned(),
            ports,
        }
    }

    /// The port of a server.
    pub(crate) fn port(&self, server: usize) -> u16 {
        self.ports[server]
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, as it was.
    pub(crate) fn restart(&mut self) {
        self.process = launch(&self.folder, &self.ports);
    }

    /// It keeps its connections, takes new ones, and says nothing.
    pub(crate) fn hang(&self) {
        self.process.signal(Signal::STOP);
    }

    /// It goes on after [`hang`](Self::hang).
    pub(crate) fn go_on(&self) {
        self.process.signal(Signal::CONT);
    }

    /// A line for each request: status, method, scheme, host, path.
    pub(crate) fn access_log(&self) -> String {
        std::fs::read_to_string(format!("{}/access.log", self.folder)).expect("reading the access log")
    }

    /// For each request the status, how many bytes the body had that was sent, and how many were sent in all.
    pub(crate) fn sent(&self) -> Vec<(u16, u64, u64)> {
        let log = std::fs::read_to_string(format!("{}/sizes.log", self.folder)).expect("reading the log of sizes");
        let line = |line: &str| {
            let mut parts = line.split(' ');
            let (status, body, all) = (parts.next()?, parts.next()?, parts.next()?);
            Some((status.parse().ok()?, body.parse().ok()?, all.parse().ok()?))
        };
        // The last one may be half written.
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        whole.lines().map(|text| line(text).expect("three numbers")).collect()
    }
}

fn launch(folder: &str, ports: &[u16]) -> Process {
    let mut command = Process::command(&find("nginx").expect("nginx is installed"));
    // `-e`: else it complains about a log of the system's, which it may not write.
    command.args(["-e", "stderr", "-p", folder, "-c", &format!("{folder}/nginx.conf")]);
    let mut process = Process::start("nginx", &mut command, format!("{folder}/nginx.log").into());
    process.wait_until("accepts connections", |_| {
        let connected = ports.iter().map(|port| TcpStream::connect(("127.0.0.1", *port)));
        connected
            .collect::<Result<Vec<_>, _>>()
            .map(|_| ())
            .map_err(|error| error.to_string())
    });
    process
}
