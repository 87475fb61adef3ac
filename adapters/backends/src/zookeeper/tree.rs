//! What is known of the nodes under some paths, and what has to be asked to know it.
//!
//! The one rule: **only an answer of the ensemble changes what is known of a node.** Everything can be asked again at any
//! time ([`reread`](Tree::reread)); what is known meanwhile stays, and what is gone goes when that is answered.
//!
//! Paths may lie in each other or be listed twice: a node is there once. One that is not there is waited for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use headcount_core::Group;

use super::message::{Ask, Happened, Refusal, Reply, Watches, What};

/// How deep nodes are followed, and how many of them: nobody has as many, and what refers to itself has no end.
const MOST_LEVELS: usize = 64;
const MOST_NODES: usize = 1_000_000;

/// What an answer was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Left {
    /// Nodes that are left out, because they make no sense or can't be read.
    pub(crate) out: usize,
}

/// The nodes.
pub(crate) struct Tree {
    roots: BTreeSet<Arc<str>>,
    nodes: BTreeMap<Arc<str>, Node>,
    /// What is to be asked.
    pub(crate) asks: VecDeque<Ask>,
    /// What nodes hold that was read since it was last taken; nothing of those that are gone.
    changed: BTreeMap<Arc<str>, Option<Vec<u8>>>,
    /// Paths that were refused, and why.
    refused: BTreeMap<Arc<str>, Refusal>,
}

#[derive(Default)]
struct Node {
    children: BTreeSet<String>,
    /// What it was when it was last read, if that was a target.
    group: Option<Group>,
    /// Whether it is waited for, because it was not there.
    is_awaited: bool,
}

