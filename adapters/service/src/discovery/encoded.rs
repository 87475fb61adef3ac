//! A list as bytes, with what HTTP needs to know of them.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rapidhash::v3::{RapidSecrets, rapidhash_v3, rapidhash_v3_seeded};

/// A list as it is served, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encoded {
    /// The bytes.
    pub(crate) bytes: Bytes,
    /// The hash of the content, in hexadecimal: equal content has an equal tag, also after a
    /// restart.
    pub(crate) tag: String,
}

impl Encoded {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        // Two hashes with different secrets: tags stand for content, so they must not collide.
        const SECOND: RapidSecrets = RapidSecrets::seed(0x6865_6164);
        let tag = format!(
            "{:016x}{:016x}",
            rapidhash_v3(&bytes),
            rapidhash_v3_seeded(&bytes, &SECOND)
        );
        Self {
            bytes: bytes.into(),
            tag,
        }
    }

    /// The bytes, compressed quickly rather than well.
    pub(crate) fn gzip(&self) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        // Writing into memory does not fail; were it to, the bytes as they are would be sent.
        match encoder.write_all(&self.bytes).and_then(|()| encoder.finish()) {
            Ok(bytes) => bytes.into(),
            Err(_) => Bytes::new(),
        }
    }
}
