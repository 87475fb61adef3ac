//! What is read back from a manager's two files.
//!
//! The one rule: **a base counts as a whole, a log up to its last whole change.** A base is never half there, because
//! it is renamed when it is whole; so one that is damaged is refused. A log ends in the middle of a change whenever the
//! process does.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::hash::{BuildHasher, BuildHasherDefault};
use std::io::{self, BufReader, Read};
use std::path::Path;

use headcount_core::{Encoder, Group, Instant};
use rapidhash::fast::RapidHasher;

use super::StateError;
use super::codec::{self, About, GroupsReader, Malformed, Next, ProviderRecord, Record};
use super::format::{Chain, HEAD, Head, Kind, NoHead, NoRecord, Records};
use super::store::{base_path, log_path};

/// All that a manager had at one moment.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) about: About,
    /// When.
    pub(super) at: Instant,
    /// In the order of their numbers.
    pub(super) providers: Vec<(ProviderRecord, Vec<(Instant, Group)>)>,
    /// Bytes at the end of the log that are no whole change.
    pub(super) torn: u64,
    /// Why there is nothing of the log, if it is none of ours.
    pub(super) refused_log: Option<StateError>,
    /// Bytes of both files.
    pub(super) length: u64,
    pub(super) end: End,
}

/// Where the files end, for who goes on writing to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// The base's id, the check of all of it, and its bytes.
    pub(super) id: u64,
    pub(super) chain: Chain,
    pub(super) base: u64,
    /// The check and the bytes of the log up to its last whole change, if there is a log of this base.
    pub(super) log: Option<(Chain, u64)>,
}

/// Reads a manager's files; `None` when there are none. They have to be that manager's.
pub(super) fn read_own(folder: &Path, manager: &str) -> Result<Option<Image>, StateError> {
    match read(folder, manager)? {
        Some(image) if image.about.manager != manager => Err(StateError::OtherManager {
            path: base_path(folder, manager),
            found: image.about.manager,
            wanted: manager.to_owned(),
        }),
        image => Ok(image),
    }
}

