//! A real ZooKeeper: one server, which keeps what it knows in a folder; and who registers there.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;

use super::folder::Folder;
use super::ports::free_port;
use super::process::Process;
use super::required::find;

/// What Debian's package has.
const JAR: &str = "/usr/share/java/zookeeper.jar";

/// A ZooKeeper on a port of its own.
pub(crate) struct ZooKeeper {
    process: Process,
    address: SocketAddr,
    config: PathBuf,
    data: PathBuf,
    log: PathBuf,
}

/// Whether it is installed. If not, it is said which test is skipped for it.
macro_rules! require_zookeeper {
    () => {
        require!("java");
        if !$crate::support::required::are_possible("a ZooKeeper (tests/setup installs it)", || {
            $crate::support::ZooKeeper::is_installed()
        }) {
            return;
        }
    };
}
pub(crate) use require_zookeeper;

impl ZooKeeper {
    pub(crate) fn is_installed() -> bool {
        std::path::Path::new(JAR).exists()
    }

    /// Starts one that knows nothing. It looks often which sessions are over.
    pub(crate) fn start(folder: &Folder) -> Self {
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, free_port()).into();
        let (data, log) = (folder.path("zookeeper"), folder.path("zookeeper.log"));
        let config = format!(
            "tickTime=200\ndataDir={}\nclientPort={}\nclientPortAddress={}\nadmin.enableServer=false\n\
             maxClientCnxns=0\nmaxSessionTimeout=60000\n",
            data.display(),
            address.port(),
            address.ip(),
        );
        let config = folder.write("zoo.cfg", config);
        Self {
            process: launch(address, &config, &log),
            address,
            config,
            data,
            log,
        }
    }

    /// Where it is, as `host:port`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it. It knows afterwards what it knew, unless it is said to forget.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Forgets everything while it is down.
    pub(crate) fn forget(&mut self) {
        self.kill();
        std::fs::remove_dir_all(&self.data).expect("removing what it knew");
    }

    /// Starts it again.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.process = launch(self.address, &self.config, &self.log);
    }

    /// It keeps its connections, takes new ones, and says nothing.
    pub(crate) fn hang(&self) {
        self.process.signal(Signal::STOP);
    }

    /// It goes on after [`hang`](Self::hang).
    pub(crate) fn go_on(&self) {
        self.process.signal(Signal::CONT);
    }

    /// Somebody who writes.
    pub(crate) fn registrar(&self) -> Registrar {
        Registrar::connect(self.address, Duration::from_secs(30)).expect("a session")
    }
}

fn launch(address: SocketAddr, config: &std::path::Path, log: &std::path::Path) -> Process {
    let mut command = Process::command(&find("java").expect("java is installed"));
    command.args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", JAR]);
    command
        .arg("org.apache.zookeeper.server.ZooKeeperServerMain")
        .arg(config);
    let mut process = Process::start("zookeeper", &mut command, log.to_owned());
    // It takes connections, and says that it is well, before it gives anybody a session.
    process.wait_until("gives sessions", |_| {
        Registrar::connect(address, Duration::from_millis(500))
            .map(drop)
            .map_err(|error| error.to_string())
    });
    process
}

/// A session that writes. Its ephemeral nodes are gone with it.
pub(crate) struct Registrar {
    stream: TcpStream,
    number: i32,
}

impl Registrar {
    fn connect(address: SocketAddr, within: Duration) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(within))?;
        let mut request = Vec::new();
        request.extend(0_i32.to_be_bytes());
        request.extend(0_i64.to_be_bytes());
        // Nobody says now and then that this one lives.
        request.extend(60_000_i32.to_be_bytes());
        request.extend(0_i64.to_be_bytes());
        put(&mut request, &[0; 16]);
        request.push(0);
        say(&mut stream, &request)?;
        hear(&mut stream)?;
        Ok(Self { stream, number: 0 })
    }

    /// Creates a node, and those above it that are not there.
    #[track_caller]
    pub(crate) fn create(&mut self, path: &str, data: impl AsRef<[u8]>) {
        for (end, _) in path.match_indices('/').skip(1) {
            self.write(&path[..end], b"", 0);
        }
        assert_eq!(self.write(path, data.as_ref(), 0), 0, "creating {path}");
    }

    /// Creates a node that is there as long as this session.
    #[track_caller]
    pub(crate) fn announce(&mut self, path: &str, data: impl AsRef<[u8]>) {
        assert_eq!(self.write(path, data.as_ref(), 1), 0, "announcing {path}");
    }

    /// Writes into a node that is there.
    #[track_caller]
    pub(crate) fn set(&mut self, path: &str, data: impl AsRef<[u8]>) {
        let mut body = Vec::new();
        put(&mut body, path.as_bytes());
        put(&mut body, data.as_ref());
        body.extend((-1_i32).to_be_bytes());
        assert_eq!(self.ask(5, &body), 0, "writing {path}");
    }

    /// Deletes a node that has none below it.
    #[track_caller]
    pub(crate) fn delete(&mut self, path: &str) {
        let mut body = Vec::new();
        put(&mut body, path.as_bytes());
        body.extend((-1_i32).to_be_bytes());
        assert_eq!(self.ask(2, &body), 0, "deleting {path}");
    }

    /// Ends the session in good order.
    pub(crate) fn leave(mut self) {
        self.ask(-11, &[]);
    }

    fn write(&mut self, path: &str, data: &[u8], flags: i32) -> i32 {
        let mut body = Vec::new();
        put(&mut body, path.as_bytes());
        put(&mut body, data);
        // Everybody may do everything.
        body.extend([1_i32, 31].map(i32::to_be_bytes).concat());
        put(&mut body, b"world");
        put(&mut body, b"anyone");
        body.extend(flags.to_be_bytes());
        self.ask(1, &body)
    }

    /// Sends a request, and gives the code of its answer.
    fn ask(&mut self, kind: i32, body: &[u8]) -> i32 {
        self.number += 1;
        let mut request = [self.number, kind].map(i32::to_be_bytes).concat();
        request.extend(body);
        say(&mut self.stream, &request).expect("writing to ZooKeeper");
        let answer = hear(&mut self.stream).expect("an answer of ZooKeeper");
        i32::from_be_bytes(answer[12..16].try_into().expect("four bytes"))
    }
}

fn put(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend((bytes.len() as i32).to_be_bytes());
    to.extend(bytes);
}

fn say(stream: &mut TcpStream, body: &[u8]) -> io::Result<()> {
    let mut frame = Vec::new();
    put(&mut frame, body);
    stream.write_all(&frame)
}

fn hear(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body)?;
    Ok(body)
}
