//! A persistent search tree from 64-bit hashes to values, edited in bulk.
//!
//! Cloning it is free, and **an edit copies each node that it changes once, however many of the
//! changes fall into it; all other nodes are shared with the tree before.** The keys are hashes,
//! so they are spread evenly, and the nodes can be small: what an edit costs is mostly the
//! reference counts of the values beside the one that changes, each in memory of its own.
//!
//! All leaves are at the same depth. A node is a single allocation of just its size.

use core::fmt;
use std::vec::Drain;

use triomphe::ThinArc;

use super::walk::Walk;

/// Most entries of a leaf.
pub(super) const LEAF: usize = 12;
/// Most children of a branch.
pub(super) const BRANCH: usize = 8;

/// A sorted map whose clones share structure.
#[derive(Clone)]
pub(super) struct Tree<V> {
    /// The nodes at the top: none, or one.
    root: Option<Node<V>>,
}

/// Part of a tree.
pub(super) enum Node<V> {
    /// Entries, sorted by key.
    Leaf(ThinArc<(), (u64, V)>),
    /// Nodes that are one level further down, sorted.
    Branch(ThinArc<(), Child<V>>),
}

/// A node below a branch.
pub(super) struct Child<V> {
    /// No key in the node is smaller, and none in the nodes before it is as large.
    first: u64,
    pub(super) node: Node<V>,
}

/// What an edit did, in nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Nodes {
    /// Nodes that were looked into.
    pub(super) visited: u64,
    /// Nodes that were made.
    pub(super) made: u64,
}

/// What an edit makes of one key.
#[derive(Debug)]
pub(super) enum Edit<V> {
    /// What it is.
    Keep,
    /// Another value, or a first one.
    Put(V),
    /// Nothing.
    Remove,
}

impl<V> Default for Tree<V> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<V: fmt::Debug> fmt::Debug for Tree<V> {
    /// As a map: which entries share a node depends on the edits that made them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = Walk::new(self.root.as_ref()).map(|(key, value)| (key, value));
        f.debug_map().entries(entries).finish()
    }
}

impl<V: Value> Tree<V> {
    /// The value of `key`.
    pub(super) fn get(&self, key: u64) -> Option<&V> {
        let mut node = self.root.as_ref()?;
        loop {
            match node {
                Node::Leaf(leaf) => {
                    return leaf
                        .slice
                        .iter()
                        .find(|(other, _)| *other == key)
                        .map(|(_, value)| value);
                }
                Node::Branch(branch) => node = &branch.slice.get(branch.place_of(key))?.node,
            }
        }
    }

    /// All values, in the order of their keys.
    pub(super) fn walk(&self) -> Walk<'_, V> {
        Walk::new(self.root.as_ref())
    }

    /// Whether both are one and the same, without a look at what they hold. Equal ones that were made apart are not.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (&self.root, &other.root) {
            (None, None) => true,
            (Some(a), Some(b)) => a.is(b),
            _ => false,
        }
    }

    #[cfg(test)]
    pub(super) fn root(&self) -> Option<&Node<V>> {
        self.root.as_ref()
    }

    /// Edits the keys that `changes` names. They are sorted by key; `decide` is asked once for
    /// each key, with all its changes and the value that it has.
    pub(super) fn edit<C>(
        &mut self,
        mut changes: Vec<(u64, C)>,
        decide: impl FnMut(&mut [(u64, C)], Option<&V>) -> Edit<V>,
    ) -> Nodes {
        // Most updates say that nothing is new, and need no look at the memory of the nodes.
        if changes.is_empty() {
            return Nodes::default();
        }
        let mut editor = Editor {
            decide,
            entries: Vec::new(),
            made: Vec::new(),
            nodes: Nodes::default(),
        };
        let changed = match &self.root {
            None => editor.edit_leaf(&[], &mut changes),
            Some(root) => editor.edit(root, &mut changes),
        };
        if changed {
            while editor.made.len() > 1 {
                editor.raise(0);
            }
            self.root = editor.made.pop().map(|top| lowest(top.node));
        }
        editor.nodes
    }
}

impl<V> Node<V> {
    /// How many entries or children the node has.
    fn len(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.slice.len(),
            Self::Branch(branch) => branch.slice.len(),
        }
    }

    /// How many levels there are below.
    pub(super) fn height(&self) -> usize {
        let mut height = 0_usize;
        let mut node = self;
        while let Self::Branch(branch) = node
            && let Some(first) = branch.slice.first()
        {
            height = height.saturating_add(1);
            node = &first.node;
        }
        height
    }

    /// Whether both are one and the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(a), Self::Leaf(b)) => core::ptr::eq(a.as_ptr(), b.as_ptr()),
            (Self::Branch(a), Self::Branch(b)) => core::ptr::eq(a.as_ptr(), b.as_ptr()),
            _ => false,
        }
    }
}

