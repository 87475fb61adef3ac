//! Reading choices out of bytes: **bytes that are missing read as zero**, so that any bytes mean
//! something and a prefix of a run is a run.

/// The next byte.
pub(super) fn byte(bytes: &mut &[u8]) -> u8 {
    match bytes.split_first() {
        Some((first, rest)) => {
            *bytes = rest;
            *first
        }
        None => 0,
    }
}

/// One of `choices`, or `default` when there are none.
pub(super) fn one_of<T: Copy>(bytes: &mut &[u8], choices: &[T], default: T) -> T {
    let place = usize::from(byte(bytes)).checked_rem(choices.len()).unwrap_or(0);
    choices.get(place).copied().unwrap_or(default)
}

/// A number below `limit`, which is at least 1.
pub(super) fn below(bytes: &mut &[u8], limit: u8) -> u8 {
    byte(bytes) % limit.max(1)
}
