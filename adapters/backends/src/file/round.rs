//! One round of reading: some files, or all, and what that changes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headcount_core::{Batch, Encoder, Failure, Group, Instant, Update};
use headcount_discoverer::env::{FileContents, FileError};
use headcount_discoverer::{Env, Fingerprint, Stopped, Updates, in_parallel};

use super::known::{Known, Looks, ModifiedTimes, Sight, Verdict};
use super::patterns::Format;
use super::{FileSd, LARGEST_FILE, READ_ERRORS, SCAN_SECONDS, SCANS};
use crate::target_groups::{Counts, Origin, json, yaml};

/// Files that are read at the same time. On most runtimes a read goes over a thread and back, so
/// that twenty thousand one after the other take seconds.
const READS_AT_A_TIME: usize = 32;

/// Failures that are told in full; of more, only the number.
const TOLD_FAILURES: usize = 5;

/// Why files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Nothing is known yet: whatever can be decoded counts at once, and failures are reported.
    First,
    /// A change was noticed, or the interval is over.
    Again,
}

/// All that is known of the files, and what reads them.
pub(super) struct Files {
    settings: Arc<FileSd>,
    env: Env,
    encoder: Encoder,
    state: State,
}

struct State {
    known: BTreeMap<PathBuf, Known>,
    looks: Looks,
    /// What was reported of files that still can't be read or decoded.
    broken: BTreeMap<PathBuf, String>,
    /// The files that are named outright: each has to be there.
    named: BTreeSet<PathBuf>,
    /// What there is to say of folders that were missing, or could not be listed, when everything was last read.
    missing: Vec<String>,
    /// Whether that has not been reported.
    has_news: bool,
    /// Whether everything was read once without any error, and reported as all there is (B09).
    was_whole: bool,
    modified: ModifiedTimes,
}

impl Files {
    pub(super) fn new(settings: Arc<FileSd>, env: &Env) -> Self {
        let modified = ModifiedTimes::new(env.metrics.clone());
        let state = State {
            known: BTreeMap::new(),
            looks: Looks::default(),
            broken: BTreeMap::new(),
            named: settings.patterns.named().map(Path::to_owned).collect(),
            missing: Vec::new(),
            has_news: false,
            was_whole: false,
            modified,
        };
        Self {
            settings,
            env: env.clone(),
            encoder: Encoder::new(),
            state,
        }
    }

