//! Whether bytes are those of last time, without keeping them.

/// Stands for some bytes: their length and a 64-bit hash that is the same on every platform.
///
/// Two different bodies of one source have the same fingerprint once in 2⁶⁴ changes, which is
/// less likely than that memory fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    length: usize,
    hash: u64,
}

impl Fingerprint {
    /// The fingerprint of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len(),
            hash: rapidhash::v3::rapidhash_v3(bytes),
        }
    }
}
