//! A file as bytes: a head, and records.
//!
//! ```text
//!  head     0  "headcount state\n"   16 bytes
//!          16  format                u32, little-endian, as all numbers are
//!          20  'B', 'L' or 'M'       a base, the log of one, or the members
//!          21  id                    u64: the base's own; a log has that of its base; when members were written
//!          29  check                 u64: the hash of the 29 bytes before
//!  record   0  length                u32: how many bytes follow the check
//!           4  check                 u64: the hash of the check before this one, and of those bytes
//!          12  …                     what `codec` says
//! ```
//!
//! The one rule: **a record counts only after all records before it.** Each check has the one before in it, so none can
//! be missing, moved, or of another file; the first of a log has the last of its base in it, too. And a record of a log
//! counts only with the commit that ends its change.

use std::io::{self, Read};

use headcount_core::planted;
use rapidhash::v3::rapidhash_v3;

/// The format that this version writes, and the only one that it reads.
pub(crate) const FORMAT: u32 = 1;

const MAGIC: [u8; 16] = *b"headcount state\n";

/// Bytes of a head.
pub(super) const HEAD: usize = 37;
const CHECKED: usize = 29;
/// Bytes of a record before its payload.
pub(super) const FRAME: usize = 12;

/// Which of a manager's two files it is, or whether it is of the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Base,
    Log,
    /// It is of no manager, but of the members.
    Members,
}

/// What a file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) id: u64,
}

/// Why there is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoHead {
    Foreign,
    OtherFormat(u32),
    Damaged,
}

/// The check before the next record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain(u64);

/// Reads the records of a file one after the other: however long that is, it takes the memory of its longest record.
#[derive(Debug)]
pub(super) struct Records<R> {
    source: R,
    chain: Chain,
    /// Bytes that were read, the head's among them.
    at: u64,
    /// Bytes of the file.
    length: u64,
    /// The last record, and what is left of longer ones.
    record: Vec<u8>,
}

/// Why there is no next record.
#[derive(Debug)]
pub(super) enum NoRecord {
    /// What is there is none, or not the next one.
    NotWhole,
    Unreadable(io::Error),
}

impl<R: Read> Records<R> {
    /// Those that follow a head, in a file of this length.
    pub(super) fn after_head(source: R, chain: Chain, length: u64) -> Self {
        Self {
            source,
            chain,
            at: HEAD as u64,
            length,
            record: Vec::new(),
        }
    }

    /// Where the next record begins.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The check of all records so far.
    pub(super) fn chain(&self) -> Chain {
        self.chain
    }

    /// The next record, and whether it is the last one.
    pub(super) fn next(&mut self) -> Result<(&[u8], bool), NoRecord> {
        let mut frame = [0; FRAME];
        self.source.read_exact(&mut frame)?;
        let mut frame = frame.as_slice();
        let length = take_array(&mut frame).map_or(0, u32::from_le_bytes);
        let check = take_array(&mut frame).map_or(0, u64::from_le_bytes);
        let end = self.at.saturating_add(FRAME as u64).saturating_add(length.into());
        // Memory is asked for only for what is there.
        let length = usize::try_from(length).map_err(|_| NoRecord::NotWhole)?;
        if end > self.length {
            return Err(NoRecord::NotWhole);
        }
        if self.record.len() < length {
            self.record.resize(length, 0);
        }
        let record = self.record.get_mut(..length).ok_or(NoRecord::NotWhole)?;
        self.source.read_exact(record)?;
        if check != self.chain.link(record) {
            return Err(NoRecord::NotWhole);
        }
        (self.at, self.chain) = (end, Chain(check));
        Ok((record, end == self.length))
    }
}

impl From<io::Error> for NoRecord {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::NotWhole,
            _ => Self::Unreadable(error),
        }
    }
}

impl Head {
    /// Its bytes, and the check that the first record continues.
    pub(super) fn write(self) -> ([u8; HEAD], Chain) {
        let mut bytes = [0; HEAD];
        let kind = match self.kind {
            Kind::Base => b'B',
            Kind::Log => b'L',
            Kind::Members => b'M',
        };
        let all = MAGIC
            .into_iter()
            .chain(FORMAT.to_le_bytes())
            .chain([kind])
            .chain(self.id.to_le_bytes());
        bytes.iter_mut().zip(all).for_each(|(to, from)| *to = from);
        let check = rapidhash_v3(bytes.get(..CHECKED).unwrap_or_default());
        let end = bytes.iter_mut().skip(CHECKED);
        end.zip(check.to_le_bytes()).for_each(|(to, from)| *to = from);
        (bytes, Chain(check))
    }

