//! A run of a list's entries as bytes: made once, and shared by all lists and connections that have it.
//!
//! A compressed list is one gzip stream of one member, which every reader takes: its pieces are compressed apart from
//! each other, each up to a whole byte, and what they need of it, a checksum, can be put together.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use rapidhash::v3::{RapidSecrets, rapidhash_v3, rapidhash_v3_seeded};

/// A comma, not compressed.
const STORED_COMMA: [u8; 6] = stored(b',');

/// The beginning of a compressed list: the head of a gzip stream (deflate, no name, no time, quick, of no system), and the
/// first byte.
pub(super) const GZIP_HEAD: [u8; 16] = {
    let bracket = stored(b'[');
    [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff, bracket[0], bracket[1], bracket[2], bracket[3], bracket[4], bracket[5],
    ]
};

/// A byte as a block of its own.
const fn stored(byte: u8) -> [u8; 6] {
    [0, 1, 0, 0xfe, 0xff, byte]
}

/// Entries, and what is made of them for who asks. There is at least one.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Each entry after a comma and the end of a line.
    bytes: Bytes,
    hash: Hash,
    deflated: OnceLock<Deflated>,
}

/// 128 bits: they stand for content, so they must not collide.
pub(super) type Hash = [u64; 2];

#[derive(Debug)]
struct Deflated {
    /// [`STORED_COMMA`], and then the rest.
    bytes: Bytes,
    /// Of the rest.
    crc: Crc,
}

/// The hash of some bytes.
pub(super) fn hash(bytes: &[u8]) -> Hash {
    const SECOND: RapidSecrets = RapidSecrets::seed(0x6865_6164);
    [rapidhash_v3(bytes), rapidhash_v3_seeded(bytes, &SECOND)]
}

impl Piece {
    /// Of entries, each after a comma and the end of a line; none of nothing.
    pub(crate) fn of_entries(bytes: &[u8]) -> Option<Arc<Self>> {
        (!bytes.is_empty()).then(|| Arc::new(Self::new(bytes)))
    }

    pub(super) fn new(bytes: &[u8]) -> Self {
        Self {
            hash: hash(bytes),
            bytes: Bytes::copy_from_slice(bytes),
            deflated: OnceLock::new(),
        }
    }

    pub(super) fn hash(&self) -> Hash {
        self.hash
    }

    /// How long it is, with the comma.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn size_bytes(&self) -> usize {
        let deflated = self.deflated.get().map_or(0, |deflated| deflated.bytes.len());
        size_of::<Self>() + self.bytes.len() + deflated
    }

    /// Its bytes, without the comma if it is the list's first.
    pub(super) fn bytes(&self, is_first: bool) -> Bytes {
        self.bytes.slice(usize::from(is_first).min(self.bytes.len())..)
    }

    /// The same compressed, if that was done.
    pub(super) fn deflated(&self, is_first: bool) -> Option<Bytes> {
        let bytes = &self.deflated.get()?.bytes;
        let from = if is_first { STORED_COMMA.len() } else { 0 };
        Some(bytes.slice(from.min(bytes.len())..))
    }

    /// Adds its bytes to a checksum, if it was compressed.
    pub(super) fn add_to(&self, crc: &mut Crc, is_first: bool) {
        if let Some(deflated) = self.deflated.get() {
            if !is_first {
                crc.update(b",");
            }
            crc.combine(&deflated.crc);
        }
    }
}

/// Compresses pieces, quickly rather than well.
pub(super) struct Deflater(DeflateEncoder<Vec<u8>>);

impl Deflater {
    pub(super) fn new() -> Self {
        Self(DeflateEncoder::new(Vec::new(), Compression::fast()))
    }

    /// Sees to it that a piece is compressed; nobody does it twice.
    pub(super) fn deflate(&mut self, piece: &Piece) {
        piece.deflated.get_or_init(|| {
            let rest = piece.bytes(true);
            let mut crc = Crc::new();
            crc.update(&rest);
            self.0.get_mut().extend_from_slice(&STORED_COMMA);
            // Writing into memory does not fail. A flush ends with a whole byte.
            self.0.write_all(&rest).and_then(|()| self.0.flush()).ok();
            let mut bytes = std::mem::take(self.0.get_mut());
            bytes.shrink_to_fit();
            // The next one begins anew: it must not point back into what stands elsewhere in another list.
            self.0.reset(Vec::new()).ok();
            Deflated {
                bytes: bytes.into(),
                crc,
            }
        });
    }
}

/// The pieces that there are, by their content: lists with the same entries have the same pieces.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Shelved>);

#[derive(Debug, Default)]
struct Shelved {
    pieces: HashMap<Hash, Weak<Piece>>,
    /// How many there were when those that nobody has any more were last thrown out.
    kept: usize,
}

impl Shelf {
    /// Bytes that its pieces take, compressed ones included.
    pub(super) fn size_bytes(&self) -> usize {
        let shelved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pieces = shelved.pieces.values().filter_map(Weak::upgrade);
        pieces.map(|piece| piece.size_bytes()).sum()
    }

    /// The piece itself, or the one with the same content that is there already.
    pub(super) fn shelve(&self, piece: Piece) -> Arc<Piece> {
        let mut shelved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = shelved.pieces.get(&piece.hash).and_then(Weak::upgrade);
        match known {
            Some(known) if known.bytes == piece.bytes => return known,
            _ => {}
        }
        if shelved.pieces.len() > shelved.kept.saturating_mul(2).max(64) {
            shelved.pieces.retain(|_, piece| piece.strong_count() > 0);
            shelved.kept = shelved.pieces.len();
        }
        let piece = Arc::new(piece);
        shelved.pieces.insert(piece.hash, Arc::downgrade(&piece));
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_there_once_for_as_long_as_somebody_has_it() {
        let shelf = Shelf::default();
        let shelve = |text: &str| shelf.shelve(Piece::new(text.as_bytes()));
        let one = shelve(",\n1");
        assert!(Arc::ptr_eq(&one, &shelve(",\n1")));
        assert!(!Arc::ptr_eq(&one, &shelve(",\n2")));
        for number in 0..1_000 {
            shelve(&format!(",\n{number}-"));
        }
        assert!(shelf.0.lock().expect("not poisoned").pieces.len() <= 130);
        assert!(Arc::ptr_eq(&one, &shelve(",\n1")));
    }
}