impl<V> Clone for Node<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Leaf(leaf) => Self::Leaf(leaf.clone()),
            Self::Branch(branch) => Self::Branch(branch.clone()),
        }
    }
}

impl<V> Clone for Child<V> {
    fn clone(&self) -> Self {
        Self {
            first: self.first,
            node: self.node.clone(),
        }
    }
}

/// What a tree holds.
pub(super) trait Value: Clone {
    /// Reads something of the memory that cloning the value writes to.
    fn touch(&self) -> usize;
}

/// Fetches the memory behind all items side by side. Raising their reference counts one after
/// the other would wait for each.
fn touch<T>(items: &[T], read: impl Fn(&T) -> usize) {
    core::hint::black_box(items.iter().map(read).fold(0, usize::wrapping_add));
}

/// Where a key belongs.
trait Places {
    /// The place of the child that `key` falls into; the first one takes what is smaller than all.
    fn place_of(&self, key: u64) -> usize;
}

impl<V> Places for ThinArc<(), Child<V>> {
    fn place_of(&self, key: u64) -> usize {
        let after = self
            .slice
            .iter()
            .take_while(|child| planted!(child.first <= key, FirstOfANodeIsNotFound, child.first < key))
            .count();
        after.saturating_sub(1)
    }
}

/// What an edit works with: buffers that are used again for node after node.
struct Editor<V, D> {
    decide: D,
    /// The entries of the leaf that is being made.
    entries: Vec<(u64, V)>,
    /// What was made in place of the nodes so far: of each level that is being edited the parts
    /// before the present one, the upper levels first.
    made: Vec<Child<V>>,
    nodes: Nodes,
}

impl<V: Value, D> Editor<V, D> {
    /// Edits a node. Its successors, all at its level, come last in `made`; or, if that changes
    /// nothing, nothing is made, and the answer is `false`.
    fn edit<C>(&mut self, node: &Node<V>, changes: &mut [(u64, C)]) -> bool
    where
        D: FnMut(&mut [(u64, C)], Option<&V>) -> Edit<V>,
    {
        match node {
            Node::Leaf(leaf) => self.edit_leaf(&leaf.slice, changes),
            Node::Branch(branch) => self.edit_branch(&branch.slice, changes),
        }
    }

    fn edit_leaf<C>(&mut self, entries: &[(u64, V)], mut changes: &mut [(u64, C)]) -> bool
    where
        D: FnMut(&mut [(u64, C)], Option<&V>) -> Edit<V>,
    {
        self.nodes.visited = self.nodes.visited.saturating_add(1);
        let mut changed = false;
        let mut rest = entries;
        // What stays is copied only once something is known not to.
        let mut staying = 0_usize;
        while let Some(&(key, _)) = changes.first() {
            let same_key = changes.iter().take_while(|(other, _)| *other == key).count();
            let of_key = split_off(&mut changes, same_key);
            staying = staying.saturating_add(smaller(rest.get(staying..).unwrap_or_default(), key));
            let old = rest.get(staying).filter(|(other, _)| *other == key);
            let edit = (self.decide)(of_key, old.map(|(_, value)| value));
            if matches!((&edit, old), (Edit::Keep, _) | (Edit::Remove, None)) {
                continue;
            }
            if !core::mem::replace(&mut changed, true) {
                touch(entries, |(_, value)| value.touch());
            }
            let (stay, after) = rest.split_at_checked(staying).unwrap_or_default();
            self.entries.extend_from_slice(stay);
            rest = after.get(usize::from(old.is_some())..).unwrap_or_default();
            staying = 0;
            if let Edit::Put(value) = edit {
                self.entries.push((key, value));
            }
        }
        if changed {
            self.entries.extend_from_slice(rest);
            let before = self.made.len();
            self.made
                .extend(split(self.entries.drain(..), LEAF, |(key, _)| *key, Node::Leaf));
            self.count_made(self.made.len().saturating_sub(before));
        }
        changed
    }

