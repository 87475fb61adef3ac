//! One round of reading: some files, or all, and what that changes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headcount_core::{Batch, Encoder, Failure, Group, Instant, Update, planted};
use headcount_discoverer::env::{FileContents, FileError};
use headcount_discoverer::{BODY_KNOB, Env, Fingerprint, Stopped, Updates, in_parallel};

use super::folders::{Folders, folder_of};
use super::format::{Format, decode};
use super::known::{Known, Looks, ModifiedTimes, Sight, Verdict, recall};
use super::patterns::Patterns;
use super::trouble::{Trouble, missing, summary};
use super::{FileSd, READ_ERRORS, SCANS};
use crate::target_groups::{Counts, gone, keep_numbers};

/// Files that are read at the same time. On most runtimes a read goes over a thread and back, so
/// that twenty thousand one after the other take seconds.
const READS_AT_A_TIME: usize = 32;

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
    broken: BTreeMap<PathBuf, Trouble>,
    /// The files that are named outright: each has to be there.
    named: BTreeSet<PathBuf>,
    /// The folders that are: each has to be there, too.
    folders: Folders,
    /// What there is to say of what could not be listed when everything was last read.
    unlisted: Vec<Trouble>,
    /// Whether something was lost and that has not been reported.
    has_news: bool,
    /// What can't be watched.
    unwatched: Option<Trouble>,
    /// Whether that is another than was reported.
    has_other_watch: bool,
    /// Whether everything was read once without any error, and reported as all there is (B09).
    was_whole: bool,
    modified: ModifiedTimes,
    /// What there is to warn of in what was read.
    warnings: Vec<String>,
}

impl Files {
    pub(super) fn new(settings: Arc<FileSd>, env: &Env, found_before: Vec<Group>) -> Self {
        let modified = ModifiedTimes::new(env.metrics.clone());
        let state = State {
            known: recall(found_before, |path| settings.patterns.mean(path)),
            looks: Looks::default(),
            broken: BTreeMap::new(),
            named: settings.patterns.named().map(Path::to_owned).collect(),
            folders: Folders::new(&settings.patterns),
            unlisted: Vec::new(),
            has_news: false,
            unwatched: None,
            has_other_watch: false,
            was_whole: false,
            modified,
            warnings: Vec::new(),
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
        self.state.looks.tell_again();
        let (mut found, mut unlisted) = (BTreeSet::new(), Vec::new());
        for pattern in self.settings.patterns.iter() {
            match self.env.files.glob(pattern).await {
                Ok(paths) => found.extend(paths),
                Err(error) => unlisted.push(Trouble::listing(pattern, error.to_string())),
            }
        }
        let State { known, folders, .. } = &mut self.state;
        let known_files = known.keys().map(PathBuf::as_path);
        folders.look_at_all(&self.env, &found, known_files, &mut unlisted).await;
        // Whether it was said before or not: each read of everything that lacks something is one that failed.
        self.state.has_news = !unlisted.is_empty() || self.state.folders.any_lost();
        self.state.unlisted = unlisted;
        let State {
            known, broken, named, ..
        } = &self.state;
        found.extend(known.keys().chain(broken.keys()).chain(named).cloned());
        self.read(found, reason, started, updates).await
    }

    /// What can't be watched is said with the next report, and whether that is news: what is wrong is one failure, however
    /// much of it there is.
    pub(super) fn note_watch(&mut self, (unwatched, is_news): (Option<Trouble>, bool)) {
        self.state.unwatched = unwatched;
        self.state.has_other_watch |= is_news;
    }

    /// Says that what was wrong still is: somebody looked, and each look that is in vain counts.
    pub(super) async fn report_again(&self, started: Instant, updates: &Updates) -> Result<(), Stopped> {
        let took = self.env.clock.now().saturating_duration_since(started);
        let troubles = self.state.troubles();
        match (missing(troubles.iter()), summary(troubles.iter())) {
            (Some(missing), _) if self.state.has_well() => {
                let kept = self.state.kept();
                updates
                    .send(Update::partial(Vec::new(), missing).keeping(kept).took(took))
                    .await
            }
            (_, Some(summary)) => updates.fail(Failure::new(summary).took(took)).await,
            (_, None) => Ok(()),
        }
    }

    /// Whether nothing was wrong when they were last read.
    pub(super) fn are_well(&self) -> bool {
        self.state.is_well()
    }

    /// Whether something is missing that says nothing when it comes.
    pub(super) fn lacks_something(&self) -> bool {
        !self.state.unlisted.is_empty() || self.state.folders.any_lost()
    }

    /// Whether some of that may be there now, so that everything is to be read.
    pub(super) async fn may_have_come(&self) -> bool {
        let folders = &self.state.folders;
        !self.state.unlisted.is_empty() || folders.any_may_have_come(&self.env, &self.settings.patterns).await
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
            patterns: &self.settings.patterns,
            state: &mut self.state,
            reason,
            batch,
            accepted: Vec::new(),
            removed: Vec::new(),
            checked: BTreeSet::new(),
            dangling: BTreeSet::new(),
            is_news: false,
        };
        round.look_at_all(paths).await;
        round.look_at_what_was_lost().await;
        let looked = round.finish();
        self.report(reason, started, looked, updates).await
    }

