//! The tree against a plain map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tree::{BRANCH, Edit, LEAF, Node, Nodes, Tree, Value};
use super::walk::Differences;

type Plain = BTreeMap<u64, u32>;

impl Value for u32 {
    fn touch(&self) -> usize {
        0
    }
}

/// Keys that are close together, and some that are far off.
fn keys() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0_u64..40, 2 => 0_u64..400, 1 => any::<u64>()]
}

/// An edit: `None` removes, `Some` puts; of several for one key the last counts.
fn edits() -> impl Strategy<Value = Vec<(u64, Option<u32>)>> {
    proptest::collection::vec((keys(), proptest::option::weighted(0.6, 0_u32..5)), 0..80).prop_map(|mut edits| {
        edits.sort_by_key(|(key, _)| *key);
        edits
    })
}

fn edit(tree: &mut Tree<u32>, edits: Vec<(u64, Option<u32>)>) -> Nodes {
    tree.edit(edits, |edits, old| match (edits.last(), old) {
        (Some((_, Some(new))), Some(old)) if new == old => Edit::Keep,
        (Some((_, Some(new))), _) => Edit::Put(*new),
        (Some((_, None)), _) => Edit::Remove,
        (None, _) => Edit::Keep,
    })
}

fn edit_plain(plain: &mut Plain, edits: &[(u64, Option<u32>)]) {
    for (key, value) in edits {
        match value {
            Some(value) => plain.insert(*key, *value),
            None => plain.remove(key),
        };
    }
}

fn entries(tree: &Tree<u32>) -> Vec<(u64, u32)> {
    tree.walk().copied().collect()
}

/// The depths of all leaves, and whether every node has a fitting number of parts.
fn shape(node: &Node<u32>, depth: usize, depths: &mut Vec<usize>) {
    match node {
        Node::Leaf(leaf) => {
            assert!((1..=LEAF).contains(&leaf.slice.len()), "{} entries", leaf.slice.len());
            depths.push(depth);
        }
        Node::Branch(branch) => {
            assert!(
                (1..=BRANCH).contains(&branch.slice.len()),
                "{} children",
                branch.slice.len()
            );
            for child in &branch.slice {
                shape(&child.node, depth + 1, depths);
            }
        }
    }
}

fn nodes<'a>(node: &'a Node<u32>, all: &mut Vec<&'a Node<u32>>) {
    all.push(node);
    if let Node::Branch(branch) = node {
        branch.slice.iter().for_each(|child| nodes(&child.node, all));
    }
}

proptest! {
    #[test]
    fn a_tree_is_a_sorted_map_and_its_clones_stay_as_they_were(rounds in proptest::collection::vec(edits(), 1..12)) {
        let (mut tree, mut plain) = (Tree::default(), Plain::new());
        let mut states: Vec<(Tree<u32>, Plain)> = vec![(tree.clone(), plain.clone())];
        for edits in rounds {
            edit_plain(&mut plain, &edits);
            edit(&mut tree, edits);
            prop_assert_eq!(entries(&tree), plain.iter().map(|(key, value)| (*key, *value)).collect::<Vec<_>>());
            if let Some(root) = tree.root() {
                let mut depths = Vec::new();
                shape(root, 0, &mut depths);
                depths.dedup();
                prop_assert_eq!(depths.len(), 1, "all leaves are at the same depth");
            }
            states.push((tree.clone(), plain.clone()));
        }
        for (key, value) in &plain {
            prop_assert_eq!(tree.get(*key), Some(value));
            prop_assert_eq!(tree.get(key.wrapping_add(1)), plain.get(&key.wrapping_add(1)));
        }
        for (old, old_plain) in &states {
            prop_assert_eq!(entries(old), old_plain.iter().map(|(key, value)| (*key, *value)).collect::<Vec<_>>());
            for (new, new_plain) in &states {
                let found: Vec<_> = Differences::new(old.walk(), new.walk())
                    .map(|(old, new)| (old.copied(), new.copied()))
                    .collect();
                let keys: std::collections::BTreeSet<u64> = old_plain.keys().chain(new_plain.keys()).copied().collect();
                let expected: Vec<_> = keys
                    .into_iter()
                    .map(|key| (old_plain.get(&key).copied(), new_plain.get(&key).copied()))
                    .filter(|(old, new)| old != new)
                    .collect();
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn an_edit_copies_what_it_changes_and_shares_the_rest(keys: std::collections::BTreeSet<u64>, at: prop::sample::Index) {
        prop_assume!(!keys.is_empty());
        let mut tree = Tree::default();
        edit(&mut tree, keys.iter().map(|key| (*key, Some(1))).collect());
        let before = tree.clone();
        let key = *keys.iter().nth(at.index(keys.len())).unwrap_or(&0);

        edit(&mut tree, keys.iter().map(|key| (*key, Some(1))).collect());
        let (Some(old), Some(new)) = (before.root(), tree.root()) else {
            return Err(TestCaseError::fail("there are entries"));
        };
        prop_assert!(old.is(new), "nothing changed");

        let counted = edit(&mut tree, vec![(key, Some(2))]);
        let (mut old, mut new) = (Vec::new(), Vec::new());
        before.root().into_iter().for_each(|root| nodes(root, &mut old));
        tree.root().into_iter().for_each(|root| nodes(root, &mut new));
        let made = new.iter().filter(|node| !old.iter().any(|other| other.is(node))).count();
        let height = tree.root().map_or(0, Node::height);
        prop_assert_eq!(made, height + 1, "one node on each level");
        let made = made as u64;
        prop_assert_eq!(counted, Nodes { visited: made, made });
        prop_assert_eq!(edit(&mut tree, Vec::new()), Nodes::default(), "nothing to do is no work");
    }
}

#[test]
fn what_shrinks_takes_less_room() {
    let mut tree = Tree::default();
    edit(&mut tree, (0..4_096).map(|key| (key, Some(1))).collect());
    edit(
        &mut tree,
        (0..4_096).filter(|key| key % 64 != 0).map(|key| (key, None)).collect(),
    );
    let mut all = Vec::new();
    tree.root().into_iter().for_each(|root| nodes(root, &mut all));
    assert_eq!(tree.walk().count(), 64);
    assert!(all.len() <= 40, "{} nodes for 64 entries", all.len());
}
