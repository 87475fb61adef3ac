//! A ZooKeeper for the tests: nodes, sessions and watches as a real one has them, on virtual connections.
//!
//! It is written from what the server does, and by other means than the client, so that neither hides the other's mistakes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headcount_discoverer::env::Endpoint;
use headcount_discoverer::testing::{Peer, Saying, ScriptedConnections};

/// One ensemble. Its servers know the same.
#[derive(Clone)]
pub(crate) struct ZooKeeper {
    connections: ScriptedConnections,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    nodes: BTreeMap<String, Node>,
    zxid: i64,
    sessions: BTreeMap<i64, Vec<u8>>,
    last_session: i64,
    talks: Vec<Talk>,
    /// Paths that are refused, each with a code.
    refused: BTreeMap<String, i32>,
    /// What was asked: kinds and paths.
    asked: Vec<(i32, String)>,
    /// How many connections began a session, and how many went on with one.
    begun: usize,
    resumed: usize,
    is_slow: Option<Duration>,
}

#[derive(Clone)]
struct Node {
    data: Vec<u8>,
    changed: i64,
    children_changed: i64,
    created: i64,
}

/// One connection.
struct Talk {
    endpoint: Endpoint,
    session: Option<i64>,
    heard: Vec<u8>,
    /// By kind: data (also where there was nothing) and children.
    watches: [BTreeSet<String>; 2],
}

const DATA: usize = 0;
const CHILDREN: usize = 1;

/// The place of a connection in the list of talks.
struct Line {
    state: Arc<Mutex<State>>,
    place: usize,
}

impl ZooKeeper {
    /// One with these servers.
    pub(crate) fn new(connections: &ScriptedConnections, servers: &[Endpoint]) -> Self {
        let this = Self {
            connections: connections.clone(),
            state: Arc::default(),
        };
        servers.iter().for_each(|server| this.serve(server));
        this.lock().nodes.insert("/".to_owned(), Node::new(Vec::new(), 0));
        this
    }

    /// A server listens (again).
    pub(crate) fn serve(&self, server: &Endpoint) {
        let (state, endpoint) = (self.state.clone(), server.clone());
        self.connections.accept(server.clone(), move || {
            let mut locked = state.lock().unwrap_or_else(PoisonError::into_inner);
            locked.talks.push(Talk {
                endpoint: endpoint.clone(),
                session: None,
                heard: Vec::new(),
                watches: Default::default(),
            });
            Line {
                state: state.clone(),
                place: locked.talks.len() - 1,
            }
        });
    }

    /// Writes a node, and those above it that are not there.
    pub(crate) fn set(&self, path: &str, data: impl Into<Vec<u8>>) {
        let data = data.into();
        let mut above = String::new();
        for name in path.split('/').skip(1) {
            let parent = if above.is_empty() {
                "/".to_owned()
            } else {
                above.clone()
            };
            above.push('/');
            above.push_str(name);
            let is_last = above == path;
            self.write(&above, &parent, is_last.then(|| data.clone()));
        }
    }

    fn write(&self, path: &str, parent: &str, data: Option<Vec<u8>>) {
        let mut state = self.lock();
        let is_there = state.nodes.contains_key(path);
        if is_there && data.is_none() {
            return;
        }
        state.zxid += 1;
        let zxid = state.zxid;
        let data = data.unwrap_or_default();
        match state.nodes.get_mut(path) {
            Some(node) => {
                (node.data, node.changed) = (data, zxid);
                drop(state);
                self.fire(DATA, 3, path);
            }
            None => {
                state.nodes.insert(path.to_owned(), Node::new(data, zxid));
                if let Some(parent) = state.nodes.get_mut(parent) {
                    parent.children_changed = zxid;
                }
                drop(state);
                self.fire(DATA, 1, path);
                self.fire(CHILDREN, 4, parent);
            }
        }
    }

    /// Deletes a node, and those below it, the lowest first.
    pub(crate) fn delete(&self, path: &str) {
        let below = format!("{path}/");
        let mut gone: Vec<String> = self
            .lock()
            .nodes
            .keys()
            .filter(|node| node.starts_with(&below))
            .cloned()
            .collect();
        gone.push(path.to_owned());
        gone.sort_by_key(|path| std::cmp::Reverse(path.len()));
        for path in gone {
            let parent = match path.rsplit_once('/') {
                Some(("", _)) | None => "/".to_owned(),
                Some((parent, _)) => parent.to_owned(),
            };
            let mut state = self.lock();
            if state.nodes.remove(&path).is_none() {
                continue;
            }
            state.zxid += 1;
            let zxid = state.zxid;
            if let Some(parent) = state.nodes.get_mut(&parent) {
                parent.children_changed = zxid;
            }
            drop(state);
            self.fire(DATA, 2, &path);
            self.fire(CHILDREN, 2, &path);
            self.fire(CHILDREN, 4, &parent);
        }
    }

