//! A ZooKeeper server as a [`Wire`]: a node for each host, below one for its zone; sessions, and watches that are gone when
//! they have told something.
//!
//! **It knows of no fault**: those happen on the way and to the hosts that it is shown.

use std::collections::{BTreeMap, BTreeSet};

use headcount_sim::{Shown, ShownHost, Wire};
use serde_json::json;

const ROOT: &str = "/svc";

/// Kinds of events.
const CREATED: i32 = 1;
const DELETED: i32 = 2;
const CHANGED: i32 = 3;
const CHILDREN: i32 = 4;

/// Who registers the hosts, which decides what their nodes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Registrar {
    #[default]
    Finagle,
    Nerve,
}

/// One server.
#[derive(Default)]
pub(crate) struct ZooKeeper {
    registrar: Registrar,
    zxid: i64,
    nodes: BTreeMap<String, Node>,
    /// How many sessions there were, and those that live.
    count: i64,
    sessions: BTreeSet<i64>,
    talks: BTreeMap<u64, Talk>,
}

#[derive(Clone, PartialEq)]
struct Node {
    data: String,
    changed: i64,
    children_changed: i64,
}

#[derive(Default)]
struct Talk {
    session: Option<i64>,
    heard: Vec<u8>,
    data: BTreeSet<String>,
    children: BTreeSet<String>,
}