    fn edit_branch<C>(&mut self, children: &[Child<V>], mut changes: &mut [(u64, C)]) -> bool
    where
        D: FnMut(&mut [(u64, C)], Option<&V>) -> Edit<V>,
    {
        self.nodes.visited = self.nodes.visited.saturating_add(1);
        let start = self.made.len();
        let mut staying = 0_usize;
        touch(children, |child| child.node.len());
        for (place, child) in children.iter().enumerate() {
            let end = children.get(place.saturating_add(1)).map(|after| after.first);
            let count = end.map_or(changes.len(), |end| {
                smaller(
                    changes,
                    planted!(end, FirstOfANodeIsWrittenBefore, end.saturating_add(1)),
                )
            });
            let of_child = split_off(&mut changes, count);
            let before = self.made.len();
            if !of_child.is_empty() && self.edit(&child.node, of_child) {
                // What stays stands before what was made of this child.
                let stay = children.get(staying..place).unwrap_or_default();
                self.made.splice(before..before, stay.iter().cloned());
                staying = place.saturating_add(1);
            }
        }
        let changed = staying > 0;
        if changed {
            self.made.extend_from_slice(children.get(staying..).unwrap_or_default());
            let joined = join_small(&mut self.made, start);
            self.count_made(joined);
            self.raise(start);
        }
        changed
    }

    /// Puts branches above what was made since `start`, in its place.
    fn raise(&mut self, start: usize) {
        let branches: Vec<_> = split(self.made.drain(start..), BRANCH, |child| child.first, Node::Branch).collect();
        self.count_made(branches.len());
        self.made.extend(branches);
    }

    fn count_made(&mut self, nodes: usize) {
        self.nodes.made = self.nodes.made.saturating_add(nodes as u64);
    }
}

/// Takes the first `count` off the front of `changes`.
fn split_off<'a, C>(changes: &mut &'a mut [C], count: usize) -> &'a mut [C] {
    let (first, later) = core::mem::take(changes).split_at_mut_checked(count).unwrap_or_default();
    *changes = later;
    first
}

/// How many of the entries, which are sorted by key, have a smaller key.
fn smaller<T>(entries: &[(u64, T)], key: u64) -> usize {
    entries.iter().take_while(|(other, _)| *other < key).count()
}

/// Makes nodes of at most `most` parts each, all of about the same size.
fn split<V, P>(
    mut parts: Drain<'_, P>,
    most: usize,
    first: impl Fn(&P) -> u64,
    node: impl Fn(ThinArc<(), P>) -> Node<V>,
) -> impl Iterator<Item = Child<V>> {
    let mut nodes = parts.len().div_ceil(most);
    core::iter::from_fn(move || {
        let first = parts.as_slice().first().map(&first)?;
        let size = parts.len().div_ceil(nodes.max(1));
        nodes = nodes.saturating_sub(1);
        Some(Child {
            first,
            node: node(ThinArc::from_header_and_iter((), parts.by_ref().take(size))),
        })
    })
}

/// Joins neighbours that together fit well into one node, so that what shrinks takes less room. Says
/// how many nodes that made.
fn join_small<V: Value>(made: &mut Vec<Child<V>>, start: usize) -> usize {
    let fit = |a: &Child<V>, b: &Child<V>| a.node.len().saturating_add(b.node.len()) <= LEAF.min(BRANCH) / 2;
    let (mut place, before) = (start, made.len());
    while let Some([a, b]) = made.get_mut(place..place.saturating_add(2)) {
        if fit(a, b) {
            a.node = join(&a.node, &b.node);
            made.remove(place.saturating_add(1));
        } else {
            place = place.saturating_add(1);
        }
    }
    // Each took the place of two.
    before.saturating_sub(made.len())
}

/// One node with the parts of both, which are of the same level.
fn join<V: Value>(a: &Node<V>, b: &Node<V>) -> Node<V> {
    match (a, b) {
        (Node::Leaf(a), Node::Leaf(b)) => {
            let parts: Vec<_> = a.slice.iter().chain(&b.slice).cloned().collect();
            Node::Leaf(ThinArc::from_header_and_iter((), parts.into_iter()))
        }
        (Node::Branch(a), Node::Branch(b)) => {
            let mut parts: Vec<_> = a.slice.iter().chain(&b.slice).cloned().collect();
            join_small(&mut parts, 0);
            Node::Branch(ThinArc::from_header_and_iter((), parts.into_iter()))
        }
        // Neighbours are of one level.
        (node, _) => node.clone(),
    }
}

/// The lowest node that has all entries of this one: a branch with one child has no use at the top.
fn lowest<V>(mut node: Node<V>) -> Node<V> {
    loop {
        let below = match &node {
            Node::Branch(branch) => match &branch.slice {
                [only] => only.node.clone(),
                _ => return node,
            },
            Node::Leaf(_) => return node,
        };
        node = below;
    }
}
