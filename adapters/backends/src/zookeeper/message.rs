//! What is said to a ZooKeeper server, and what it says: protocol version 0, which every version since 3.0 speaks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::jute::{Malformed, Reader, Writer};

/// Stand in the place of a request's number.
const WATCH_EVENT: i32 = -1;
const PING: i32 = -2;
const SET_WATCHES: i32 = -8;

/// Kinds of requests.
const OF_EXISTS: i32 = 3;
const OF_DATA: i32 = 4;
const OF_PING: i32 = 11;
const OF_CHILDREN: i32 = 12;
const OF_SET_WATCHES: i32 = 101;

/// What is asked about a node. Each question leaves a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum What {
    Data,
    Children,
    /// Asked of a node that is not there, to hear when it is.
    Exists,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ask {
    pub(crate) path: Arc<str>,
    pub(crate) what: What,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Data(Vec<u8>),
    /// Names, and how many are none.
    Children(Vec<String>, usize),
    Exists,
}

/// A question that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) i32);

impl Refusal {
    /// There is no such node: that is an answer, too.
    pub(crate) const NO_NODE: Self = Self(-101);

    /// Whether the session is over.
    pub(crate) fn is_expired(self) -> bool {
        matches!(self.0, -112 | -118)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.0 {
            -4 => "the connection is lost",
            -5 => "it could not read the question",
            -6 => "it does not know the question",
            -7 => "it took too long",
            -8 => "it is no path",
            -101 => "there is no such node",
            -102 => "not allowed for who has no credentials",
            -112 => "the session has expired",
            -118 => "the session has moved to another connection",
            code => return write!(f, "ZooKeeper's error {code}"),
        };
        f.write_str(reason)
    }
}

/// What happened to a node that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    Created,
    Deleted,
    DataChanged,
    ChildrenChanged,
}

/// A session as its holder knows it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: i64,
    pub(crate) password: Vec<u8>,
    /// How long it lives without a word.
    pub(crate) timeout: Duration,
}

/// Who has the password is the holder.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = &mut f.debug_struct("Session");
        session
            .field("id", &self.id)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Begins a session, or goes on with one, for somebody who has seen everything up to `zxid`.
pub(crate) fn connect(zxid: i64, timeout: Duration, session: Option<&Session>) -> Vec<u8> {
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let (id, password) = match session {
        Some(session) => (session.id, session.password.as_slice()),
        None => (0, &[0; 16][..]),
    };
    // The version of the protocol first, and that a server that may only be read won't do last.
    let request = Writer::new().int(0).long(zxid).int(millis).long(id);
    request.buffer(password).flag(false).frame()
}

/// The answer to [`connect`]; nothing if the session that was named is no longer there.
pub(crate) fn connected(body: &[u8]) -> Result<Option<Session>, Malformed> {
    let mut reader = Reader::new(body);
    let _version = reader.int()?;
    let millis = reader.int()?;
    let (id, password) = (reader.long()?, reader.buffer()?.to_vec());
    Ok(u64::try_from(millis)
        .ok()
        .filter(|millis| *millis > 0)
        .map(|millis| Session {
            id,
            password,
            timeout: Duration::from_millis(millis),
        }))
}

/// A question with its number.
pub(crate) fn question(number: i32, ask: &Ask) -> Vec<u8> {
    let kind = match ask.what {
        What::Data => OF_DATA,
        What::Children => OF_CHILDREN,
        What::Exists => OF_EXISTS,
    };
    let is_watched = true;
    Writer::new()
        .int(number)
        .int(kind)
        .text(&ask.path)
        .flag(is_watched)
        .frame()
}

/// Says that somebody is there.
pub(crate) fn ping() -> Vec<u8> {
    Writer::new().int(PING).int(OF_PING).frame()
}

/// Paths that are watched: for data, for when they are there, for children.
pub(crate) type Watches<'a> = [Vec<&'a str>; 3];