    /// When a file has to be looked at again.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.state.looks.next_due()
    }

    /// Reads everything that the patterns match, and everything that is known.
    pub(super) async fn read_all(&mut self, reason: Reason, updates: &Updates) -> Result<(), Stopped> {
        let started = self.env.clock.now();
        let (mut found, mut missing) = (BTreeSet::new(), Vec::new());
        for pattern in self.settings.patterns.iter() {
            match self.env.files.glob(pattern).await {
                Ok(paths) => found.extend(paths),
                Err(error) => missing.push(format!("listing {pattern}: {error}")),
            }
        }
        self.state.has_news = !missing.is_empty();
        // A folder that has files is there.
        let there: BTreeSet<_> = found.iter().filter_map(|path| path.parent()).collect();
        for folder in self.settings.patterns.named_folders() {
            if there.contains(folder.as_path()) {
                continue;
            }
            // Whatever else keeps a folder from being listed, its files may be readable.
            if let Err(FileError::NotFound { path }) = self.env.files.list(&folder).await {
                missing.push(format!("the folder {} is not there", path.display()));
            }
        }
        self.state.has_news |= !missing.is_empty() && missing != self.state.missing;
        self.state.missing = missing;
        let State {
            known, broken, named, ..
        } = &self.state;
        found.extend(known.keys().chain(broken.keys()).chain(named).cloned());
        self.read(found, reason, started, updates).await
    }

    /// Reads these files.
    pub(super) async fn read_some(&mut self, paths: BTreeSet<PathBuf>, updates: &Updates) -> Result<(), Stopped> {
        if paths.is_empty() {
            return Ok(());
        }
        let started = self.env.clock.now();
        self.read(paths, Reason::Again, started, updates).await
    }

    /// Reads the files that are due to be looked at again.
    pub(super) async fn read_due(&mut self, updates: &Updates) -> Result<(), Stopped> {
        let due = self.state.looks.due(self.env.clock.now());
        self.read_some(due, updates).await
    }

    async fn read(
        &mut self,
        paths: BTreeSet<PathBuf>,
        reason: Reason,
        started: Instant,
        updates: &Updates,
    ) -> Result<(), Stopped> {
        let batch = self.encoder.batch();
        let mut round = Round {
            env: &self.env,
            state: &mut self.state,
            reason,
            batch,
            accepted: Vec::new(),
            removed: Vec::new(),
            is_news: false,
            waiting: false,
        };
        let mut paths = paths.into_iter();
        loop {
            let some: Vec<_> = paths.by_ref().take(READS_AT_A_TIME).collect();
            if some.is_empty() {
                break;
            }
            let reads: Vec<_> = some
                .iter()
                .map(|path| self.env.files.read(path, LARGEST_FILE))
                .collect();
            let contents = in_parallel(READS_AT_A_TIME, reads).await;
            for (path, contents) in some.into_iter().zip(contents) {
                round.look(path, contents);
            }
            futures_lite::future::yield_now().await;
        }
        let Round {
            batch,
            accepted,
            removed,
            is_news,
            waiting,
            ..
        } = round;
        let mut groups = accepted_only(batch, &accepted);
        groups.extend(removed.iter().map(|source| Group::empty(source)));

        let took = self.env.clock.now().saturating_duration_since(started);
        self.env.metrics.add(SCAN_SECONDS, &[], took.as_secs_f64());
        self.env.metrics.add(SCANS, &[], 1.0);
        let is_news = std::mem::take(&mut self.state.has_news) || is_news;
        // It is not whole either as long as something is only half seen.
        let is_whole = self.state.broken.is_empty() && self.state.missing.is_empty() && !waiting;
        let found = match is_whole {
            true if reason == Reason::First => Some(Update::full(groups)),
            // The rest came before: with this, it is all there is.
            true if !self.state.was_whole => Some(Update::completing(groups)),
            true if groups.is_empty() => Some(Update::unchanged()),
            false if groups.is_empty() => None,
            _ => Some(Update::delta(groups)),
        };
        self.state.was_whole |= is_whole;
        let (broken, missing) = (&self.state.broken, &self.state.missing);
        // An update alone would say that all is well, also of the files that this round did not read.
        let is_failing = is_news || found.is_some() && !(broken.is_empty() && missing.is_empty());
        if let Some(update) = found {
            updates.send(update.took(took)).await?;
        }
        if is_failing {
            let failures: Vec<_> = missing.iter().chain(broken.values()).map(String::as_str).collect();
            updates.fail(Failure::new(summary(&failures)).took(took)).await?;
        }
        Ok(())
    }
}

/// A round in progress.
struct Round<'r> {
    env: &'r Env,
    state: &'r mut State,
    reason: Reason,
    batch: Batch<'r>,
    /// Where the groups of accepted files are in the batch.
    accepted: Vec<Range<usize>>,
    /// Sources that are gone.
    removed: Vec<String>,
    /// Whether a file was found to be broken.
    is_news: bool,
    /// Whether a file is to be looked at again.
    waiting: bool,
}

