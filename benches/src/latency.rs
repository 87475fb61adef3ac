//! From a file that changes to the body that is served, through the whole daemon.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running daemon over a folder of file_sd files.
#[derive(Debug)]
pub struct Daemon {
    process: Child,
    folder: PathBuf,
    connection: BufReader<TcpStream>,
    etag: String,
    changes: usize,
}

impl Daemon {
    /// Builds and starts the daemon with `files` files of 100 targets each, and waits until it
    /// serves all of them.
    ///
    /// # Errors
    /// It can't be built or started, or does not serve within a minute.
    pub fn start(files: usize) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("headcount-latency-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        for file in 0..files {
            fs::write(folder.join(format!("{file}.json")), list(file, 0))?;
        }
        let config = folder.join("prometheus.yml");
        fs::write(
            &config,
            "scrape_configs: [{job_name: node, file_sd_configs: [{files: ['*.json']}]}]\n",
        )?;
        let mut process = Command::new(binary()?)
            .args([
                "run",
                "--no-state",
                "--listen",
                "127.0.0.1:0",
                "--throttle",
                "backoff:0s..1ms",
                "--log-format",
                "json",
            ])
            .arg("--config")
            .arg(&config)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let mut log = BufReader::new(process.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?);
        let mut line = String::new();
        log.read_line(&mut line)?;
        let first: serde_json::Value = serde_json::from_str(&line)?;
        let address = first.get("address").or_else(|| first.pointer("/fields/address"));
        let address = address
            .and_then(serde_json::Value::as_str)
            .ok_or_else(|| io::Error::other(line.clone()))?;
        let connection = TcpStream::connect(address)?;
        connection.set_nodelay(true)?;
        std::thread::spawn(move || io::copy(&mut log, &mut io::sink()));

        let mut daemon = Self {
            process,
            folder,
            connection: BufReader::new(connection),
            etag: String::new(),
            changes: 0,
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while daemon
            .get()?
            .is_none_or(|body| body.matches("host-").count() != files * 100)
        {
            if Instant::now() > deadline {
                return Err(io::Error::other("the daemon did not serve all targets within a minute"));
            }
        }
        Ok(daemon)
    }

    /// Changes one file, and gives the time until the new list is there, whole.
    ///
    /// # Errors
    /// The daemon does not answer, or not with the change within ten seconds.
    pub fn change(&mut self) -> io::Result<Duration> {
        self.changes += 1;
        let marker = format!("\"change-{}\"", self.changes);
        let next = self.folder.join("next");
        fs::write(&next, list(0, self.changes))?;
        let start = Instant::now();
        fs::rename(&next, self.folder.join("0.json"))?;
        loop {
            if self.get()?.is_some_and(|body| body.contains(&marker)) {
                return Ok(start.elapsed());
            }
            if start.elapsed() > Duration::from_secs(10) {
                return Err(io::Error::other("the change was not served within ten seconds"));
            }
        }
    }

    /// The list, if it is another than last time.
    fn get(&mut self) -> io::Result<Option<String>> {
        let request = format!(
            "GET /sd/node HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {}\r\n\r\n",
            self.etag
        );
        self.connection.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length) = (String::new(), 0);
        self.connection.read_line(&mut status)?;
        loop {
            let mut header = String::new();
            self.connection.read_line(&mut header)?;
            match header.trim_end().split_once(": ") {
                None => break,
                Some((name, value)) if name.eq_ignore_ascii_case("etag") => self.etag = value.to_owned(),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().map_err(io::Error::other)?;
                }
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        self.connection.read_exact(&mut body)?;
        Ok(status
            .contains(" 200 ")
            .then(|| String::from_utf8_lossy(&body).into_owned()))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // There is nobody left to tell of a failure here.
        self.process.kill().ok();
        self.process.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

fn list(file: usize, change: usize) -> String {
    let targets: Vec<String> = (0..100).map(|host| format!("\"host-{file}-{host}:9100\"")).collect();
    format!(
        "[{{\"targets\": [{}], \"labels\": {{\"change\": \"change-{change}\"}}}}]\n",
        targets.join(", ")
    )
}

/// The daemon, built as the benches are.
fn binary() -> io::Result<PathBuf> {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--package", "headcount"])
        .status()?;
    if !built.success() {
        return Err(io::Error::other("the daemon could not be built"));
    }
    // Benches run from `<target>/release/deps`.
    let this = std::env::current_exe()?;
    let release = this.ancestors().find(|folder| folder.join("headcount").is_file());
    release
        .map(|folder: &Path| folder.join("headcount"))
        .ok_or_else(|| io::Error::other("the daemon was not found"))
}