    /// All sessions expire, and connections with them.
    pub(crate) fn expire(&self) {
        self.lock().sessions.clear();
        self.cut();
    }

    /// All connections break; sessions stay.
    pub(crate) fn cut(&self) {
        let servers: BTreeSet<Endpoint> = self.lock().talks.iter().map(|talk| talk.endpoint.clone()).collect();
        servers.iter().for_each(|server| self.connections.cut(server));
    }

    /// All that was known is gone, and the history begins anew.
    pub(crate) fn lose_everything(&self) {
        let mut state = self.lock();
        state.nodes = BTreeMap::from([("/".to_owned(), Node::new(Vec::new(), 0))]);
        state.sessions.clear();
        state.zxid = 0;
        drop(state);
        self.cut();
    }

    /// A path is refused with this code; zero lifts it.
    pub(crate) fn refuse(&self, path: &str, code: i32) {
        match code {
            0 => drop(self.lock().refused.remove(path)),
            code => drop(self.lock().refused.insert(path.to_owned(), code)),
        }
    }

    /// Answers take so long.
    pub(crate) fn slow(&self, by: Option<Duration>) {
        self.lock().is_slow = by;
    }

    /// How many questions there were about nodes since this was last called.
    pub(crate) fn take_asked(&self) -> Vec<(i32, String)> {
        std::mem::take(&mut self.lock().asked)
    }

    /// How many connections began a session, and how many went on with one.
    pub(crate) fn sessions(&self) -> (usize, usize) {
        let state = self.lock();
        (state.begun, state.resumed)
    }

    /// The nodes that hold something, by their paths.
    pub(crate) fn held(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.lock();
        let held = state.nodes.iter().filter(|(_, node)| !node.data.is_empty());
        held.map(|(path, node)| (path.clone(), node.data.clone())).collect()
    }

    /// Tells who watches.
    fn fire(&self, kind: usize, event: i32, path: &str) {
        let mut told = Vec::new();
        {
            let mut state = self.lock();
            let sessions: BTreeSet<i64> = state.sessions.keys().copied().collect();
            for talk in &mut state.talks {
                let lives = talk.session.is_some_and(|session| sessions.contains(&session));
                if talk.watches.get_mut(kind).is_some_and(|watches| watches.remove(path)) && lives {
                    told.push(talk.endpoint.clone());
                }
            }
        }
        for endpoint in told {
            self.connections
                .say(&endpoint, &[Saying::Bytes(event_bytes(event, path))]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    fn new(data: Vec<u8>, zxid: i64) -> Self {
        Self {
            data,
            changed: zxid,
            children_changed: zxid,
            created: zxid,
        }
    }
}

fn event_bytes(event: i32, path: &str) -> Vec<u8> {
    let mut body = Vec::new();
    int(&mut body, -1);
    long(&mut body, -1);
    int(&mut body, 0);
    int(&mut body, event);
    int(&mut body, 3);
    text(&mut body, path.as_bytes());
    framed(body)
}

fn int(to: &mut Vec<u8>, number: i32) {
    to.extend(number.to_be_bytes());
}

fn long(to: &mut Vec<u8>, number: i64) {
    to.extend(number.to_be_bytes());
}

fn text(to: &mut Vec<u8>, bytes: &[u8]) {
    int(to, bytes.len() as i32);
    to.extend(bytes);
}

fn framed(body: Vec<u8>) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_be_bytes().to_vec();
    frame.extend(body);
    frame
}

/// What a client said, from a place on.
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    fn int(&mut self) -> i32 {
        i32::from_be_bytes(self.take(4).try_into().expect("four bytes"))
    }

    fn long(&mut self) -> i64 {
        i64::from_be_bytes(self.take(8).try_into().expect("eight bytes"))
    }

    fn buffer(&mut self) -> Vec<u8> {
        let length = self.int();
        self.take(usize::try_from(length).expect("a length"))
    }

    fn text(&mut self) -> String {
        String::from_utf8(self.buffer()).expect("a path")
    }

    fn texts(&mut self) -> Vec<String> {
        let count = self.int();
        (0..count).map(|_| self.text()).collect()
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(count);
        let taken = taken.to_vec();
        // A message that is not whole fails the test.
        self.0 = rest;
        taken
    }
}

impl Peer for Line {
    fn hear(&mut self, bytes: &[u8]) -> Vec<Saying> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.talks[self.place].heard.extend(bytes);
        let mut sayings = Vec::new();
        loop {
            let heard = &mut state.talks[self.place].heard;
            let Some(length) = heard
                .first_chunk::<4>()
                .map(|length| u32::from_be_bytes(*length) as usize)
            else {
                break;
            };
            if heard.len() < 4 + length {
                break;
            }
            let body: Vec<u8> = heard.drain(..4 + length).skip(4).collect();
            if let Some(by) = state.is_slow {
                sayings.push(Saying::Wait(by));
            }
            let is_known = state.talks[self.place].session.is_some();
            match is_known {
                false => sayings.extend(state.welcome(self.place, &mut Words(&body))),
                true => sayings.extend(
                    state
                        .answer(self.place, &mut Words(&body))
                        .into_iter()
                        .map(Saying::Bytes),
                ),
            }
        }
        sayings
    }
}

