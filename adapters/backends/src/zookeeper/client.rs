//! A session with an ensemble: one connection at a time, to one server after the other, and questions on it.
//!
//! The one rule: **a session outlives its connections.** When one breaks, or its server says nothing for two thirds of the
//! session's time, the next server is asked to go on with it. One that has expired, or that no server wants to go on with,
//! is forgotten, and so is how far its history had come: a server whose data was restored may be behind that.
//!
//! Answers come in the order of their questions. A connection on which something was half sent or is not
//! understood is not used any more.

use std::collections::VecDeque;
use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::Env;
use headcount_discoverer::env::{Connection, ConnectionError, Doing, Endpoint};

use super::jute::Malformed;
use super::message::{self, Ask, Happened, Heard, Refusal, Reply, Session, Watches};

/// Questions that wait for their answers at a time.
const MOST_SENT: usize = 128;
/// The shortest that a server is waited for, however short the session.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// The longest that a connection is waited for, however long the session.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);
/// No session is believed to be shorter: its pings would come one after the other.
const SHORTEST_SESSION: Duration = Duration::from_millis(300);
/// The largest answer to who begins a session.
const LONGEST_WELCOME: usize = 1 << 16;
/// How much is read at a time.
const PIECE: usize = 16 << 10;

/// Why there is no connection, or none any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// It could not be had, or broke.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// It was closed before there was a session.
    #[error(
        "{0} closed the connection before there was a session: it may have no quorum, or takes no more connections from here"
    )]
    Closed(Endpoint),
    /// It is no ZooKeeper, or does not speak as we know it.
    #[error("{0}: {1}")]
    Malformed(Endpoint, Malformed),
    /// An answer to something that was not asked.
    #[error("{0} gave an answer out of turn")]
    OutOfTurn(Endpoint),
    /// A message is larger than is taken.
    #[error("{0} sent a message of {1} bytes, which is more than is taken")]
    TooLarge(Endpoint, usize),
    /// Nothing was said for too long.
    #[error("{0} said nothing for {1:?}")]
    Silent(Endpoint, Duration),
    /// The session is over.
    #[error("{0}: the session has expired")]
    Expired(Endpoint),
    /// There is no connection.
    #[error("there is no connection")]
    None,
}

impl Trouble {
    /// Whether a server was reached, and did not want to.
    fn is_of_a_server(&self) -> bool {
        match self {
            Self::Connection(ConnectionError::Io { doing, .. }) => *doing != Doing::Connecting,
            Self::Connection(_) | Self::Silent(..) | Self::None => false,
            Self::Closed(_) | Self::Malformed(..) | Self::OutOfTurn(_) | Self::TooLarge(..) | Self::Expired(_) => true,
        }
    }
}

/// How a connection was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    /// With a new session, which watches nothing.
    New,
    /// With the session that there was.
    Resumed,
}

/// Something that a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Incoming {
    Event(Happened, String),
    Answer(Ask, Result<Reply, Refusal>),
    /// That it is there.
    Pong,
}

/// Who speaks to an ensemble.
pub(crate) struct Client {
    servers: Vec<Endpoint>,
    /// The server whose turn it is.
    turn: usize,
    timeout: Duration,
    session: Option<Session>,
    /// How far the history has come.
    zxid: i64,
    link: Option<Link>,
    /// Questions in the order in which they are answered, with their numbers.
    sent: VecDeque<(i32, Ask)>,
    /// The largest message that is taken.
    most: usize,
}

struct Link {
    connection: Connection,
    number: i32,
    /// What came and is not understood yet.
    incoming: Vec<u8>,
    /// How much of it is done with.
    done: usize,
    sent_at: Instant,
    heard_at: Instant,
}

impl Client {
    /// Asks for sessions of this length. `turn` says with which server it begins.
    pub(crate) fn new(servers: Vec<Endpoint>, timeout: Duration, turn: u64, most: u64) -> Self {
        let count = u64::try_from(servers.len()).unwrap_or(1).max(1);
        Self {
            turn: usize::try_from(turn % count).unwrap_or_default(),
            servers,
            timeout,
            session: None,
            zxid: 0,
            link: None,
            sent: VecDeque::new(),
            most: usize::try_from(most).unwrap_or(usize::MAX),
        }
    }

    /// Whether there is a connection on which something was heard lately.
    pub(crate) fn lives(&self, now: Instant) -> bool {
        let silence = self.session_timeout() * 2 / 3;
        self.link.as_ref().is_some_and(|link| now < link.heard_at + silence)
    }

    /// Whether there are questions without an answer.
    pub(crate) fn is_asking(&self) -> bool {
        !self.sent.is_empty()
    }

    /// The questions that will not be answered any more, because there is no connection.
    pub(crate) fn take_lost(&mut self) -> Vec<Ask> {
        self.sent.drain(..).map(|(_, ask)| ask).collect()
    }

