use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_lite::io::{AsyncRead, AsyncWrite};
use headcount_core::Instant;

use super::VirtualClock;
use super::clock::Sleep;
use crate::BoxFuture;
use crate::env::{ByteStream, Connection, ConnectionError, Connections, Doing, Endpoint};

/// The other side of connections. Cloning shares it.
///
/// Where nobody listens, connections are refused.
#[derive(Clone)]
pub struct ScriptedConnections {
    clock: VirtualClock,
    places: Arc<Mutex<BTreeMap<Endpoint, Place>>>,
}

/// One side of a conversation: what it says to what it hears.
///
/// Bytes come in the pieces in which they were written; who wants whole messages collects them. A function
/// from bytes to sayings is a peer.
pub trait Peer: Send {
    /// Says something as soon as the connection is there.
    fn greet(&mut self) -> Vec<Saying> {
        Vec::new()
    }

    /// Says something to these bytes; nothing is an answer that never comes.
    fn hear(&mut self, bytes: &[u8]) -> Vec<Saying>;
}

impl<F: FnMut(&[u8]) -> Vec<Saying> + Send> Peer for F {
    fn hear(&mut self, bytes: &[u8]) -> Vec<Saying> {
        self(bytes)
    }
}

/// What a peer does next, each after what it did before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saying {
    /// Sends bytes.
    Bytes(Vec<u8>),
    /// Does nothing for a while.
    Wait(Duration),
    /// Closes the connection in good order: no more bytes come.
    Close,
    /// Breaks the connection off.
    Reset,
}

type MakePeer = Box<dyn FnMut() -> Box<dyn Peer> + Send>;

enum Place {
    Accepts {
        make: MakePeer,
        open: Vec<Arc<Mutex<Line>>>,
    },
    Hangs,
    HasNoAddress,
}

/// One connection.
struct Line {
    peer: Box<dyn Peer>,
    /// What is on its way to us, and when it is there.
    coming: VecDeque<(Instant, Event)>,
    /// When the peer has done all it said it would.
    busy_until: Instant,
    ended: Option<io::ErrorKind>,
    reader: Option<Waker>,
}

enum Event {
    Bytes(VecDeque<u8>),
    Close,
    Reset,
}

impl std::fmt::Debug for ScriptedConnections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedConnections").finish_non_exhaustive()
    }
}

impl ScriptedConnections {
    pub(super) fn new(clock: VirtualClock) -> Self {
        Self {
            clock,
            places: Arc::default(),
        }
    }