/// Has these watched again, by who has seen everything up to `zxid`. What happened since is told at once.
pub(crate) fn set_watches(zxid: i64, watches: &Watches<'_>) -> Vec<u8> {
    let request = Writer::new().int(SET_WATCHES).int(OF_SET_WATCHES).long(zxid);
    watches
        .iter()
        .fold(request, |request, paths| request.texts(paths))
        .frame()
}

/// Something that a server said, up to where it depends on the question.
#[derive(Debug, Clone)]
pub(crate) enum Heard<'a> {
    Event(Happened, &'a str),
    Pong,
    /// The answer to the question of this number.
    Answer(i32, Result<Reader<'a>, Refusal>),
    /// What says nothing to us.
    Nothing,
}

/// A message, and how far the history of the server has come, if it says so.
pub(crate) fn heard(body: &[u8]) -> Result<(Heard<'_>, Option<i64>), Malformed> {
    let mut reader = Reader::new(body);
    let (number, zxid, code) = (reader.int()?, reader.long()?, reader.int()?);
    let zxid = Some(zxid).filter(|zxid| *zxid > 0);
    let heard = match number {
        PING => Heard::Pong,
        SET_WATCHES => Heard::Nothing,
        WATCH_EVENT => {
            let (kind, _state) = (reader.int()?, reader.int()?);
            let path = reader.text()?;
            match kind {
                1 => Heard::Event(Happened::Created, path),
                2 => Heard::Event(Happened::Deleted, path),
                3 => Heard::Event(Happened::DataChanged, path),
                4 => Heard::Event(Happened::ChildrenChanged, path),
                _ => Heard::Nothing,
            }
        }
        number if code == 0 => Heard::Answer(number, Ok(reader)),
        number => Heard::Answer(number, Err(Refusal(code))),
    };
    Ok((heard, zxid))
}

/// What an answer says to a question. What it says of the node itself, which is its status, is passed over.
pub(crate) fn reply(what: What, reader: &mut Reader<'_>) -> Result<Reply, Malformed> {
    Ok(match what {
        What::Data => Reply::Data(reader.buffer()?.to_vec()),
        What::Exists => Reply::Exists,
        What::Children => {
            let texts = reader.texts()?;
            let count = texts.len();
            let is_name = |name: &&str| !name.is_empty() && !name.contains('/');
            let texts = texts.into_iter().filter_map(|text| std::str::from_utf8(text).ok());
            let names: Vec<String> = texts.filter(is_name).map(str::to_owned).collect();
            let skipped = count.saturating_sub(names.len());
            Reply::Children(names, skipped)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_what_a_server_reads() {
        let ask = Ask {
            path: "/a".into(),
            what: What::Children,
        };
        let bytes = [0, 0, 0, 15, 0, 0, 0, 7, 0, 0, 0, 12, 0, 0, 0, 2, b'/', b'a', 1];
        assert_eq!(question(7, &ask), bytes);
        assert_eq!(ping(), [0, 0, 0, 8, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 11]);
        assert_eq!(connect(0, Duration::from_secs(10), None).len(), 4 + 45);
    }

    #[test]
    fn a_session_that_is_gone_is_told_from_one_that_is_there() {
        let answer = |millis| {
            Writer::new()
                .int(0)
                .int(millis)
                .long(5)
                .buffer(b"secret")
                .flag(false)
                .frame()
        };
        let session = connected(&answer(4000)[4..])
            .expect("it can be read")
            .expect("it is there");
        assert_eq!((session.id, session.timeout), (5, Duration::from_secs(4)));
        assert_eq!(connected(&answer(0)[4..]), Ok(None));
        assert_eq!(connected(&answer(-1)[4..]), Ok(None));
        assert_eq!(connected(b"HTTP/1.1 400"), Err(Malformed));
    }

    #[test]
    fn names_of_children_that_are_none_are_counted() {
        let mut bytes = Writer::new().texts(&["a", "", "b/c", "ü"]).frame();
        let place = bytes.len() - 1;
        bytes[place] = 0xff;
        let read = reply(What::Children, &mut Reader::new(&bytes[4..]));
        assert_eq!(read, Ok(Reply::Children(vec!["a".to_owned()], 3)));
    }
}