    /// Opens a connection, to each server in turn until there is one.
    ///
    /// # Errors
    /// None of them gave one; why the first one did not.
    pub(crate) async fn open(&mut self, env: &Env) -> Result<Opened, Trouble> {
        self.link = None;
        let mut first = None;
        let mut was_closed = false;
        for _ in 0..self.servers.len() {
            match self.open_here(env).await {
                Ok(opened) => return Ok(opened),
                Err(trouble) => {
                    was_closed |= trouble.is_of_a_server();
                    first.get_or_insert(trouble);
                    self.turn_to_next();
                }
            }
        }
        if was_closed {
            // A server that is behind what we have seen does that, and would do it for ever.
            (self.session, self.zxid) = (None, 0);
        }
        Err(first.unwrap_or(Trouble::None))
    }

    /// The connection is gone, or of no use any more.
    pub(crate) fn close(&mut self) {
        self.link = None;
        self.turn_to_next();
    }

    /// Has these watched again after a session was resumed: all of them, or the connection is lost.
    ///
    /// # Errors
    /// The connection broke.
    pub(crate) async fn set_watches(&mut self, env: &Env, portions: &[Watches<'_>]) -> Result<(), Trouble> {
        let requests = portions.iter().map(|watches| message::set_watches(self.zxid, watches));
        let bytes = requests.collect::<Vec<_>>().concat();
        self.send(env, &bytes).await
    }

    /// Sends what is to be asked, as far as there is room, and waits for something to be said; nothing if nothing was
    /// until then. Dropping the future loses nothing but, in the midst of sending, the connection.
    ///
    /// # Errors
    /// The connection is gone.
    pub(crate) async fn step(
        &mut self,
        env: &Env,
        asks: &mut VecDeque<Ask>,
        until: Instant,
    ) -> Result<Option<Incoming>, Trouble> {
        loop {
            self.ask(env, asks).await?;
            loop {
                match self.understand() {
                    Ok(Some(Some(said))) => return Ok(Some(said)),
                    Ok(Some(None)) => {}
                    Ok(None) => break,
                    Err(wrong) => return Err(wrong.at(self.endpoint())),
                }
            }
            let now = env.clock.now();
            if now >= until {
                return Ok(None);
            }
            let timeout = self.session_timeout();
            let link = self.link.as_mut().ok_or(Trouble::None)?;
            let silence = timeout * 2 / 3;
            let (silent_at, ping_at) = (link.heard_at + silence, link.sent_at + timeout / 3);
            if now >= silent_at {
                return Err(Trouble::Silent(link.connection.endpoint().clone(), silence));
            }
            if now >= ping_at {
                self.send(env, &message::ping()).await?;
                continue;
            }
            let wait = until.min(silent_at).min(ping_at).saturating_duration_since(now);
            // Not before it is known that something is to be read: it is as large as hundreds of answers that are there.
            let mut piece = [0; PIECE];
            match link.connection.read(&mut piece, wait).await {
                Ok(0) => {
                    let endpoint = link.connection.endpoint().clone();
                    return Err(ConnectionError::Closed { endpoint }.into());
                }
                Ok(count) => {
                    link.incoming.extend_from_slice(piece.get(..count).unwrap_or_default());
                    link.heard_at = env.clock.now();
                }
                Err(ConnectionError::Timeout { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn endpoint(&self) -> Option<Endpoint> {
        let link = self.link.as_ref()?;
        Some(link.connection.endpoint().clone())
    }

    fn session_timeout(&self) -> Duration {
        let session = self.session.as_ref();
        session
            .map_or(self.timeout, |session| session.timeout)
            .max(SHORTEST_SESSION)
    }

    fn turn_to_next(&mut self) {
        self.turn = (self.turn + 1) % self.servers.len().max(1);
    }

    /// Opens a connection to the server whose turn it is.
    async fn open_here(&mut self, env: &Env) -> Result<Opened, Trouble> {
        let endpoint = self.servers.get(self.turn).ok_or(Trouble::None)?.clone();
        let share = u32::try_from(self.servers.len()).unwrap_or(u32::MAX).max(1);
        let within = (self.timeout / share).clamp(SHORTEST_WAIT, LONGEST_CONNECT);
        let welcome_within = (self.timeout * 2 / 3).max(SHORTEST_WAIT);
        loop {
            let mut connection = env.connections.connect(&endpoint, within).await?;
            let request = message::connect(self.zxid, self.timeout, self.session.as_ref());
            connection.write_all(&request, welcome_within).await?;
            let body = welcome(&mut connection, welcome_within).await?;
            let welcomed = message::connected(&body).map_err(|error| Trouble::Malformed(endpoint.clone(), error))?;
            let before = self.session.take();
            let now = env.clock.now();
            match (welcomed, before) {
                (Some(session), before) => {
                    let is_resumed = before.is_some_and(|before| before.id == session.id);
                    self.session = Some(session);
                    self.link = Some(Link {
                        connection,
                        number: 0,
                        incoming: Vec::new(),
                        done: 0,
                        sent_at: now,
                        heard_at: now,
                    });
                    if !is_resumed {
                        self.zxid = 0;
                    }
                    return Ok(if is_resumed { Opened::Resumed } else { Opened::New });
                }
                // It has expired: now without it.
                (None, Some(_)) => self.zxid = 0,
                (None, None) => return Err(Trouble::Expired(endpoint)),
            }
        }
    }

    /// Sends questions as far as there is room.
    async fn ask(&mut self, env: &Env, asks: &mut VecDeque<Ask>) -> Result<(), Trouble> {
        let mut request = Vec::new();
        {
            let link = self.link.as_mut().ok_or(Trouble::None)?;
            while self.sent.len() < MOST_SENT {
                let Some(ask) = asks.pop_front() else { break };
                // Those below zero have a meaning.
                link.number = link.number.checked_add(1).unwrap_or(1);
                request.append(&mut message::question(link.number, &ask));
                self.sent.push_back((link.number, ask));
            }
        }
        if request.is_empty() {
            return Ok(());
        }
        self.send(env, &request).await
    }

    async fn send(&mut self, env: &Env, bytes: &[u8]) -> Result<(), Trouble> {
        let within = self.session_timeout();
        // Whoever drops this future here may have sent half of it.
        let mut link = self.link.take().ok_or(Trouble::None)?;
        link.connection.write_all(bytes, within).await?;
        link.sent_at = env.clock.now();
        self.link = Some(link);
        Ok(())
    }

    /// The next message that is there as a whole, if it says something.
    fn understand(&mut self) -> Result<Option<Option<Incoming>>, Wrong> {
        let Some(link) = self.link.as_mut() else {
            return Ok(None);
        };
        let Some(body) = next_frame(link, self.most)? else {
            return Ok(None);
        };
        let length = body.len();
        let (heard, zxid) = message::heard(body)?;
        let said = match heard {
            Heard::Nothing => None,
            Heard::Pong => Some(Incoming::Pong),
            Heard::Event(happened, path) => Some(Incoming::Event(happened, path.to_owned())),
            Heard::Answer(_, Err(refusal)) if refusal.is_expired() => return Err(Wrong::Expired),
            Heard::Answer(number, answer) => {
                let (asked, ask) = self.sent.front().ok_or(Wrong::OutOfTurn)?;
                if *asked != number {
                    return Err(Wrong::OutOfTurn);
                }
                let reply = match answer {
                    Ok(mut reader) => Ok(message::reply(ask.what, &mut reader)?),
                    Err(refusal) => Err(refusal),
                };
                self.sent.pop_front().map(|(_, ask)| Incoming::Answer(ask, reply))
            }
        };
        link.done += 4 + length;
        self.zxid = zxid.unwrap_or(self.zxid);
        Ok(Some(said))
    }
}

/// What is wrong with what came.
#[derive(Debug)]
enum Wrong {
    Malformed(Malformed),
    OutOfTurn,
    TooLarge(usize),
    Expired,
}

impl From<Malformed> for Wrong {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl Wrong {
    fn at(self, endpoint: Option<Endpoint>) -> Trouble {
        match (endpoint, self) {
            (None, _) => Trouble::None,
            (Some(endpoint), Self::Malformed(malformed)) => Trouble::Malformed(endpoint, malformed),
            (Some(endpoint), Self::OutOfTurn) => Trouble::OutOfTurn(endpoint),
            (Some(endpoint), Self::TooLarge(length)) => Trouble::TooLarge(endpoint, length),
            (Some(endpoint), Self::Expired) => Trouble::Expired(endpoint),
        }
    }
}

/// The next message, if it is there as a whole.
fn next_frame(link: &mut Link, most: usize) -> Result<Option<&[u8]>, Wrong> {
    let rest = link.incoming.get(link.done..).unwrap_or_default();
    let length = match rest.first_chunk::<4>() {
        Some(length) => usize::try_from(i32::from_be_bytes(*length)).map_err(|_| Malformed)?,
        None => 0,
    };
    if length > most {
        return Err(Wrong::TooLarge(length));
    }
    if rest.len() < 4 + length {
        link.incoming.drain(..link.done);
        link.done = 0;
        return Ok(None);
    }
    Ok(link.incoming.get(link.done + 4..link.done + 4 + length))
}

/// The answer to who begins a session.
async fn welcome(connection: &mut Connection, within: Duration) -> Result<Vec<u8>, Trouble> {
    let endpoint = connection.endpoint().clone();
    let closed = |error| match error {
        ConnectionError::Closed { endpoint } => Trouble::Closed(endpoint),
        error => Trouble::Connection(error),
    };
    let mut length = [0; 4];
    connection.read_exact(&mut length, within).await.map_err(closed)?;
    let length = usize::try_from(i32::from_be_bytes(length));
    let length = length.map_err(|_| Trouble::Malformed(endpoint.clone(), Malformed))?;
    if length > LONGEST_WELCOME {
        return Err(Trouble::TooLarge(endpoint, length));
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body, within).await.map_err(closed)?;
    Ok(body)
}