/// The same of whatever files have such names.
pub(super) fn read(folder: &Path, manager: &str) -> Result<Option<Image>, StateError> {
    let (path, log) = (base_path(folder, manager), log_path(folder, manager));
    // What is in a log that can't be read is like one that is torn at its beginning; a base is worth having by itself.
    let changes = |log: &Path| match open(log) {
        Ok(Some((mut log, _))) => {
            let mut bytes = Vec::new();
            log.read_to_end(&mut bytes).map(|_| bytes).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    match open(&path)? {
        Some((base, length)) => decode(&path, (BufReader::new(base), length), &changes(&log)).map(Some),
        None if changes(&log).len() > HEAD => Err(StateError::NoBase { path: log }),
        None => Ok(None),
    }
}

/// Opens a file to read it, with its length; `None` when there is none. What is no file is not opened.
pub(super) fn open(path: &Path) -> Result<Option<(File, u64)>, StateError> {
    let path = path.to_owned();
    let about = match fs::metadata(&path) {
        Ok(about) if about.is_file() => about,
        Ok(_) => return Err(StateError::NoFile { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StateError::Read { path, source }),
    };
    match File::open(&path) {
        Ok(file) => Ok(Some((file, about.len()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StateError::Read { path, source }),
    }
}

/// What the two files say; the path is the base's, which is read record by record, and comes with its length.
pub(super) fn decode(path: &Path, (mut base, length): (impl Read, u64), log: &[u8]) -> Result<Image, StateError> {
    let read = |source| StateError::Read {
        path: path.to_owned(),
        source,
    };
    let mut start = Vec::with_capacity(HEAD);
    // What else there may be under a base's name may be of any size.
    base.by_ref().take(HEAD as u64).read_to_end(&mut start).map_err(read)?;
    let (head, chain) = Head::take(&mut start.as_slice()).map_err(|no_head| no_head.of(path))?;
    let damaged = |at: u64, what| StateError::Damaged {
        path: path.to_owned(),
        at,
        what,
    };
    if head.kind != Kind::Base {
        return Err(StateError::Foreign { path: path.to_owned() });
    }
    let mut replay = Replay::default();
    let mut about = None;
    let mut records = Records::after_head(base, chain, length);
    let at = loop {
        let before = records.at();
        let (record, is_last) = match records.next() {
            Ok((record, is_last)) => (codec::read(record), is_last),
            Err(NoRecord::NotWhole) => return Err(damaged(before, "the next record is not whole")),
            Err(NoRecord::Unreadable(error)) => return Err(read(error)),
        };
        let malformed = |Malformed| damaged(before, "a record says what no record says");
        match (record.map_err(malformed)?, &about) {
            (Record::About(read), None) => about = Some(read),
            (Record::Commit(at), Some(_)) if is_last => break at,
            // What follows changed while the base was written.
            (Record::Commit(_), Some(_)) => replay.is_in_log = true,
            (Record::About(_), Some(_)) | (_, None) => {
                return Err(damaged(before, "a record is not where it belongs"));
            }
            (record, Some(_)) => replay.take(record).map_err(malformed)?,
        }
    };
    let whole = whole_changes(head.id, records.chain(), log);
    // A log that is read in part would leave a state that never was.
    let since = replay
        .take_log(&whole)
        .map_err(|Malformed| damaged(records.at(), "the log says what no log says"))?;
    Ok(Image {
        about: about.unwrap_or_default(),
        at: since.unwrap_or(at),
        providers: replay.finish(),
        torn: whole.torn,
        refused_log: whole.refused.map(|no_head| no_head.of(&path.with_extension("log"))),
        length: length.saturating_add(log.len() as u64),
        end: End {
            id: head.id,
            chain: records.chain(),
            base: length,
            log: whole.end,
        },
    })
}

/// The changes of a log that are whole.
struct WholeChanges<'a> {
    records: Vec<&'a [u8]>,
    torn: u64,
    /// What is wrong with its head, if all of one is there.
    refused: Option<NoHead>,
    /// The check and the bytes up to there, if it is a log of the base.
    end: Option<(Chain, u64)>,
}

fn whole_changes(base: u64, end: Chain, log: &[u8]) -> WholeChanges<'_> {
    let mut rest = log;
    let mut whole = WholeChanges {
        records: Vec::new(),
        torn: log.len() as u64,
        refused: None,
        end: None,
    };
    let (head, chain): (Head, Chain) = match Head::take(&mut rest) {
        Ok(read) => read,
        Err(no_head) => {
            // Half of a head is what a process leaves that ends while it writes one.
            let is_whole = log.len() >= HEAD;
            whole.refused = is_whole.then_some(no_head);
            return whole;
        }
    };
    if (head
        != Head {
            kind: Kind::Log,
            id: base,
        })
    {
        // That of the base before: the process ended between one file and the other.
        whole.torn = 0;
        return whole;
    }
    let mut chain = chain.after(end);
    whole.torn = rest.len() as u64;
    whole.end = Some((chain, HEAD as u64));
    let mut pending = Vec::new();
    while let Some(record) = chain.take(&mut rest) {
        pending.push(record);
        if matches!(codec::read(record), Ok(Record::Commit(_))) {
            whole.records.append(&mut pending);
            whole.torn = rest.len() as u64;
            whole.end = Some((chain, (log.len() - rest.len()) as u64));
        }
    }
    whole
}

/// What the records that were read so far make.
#[derive(Default)]
struct Replay {
    providers: BTreeMap<u64, Provider>,
    is_in_log: bool,
}

type Hasher = BuildHasherDefault<RapidHasher<'static>>;

/// By source.
type Later = HashMap<String, Option<(Instant, Group)>, Hasher>;

#[derive(Default)]
struct Provider {
    record: Option<ProviderRecord>,
    encoder: Encoder,
    groups: Vec<(Instant, Group)>,
    /// The hash of each one's source, taken while that is at hand: whether it came again is asked of a million groups, each
    /// somewhere in memory, when all are there.
    hashes: Vec<u64>,
    /// What came after the base's first commit of its sources: a group, or that it is gone.
    later: Later,
}

impl Replay {
    fn take_log(&mut self, log: &WholeChanges<'_>) -> Result<Option<Instant>, Malformed> {
        self.is_in_log = true;
        let mut at = None;
        for record in &log.records {
            match codec::read(record)? {
                Record::Commit(then) => at = Some(then),
                Record::About(_) => return Err(Malformed),
                record => self.take(record)?,
            }
        }
        Ok(at)
    }

    fn take(&mut self, record: Record<'_>) -> Result<(), Malformed> {
        match record {
            Record::Provider(record) => {
                let provider = self.providers.entry(record.number).or_default();
                provider.record = Some(record);
            }
            Record::Forget(number) => drop(self.providers.remove(&number).ok_or(Malformed)?),
            Record::Groups(groups) => {
                let is_in_log = self.is_in_log;
                let provider = self.providers.get_mut(&groups.provider).ok_or(Malformed)?;
                provider.take(groups, is_in_log)?;
            }
            Record::About(_) | Record::Commit(_) => return Err(Malformed),
        }
        Ok(())
    }

    fn finish(self) -> Vec<(ProviderRecord, Vec<(Instant, Group)>)> {
        let providers = self.providers.into_values();
        providers.filter_map(Provider::finish).collect()
    }
}

impl Provider {
    fn take(&mut self, mut reader: GroupsReader<'_>, is_in_log: bool) -> Result<(), Malformed> {
        let mut batch = self.encoder.numbered_batch();
        let mut put = Vec::new();
        while let Some(next) = reader.next(&mut batch)? {
            match next {
                Next::Put { changed, source } => {
                    put.push(changed);
                    if !is_in_log {
                        self.hashes.push(self.later.hasher().hash_one(source));
                    }
                }
                Next::Removed { source } => drop(self.later.insert(source.to_owned(), None)),
            }
        }
        let groups = put.into_iter().zip(batch.finish());
        if is_in_log {
            self.later
                .extend(groups.map(|(changed, group)| (group.source().to_owned(), Some((changed, group)))));
        } else {
            self.groups.extend(groups);
        }
        Ok(())
    }

    fn finish(self) -> Option<(ProviderRecord, Vec<(Instant, Group)>)> {
        let Self {
            record,
            mut groups,
            hashes,
            later,
            ..
        } = self;
        if !later.is_empty() {
            let came_again = later.keys().map(|source| later.hasher().hash_one(source.as_str()));
            let came_again: HashSet<u64, Hasher> = came_again.collect();
            let mut hashes = hashes.into_iter();
            groups.retain(|(_, group)| {
                let may_be = hashes.next().is_none_or(|hash| came_again.contains(&hash));
                !(may_be && later.contains_key(group.source()))
            });
            groups.extend(later.into_values().flatten());
        }
        Some((record?, groups))
    }
}

impl NoHead {
    fn of(self, path: &Path) -> StateError {
        let path = path.to_owned();
        match self {
            Self::Foreign => StateError::Foreign { path },
            Self::OtherFormat(format) => StateError::OtherFormat { path, format },
            Self::Damaged => StateError::Damaged {
                path,
                at: 0,
                what: "its head is not whole",
            },
        }
    }
}
