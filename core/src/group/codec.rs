//! Variable-length integers: seven bits a byte, least significant first, as in LEB128.
//!
//! Reading never panics: what can't be read is `None`, and the caller ends there.

/// Appends `value`.
#[inline]
pub(super) fn push(out: &mut Vec<u8>, value: u32) {
    if value < 0x80 {
        out.push(value as u8);
    } else {
        push_long(out, value);
    }
}

fn push_long(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Leaves room for a length that [`insert_length`] fills in once it is known.
pub(super) fn leave_length(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; LENGTH_ROOM]);
}

/// Fills in the length of what was written behind the room left at `start`, and says where
/// that stands now; `None` when it is too long for a `u32`.
pub(super) fn insert_length(out: &mut Vec<u8>, start: usize) -> Option<usize> {
    let body = start.checked_add(LENGTH_ROOM)?;
    let length = u32::try_from(out.len().checked_sub(body)?).ok()?;
    let (mut bytes, mut width) = ([0_u8; 5], 0_usize);
    let mut rest = length;
    for byte in &mut bytes {
        *byte = (rest as u8 & 0x7f) | if rest >= 0x80 { 0x80 } else { 0 };
        width = width.saturating_add(1);
        rest >>= 7;
        if rest == 0 {
            break;
        }
    }
    let bytes = bytes.get(..width)?;
    if width == LENGTH_ROOM {
        out.get_mut(start..body)?.copy_from_slice(bytes);
    } else {
        out.splice(start..body, bytes.iter().copied());
    }
    start.checked_add(width)
}

/// The width of most sets' lengths.
const LENGTH_ROOM: usize = 2;

/// Reads a value off the front of `bytes`.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0_u32;
    for shift in [0_u32, 7, 14, 21, 28] {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Takes `length` bytes off the front of `bytes`.
pub(super) fn take_bytes<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_pushed_is_taken(values: Vec<u32>) {
            let mut bytes = Vec::new();
            for &value in &values {
                push(&mut bytes, value);
            }
            let mut rest = bytes.as_slice();
            for &value in &values {
                prop_assert_eq!(take(&mut rest), Some(value));
            }
            prop_assert_eq!(take(&mut rest), None);
        }

        #[test]
        fn a_length_is_filled_in_as_if_it_had_been_known(length in prop_oneof![0_usize..300, 16_000_usize..17_000, Just(2_200_000)]) {
            let mut expected = vec![7];
            push(&mut expected, length as u32);
            expected.resize(expected.len() + length, 9);
            let mut out = vec![7];
            leave_length(&mut out);
            out.resize(out.len() + length, 9);
            let body = insert_length(&mut out, 1);
            prop_assert_eq!(body, out.len().checked_sub(length));
            prop_assert_eq!(out, expected);
        }

        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>) {
            let mut rest = bytes.as_slice();
            while take(&mut rest).is_some() {}
        }
    }
}