    /// Says what a round came to.
    async fn report(
        &mut self,
        reason: Reason,
        started: Instant,
        looked: Looked,
        updates: &Updates,
    ) -> Result<(), Stopped> {
        let Looked { groups, is_news } = looked;
        let now = self.env.clock.now();
        let took = now.saturating_duration_since(started);
        self.env.metrics.observe(SCANS, &[], now, took);
        let has_other_watch = std::mem::take(&mut self.state.has_other_watch);
        let is_news = std::mem::take(&mut self.state.has_news) || is_news || has_other_watch;
        let troubles = self.state.troubles();
        // It is not whole either as long as something is only half seen, in this round or in one before: what was restored
        // and is in none of the updates up to the one that says that this is all would be gone with that one.
        let is_whole = troubles.is_empty() && planted!(self.state.looks.is_settled(), HalfSeenIsAll, true);
        let update = match missing(troubles.iter()) {
            // What is broken is said with what is found: alone, that would say that all is well.
            Some(missing) if !groups.is_empty() || is_news && self.state.has_well() => {
                Some(Update::partial(groups, missing).keeping(self.state.kept()))
            }
            Some(_) => None,
            None if is_whole && reason == Reason::First => Some(Update::full(groups)),
            // The rest came before: with this, it is all there is.
            None if is_whole && !self.state.was_whole => Some(Update::completing(groups)),
            None if is_whole && groups.is_empty() => Some(Update::unchanged()),
            None if groups.is_empty() => None,
            None => Some(Update::delta(groups)),
        };
        self.state.was_whole |= is_whole;
        match (update, summary(troubles.iter())) {
            (Some(update), _) => updates.send(update.took(took)).await?,
            (None, Some(summary)) if is_news => updates.fail(Failure::new(summary).took(took)).await?,
            (None, _) => {}
        }
        // What can't be watched is read all the same; where something can't be read either, it was said with that.
        let alone = self
            .state
            .unwatched
            .as_ref()
            .filter(|_| has_other_watch && self.state.is_well());
        if let Some(unwatched) = alone {
            updates.fail(Failure::new(unwatched.to_string())).await?;
        }
        for warning in std::mem::take(&mut self.state.warnings) {
            updates.warn(warning).await?;
        }
        Ok(())
    }
}

impl State {
    /// Whether nothing is wrong.
    fn is_well(&self) -> bool {
        self.unlisted.is_empty() && !self.folders.any_lost() && self.broken.is_empty()
    }

    /// Everything that can't be read, and with it what can't be watched.
    fn troubles(&self) -> Vec<Trouble> {
        let unlisted = self.unlisted.iter().cloned();
        let of_files = self.broken.values().cloned();
        let mut troubles: Vec<_> = unlisted.chain(self.folders.troubles()).chain(of_files).collect();
        if !troubles.is_empty() {
            troubles.extend(self.unwatched.clone());
        }
        troubles
    }

