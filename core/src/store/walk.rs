//! Going through a tree in order, alone or side by side with another state of it.

use super::tree::{Child, Node};

/// The entries of a tree, in the order of their keys; or its nodes, for who wants to skip some.
#[derive(Clone)]
pub(super) struct Walk<'a, V> {
    /// What is left of each branch from the top down.
    branches: Vec<core::slice::Iter<'a, Child<V>>>,
    leaf: core::slice::Iter<'a, (u64, V)>,
    /// What was seen, and not taken yet.
    seen: Option<Step<'a, V>>,
}

/// What comes next.
pub(super) enum Step<'a, V> {
    /// A whole node.
    Node(&'a Node<V>),
    /// A single entry of a node that was opened.
    Entry(&'a (u64, V)),
}

impl<V> Clone for Step<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Step<'_, V> {}

impl<'a, V> Walk<'a, V> {
    pub(super) fn new(root: Option<&'a Node<V>>) -> Self {
        Self {
            branches: Vec::new(),
            leaf: [].iter(),
            seen: root.map(Step::Node),
        }
    }

    /// What comes next, whole where nothing of it was taken yet.
    fn peek(&mut self) -> Option<Step<'a, V>> {
        if self.seen.is_none() {
            self.seen = self.step();
        }
        self.seen
    }

    fn step(&mut self) -> Option<Step<'a, V>> {
        if let Some(entry) = self.leaf.next() {
            return Some(Step::Entry(entry));
        }
        while let Some(branch) = self.branches.last_mut() {
            if let Some(child) = branch.next() {
                return Some(Step::Node(&child.node));
            }
            self.branches.pop();
        }
        None
    }

    /// Takes what was seen; a node's own steps come next.
    fn open(&mut self) {
        match self.seen.take() {
            Some(Step::Node(Node::Leaf(leaf))) => self.leaf = leaf.slice.iter(),
            Some(Step::Node(Node::Branch(branch))) => self.branches.push(branch.slice.iter()),
            Some(Step::Entry(_)) | None => {}
        }
    }

    /// Takes what was seen, as a whole.
    fn pass(&mut self) {
        self.seen = None;
    }
}

impl<'a, V> Iterator for Walk<'a, V> {
    type Item = &'a (u64, V);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(step) = self.peek() {
            match step {
                Step::Node(_) => self.open(),
                Step::Entry(entry) => {
                    self.pass();
                    return Some(entry);
                }
            }
        }
        None
    }
}

/// The entries in which two states of a tree differ: what was, and what is. Nodes that both
/// share are passed over.
#[derive(Clone)]
pub(super) struct Differences<'a, V> {
    old: Walk<'a, V>,
    new: Walk<'a, V>,
    /// How many pairs of nodes or entries were compared.
    pub(super) compared: u64,
}

impl<'a, V: PartialEq> Iterator for Differences<'a, V> {
    type Item = (Option<&'a V>, Option<&'a V>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match (self.old.peek(), self.new.peek()) {
                (None, None) => return None,
                (Some(Step::Node(old)), Some(Step::Node(new))) => self.open_both(old, new),
                (Some(Step::Node(_)), _) => self.old.open(),
                (_, Some(Step::Node(_))) => self.new.open(),
                (Some(Step::Entry((old_key, old))), Some(Step::Entry((new_key, new)))) => {
                    let (takes_old, takes_new) = (old_key <= new_key, new_key <= old_key);
                    if takes_old {
                        self.old.pass();
                    }
                    if takes_new {
                        self.new.pass();
                    }
                    self.compared = self.compared.saturating_add(1);
                    if !(takes_old && takes_new && old == new) {
                        return Some((takes_old.then_some(old), takes_new.then_some(new)));
                    }
                }
                (Some(Step::Entry((_, old))), None) => {
                    self.old.pass();
                    return Some((Some(old), None));
                }
                (None, Some(Step::Entry((_, new)))) => {
                    self.new.pass();
                    planted!(return Some((None, Some(new))), LastEntryIsNoDifference, ());
                }
            }
        }
    }
}

impl<'a, V> Differences<'a, V> {
    pub(super) fn new(old: Walk<'a, V>, new: Walk<'a, V>) -> Self {
        Self { old, new, compared: 0 }
    }

    /// Passes over a node that both have; otherwise opens the higher one, or both.
    fn open_both(&mut self, old: &Node<V>, new: &Node<V>) {
        self.compared = self.compared.saturating_add(1);
        if old.is(new) {
            self.old.pass();
            self.new.pass();
            return;
        }
        let (old, new) = (old.height(), new.height());
        if planted!(old >= new, HeightIsNoMatter, new >= old) {
            self.old.open();
        }
        if new >= old {
            self.new.open();
        }
    }
}