impl Tree {
    /// Nodes under these paths, of which nothing is known.
    pub(crate) fn new<'a>(roots: impl Iterator<Item = &'a str>) -> Self {
        let roots: BTreeSet<Arc<str>> = roots.map(Arc::from).collect();
        Self {
            nodes: roots.iter().map(|root| (root.clone(), Node::default())).collect(),
            roots,
            asks: VecDeque::new(),
            changed: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    /// Has everything asked again.
    pub(crate) fn reread(&mut self) {
        self.refused.clear();
        self.nodes.values_mut().for_each(|node| node.is_awaited = false);
        let paths: Vec<Arc<str>> = self.nodes.keys().cloned().collect();
        for path in paths {
            self.ask_all(&path);
        }
    }

    /// These questions were not answered and have to be asked again.
    pub(crate) fn again(&mut self, asks: Vec<Ask>) {
        for ask in asks {
            if self.nodes.contains_key(&ask.path) {
                self.ask(&ask.path, ask.what);
            }
        }
    }

    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// How many targets each path has. Those in it that are paths themselves count for both.
    pub(crate) fn targets(&self) -> BTreeMap<Arc<str>, usize> {
        let count = |root: &Arc<str>| {
            let of_root = self.nodes.get(root).into_iter();
            let of_root = of_root.chain(self.below(root).map(|(_, node)| node));
            of_root.filter(|node| node.group.is_some()).count()
        };
        self.roots.iter().map(|root| (root.clone(), count(root))).collect()
    }

    /// A path that can't be read, and why.
    pub(crate) fn refusal(&self) -> Option<(&str, Refusal)> {
        let (path, refusal) = self.refused.first_key_value()?;
        Some((path, *refusal))
    }

    /// All groups.
    pub(crate) fn groups(&self) -> Vec<Group> {
        self.nodes.values().filter_map(|node| node.group.clone()).collect()
    }

    /// How many nodes have changed.
    pub(crate) fn change_count(&self) -> usize {
        self.changed.len()
    }

    /// Nodes that were read, or are gone, since this was last called.
    pub(crate) fn take_changed(&mut self) -> BTreeMap<Arc<str>, Option<Vec<u8>>> {
        std::mem::take(&mut self.changed)
    }

    /// What a node is now.
    pub(crate) fn set_group(&mut self, path: &str, group: Option<Group>) {
        if let Some(node) = self.nodes.get_mut(path) {
            node.group = group;
        }
    }

    /// What is watched, in portions of about so many bytes.
    pub(crate) fn watches(&self, portion: usize) -> Vec<Watches<'_>> {
        let mut all = Vec::new();
        let (mut watches, mut bytes) = (Watches::default(), 0);
        for (path, node) in &self.nodes {
            let [data, exists, children] = &mut watches;
            match node.is_awaited {
                true => exists.push(path),
                false => {
                    data.push(path);
                    children.push(path);
                }
            }
            bytes += 2 * path.len();
            if bytes >= portion {
                all.push(std::mem::take(&mut watches));
                bytes = 0;
            }
        }
        if bytes > 0 {
            all.push(watches);
        }
        all
    }

    /// Something happened to a node that was watched: the watch is gone.
    pub(crate) fn happened(&mut self, happened: Happened, path: &str) {
        let Some((path, _)) = self.nodes.get_key_value(path) else {
            return;
        };
        let path = path.clone();
        match happened {
            Happened::Created => self.look(&path),
            Happened::DataChanged => self.ask(&path, What::Data),
            Happened::ChildrenChanged => self.ask(&path, What::Children),
            Happened::Deleted => self.remove(&path),
        }
    }

    /// Takes in an answer.
    pub(crate) fn answered(&mut self, ask: &Ask, answer: Result<Reply, Refusal>) -> Left {
        let path = &ask.path;
        let Some(node) = self.nodes.get_mut(path) else {
            // It is gone meanwhile.
            return Left::default();
        };
        match answer {
            Ok(Reply::Data(data)) => {
                node.is_awaited = false;
                self.changed.insert(path.clone(), Some(data));
                Left::default()
            }
            Ok(Reply::Children(names, out)) => self.take_children(path, names, out),
            Ok(Reply::Exists) => {
                self.look(path);
                Left::default()
            }
            Err(Refusal::NO_NODE) if ask.what == What::Exists => Left::default(),
            Err(Refusal::NO_NODE) => {
                self.remove(path);
                Left::default()
            }
            Err(refusal) if self.roots.contains(path) => {
                self.refused.insert(path.clone(), refusal);
                Left::default()
            }
            // It keeps what it had.
            Err(_) => Left { out: 1 },
        }
    }

    fn take_children(&mut self, path: &Arc<str>, names: Vec<String>, mut out: usize) -> Left {
        let names: BTreeSet<String> = names.into_iter().collect();
        let Some(node) = self.nodes.get_mut(path) else {
            return Left { out };
        };
        let gone: Vec<String> = node.children.difference(&names).cloned().collect();
        node.children = names;
        for name in gone {
            self.remove(&child(path, &name));
        }
        let names = self.nodes.get(path).map(|node| &node.children);
        let paths: Vec<Arc<str>> = names
            .into_iter()
            .flatten()
            .map(|name| child(path, name).into())
            .filter(|path: &Arc<str>| !self.nodes.contains_key(path))
            .collect();
        for path in paths {
            if self.nodes.len() >= MOST_NODES || path.matches('/').count() > MOST_LEVELS {
                out += 1;
                continue;
            }
            self.nodes.insert(path.clone(), Node::default());
            self.ask_all(&path);
        }
        Left { out }
    }

    /// A node is not there, and neither is what was below it. A path that was given is waited for.
    fn remove(&mut self, path: &str) {
        let mut gone: Vec<Arc<str>> = self.below(path).map(|(path, _)| path.clone()).collect();
        gone.extend(self.nodes.get_key_value(path).map(|(path, _)| path.clone()));
        for path in gone {
            let is_root = self.roots.contains(&path);
            if self.nodes.get(&path).is_some_and(|node| node.is_awaited) {
                continue;
            }
            self.changed.insert(path.clone(), None);
            self.nodes.remove(&path);
            if is_root {
                let awaited = Node {
                    is_awaited: true,
                    ..Node::default()
                };
                self.nodes.insert(path.clone(), awaited);
                self.ask(&path, What::Exists);
            }
        }
    }

    fn below(&self, path: &str) -> impl Iterator<Item = (&Arc<str>, &Node)> {
        let first = child(path, "");
        // The character after the slash ends what begins with one.
        let last = format!("{}0", first.strip_suffix('/').unwrap_or_default());
        let bounds = (Bound::Excluded(first.as_str()), Bound::Excluded(last.as_str()));
        self.nodes.range::<str, _>(bounds)
    }

    /// One that was waited for is there.
    fn look(&mut self, path: &Arc<str>) {
        if let Some(node) = self.nodes.get_mut(path) {
            node.is_awaited = false;
        }
        self.ask_all(path);
    }

    fn ask_all(&mut self, path: &Arc<str>) {
        self.ask(path, What::Data);
        self.ask(path, What::Children);
    }

    fn ask(&mut self, path: &Arc<str>, what: What) {
        self.asks.push_back(Ask {
            path: path.clone(),
            what,
        });
    }
}

/// The path of a node's child.
fn child(path: &str, name: &str) -> String {
    match path {
        "/" => format!("/{name}"),
        _ => format!("{path}/{name}"),
    }
}
