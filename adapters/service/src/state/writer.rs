//! Writes what differs between two snapshots.
//!
//! The one rule: **writing costs what changed.** The snapshot that was written last is kept, and shares with the newest
//! what both have.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use headcount_core::{
    GroupChange, Instant, ProviderChange, ProviderId, ProviderSnapshot, Readers, SetChange, Snapshot, SnapshotDiff,
};
use headcount_discoverer::env::Clock;

use super::codec::{self, GroupsWriter, ProviderRecord};
use super::restore::Kept;
use super::store::{BaseWriter, Store};

/// How long a change waits for others.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// When it is written that nothing changed, so that what is restored is known to be no older than that.
pub(super) const STILL_SO: Duration = Duration::from_secs(60);

/// Bytes of groups after which a record ends.
const RECORD: usize = 1 << 18;

/// Writes a manager's snapshots to its files.
pub(super) struct Writer {
    store: Store,
    clock: Arc<dyn Clock>,
    /// What is in the files, or would be if there were any.
    written: Snapshot,
    readers: Readers,
    last_commit: Instant,
    numbers: Numbers,
}

/// By which numbers the files know providers: their own, but for files that another process began.
#[derive(Debug, Default)]
struct Numbers {
    theirs: HashMap<ProviderId, u64>,
    /// The next number that those files don't know.
    next: Option<u64>,
}

impl Numbers {
    fn of(&mut self, id: ProviderId) -> u64 {
        let Some(next) = &mut self.next else {
            return id.number();
        };
        *self.theirs.entry(id).or_insert_with(|| {
            *next += 1;
            *next - 1
        })
    }
}

/// How appending went.
pub(super) enum Appended {
    /// So many bytes.
    Bytes(u64),
    /// A base is better.
    TooMuch,
}