    /// Takes a head off the front of `bytes`.
    pub(super) fn take(bytes: &mut &[u8]) -> Result<(Self, Chain), NoHead> {
        let all = *bytes;
        let magic = take_array::<16>(bytes).ok_or(NoHead::Foreign)?;
        if magic != MAGIC {
            return Err(NoHead::Foreign);
        }
        let format = take_array(bytes).map(u32::from_le_bytes).ok_or(NoHead::Damaged)?;
        if planted!(format != FORMAT, OtherFormatIsRead, false) {
            return Err(NoHead::OtherFormat(format));
        }
        let kind = match take_array(bytes) {
            Some([b'B']) => Kind::Base,
            Some([b'L']) => Kind::Log,
            Some([b'M']) => Kind::Members,
            _ => return Err(NoHead::Damaged),
        };
        let id = take_array(bytes).map(u64::from_le_bytes).ok_or(NoHead::Damaged)?;
        let check = take_array(bytes).map(u64::from_le_bytes).ok_or(NoHead::Damaged)?;
        if check != rapidhash_v3(all.get(..CHECKED).unwrap_or_default()) {
            return Err(NoHead::Damaged);
        }
        Ok((Self { kind, id }, Chain(check)))
    }
}

impl Chain {
    /// Appends a record; `None` when it is too long for one.
    pub(super) fn push(&mut self, out: &mut Vec<u8>, payload: &[u8]) -> Option<()> {
        let length = u32::try_from(payload.len()).ok()?;
        let next = self.link(payload);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&next.to_le_bytes());
        out.extend_from_slice(payload);
        *self = Self(next);
        Some(())
    }

    /// Takes the next record off the front of `bytes`; `None` when what is there is none, or not the next one.
    pub(super) fn take<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
        let mut rest = *bytes;
        let length = take_array(&mut rest).map(u32::from_le_bytes)?;
        let check = take_array(&mut rest).map(u64::from_le_bytes)?;
        let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        if planted!(check != self.link(payload), DamagedRecordIsTaken, false) {
            return None;
        }
        *bytes = rest;
        *self = Self(check);
        Some(payload)
    }

    /// Where a log begins that goes on after all of a base: it fits to no other, not even to the beginning of it.
    pub(super) fn after(self, base: Self) -> Self {
        planted!(Self(self.link(&base.0.to_le_bytes())), LogFitsAnyBase, self)
    }

    fn link(self, payload: &[u8]) -> u64 {
        let both = [self.0, rapidhash_v3(payload)].map(u64::to_le_bytes);
        rapidhash_v3(both.as_flattened())
    }
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_what_is_wrong_with_it() {
        let head = Head { kind: Kind::Log, id: 7 };
        let (bytes, chain) = head.write();
        assert_eq!(Head::take(&mut bytes.as_slice()), Ok((head, chain)));
        let with = |place: usize, byte: u8| {
            let mut other = bytes;
            other[place] = byte;
            Head::take(&mut other.as_slice()).expect_err("it is another")
        };
        assert_eq!(with(3, b'?'), NoHead::Foreign);
        assert_eq!(with(16, 2), NoHead::OtherFormat(2));
        assert_eq!(with(20, b'B'), NoHead::Damaged);
        assert_eq!(with(25, 1), NoHead::Damaged);
        assert_eq!(Head::take(&mut &bytes[..10]), Err(NoHead::Foreign));
        assert_eq!(Head::take(&mut &bytes[..HEAD - 1]), Err(NoHead::Damaged));
    }

    #[test]
    fn a_record_that_says_that_it_is_longer_than_its_file_takes_no_memory() {
        let (head, chain) = Head {
            kind: Kind::Base,
            id: 7,
        }
        .write();
        let mut file = head.to_vec();
        file.extend_from_slice(&u32::MAX.to_le_bytes());
        file.extend_from_slice(&[0; 100]);
        let mut records = Records::after_head(&file[HEAD..], chain, file.len() as u64);
        assert!(matches!(records.next(), Err(NoRecord::NotWhole)));
        assert_eq!(records.record.capacity(), 0);
    }

    #[test]
    fn a_record_counts_only_in_its_place() {
        let (_, start) = Head { kind: Kind::Log, id: 7 }.write();
        let (mut bytes, mut chain) = (Vec::new(), start);
        for payload in [&b"one"[..], b"", b"two"] {
            chain.push(&mut bytes, payload).expect("short");
        }
        let mut chain = start;
        let mut rest = bytes.as_slice();
        for payload in [&b"one"[..], b"", b"two"] {
            assert_eq!(chain.take(&mut rest), Some(payload));
        }
        assert_eq!(chain.take(&mut rest), None);
        let mut records = Records::after_head(bytes.as_slice(), start, (HEAD + bytes.len()) as u64);
        for (payload, is_last) in [(&b"one"[..], false), (b"", false), (b"two", true)] {
            assert_eq!(records.next().expect("whole"), (payload, is_last));
        }
        assert_eq!((records.at(), records.chain()), ((HEAD + bytes.len()) as u64, chain));
        // Without the first.
        assert_eq!(start.clone().take(&mut &bytes[FRAME + 3..]), None);
        // In another file.
        let (_, mut other) = Head { kind: Kind::Log, id: 8 }.write();
        assert_eq!(other.take(&mut bytes.as_slice()), None);
    }
}