    /// How many groups stay as they were because their files can't be read.
    fn kept(&self) -> usize {
        let is_kept = |path: &PathBuf| self.broken.contains_key(path) || self.folders.is_lost(folder_of(path));
        let kept = self.known.iter().filter(|(path, _)| is_kept(path));
        kept.map(|(_, known)| known.groups.len()).sum()
    }

    /// Whether any file that was read is well.
    fn has_well(&self) -> bool {
        let is_well = |(path, known): (&PathBuf, &Known)| {
            known.fingerprint.is_some() && !self.broken.contains_key(path) && !self.folders.is_lost(folder_of(path))
        };
        self.known.iter().any(is_well)
    }
}

/// A round in progress.
struct Round<'r> {
    env: &'r Env,
    patterns: &'r Patterns,
    state: &'r mut State,
    reason: Reason,
    batch: Batch<'r>,
    accepted: Vec<Accepted>,
    /// Sources that are gone, without targets.
    removed: Vec<Group>,
    /// Folders of which it was looked up whether they are there.
    checked: BTreeSet<PathBuf>,
    /// Links to files that are not there.
    dangling: BTreeSet<PathBuf>,
    /// Whether a file was found to be broken.
    is_news: bool,
}

/// What a round came to.
struct Looked {
    /// What changed, and what is gone.
    groups: Vec<Group>,
    /// As in [`Round`].
    is_news: bool,
}

/// A file that was decoded and counts.
struct Accepted {
    path: PathBuf,
    name: String,
    /// What will be known of it; its groups are in the batch.
    known: Known,
    range: Range<usize>,
}

