//! A list as it is served: its pieces, and what HTTP needs to know of them.

use std::sync::Arc;

use bytes::Bytes;
use flate2::Crc;

use super::piece::{Deflater, GZIP_HEAD, Piece, hash};

/// What a list begins with.
const HEAD: &[u8] = b"[";
/// What a list ends with, if it has entries.
const TAIL: &[u8] = b"\n]";
/// What a list without entries ends with.
const EMPTY_TAIL: &[u8] = b"]";

/// A list as bytes, in pieces that it shares with the lists before and after it.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// None of them is empty.
    pieces: Vec<Arc<Piece>>,
    len: u64,
    tag: String,
}

/// A part of a list.
pub(crate) enum Part {
    /// It is there.
    Ready(Bytes),
    /// It has to be compressed first.
    Missing,
    /// The list has ended.
    End,
}

/// Goes through the parts of a list.
#[derive(Debug)]
pub(crate) struct Parts {
    list: Arc<Encoded>,
    next: usize,
    /// What was compressed so far, if it is to be compressed.
    crc: Option<Crc>,
}

impl Encoded {
    pub(super) fn new(pieces: Vec<Arc<Piece>>) -> Self {
        let bytes: u64 = pieces.iter().map(|piece| piece.len()).sum();
        let mut hashes = Vec::with_capacity(16 * pieces.len());
        for half in pieces.iter().flat_map(|piece| piece.hash()) {
            hashes.extend_from_slice(&half.to_le_bytes());
        }
        let [one, other] = hash(&hashes);
        let len = match pieces.is_empty() {
            true => (HEAD.len() + EMPTY_TAIL.len()) as u64,
            // Of one piece the comma falls away.
            false => bytes - 1 + (HEAD.len() + TAIL.len()) as u64,
        };
        Self {
            len,
            tag: format!("{one:016x}{other:016x}"),
            pieces,
        }
    }

    /// Of pieces that somebody else keeps.
    pub(crate) fn of_pieces(pieces: impl Iterator<Item = Arc<Piece>>) -> Self {
        Self::new(pieces.collect())
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// A hash of the content, in hexadecimal: the same groups have the same tag, also after a restart.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// Its parts, one after the other.
    pub(crate) fn parts(self: &Arc<Self>) -> Parts {
        Parts {
            list: self.clone(),
            next: 0,
            crc: None,
        }
    }

    /// The same, compressed with gzip.
    pub(crate) fn gzip_parts(self: &Arc<Self>) -> Parts {
        let mut crc = Crc::new();
        crc.update(HEAD);
        Parts {
            list: self.clone(),
            next: 0,
            crc: Some(crc),
        }
    }

    /// How many bytes it has compressed, if all of it was compressed before.
    pub(crate) fn gzip_len(&self) -> Option<u64> {
        let parts = self.pieces.iter().enumerate();
        let lens = parts.map(|(place, piece)| piece.deflated(place == 0).map(|bytes| bytes.len() as u64));
        let pieces: u64 = lens.sum::<Option<u64>>()?;
        Some(pieces + (GZIP_HEAD.len() + self.gzip_tail(&Crc::new()).len()) as u64)
    }

    /// Compresses its pieces from this place on, as many as come to about so many bytes. Takes its time.
    pub(crate) fn deflate(&self, from: usize, bytes: u64) {
        let (mut deflater, mut done) = (Deflater::new(), 0);
        for piece in self.pieces.get(from..).unwrap_or_default() {
            if done >= bytes {
                return;
            }
            deflater.deflate(piece);
            done += piece.len();
        }
    }

    /// Its bytes, one part after the other.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = Bytes> + Clone {
        let pieces = self
            .pieces
            .iter()
            .enumerate()
            .map(|(place, piece)| piece.bytes(place == 0));
        let [head, tail] = [HEAD, self.tail()].map(|bytes| std::iter::once(Bytes::from_static(bytes)));
        head.chain(pieces).chain(tail)
    }

    /// All of it in one.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(usize::try_from(self.len).unwrap_or(0));
        self.bytes().for_each(|part| all.extend_from_slice(&part));
        all
    }

    fn tail(&self) -> &'static [u8] {
        if self.pieces.is_empty() { EMPTY_TAIL } else { TAIL }
    }

    /// The last block, and what a gzip stream ends with.
    fn gzip_tail(&self, crc: &Crc) -> Vec<u8> {
        let tail = self.tail();
        let len = tail.len() as u8;
        let mut bytes = vec![1, len, 0, !len, 0xff];
        bytes.extend_from_slice(tail);
        bytes.extend_from_slice(&crc.sum().to_le_bytes());
        // By 2^32, as it is defined.
        bytes.extend_from_slice(&(self.len as u32).to_le_bytes());
        bytes
    }
}

impl PartialEq for Encoded {
    /// Whether the bytes are the same. They may be cut into other pieces.
    fn eq(&self, other: &Self) -> bool {
        self.tag == other.tag || (self.len == other.len && self.bytes().flatten().eq(other.bytes().flatten()))
    }
}

impl Eq for Encoded {}

impl Parts {
    /// The next part.
    pub(crate) fn next(&mut self) -> Part {
        let place = self.next;
        let part = match (place.checked_sub(1), &mut self.crc) {
            (None, None) => Bytes::from_static(HEAD),
            (None, Some(_)) => Bytes::from_static(&GZIP_HEAD),
            (Some(index), crc) => match (self.list.pieces.get(index), crc) {
                (Some(piece), None) => piece.bytes(index == 0),
                (Some(piece), Some(crc)) => {
                    let Some(bytes) = piece.deflated(index == 0) else {
                        return Part::Missing;
                    };
                    piece.add_to(crc, index == 0);
                    bytes
                }
                (None, _) if index > self.list.pieces.len() => return Part::End,
                (None, None) => Bytes::from_static(self.list.tail()),
                (None, Some(crc)) => {
                    crc.update(self.list.tail());
                    self.list.gzip_tail(crc).into()
                }
            },
        };
        self.next += 1;
        Part::Ready(part)
    }

    /// What is to be done, where that may take its time, so that the next parts are there.
    pub(crate) fn make_ready(&self, bytes: u64) -> impl FnOnce() + Send + use<> {
        let (list, from) = (self.list.clone(), self.next.saturating_sub(1));
        move || list.deflate(from, bytes)
    }

    /// How many bytes all parts have together, if that is known.
    pub(crate) fn len(&self) -> Option<u64> {
        match self.crc {
            None => Some(self.list.len),
            Some(_) => self.list.gzip_len(),
        }
    }
}