impl Writer {
    pub(super) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            written: Snapshot::default(),
            readers: Readers::default(),
            last_commit: Instant::ZERO,
            numbers: Numbers::default(),
        }
    }

    /// Goes on with what is in the files, from which a manager began that now is as `snapshot` says: appends in what it
    /// differs. Does nothing where that is most of it.
    pub(super) fn go_on(&mut self, kept: Kept, snapshot: &Snapshot) -> io::Result<()> {
        let all = snapshot.diff(&Snapshot::default());
        let mut readers = Readers::default();
        readers.take(&all);
        let (numbers, gone) = same_as_kept(&kept, snapshot);
        let known: HashSet<ProviderId> = numbers.keys().copied().collect();
        let has_groups = |id: &ProviderId| {
            snapshot
                .provider(*id)
                .is_some_and(|provider| !provider.groups().is_empty())
        };
        if !known.iter().any(has_groups) {
            return Ok(());
        }
        let all_numbers = kept
            .providers
            .iter()
            .map(|(record, _)| record.number)
            .chain(kept.others);
        let mut numbers = Numbers {
            theirs: numbers,
            next: Some(all_numbers.max().map_or(0, |last| last + 1)),
        };
        let is_there: HashSet<Vec<u8>> = kept.providers.iter().map(|(record, _)| record.write()).collect();
        let mut records: Vec<Vec<u8>> = gone.into_iter().map(codec::forget).collect();
        let mut said = Said {
            readers: &readers,
            numbers: &mut numbers,
            known: &known,
        };
        let mut bytes = 0_u64;
        let all = said.changes(&all, &mut |record: Vec<u8>| {
            if !is_there.contains(&record) {
                bytes += record.len() as u64;
                records.push(record);
            }
            if bytes > kept.end.base { Err(()) } else { Ok(()) }
        });
        if all.is_err() {
            return Ok(());
        }
        self.store.go_on(&kept.end)?;
        let now = self.clock.now();
        if let Err(error) = self.store.append(&records, now) {
            // Who does not know what the files have can't append to them.
            self.store.let_go();
            return Err(error);
        }
        self.written = snapshot.clone();
        (self.readers, self.numbers, self.last_commit) = (readers, numbers, now);
        Ok(())
    }

    /// The version of the snapshot that was written last.
    pub(super) fn version(&self) -> u64 {
        self.written.version()
    }

    /// Whether changes are appended to files that another process began.
    #[cfg(test)]
    pub(super) fn goes_on(&self) -> bool {
        self.numbers.next.is_some()
    }

    /// Writes what there is, and gives how many bytes that took. A base that is due has an id that no other has.
    pub(super) fn write(&mut self, newest: &dyn Fn() -> Snapshot, id: u64, config: &str) -> io::Result<u64> {
        let written = self.try_write(newest, id, config);
        if written.is_err() {
            // Who reads what may be known of a snapshot that was not written.
            self.readers = Readers::default();
            self.readers.take(&self.written.diff(&Snapshot::default()));
        }
        written
    }

    fn try_write(&mut self, newest: &dyn Fn() -> Snapshot, id: u64, config: &str) -> io::Result<u64> {
        if !self.store.wants_base()
            && let Appended::Bytes(bytes) = self.append(&newest())?
        {
            return Ok(bytes);
        }
        let written = self.write_base(newest, id, config);
        if written.is_err() && self.store.has_log() {
            // There may be no room for a base, and some for what changed.
            self.append(&newest())?;
        }
        written
    }

    /// Appends what changed up to `newest`.
    pub(super) fn append(&mut self, newest: &Snapshot) -> io::Result<Appended> {
        let now = self.clock.now();
        let diff = newest.diff(&self.written);
        self.readers.take(&diff);
        let (mut records, mut bytes) = (Vec::new(), 0_u64);
        let most = self.store.worth_appending();
        let mut said = Said {
            readers: &self.readers,
            numbers: &mut self.numbers,
            known: &HashSet::new(),
        };
        let all = said.changes(&diff, &mut |record| {
            bytes += record.len() as u64;
            records.push(record);
            if bytes > most { Err(()) } else { Ok(()) }
        });
        if all.is_err() {
            return Ok(Appended::TooMuch);
        }
        let is_due = now.saturating_duration_since(self.last_commit) >= STILL_SO / 2;
        let mut appended = 0;
        if is_due || !records.is_empty() {
            appended = self.store.append(&records, now)?;
            self.last_commit = now;
        }
        self.written = newest.clone();
        Ok(Appended::Bytes(appended))
    }

    /// Writes all there is. What changes meanwhile is in the log of the base before in time, and in this one at last.
    pub(super) fn write_base(&mut self, newest: &dyn Fn() -> Snapshot, id: u64, config: &str) -> io::Result<u64> {
        let mut base = self.store.begin_base(id, config)?;
        match self.fill(&mut base, newest) {
            Ok((newest, readers)) => {
                let bytes = self.store.finish_base(base)?;
                self.written = newest;
                self.readers = readers;
                self.numbers = Numbers::default();
                self.last_commit = self.clock.now();
                Ok(bytes)
            }
            Err(error) => {
                base.abandon();
                Err(error)
            }
        }
    }

    /// Gives what the base has in the end, and who reads that.
    fn fill(&mut self, base: &mut BaseWriter, newest: &dyn Fn() -> Snapshot) -> io::Result<(Snapshot, Readers)> {
        let began = self.clock.now();
        let first = newest();
        let all = first.diff(&Snapshot::default());
        let mut readers = Readers::default();
        readers.take(&all);
        let mut appended = began;
        let (mut numbers, known) = (Numbers::default(), HashSet::new());
        let mut said = Said {
            readers: &readers,
            numbers: &mut numbers,
            known: &known,
        };
        said.changes(&all, &mut |record| {
            base.push(&record)?;
            let now = self.clock.now();
            if self.store.has_log() && now.saturating_duration_since(appended) > INTERVAL {
                appended = now;
                // Whatever goes wrong with the log, it is about to be replaced.
                self.append(&newest()).ok();
            }
            io::Result::Ok(())
        })?;
        base.commit(began)?;
        let now = self.clock.now();
        let last = newest();
        let since = last.diff(&first);
        readers.take(&since);
        let mut any = false;
        let mut said = Said {
            readers: &readers,
            numbers: &mut numbers,
            known: &known,
        };
        said.changes(&since, &mut |record| {
            any = true;
            base.push(&record)
        })?;
        if any {
            base.commit(now)?;
        }
        Ok((last, readers))
    }
}

