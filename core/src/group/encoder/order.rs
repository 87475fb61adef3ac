//! Putting a group's targets in order.
//!
//! Mostly the first label decides, and its value stands in the bytes themselves: then **no text of a
//! symbol is needed, and a group is sorted while it is written**. Where that is not enough, it has to
//! wait for the batch's dictionary.

use crate::group::dictionary::Shape;
use crate::group::labels::LabelSet;
use crate::group::{Group, codec};

/// Makes `out` the bytes of a group whose targets, at `targets_at..labels_at`, are in order, if their
/// first values say in which.
pub(super) fn by_first_value(bytes: &[u8], targets_at: u32, labels_at: u32, out: &mut Vec<u8>) -> bool {
    let (targets_at, labels_at) = (targets_at as usize, labels_at as usize);
    let mut sets = Vec::new();
    let mut shape = None;
    let mut rest = bytes.get(targets_at..labels_at).unwrap_or_default();
    while !rest.is_empty() {
        let before = rest;
        let Some((its_shape, value)) = take_set(&mut rest) else {
            return false;
        };
        if *shape.get_or_insert(its_shape) != its_shape {
            return false;
        }
        let set = before.get(..before.len().saturating_sub(rest.len()));
        sets.push((value, set.unwrap_or_default()));
    }
    sets.sort_unstable_by_key(|(value, _)| *value);
    let mut neighbours = sets.iter().zip(sets.iter().skip(1));
    if neighbours.any(|((a, _), (b, _))| a == b) {
        return false;
    }
    write(bytes, targets_at, labels_at, sets, out);
    true
}

/// The group with its targets, which start at `targets_at`, in sorted order.
pub(super) fn sorted(group: &Group, targets_at: u32) -> Group {
    let header = &group.0.header.header;
    let (dictionary, bytes) = (&header.dictionary, &group.0.slice);
    let (targets_at, labels_at) = (targets_at as usize, header.labels_at as usize);
    let mut sets = Vec::with_capacity(header.target_count as usize);
    let mut rest = bytes.get(targets_at..labels_at).unwrap_or_default();
    loop {
        let before = rest;
        let Some(set) = LabelSet::read(dictionary, &mut rest) else {
            break;
        };
        let bytes = before
            .get(..before.len().saturating_sub(rest.len()))
            .unwrap_or_default();
        sets.push((set.first(), bytes));
    }
    let whole = |mut bytes| LabelSet::read(dictionary, &mut bytes);
    sets.sort_by(|&(a, a_bytes), &(b, b_bytes)| match (a, b) {
        // The first label mostly decides: it is read once for each target, not once for each comparison.
        (Some((a_name, a)), Some((b_name, b))) if a_name == b_name && a != b => a.cmp(b),
        _ => whole(a_bytes).cmp(&whole(b_bytes)),
    });
    let mut out = Vec::with_capacity(bytes.len());
    write(bytes, targets_at, labels_at, sets, &mut out);
    Group::new(dictionary.clone(), header.labels_at, header.target_count, &out)
}

/// Takes a set off the front of `bytes`; gives its shape, and its first value if that is no symbol.
fn take_set<'b>(bytes: &mut &'b [u8]) -> Option<(Shape, &'b [u8])> {
    let length = codec::take(bytes)?;
    let mut body = codec::take_bytes(bytes, length as usize)?;
    let shape = codec::take(&mut body)?;
    let head = codec::take(&mut body)?;
    if head & 1 == 1 {
        return None;
    }
    Some((shape, codec::take_bytes(&mut body, (head >> 1) as usize)?))
}

/// Makes `out` the bytes with these sets in the place of the targets.
fn write<'b, K>(
    bytes: &[u8],
    targets_at: usize,
    labels_at: usize,
    sets: impl IntoIterator<Item = (K, &'b [u8])>,
    out: &mut Vec<u8>,
) {
    out.clear();
    out.extend_from_slice(bytes.get(..targets_at).unwrap_or_default());
    for (_, set) in sets {
        out.extend_from_slice(set);
    }
    out.extend_from_slice(bytes.get(labels_at..).unwrap_or_default());
}