impl State {
    fn welcome(&mut self, place: usize, words: &mut Words<'_>) -> Vec<Saying> {
        assert_eq!(words.int(), 0, "the version");
        let (zxid, timeout, id, password) = (words.long(), words.int(), words.long(), words.buffer());
        if zxid > self.zxid {
            return vec![Saying::Close];
        }
        let mut body = Vec::new();
        int(&mut body, 0);
        let is_known = self.sessions.get(&id) == Some(&password);
        if id != 0 && !is_known {
            int(&mut body, 0);
            long(&mut body, 0);
            text(&mut body, &[0; 16]);
            body.push(0);
            return vec![Saying::Bytes(framed(body)), Saying::Close];
        }
        let (id, password) = match id {
            0 => {
                self.begun += 1;
                self.last_session += 1;
                let password = format!("password {:07}", self.last_session).into_bytes();
                self.sessions.insert(self.last_session, password.clone());
                (self.last_session, password)
            }
            id => {
                self.resumed += 1;
                (id, password)
            }
        };
        for talk in self.talks.iter_mut().filter(|talk| talk.session == Some(id)) {
            talk.session = None;
            talk.watches = Default::default();
        }
        self.talks[place].session = Some(id);
        int(&mut body, timeout.clamp(4_000, 40_000));
        long(&mut body, id);
        text(&mut body, &password);
        body.push(0);
        vec![Saying::Bytes(framed(body))]
    }

    /// Answers and events to one message.
    fn answer(&mut self, place: usize, words: &mut Words<'_>) -> Vec<Vec<u8>> {
        let (number, kind) = (words.int(), words.int());
        let mut rest = Vec::new();
        let mut code = 0;
        let mut events = Vec::new();
        match kind {
            11 => {}
            101 => {
                let zxid = words.long();
                let (data, exists, children) = (words.texts(), words.texts(), words.texts());
                for path in data {
                    match self.nodes.get(&path) {
                        None => events.push(event_bytes(2, &path)),
                        Some(node) if node.changed > zxid => events.push(event_bytes(3, &path)),
                        Some(_) => drop(self.talks[place].watches[DATA].insert(path)),
                    }
                }
                for path in exists {
                    match self.nodes.get(&path) {
                        Some(_) => events.push(event_bytes(1, &path)),
                        None => drop(self.talks[place].watches[DATA].insert(path)),
                    }
                }
                for path in children {
                    match self.nodes.get(&path) {
                        None => events.push(event_bytes(2, &path)),
                        Some(node) if node.children_changed > zxid => events.push(event_bytes(4, &path)),
                        Some(_) => drop(self.talks[place].watches[CHILDREN].insert(path)),
                    }
                }
            }
            kind => {
                let path = words.text();
                assert_eq!(words.take(1), [1], "it is watched");
                code = self.look(place, kind, &path, &mut rest);
                self.asked.push((kind, path));
            }
        }
        let mut body = Vec::new();
        int(&mut body, number);
        long(&mut body, self.zxid);
        int(&mut body, code);
        body.extend(rest);
        events.push(framed(body));
        events
    }

    fn look(&mut self, place: usize, kind: i32, path: &str, rest: &mut Vec<u8>) -> i32 {
        if path != "/" && path.ends_with('/') {
            return -8;
        }
        if let Some(code) = self.refused.get(path) {
            return *code;
        }
        let Some(node) = self.nodes.get(path).cloned() else {
            if kind == 3 {
                self.talks[place].watches[DATA].insert(path.to_owned());
            }
            return -101;
        };
        match kind {
            3 | 4 => drop(self.talks[place].watches[DATA].insert(path.to_owned())),
            12 => drop(self.talks[place].watches[CHILDREN].insert(path.to_owned())),
            kind => panic!("{kind} is not known"),
        }
        match kind {
            4 => text(rest, &node.data),
            12 => {
                let above = if path == "/" {
                    "/".to_owned()
                } else {
                    format!("{path}/")
                };
                let below = self.nodes.range(above.clone()..).map(|(node, _)| node);
                let names: Vec<&str> = below
                    .map_while(|node| node.strip_prefix(&above))
                    .filter(|name| !name.is_empty() && !name.contains('/'))
                    .collect();
                int(rest, names.len() as i32);
                names.iter().for_each(|name| text(rest, name.as_bytes()));
            }
            _ => {}
        }
        // Its status, which nobody here reads.
        long(rest, node.created);
        rest.extend([0; 60]);
        0
    }
}
