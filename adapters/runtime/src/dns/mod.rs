//! The DNS over this machine's name servers.
//!
//! Messages are hickory's; whom to ask is in `resolver`, what to ask next in `lookup`, and here are the sockets.
//! The one rule: **nothing is remembered.** resolv.conf is read for each lookup, so that a change of it is seen,
//! and each question has a socket of its own, so that a forger has to guess its port as well as its id.

mod lookup;
mod message;
mod resolver;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_lite::FutureExt;
use futures_lite::io::{AsyncReadExt, AsyncWriteExt};
use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{
    Clock, Dns, DnsAnswer, DnsError, DnsQuestion, FileError, Files, RecordType, ServerTrouble,
};

use self::lookup::{Ask, LARGE, Lookup, Next, Over};
use self::message::{Asked, Heard, Reply};
use self::resolver::Resolver;
use crate::runtime::SharedRuntime;
use crate::{SystemClock, SystemFiles};

/// Longest resolv.conf that is read, in bytes.
const LONGEST_CONFIGURATION: u64 = 1 << 20;

/// The name servers that resolv.conf names.
#[derive(Clone)]
pub struct SystemDns {
    runtime: SharedRuntime,
    clock: Arc<SystemClock>,
    files: SystemFiles,
    configuration: PathBuf,
    port: u16,
    lookups: Arc<AtomicUsize>,
}

impl SystemDns {
    /// The servers of `/etc/resolv.conf`, on port 53.
    pub fn new(runtime: SharedRuntime) -> Self {
        Self {
            clock: Arc::new(SystemClock::new(runtime.clone())),
            files: SystemFiles::new(runtime.clone()),
            runtime,
            configuration: PathBuf::from("/etc/resolv.conf"),
            port: 53,
            lookups: Arc::default(),
        }
    }

    /// The same with the servers of another file, on another port.
    #[must_use]
    pub fn with_configuration(self, configuration: impl Into<PathBuf>, port: u16) -> Self {
        Self {
            configuration: configuration.into(),
            port,
            ..self
        }
    }

    async fn look_up(self, question: DnsQuestion, within: Duration) -> Result<DnsAnswer, DnsError> {
        let deadline = self.clock.now() + within;
        let record_type = question.record_type;
        let resolver = match self.resolver().await {
            Ok(resolver) if resolver.servers.is_empty() => {
                let path = self.configuration;
                return Err(DnsError::NoServer { question, path });
            }
            Ok(resolver) => resolver,
            Err(source) => return Err(DnsError::Configuration { question, source }),
        };
        let mut lookup = Lookup::new(question, resolver, deadline)?;
        loop {
            match lookup.next(self.clock.now()) {
                Next::Done(result) => return result,
                Next::Ask(ask) => lookup.heard(self.ask(&ask, record_type).await),
            }
        }
    }

    async fn resolver(&self) -> Result<Resolver, FileError> {
        let contents = self.files.read(&self.configuration, LONGEST_CONFIGURATION).await?;
        let mut resolver = Resolver::parse(&contents.bytes, self.port, scope);
        let lookups = self.lookups.fetch_add(1, Ordering::Relaxed);
        if let (true, Some(first)) = (resolver.rotate, lookups.checked_rem(resolver.servers.len())) {
            resolver.servers.rotate_left(first);
        }
        Ok(resolver)
    }

    async fn ask(&self, ask: &Ask, record_type: RecordType) -> Result<Reply, ServerTrouble> {
        let limit = async {
            self.runtime.sleep(ask.timeout).await;
            Err(ServerTrouble::Timeout(ask.timeout))
        };
        let exchange = async {
            match ask.over {
                Over::Udp(edns) => {
                    let asked = Asked::new(&ask.name, record_type, edns)?;
                    self.over_udp(&asked, ask.server).await
                }
                Over::Tcp => {
                    let asked = Asked::new(&ask.name, record_type, None)?;
                    self.over_tcp(&asked, ask.server).await
                }
            }
        };
        exchange.or(limit).await
    }

    async fn over_udp(&self, asked: &Asked, server: SocketAddr) -> Result<Reply, ServerTrouble> {
        let unreachable = |error: io::Error| ServerTrouble::Unreachable(error.into());
        let socket = self.runtime.udp(server).map_err(unreachable)?;
        socket.send(&asked.bytes).await.map_err(unreachable)?;
        let mut buffer = vec![0; usize::from(LARGE)];
        loop {
            let count = socket.receive(&mut buffer).await.map_err(unreachable)?;
            match asked.read(buffer.get(..count).unwrap_or_default()) {
                Heard::Reply(reply) => return Ok(reply),
                Heard::Malformed(reason) => return Err(ServerTrouble::Malformed(reason)),
                // The answer may still come.
                Heard::Stray => {}
            }
        }
    }

    async fn over_tcp(&self, asked: &Asked, server: SocketAddr) -> Result<Reply, ServerTrouble> {
        let exchange = async {
            let mut stream = self.runtime.connect(server).await?;
            let length = u16::try_from(asked.bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
            // In one piece: there are servers that take what comes first for all.
            let message = [length.to_be_bytes().as_slice(), &asked.bytes].concat();
            stream.write_all(&message).await?;
            stream.flush().await?;
            let mut length = [0; 2];
            stream.read_exact(&mut length).await?;
            let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut answer).await?;
            Ok(answer)
        };
        let answer = exchange
            .await
            .map_err(|error: io::Error| ServerTrouble::Unreachable(error.into()))?;
        match asked.read(&answer) {
            Heard::Reply(reply) => Ok(reply),
            Heard::Malformed(reason) => Err(ServerTrouble::Malformed(reason)),
            Heard::Stray => Err(ServerTrouble::Malformed("it answers another question".into())),
        }
    }
}

impl Dns for SystemDns {
    fn lookup(&self, question: DnsQuestion, within: Duration) -> BoxFuture<'static, Result<DnsAnswer, DnsError>> {
        Box::pin(self.clone().look_up(question, within))
    }
}

/// The number of a network interface, for servers on the link (`nameserver fe80::1%eth0`).
fn scope(interface: &str) -> Option<u32> {
    // Names of interfaces have no slash; this is no way to other files.
    let is_name = !interface.contains('/') && interface != "." && interface != "..";
    let path = Path::new("/sys/class/net").join(interface).join("ifindex");
    let text = is_name.then(|| std::fs::read_to_string(path).ok())??;
    text.trim().parse().ok()
}
