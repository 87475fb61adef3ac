//! Writes what differs between two snapshots.
//!
//! The one rule: **writing costs what changed.** The snapshot that was written last is kept, and shares with the newest
//! what both have.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use headcount_core::{
    GroupChange, Instant, ProviderChange, ProviderId, ProviderSnapshot, Readers, SetChange, Snapshot, SnapshotDiff,
};
use headcount_discoverer::env::Clock;

use super::codec::{self, GroupsWriter, ProviderRecord};
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
        }
    }

    /// The version of the snapshot that was written last.
    pub(super) fn version(&self) -> u64 {
        self.written.version()
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
        let all = changes(&diff, &self.readers, &mut |record| {
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
        changes(&all, &readers, &mut |record| {
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
        changes(&since, &readers, &mut |record| {
            any = true;
            base.push(&record)
        })?;
        if any {
            base.commit(now)?;
        }
        Ok((last, readers))
    }
}

/// What a difference says, as records.
fn changes<E>(diff: &SnapshotDiff, readers: &Readers, sink: &mut dyn FnMut(Vec<u8>) -> Result<(), E>) -> Result<(), E> {
    let mut other: BTreeSet<ProviderId> = BTreeSet::new();
    for change in diff.sets() {
        match change {
            SetChange::Added(_, ids) | SetChange::Removed(_, ids) => other.extend(ids),
            SetChange::Changed { old, new, .. } => other.extend(old.iter().chain(new)),
        }
    }
    let reports = diff.reports().filter(|change| {
        let known = |provider: &ProviderSnapshot| (provider.reports().first_whole(), as_of(provider));
        change.old.map(known) != Some(known(change.new))
    });
    other.extend(reports.map(|change| change.new.id()));
    let other = other.into_iter().filter_map(|id| diff.newer().provider(id));
    for record in other.filter_map(|provider| record_of(provider, readers)) {
        sink(record.write())?;
    }
    for change in diff.providers() {
        let number = change.id().number();
        match change {
            ProviderChange::Removed(provider) if provider.fingerprint().is_some() => sink(codec::forget(number))?,
            ProviderChange::Added(provider) | ProviderChange::Changed { new: provider, .. }
                if provider.fingerprint().is_some() =>
            {
                groups(&change, number, sink)?;
            }
            // What can't be found again need not be kept.
            _ => {}
        }
    }
    Ok(())
}

fn groups<E>(
    change: &ProviderChange<'_>,
    number: u64,
    sink: &mut dyn FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
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

fn record_of(provider: &ProviderSnapshot, readers: &Readers) -> Option<ProviderRecord> {
    Some(ProviderRecord {
        number: provider.id().number(),
        fingerprint: provider.fingerprint()?,
        first_whole: provider.reports().first_whole(),
        as_of: as_of(provider),
        kind: provider.kind().clone(),
        description: provider.description().clone(),
        sets: readers.of(provider.id()).cloned().collect(),
    })
}

/// What nobody has looked at since it was restored is as old as it was then.
fn as_of(provider: &ProviderSnapshot) -> Option<Instant> {
    provider.reports().only_restored().map(|restored| restored.as_of)
}