/// Which providers have the very groups that the files have, and by which numbers those know them; and the numbers of those
/// that no provider is.
fn same_as_kept(kept: &Kept, snapshot: &Snapshot) -> (HashMap<ProviderId, u64>, Vec<u64>) {
    let mut by_words: HashMap<_, Vec<_>> = HashMap::new();
    for (record, groups) in &kept.providers {
        let alike = by_words.entry((&*record.kind, &*record.description)).or_default();
        alike.push((record.number, groups));
    }
    let mut numbers = HashMap::new();
    for provider in snapshot.providers().filter(|provider| provider.fingerprint().is_some()) {
        let words = (&**provider.kind(), &**provider.description());
        let Some(alike) = by_words.get_mut(&words) else {
            continue;
        };
        // Whatever else is alike: only of what shares them it is sure that nothing happened to them.
        let place = alike.iter().position(|(_, groups)| groups.is_same(provider.groups()));
        if let Some(place) = place {
            numbers.insert(provider.id(), alike.swap_remove(place).0);
        }
    }
    let left = by_words.into_values().flatten().map(|(number, _)| number);
    let mut gone: Vec<u64> = left.chain(kept.others.iter().copied()).collect();
    gone.sort_unstable();
    (numbers, gone)
}

/// Says in records what a difference says.
struct Said<'a> {
    readers: &'a Readers,
    numbers: &'a mut Numbers,
    /// New ones whose groups are in the files.
    known: &'a HashSet<ProviderId>,
}

type Sink<'a, E> = &'a mut dyn FnMut(Vec<u8>) -> Result<(), E>;

impl Said<'_> {
    fn changes<E>(&mut self, diff: &SnapshotDiff, sink: Sink<'_, E>) -> Result<(), E> {
        let mut other: BTreeSet<ProviderId> = BTreeSet::new();
        for change in diff.sets() {
            match change {
                SetChange::Added(_, ids) | SetChange::Removed(_, ids) => other.extend(ids),
                SetChange::Changed { old, new, .. } => other.extend(old.iter().chain(new)),
            }
        }
        let reports = diff.reports().filter(|change| {
            let known = |provider: &ProviderSnapshot| {
                let reports = provider.reports();
                (reports.first_whole(), as_of(provider), reports.is_waited_out())
            };
            change.old.map(known) != Some(known(change.new))
        });
        other.extend(reports.map(|change| change.new.id()));
        let other = other.into_iter().filter_map(|id| diff.newer().provider(id));
        for provider in other {
            if let Some(record) = self.record_of(provider) {
                sink(record.write())?;
            }
        }
        for change in diff.providers() {
            match change {
                ProviderChange::Removed(provider) if provider.fingerprint().is_some() => {
                    sink(codec::forget(self.numbers.of(change.id())))?;
                }
                ProviderChange::Added(provider) if self.known.contains(&provider.id()) => {}
                ProviderChange::Added(provider) | ProviderChange::Changed { new: provider, .. }
                    if provider.fingerprint().is_some() =>
                {
                    groups(&change, self.numbers.of(change.id()), sink)?;
                }
                // What can't be found again need not be kept.
                _ => {}
            }
        }
        Ok(())
    }

    fn record_of(&mut self, provider: &ProviderSnapshot) -> Option<ProviderRecord> {
        Some(ProviderRecord {
            fingerprint: provider.fingerprint()?,
            number: self.numbers.of(provider.id()),
            first_whole: provider.reports().first_whole(),
            as_of: as_of(provider),
            waited_out: provider.reports().is_waited_out(),
            kind: provider.kind().clone(),
            description: provider.description().clone(),
            sets: self.readers.of(provider.id()).cloned().collect(),
        })
    }
}

fn groups<E>(change: &ProviderChange<'_>, number: u64, sink: Sink<'_, E>) -> Result<(), E> {
    let mut writer = GroupsWriter::new(number);
    for change in change.groups() {
        match change {
            GroupChange::Added(stored) | GroupChange::Changed { new: stored, .. } => writer.put(stored),
            GroupChange::Removed(stored) => writer.remove(stored.group().source()),
        }
        if writer.len() >= RECORD {
            sink(writer.take())?;
        }
    }
    if writer.is_empty() { Ok(()) } else { sink(writer.take()) }
}

/// What nobody has looked at since it was restored is as old as it was then.
fn as_of(provider: &ProviderSnapshot) -> Option<Instant> {
    provider.reports().only_restored().map(|restored| restored.as_of)
}