    /// From now on somebody listens there: for each connection, `make` makes the other side of it.
    pub fn accept<P: Peer + 'static>(&self, endpoint: Endpoint, mut make: impl FnMut() -> P + Send + 'static) {
        let accepts = Place::Accepts {
            make: Box::new(move || Box::new(make())),
            open: Vec::new(),
        };
        self.with(|places| places.insert(endpoint, accepts));
    }

    /// From now on nobody listens there; who is connected gets "connection reset".
    pub fn refuse(&self, endpoint: &Endpoint) {
        self.cut(endpoint);
        self.with(|places| places.remove(endpoint));
    }

    /// From now on a connection to there never opens; who is connected hears nothing of it.
    pub fn hang(&self, endpoint: Endpoint) {
        self.with(|places| places.insert(endpoint, Place::Hangs));
    }

    /// From now on the endpoint's name has no address.
    pub fn forget(&self, endpoint: Endpoint) {
        self.with(|places| places.insert(endpoint, Place::HasNoAddress));
    }

    /// How many connections to there are open.
    pub fn open(&self, endpoint: &Endpoint) -> usize {
        self.lines(endpoint).len()
    }

    /// Every peer that is connected there says this of its own accord.
    pub fn say(&self, endpoint: &Endpoint, saying: &[Saying]) {
        for line in self.lines(endpoint) {
            self.put(&line, saying.to_vec());
        }
    }

    /// Breaks every connection to there.
    pub fn cut(&self, endpoint: &Endpoint) {
        self.say(endpoint, &[Saying::Reset]);
    }

    /// The connections to there that we have not closed.
    fn lines(&self, endpoint: &Endpoint) -> Vec<Arc<Mutex<Line>>> {
        self.with(|places| match places.get_mut(endpoint) {
            Some(Place::Accepts { open, .. }) => {
                // The other handle is the stream's.
                open.retain(|line| Arc::strong_count(line) > 1);
                open.clone()
            }
            _ => Vec::new(),
        })
    }

    /// Our end of a new connection to there.
    async fn open_line(&self, endpoint: &Endpoint) -> Result<Box<dyn ByteStream>, ConnectionError> {
        let peer = self.with(|places| match places.get_mut(endpoint) {
            Some(Place::Accepts { make, .. }) => Ok(Some(make())),
            Some(Place::Hangs) => Ok(None),
            Some(Place::HasNoAddress) => Err(ConnectionError::Resolve {
                endpoint: endpoint.clone(),
                cause: io::ErrorKind::NotFound.into(),
            }),
            None => Err(ConnectionError::Io {
                endpoint: endpoint.clone(),
                doing: Doing::Connecting,
                cause: io::ErrorKind::ConnectionRefused.into(),
            }),
        })?;
        let Some(mut peer) = peer else {
            return std::future::pending().await;
        };
        let greeting = peer.greet();
        let line = Arc::new(Mutex::new(Line {
            peer,
            coming: VecDeque::new(),
            busy_until: Instant::ZERO,
            ended: None,
            reader: None,
        }));
        self.put(&line, greeting);
        self.with(|places| {
            if let Some(Place::Accepts { open, .. }) = places.get_mut(endpoint) {
                open.push(line.clone());
            }
        });
        Ok(Box::new(Stream {
            clock: self.clock.clone(),
            line,
            sleep: None,
        }))
    }

    fn put(&self, line: &Mutex<Line>, sayings: Vec<Saying>) {
        let now = self.clock.time();
        lock(line).put(now, sayings);
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<Endpoint, Place>) -> T) -> T {
        act(&mut self.places.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Line {
    fn put(&mut self, now: Instant, sayings: Vec<Saying>) {
        self.busy_until = self.busy_until.max(now);
        for saying in sayings {
            let event = match saying {
                Saying::Wait(time) => {
                    self.busy_until = self.busy_until + time;
                    continue;
                }
                Saying::Bytes(bytes) => Event::Bytes(bytes.into()),
                Saying::Close => Event::Close,
                Saying::Reset => Event::Reset,
            };
            self.coming.push_back((self.busy_until, event));
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Connections for ScriptedConnections {
    fn connect(
        &self,
        endpoint: &Endpoint,
        within: Duration,
    ) -> BoxFuture<'static, Result<Connection, ConnectionError>> {
        let (this, endpoint) = (self.clone(), endpoint.clone());
        Box::pin(async move {
            let clock = Arc::new(this.clock.clone());
            Connection::open(endpoint.clone(), clock, within, this.open_line(&endpoint)).await
        })
    }
}

/// Our end of a connection.
struct Stream {
    clock: VirtualClock,
    line: Arc<Mutex<Line>>,
    /// Until the next bytes are there.
    sleep: Option<Sleep>,
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let Self { clock, line, sleep } = self.get_mut();
        let now = clock.time();
        let mut line = lock(line);
        match line.ended {
            Some(io::ErrorKind::UnexpectedEof) => return Poll::Ready(Ok(0)),
            Some(kind) => return Poll::Ready(Err(kind.into())),
            None => {}
        }
        line.reader = Some(context.waker().clone());
        let there = match line.coming.front_mut() {
            None => return Poll::Pending,
            Some((at, event)) if *at <= now => event,
            Some((at, _)) => {
                // It wakes us then; what is there is looked at anew.
                let _pending = Pin::new(sleep.insert(clock.sleep_until(*at))).poll(context);
                return Poll::Pending;
            }
        };
        *sleep = None;
        match there {
            Event::Bytes(bytes) => {
                let count = io::Read::read(bytes, buffer)?;
                if bytes.is_empty() {
                    line.coming.pop_front();
                }
                Poll::Ready(Ok(count))
            }
            Event::Close => {
                line.ended = Some(io::ErrorKind::UnexpectedEof);
                Poll::Ready(Ok(0))
            }
            Event::Reset => {
                line.ended = Some(io::ErrorKind::ConnectionReset);
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, _context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let now = self.clock.time();
        let mut line = lock(&self.line);
        let is_reset = matches!(line.coming.front(), Some((at, Event::Reset)) if *at <= now);
        if line.ended.is_some() || is_reset {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let sayings = line.peer.hear(bytes);
        line.put(now, sayings);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn lock(line: &Mutex<Line>) -> std::sync::MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::testing::World;
    use crate::{Env, Updates};

    const SECOND: Duration = Duration::from_secs(1);

    fn server() -> Endpoint {
        Endpoint::tcp("zk", 2181)
    }

    /// What a discoverer that asks "ping" once, and reads four bytes within three seconds, gets to see, and when.
    fn asked(script: impl FnOnce(&ScriptedConnections)) -> (Instant, String) {
        let mut world = World::new();
        script(&world.connections);
        let (told, heard) = mpsc::channel();
        world.start(Box::new(move |env: Env, _: Updates| async move {
            let ask = async {
                let mut connection = env.connections.connect(&server(), SECOND * 2).await?;
                connection.write_all(b"ping", SECOND * 3).await?;
                let mut answer = [0; 4];
                connection.read_exact(&mut answer, SECOND * 3).await?;
                Ok::<_, ConnectionError>(String::from_utf8_lossy(&answer).into_owned())
            };
            let said = ask.await.unwrap_or_else(|error| error.to_string());
            told.send((env.clock.now(), said)).expect("the test listens");
        }));
        world.run_for(SECOND * 10);
        let (at, said) = heard.try_recv().expect("it ended");
        assert_eq!(world.connections.open(&server()), 0, "it is closed");
        (at, said)
    }

    fn answering(sayings: &[Saying]) -> impl FnOnce(&ScriptedConnections) + use<> {
        let sayings = sayings.to_vec();
        move |connections| {
            connections.accept(server(), move || {
                let sayings = sayings.clone();
                move |heard: &[u8]| {
                    assert_eq!(heard, b"ping");
                    sayings.clone()
                }
            });
        }
    }

    #[test]
    fn what_can_become_of_a_question_does() {
        let bytes = |text: &str| Saying::Bytes(text.into());
        let at = |seconds: u32| Instant::ZERO + SECOND * seconds;
        assert_eq!(asked(answering(&[bytes("pong")])), (at(0), "pong".to_owned()));
        let late = [bytes("po"), Saying::Wait(SECOND), bytes("ng, and more")];
        assert_eq!(asked(answering(&late)), (at(1), "pong".to_owned()));
        let cases: [(_, u32, &[Saying]); 4] = [
            ("reading from zk:2181: nothing within 3s", 3, &[]),
            ("reading from zk:2181: nothing within 3s", 3, &[bytes("po")]),
            (
                "zk:2181 closed the connection in the middle of an answer",
                0,
                &[bytes("po"), Saying::Close],
            ),
            (
                "reading from zk:2181: connection reset",
                1,
                &[bytes("po"), Saying::Wait(SECOND), Saying::Reset],
            ),
        ];
        for (message, seconds, sayings) in cases {
            assert_eq!(
                asked(answering(sayings)),
                (at(seconds), message.to_owned()),
                "{sayings:?}"
            );
        }
    }

    #[test]
    fn a_connection_can_be_refused_hang_and_have_no_address() {
        let refused = asked(|_| {}).1;
        assert_eq!(refused, "connecting to zk:2181: connection refused");
        let hanging = asked(|connections| connections.hang(server()));
        let expected = "connecting to zk:2181: nothing within 2s";
        assert_eq!(hanging, (Instant::ZERO + SECOND * 2, expected.to_owned()));
        let nowhere = asked(|connections| connections.forget(server())).1;
        assert!(
            nowhere.starts_with("connecting to zk:2181: looking up its address"),
            "{nowhere}"
        );
    }

    #[test]
    fn a_peer_speaks_first_or_unasked_and_can_be_cut_off() {
        struct Greeter;
        impl Peer for Greeter {
            fn greet(&mut self) -> Vec<Saying> {
                vec![Saying::Bytes(b"hello".to_vec())]
            }
            fn hear(&mut self, _bytes: &[u8]) -> Vec<Saying> {
                Vec::new()
            }
        }
        let mut world = World::new();
        world.connections.accept(server(), || Greeter);
        let (told, heard) = mpsc::channel();
        world.start(Box::new(move |env: Env, _: Updates| async move {
            let mut connection = env.connections.connect(&server(), SECOND).await.expect("it listens");
            let mut buffer = [0; 16];
            loop {
                let read = connection.read(&mut buffer, SECOND * 60).await;
                let is_over = read.is_err();
                told.send(read.map(|count| buffer[..count].to_vec()))
                    .expect("the test listens");
                if is_over {
                    return;
                }
            }
        }));
        let next = |world: &mut World| {
            world.settle();
            heard.try_recv().expect("it was told")
        };
        assert_eq!(next(&mut world).expect("bytes"), b"hello");
        assert_eq!(world.connections.open(&server()), 1);
        world.connections.say(&server(), &[Saying::Bytes(b"changed".to_vec())]);
        assert_eq!(next(&mut world).expect("bytes"), b"changed");
        world.connections.refuse(&server());
        let error = next(&mut world).expect_err("cut off").to_string();
        assert_eq!(error, "reading from zk:2181: connection reset");
    }
}
