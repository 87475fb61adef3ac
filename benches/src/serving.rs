//! A whole service that serves, and a client that asks: over a real socket, in one process. What the client's thread takes
//! can so be told from what the others take.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use headcount_core::Throttle;
use headcount_service::{ListKind, Service, Source, TargetList, target_list};

use crate::fleet::Host;

/// How long a service may take to find a million groups.
const FOUND_WITHIN: Duration = Duration::from_secs(120);

/// A service over a folder of file_sd files, of which each entry is a group of one host.
#[derive(Debug)]
pub struct Served {
    service: Option<Service>,
    folder: PathBuf,
    address: SocketAddr,
    connection: BufReader<TcpStream>,
    a_file: usize,
    generation: usize,
    known: Option<TargetList>,
}

/// The head of an answer.
#[derive(Debug, Default)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// The `ETag`.
    pub tag: String,
    /// `Content-Length`.
    pub length: usize,
}

impl Served {
    /// Starts a service of `files` files of `a_file` groups each, and waits until it has found all of them.
    ///
    /// # Errors
    /// Files can't be written, or the service does not start.
    pub fn start(files: usize, a_file: usize) -> io::Result<Self> {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("headcount-serving-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder)?;
        for file in 0..files {
            fs::write(folder.join(format!("{file}.json")), list(file * a_file, a_file, 0)?)?;
        }
        let config = format!(
            "scrape_configs: [{{job_name: node, file_sd_configs: [{{files: ['{}/*.json']}}]}}]",
            folder.display()
        );
        let at_once = Throttle::Ticker {
            interval: Duration::ZERO,
        };
        let builder = Service::builder().listen("127.0.0.1:0").throttle(at_once);
        let service = block_on(builder.start(Source::text(config))).map_err(io::Error::other)?;
        let address = service.address().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let connection = TcpStream::connect(address)?;
        connection.set_nodelay(true)?;
        let served = Self {
            service: Some(service),
            folder,
            address,
            connection: BufReader::new(connection),
            a_file,
            generation: 0,
            known: None,
        };
        let deadline = Instant::now() + FOUND_WITHIN;
        while served.groups() < files * a_file {
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "not all groups were found"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(served)
    }

    /// The job's list, encoded if it is not yet.
    ///
    /// # Errors
    /// There is none.
    pub fn list(&mut self) -> io::Result<()> {
        let list = block_on(self.service()?.list("node", ListKind::Discovered));
        self.known = Some(list.map_err(io::Error::other)?);
        Ok(())
    }

    /// Changes one group, and waits until its list is there.
    ///
    /// # Errors
    /// The file can't be written, or no other list comes.
    pub fn change(&mut self) -> io::Result<()> {
        self.generation += 1;
        let next = self.folder.join("next");
        let mut content = list(0, self.a_file, 0)?;
        let one = list(self.generation % self.a_file, 1, self.generation)?;
        // In the place of the last one: the lines of that and of the closing bracket go.
        for _ in 0..2 {
            let end = content.iter().rposition(|byte| *byte == b'\n').unwrap_or(content.len());
            content.truncate(end);
        }
        content.extend_from_slice(one.get(1..).unwrap_or_default());
        fs::write(&next, content)?;
        fs::rename(&next, self.folder.join("0.json"))?;
        let newer = self
            .service()?
            .next_list("node", ListKind::Discovered, self.known.as_ref());
        self.known = Some(block_on(newer).map_err(io::Error::other)?);
        Ok(())
    }

    /// Whether what is served is, byte for byte, what is made without pieces of what was discovered.
    ///
    /// # Errors
    /// No answer comes.
    pub fn is_right(&mut self) -> io::Result<bool> {
        let snapshot = self.service()?.snapshot();
        let expected = snapshot.set("node").map(target_list).unwrap_or_default();
        let (head, body) = self.ask("GET", "/sd/node", "")?;
        let known = self.known.as_ref().map(|list| format!("\"{}\"", list.tag()));
        Ok(head.status == 200 && body == expected && known.is_none_or(|tag| tag == head.tag))
    }

    /// Asks on the connection that is kept.
    ///
    /// # Errors
    /// No answer comes.
    pub fn ask(&mut self, method: &str, path: &str, headers: &str) -> io::Result<(Head, Vec<u8>)> {
        request(self.connection.get_mut(), method, path, headers)?;
        let head = head(&mut self.connection)?;
        let mut body = vec![
            0;
            if method == "HEAD" || head.status == 304 {
                0
            } else {
                head.length
            }
        ];
        self.connection.read_exact(&mut body)?;
        Ok((head, body))
    }

    /// What the API answers, without a socket.
    ///
    /// # Errors
    /// It answers with an error.
    pub fn api(&self, path: &str) -> io::Result<Vec<u8>> {
        let answer = block_on(self.service()?.get(path));
        match answer.status {
            200 => Ok(answer.body),
            status => Err(io::Error::other(format!("{status} for {path}"))),
        }
    }

    /// Clients that ask for the list and take nothing of it, once all of them are being answered.
    ///
    /// # Errors
    /// They can't connect, or get no answer.
    pub fn stalled(&self, clients: usize) -> io::Result<Vec<TcpStream>> {
        let clients = (0..clients).map(|_| {
            let mut stream = TcpStream::connect(self.address)?;
            request(&mut stream, "GET", "/sd/node", "")?;
            stream.peek(&mut [0])?;
            Ok(stream)
        });
        clients.collect()
    }

    fn service(&self) -> io::Result<&Service> {
        self.service.as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn groups(&self) -> usize {
        let snapshot = self.service.as_ref().map(Service::snapshot);
        snapshot.map_or(0, |snapshot| snapshot.set("node").map_or(0, |set| set.group_count()))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(service) = self.service.take() {
            block_on(service.stop());
        }
        // There is nobody left to tell of a failure here.
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Memory of this process that is resident; nothing where the system does not tell.
pub fn resident_bytes() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

pub(crate) fn request(stream: &mut TcpStream, method: &str, path: &str, headers: &str) -> io::Result<()> {
    stream.write_all(format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").as_bytes())
}

pub(crate) fn head(connection: &mut BufReader<TcpStream>) -> io::Result<Head> {
    let (mut head, mut line) = (Head::default(), String::new());
    connection.read_line(&mut line)?;
    head.status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            None => return Ok(head),
            Some((name, value)) if name.eq_ignore_ascii_case("etag") => head.tag = value.to_owned(),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                head.length = value.parse().map_err(io::Error::other)?;
            }
            Some(_) => {}
        }
    }
}

/// A list of hosts, each in a group of its own, one a line.
fn list(first: usize, count: usize, generation: usize) -> io::Result<Vec<u8>> {
    let (mut host, mut list) = (Host::default(), b"[".to_vec());
    for number in first..first + count {
        host.set(number, generation);
        let address = host.labels().find(|(name, _)| *name == "__address__");
        let labels: std::collections::BTreeMap<_, _> =
            host.labels().filter(|(name, _)| *name != "__address__").collect();
        let entry = serde_json::json!({"targets": [address.map_or("", |(_, value)| value)], "labels": labels});
        list.extend_from_slice(if number == first { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut list, &entry)?;
    }
    list.extend_from_slice(b"\n]");
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_one_is_right() {
        let mut served = Served::start(3, 50).expect("started");
        served.list().expect("a list");
        assert!(served.is_right().expect("an answer"));
        for _ in 0..3 {
            served.change().expect("another list");
            assert!(served.is_right().expect("an answer"));
        }
        let (head, _) = served.ask("HEAD", "/sd/node", "").expect("an answer");
        let (same, _) = served
            .ask("GET", "/sd/node", &format!("If-None-Match: {}\r\n", head.tag))
            .expect("an answer");
        assert_eq!(same.status, 304);
        assert_eq!(served.stalled(3).expect("answers").len(), 3);
    }
}