/// What nodes there are to be when these hosts are shown.
fn wanted(registrar: Registrar, hosts: &[ShownHost]) -> BTreeMap<String, String> {
    let mut nodes = BTreeMap::from([(ROOT.to_owned(), String::new())]);
    for host in hosts {
        let (ip, port) = host.address.split_once(':').unwrap_or((&host.address, "0"));
        let zone = format!("{ROOT}/zone-{}", host.looks.zone);
        let port = port.parse::<u16>().unwrap_or_default();
        // There is no other place for text of one's own.
        let member = match registrar {
            Registrar::Finagle => json!({"serviceEndpoint": {"host": ip, "port": port}, "status": host.stamp}),
            Registrar::Nerve => json!({"host": ip, "port": port, "name": host.stamp}),
        };
        nodes.insert(format!("{zone}/{}", host.host), member.to_string());
        nodes.insert(zone, String::new());
    }
    nodes
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

impl ZooKeeper {
    /// One in which the hosts are registered by nerve.
    pub(crate) fn of_nerve() -> Self {
        Self {
            registrar: Registrar::Nerve,
            ..Self::default()
        }
    }

    /// Makes the nodes what they are to be. Gives what happened, and where.
    fn take_in(&mut self, hosts: &[ShownHost]) -> Vec<(i32, String)> {
        let wanted = wanted(self.registrar, hosts);
        let mut happened = Vec::new();
        let gone: Vec<String> = self
            .nodes
            .keys()
            .filter(|path| !wanted.contains_key(*path))
            .cloned()
            .collect();
        for path in gone.into_iter().rev() {
            self.nodes.remove(&path);
            self.touch(&path, &mut happened);
            happened.push((DELETED, path));
        }
        for (path, data) in wanted {
            match self.nodes.get_mut(&path) {
                Some(node) if node.data == data => {}
                Some(node) => {
                    self.zxid += 1;
                    (node.data, node.changed) = (data, self.zxid);
                    happened.push((CHANGED, path));
                }
                None => {
                    self.touch(&path, &mut happened);
                    let node = Node {
                        data,
                        changed: self.zxid,
                        children_changed: self.zxid,
                    };
                    self.nodes.insert(path.clone(), node);
                    happened.push((CREATED, path));
                }
            }
        }
        happened
    }

    /// A node comes or goes: its parent's children change.
    fn touch(&mut self, path: &str, happened: &mut Vec<(i32, String)>) {
        self.zxid += 1;
        if let Some(node) = self.nodes.get_mut(parent(path)) {
            node.children_changed = self.zxid;
            happened.push((CHILDREN, parent(path).to_owned()));
        }
    }

    /// Events for who watches.
    fn tell(&mut self, happened: Vec<(i32, String)>) -> Vec<(u64, Vec<u8>)> {
        let mut told = Vec::new();
        for (kind, path) in happened {
            for (number, talk) in &mut self.talks {
                let of_data = kind != CHILDREN && talk.data.remove(&path);
                let of_children = matches!(kind, CHILDREN | DELETED) && talk.children.remove(&path);
                if (of_data || of_children) && talk.session.is_some() {
                    told.push((*number, event(kind, &path)));
                }
            }
        }
        told
    }

    fn welcome(&mut self, number: u64, mut body: Words<'_>) -> Vec<u8> {
        let (_version, zxid, timeout, id) = (body.int(), body.long(), body.int(), body.long());
        let Some(talk) = self.talks.get_mut(&number) else {
            return Vec::new();
        };
        if zxid > self.zxid {
            return Vec::new();
        }
        let id = match id {
            0 => {
                self.count += 1;
                self.sessions.insert(self.count);
                self.count
            }
            id => id,
        };
        let lives = self.sessions.contains(&id);
        talk.session = lives.then_some(id);
        let timeout = if lives { timeout } else { 0 };
        frame(&[
            &0_i32.to_be_bytes(),
            &timeout.to_be_bytes(),
            &id.to_be_bytes(),
            &text(&"p".repeat(16)),
            &[0],
        ])
    }

    fn answer(&mut self, number: u64, mut body: Words<'_>) -> Vec<u8> {
        let (request, kind) = (body.int(), body.int());
        let Some(talk) = self.talks.get_mut(&number) else {
            return Vec::new();
        };
        let mut said = Vec::new();
        let (mut code, mut rest) = (0, Vec::new());
        match kind {
            11 => {}
            101 => {
                let zxid = body.long();
                for path in body.texts() {
                    match self.nodes.get(&path) {
                        None => said.extend(event(DELETED, &path)),
                        Some(node) if node.changed > zxid => said.extend(event(CHANGED, &path)),
                        Some(_) => drop(talk.data.insert(path)),
                    }
                }
                for path in body.texts() {
                    match self.nodes.get(&path) {
                        Some(_) => said.extend(event(CREATED, &path)),
                        None => drop(talk.data.insert(path)),
                    }
                }
                for path in body.texts() {
                    match self.nodes.get(&path) {
                        None => said.extend(event(DELETED, &path)),
                        Some(node) if node.children_changed > zxid => said.extend(event(CHILDREN, &path)),
                        Some(_) => drop(talk.children.insert(path)),
                    }
                }
            }
            kind => {
                let path = body.text();
                match (self.nodes.get(&path), kind) {
                    (None, kind) => {
                        code = -101;
                        if kind == 3 {
                            talk.data.insert(path);
                        }
                    }
                    (Some(node), 4) => {
                        rest = text(&node.data);
                        talk.data.insert(path);
                    }
                    (Some(_), 12) => {
                        let children = self.nodes.keys().filter(|node| parent(node) == path);
                        let names: Vec<&str> = children.filter_map(|node| node.rsplit('/').next()).collect();
                        rest = (names.len() as i32).to_be_bytes().to_vec();
                        names.iter().for_each(|name| rest.extend(text(name)));
                        talk.children.insert(path);
                    }
                    (Some(_), _) => drop(talk.data.insert(path)),
                }
                // The node's status.
                rest.extend([0; 68]);
            }
        }
        if code != 0 {
            rest.clear();
        }
        said.extend(frame(&[
            &request.to_be_bytes(),
            &self.zxid.to_be_bytes(),
            &i32::to_be_bytes(code),
            &rest,
        ]));
        said
    }
}

impl Wire for ZooKeeper {
    fn hear(&mut self, connection: u64, bytes: &[u8], _shown: &Shown) -> Vec<u8> {
        self.talks.entry(connection).or_default().heard.extend(bytes);
        let mut said = Vec::new();
        loop {
            let Some(talk) = self.talks.get_mut(&connection) else {
                return said;
            };
            let length = talk
                .heard
                .first_chunk()
                .map(|length| u32::from_be_bytes(*length) as usize);
            let Some(length) = length.filter(|length| talk.heard.len() >= 4 + length) else {
                return said;
            };
            let body: Vec<u8> = talk.heard.drain(..4 + length).skip(4).collect();
            said.extend(match talk.session {
                None => self.welcome(connection, Words(&body)),
                Some(_) => self.answer(connection, Words(&body)),
            });
        }
    }

    fn changed(&mut self, shown: &Shown) -> Vec<(u64, Vec<u8>)> {
        let happened = self.take_in(&shown.hosts);
        self.tell(happened)
    }

    fn closed(&mut self, connection: u64) {
        self.talks.remove(&connection);
    }

    fn expire(&mut self) {
        self.sessions.clear();
    }
}

fn event(kind: i32, path: &str) -> Vec<u8> {
    let head = [-1_i32, -1, -1, 0, kind, 3].map(i32::to_be_bytes).concat();
    frame(&[&head, &text(path)])
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as i32).to_be_bytes(), text.as_bytes()].concat()
}

fn frame(parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&(body.len() as u32).to_be_bytes(), body.as_slice()].concat()
}

/// What a client said, from a place on.
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    fn int(&mut self) -> i32 {
        self.take(4).try_into().map(i32::from_be_bytes).unwrap_or_default()
    }

    fn long(&mut self) -> i64 {
        self.take(8).try_into().map(i64::from_be_bytes).unwrap_or_default()
    }

    fn text(&mut self) -> String {
        let length = self.int() as usize;
        String::from_utf8_lossy(self.take(length)).into_owned()
    }

    fn texts(&mut self) -> Vec<String> {
        let count = self.int();
        (0..count).map(|_| self.text()).collect()
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