impl Round<'_> {
    /// Takes in what reading a file gave.
    fn look(&mut self, path: PathBuf, contents: Result<FileContents, FileError>) {
        let Some(name) = path.to_str() else {
            if matches!(contents, Err(FileError::NotFound { .. })) {
                return self.well(&path);
            }
            return self.bad(
                &path,
                format!("{}: the path is not UTF-8; rename the file", path.display()),
            );
        };
        match contents {
            Ok(contents) => self.look_at(&path, name, &contents),
            Err(FileError::NotFound { .. }) => self.gone(&path, name),
            Err(error) => self.bad(&path, format!("reading {error}")),
        }
    }

    fn look_at(&mut self, path: &Path, name: &str, contents: &FileContents) {
        let fingerprint = Fingerprint::of(&contents.bytes);
        let known = self.state.known.get(path).copied();
        if known.is_some_and(|known| known.fingerprint == fingerprint) {
            self.well(path);
            self.state.modified.show(name, contents.modified);
            return;
        }
        let start = self.batch.len();
        let origin = Origin {
            name,
            label: "__meta_filepath",
        };
        let format = Format::of(name).unwrap_or(Format::Json);
        let decoded = match format {
            Format::Json => json::decode(&contents.bytes, origin, &mut self.batch),
            Format::Yaml => yaml::decode(&contents.bytes, origin, &mut self.batch),
        };
        let Counts { groups, targets } = match decoded {
            Ok(counts) => counts,
            Err(error) => return self.bad(path, format!("decoding {name}: {error}")),
        };
        let before = known.map_or(0, |known| known.targets);
        // Half a YAML list is often one, too. Nothing is less than something in any format (B11).
        let half_written = match format {
            Format::Json => targets == 0 && before > 0,
            Format::Yaml => targets < before || !contents.bytes.ends_with(b"\n"),
        };
        if half_written && self.not_yet(path, Sight::Less(fingerprint)) {
            return;
        }
        self.well(path);
        self.state.modified.show(name, contents.modified);
        self.accepted.push(start..self.batch.len());
        self.remove(name, groups..known.map_or(0, |known| known.groups));
        self.state.known.insert(
            path.to_owned(),
            Known {
                fingerprint,
                groups,
                targets,
            },
        );
    }

    fn gone(&mut self, path: &Path, name: &str) {
        if self.state.known.contains_key(path) {
            if self.not_yet(path, Sight::Gone) {
                return;
            }
            if let Some(known) = self.state.known.remove(path) {
                self.remove(name, 0..known.groups);
            }
            self.state.modified.hide(name);
        }
        if self.state.named.contains(path) {
            // Nobody but the configuration says that there is such a list, and it does.
            return self.bad(path, format!("reading {name}: there is no such file"));
        }
        self.well(path);
    }

    fn bad(&mut self, path: &Path, message: String) {
        let verdict = self.state.looks.saw(path, Sight::Bad, self.env.clock.now());
        self.waiting |= verdict == Verdict::LookAgain;
        // At the first round somebody waits to hear; later, the file gets time to become better.
        if self.reason == Reason::First || verdict == (Verdict::Settled { told: false }) {
            self.state.looks.told(path);
            self.env.metrics.add(READ_ERRORS, &[], 1.0);
            self.state.broken.insert(path.to_owned(), message);
            self.is_news = true;
        }
    }

    /// There is nothing wrong with a file, or no file.
    fn well(&mut self, path: &Path) {
        self.state.looks.forget(path);
        self.state.broken.remove(path);
    }

    /// Whether something that became less is to be looked at again before it counts.
    fn not_yet(&mut self, path: &Path, sight: Sight) -> bool {
        if self.reason == Reason::First {
            return false;
        }
        let again = self.state.looks.saw(path, sight, self.env.clock.now()) == Verdict::LookAgain;
        self.waiting |= again;
        again
    }

    fn remove(&mut self, name: &str, indices: Range<usize>) {
        self.removed.extend(indices.map(|index| format!("{name}:{index}")));
    }
}

/// The groups of the files that were decoded as a whole.
fn accepted_only(batch: Batch<'_>, accepted: &[Range<usize>]) -> Vec<Group> {
    let all = batch.len();
    let groups = batch.finish();
    if accepted.iter().map(ExactSizeIterator::len).sum::<usize>() == all {
        return groups;
    }
    accepted
        .iter()
        .filter_map(|range| groups.get(range.clone()))
        .flatten()
        .cloned()
        .collect()
}

fn summary(failures: &[&str]) -> String {
    let told = failures.get(..TOLD_FAILURES).unwrap_or(failures);
    let mut text = told.join("; ");
    let more = failures.len().saturating_sub(told.len());
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    text
}