impl Round<'_> {
    /// Reads these files, and takes in what that gives.
    async fn look_at_all(&mut self, paths: BTreeSet<PathBuf>) {
        let mut paths = paths.into_iter();
        loop {
            let some: Vec<_> = paths.by_ref().take(READS_AT_A_TIME).collect();
            if some.is_empty() {
                return;
            }
            let reads: Vec<_> = some
                .iter()
                .map(|path| self.env.files.read(path, self.env.limits.body))
                .collect();
            let contents = in_parallel(READS_AT_A_TIME, reads).await;
            self.notice_what_is_lost(&some, &contents).await;
            for (path, contents) in some.into_iter().zip(contents) {
                self.look(path, contents);
            }
            futures_lite::future::yield_now().await;
        }
    }

    /// Looks at the other lists of folders that are there again.
    async fn look_at_what_was_lost(&mut self) {
        let folders = self.state.folders.take_found_again();
        if folders.is_empty() {
            return;
        }
        let accepted: BTreeSet<&Path> = self.accepted.iter().map(|accepted| &*accepted.path).collect();
        let in_them = |path: &&PathBuf| folders.contains(folder_of(path)) && !accepted.contains(&***path);
        let others: BTreeSet<PathBuf> = self.state.known.keys().filter(in_them).cloned().collect();
        self.look_at_all(others).await;
    }

    /// Gives the groups of what was accepted the sources that they had, and ends the round.
    fn finish(self) -> Looked {
        let mut decoded = self.batch.finish();
        let mut groups = Vec::with_capacity(decoded.len());
        let mut removed = self.removed;
        for accepted in self.accepted {
            let now = decoded.get_mut(accepted.range).unwrap_or_default();
            match self.state.known.get(&accepted.path) {
                Some(before) => {
                    planted!(
                        keep_numbers(&accepted.name, &before.groups, now),
                        GroupsChangeNumbers,
                        ()
                    );
                    planted!(removed.extend(gone(&before.groups, now)), ShorterListKeepsItsRest, ());
                }
                None => self.state.folders.list_came(folder_of(&accepted.path)),
            }
            groups.extend_from_slice(now);
            let known = Known {
                groups: now.to_vec(),
                ..accepted.known
            };
            self.state.known.insert(accepted.path, known);
        }
        groups.append(&mut removed);
        Looked {
            groups,
            is_news: self.is_news,
        }
    }

    /// A file that is gone with its folder, or that a link still names, was not taken away by who writes lists: a mount
    /// may be late.
    async fn notice_what_is_lost(&mut self, paths: &[PathBuf], contents: &[Result<FileContents, FileError>]) {
        for (path, contents) in paths.iter().zip(contents) {
            if !matches!(contents, Err(FileError::NotFound { .. })) {
                continue;
            }
            let folder = folder_of(path);
            if self.state.known.contains_key(path) && self.checked.insert(folder.to_owned()) {
                let folders = &mut self.state.folders;
                self.state.has_news |= folders.look_at(self.env, self.patterns, folder).await;
            }
            if self.env.files.read_link(path).await.is_ok() {
                self.dangling.insert(path.clone());
            }
        }
    }

    /// Takes in what reading a file gave.
    fn look(&mut self, path: PathBuf, contents: Result<FileContents, FileError>) {
        let Some(name) = path.to_str() else {
            if matches!(contents, Err(FileError::NotFound { .. })) {
                return self.well(&path);
            }
            let trouble = Trouble::reading(path.display().to_string(), "the path is not UTF-8; rename the file");
            return self.bad(&path, Sight::Bad, trouble);
        };
        match contents {
            Ok(contents) => {
                self.state.folders.has_list(folder_of(&path));
                self.look_at(&path, name, &contents);
            }
            Err(FileError::NotFound { .. }) => self.gone(&path, name),
            Err(error @ FileError::TooLarge { .. }) => {
                let why = format!("{}; {BODY_KNOB}", error.reason());
                self.bad(&path, Sight::Unreadable, Trouble::reading(name, why));
            }
            Err(error) => self.bad(&path, Sight::Unreadable, Trouble::reading(name, error.reason())),
        }
    }

    fn look_at(&mut self, path: &Path, name: &str, contents: &FileContents) {
        let fingerprint = Fingerprint::of(&contents.bytes);
        let known = self.state.known.get(path);
        let before = known.map_or(0, |known| known.targets);
        let is_same = planted!(
            known.is_some_and(|known| known.fingerprint == Some(fingerprint)),
            SameFileIsReported,
            false
        );
        if is_same {
            self.well(path);
            self.state.modified.show(name, contents.modified);
            return;
        }
        let start = self.batch.len();
        let decoded = decode(name, &contents.bytes, &mut self.batch);
        let decoded = match decoded {
            Ok(counts) => counts,
            Err(error) => return self.bad(path, Sight::Bad, Trouble::decoding(name, error)),
        };
        if let Some(sight) = self.doubt(path, name, &contents.bytes, fingerprint, decoded, before)
            && self.not_yet(path, sight)
        {
            return;
        }
        if let Some(line) = decoded.ignored_from
            && !planted!(
                self.state.known.get(path).is_some_and(|known| known.has_more),
                WarnsEachTime,
                false
            )
        {
            self.state.warnings.push(ignored(name, line));
        }
        self.well(path);
        self.state.modified.show(name, contents.modified);
        self.accepted.push(Accepted {
            path: path.to_owned(),
            name: name.to_owned(),
            known: Known {
                fingerprint: Some(fingerprint),
                groups: Vec::new(),
                targets: decoded.targets,
                has_more: decoded.ignored_from.is_some(),
            },
            range: start..self.batch.len(),
        });
    }

    /// What a list looks like that may not be all that will be in its file (B11).
    fn doubt(
        &self,
        path: &Path,
        name: &str,
        bytes: &[u8],
        now: Fingerprint,
        decoded: Counts,
        before: usize,
    ) -> Option<Sight> {
        // Nothing was written, not even an empty list.
        let is_blank =
            decoded.groups == 0 && planted!(!bytes.trim_ascii_start().starts_with(b"["), BlankFileIsAList, false);
        if self.reason == Reason::First && !self.state.known.contains_key(path) {
            return is_blank.then_some(Sight::Less(now));
        }
        // Half a YAML list is often one, too.
        let (is_yaml, targets) = (Format::of(name) == Format::Yaml, decoded.targets);
        // Who empties a file to write it anew is not finished when it has as many targets as before.
        let is_being_written = is_yaml && self.state.looks.is_less(path);
        if is_blank
            || planted!(decoded.addresses == 0 && before > 0, EmptyListCountsAtOnce, false)
            || is_yaml && planted!(targets < before, ShorterListCountsAtOnce, false)
            || is_being_written
        {
            return Some(Sight::Less(now));
        }
        (is_yaml && planted!(!bytes.ends_with(b"\n"), NoLineBreakIsFinished, false)).then_some(Sight::Unfinished(now))
    }

    fn gone(&mut self, path: &Path, name: &str) {
        if planted!(self.dangling.contains(path), DanglingLinkIsGone, false) {
            let trouble = Trouble::reading(name, "it is a link to a file that is not there");
            return self.bad(path, Sight::Unreadable, trouble);
        }
        let (folder, is_known) = (folder_of(path), self.state.known.contains_key(path));
        if is_known && planted!(self.state.folders.is_lost(folder), LostFolderTakesItsFiles, false) {
            return self.state.looks.forget(path);
        }
        // Nobody but the configuration says that there is such a list, and it does: who wants it empty has to say so.
        if planted!(self.state.named.contains(path), NamedMayBeMissing, false) {
            let why = match is_known {
                true => "there is no such file; what it had stays until it is there, and may say `[]`",
                false => "there is no such file",
            };
            return self.bad(path, Sight::Bad, Trouble::reading(name, why));
        }
        if is_known {
            // A folder that was made anew may be about to be filled.
            let anew = self.state.folders.anew(folder);
            let sight = anew.map_or(Sight::Gone, |lists| Sight::Less(Fingerprint::of(&lists.to_le_bytes())));
            if planted!(self.not_yet(path, sight), GoneFileIsGoneAtOnce, false) {
                return;
            }
            if let Some(known) = self.state.known.remove(path) {
                let gone = known.groups.iter().map(|group| Group::empty(group.source()));
                self.removed.extend(gone);
            }
            planted!(self.state.modified.hide(name), RemovedFileHasATime, ());
        }
        self.well(path);
    }

    fn bad(&mut self, path: &Path, sight: Sight, trouble: Trouble) {
        let verdict = self.state.looks.saw(path, sight, self.env.clock.now());
        let is_other = self.state.broken.get(path).is_some_and(|before| *before != trouble);
        // At the first round somebody waits to hear; later, the file gets time to become better.
        let is_news = match verdict {
            Verdict::Settled { told } => !told || is_other,
            Verdict::LookAgain => self.reason == Reason::First,
        };
        if is_news {
            planted!({}, BrokenFileIsEmpty, {
                let known = self.state.known.remove(path).into_iter();
                let gone = known
                    .flat_map(|known| known.groups)
                    .map(|group| Group::empty(group.source()));
                self.removed.extend(gone);
            });
            self.state.looks.told(path);
            self.env.metrics.add(READ_ERRORS, &[], 1.0);
            self.state.broken.insert(path.to_owned(), trouble);
            self.is_news = true;
        }
    }

    /// There is nothing wrong with a file, or no file.
    fn well(&mut self, path: &Path) {
        self.state.looks.forget(path);
        self.state.broken.remove(path);
    }

    /// Whether what was seen is to be looked at again before it counts.
    fn not_yet(&mut self, path: &Path, sight: Sight) -> bool {
        self.state.looks.saw(path, sight, self.env.clock.now()) == Verdict::LookAgain
    }
}

/// What is said of what stands behind a list, from a line on; 0 when that is not known.
fn ignored(path: &str, line: u64) -> String {
    let place = if line > 0 {
        format!("{path}:{line}")
    } else {
        path.to_owned()
    };
    format!(
        "{place}: from here on nothing is read, as in Prometheus, for the list ends before; remove it, or move it into the list"
    )
}
