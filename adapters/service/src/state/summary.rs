//! What is in saved states, for people.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use headcount_core::Instant;
use headcount_core::allocation::SavedMember;

use super::StateError;
use super::image::{self, Image};
use super::members;

const MANAGERS: [&str; 2] = ["scrape", "notify"];

/// What a file of a folder has, or why it can't be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct StateSummary {
    /// The base; its log stands beside it.
    pub file: PathBuf,
    /// The manager: `scrape` for jobs, `notify` for Alertmanagers.
    pub manager: String,
    /// The configuration, if it has a path.
    pub config: String,
    /// The version of headcount that wrote it.
    pub version: String,
    /// When it was last known to be so, since 1970-01-01 UTC.
    pub at: Duration,
    /// Bytes of both files.
    pub bytes: u64,
    /// Bytes at the log's end that are no whole change.
    pub torn: u64,
    /// The providers, in the order in which they were started.
    pub providers: Vec<SavedProviderSummary>,
}

/// What was saved of a provider.
#[derive(Debug)]
#[non_exhaustive]
pub struct SavedProviderSummary {
    /// The mechanism.
    pub kind: String,
    /// What it looks at, in words.
    pub description: String,
    /// The sets that read it.
    pub sets: Vec<String>,
    /// Its groups.
    pub groups: usize,
    /// Targets in them.
    pub targets: usize,
    /// When it was first read whole, since 1970-01-01 UTC.
    pub first_whole: Option<Duration>,
    /// Whether it was waited for long enough, and not read whole: it is not waited for again.
    pub waited_out: bool,
    /// When it was last known to be so.
    pub as_of: Duration,
    /// When its youngest group changed.
    pub last_change: Option<Duration>,
}

/// What is in a base (and the log beside it), in a folder, or in all folders of one.
///
/// # Errors
/// There is nothing there, or it can't be read. What can't be read in one of several files keeps the others.
pub fn saved_states(path: &Path) -> Result<Vec<Result<StateSummary, StateError>>, StateError> {
    let read = |source| StateError::Read {
        path: path.to_owned(),
        source,
    };
    let about = fs::metadata(path).map_err(read)?;
    if !about.is_dir() && !about.is_file() {
        return Err(StateError::NoFile { path: path.to_owned() });
    }
    if about.is_file() {
        let (folder, manager) = (path.parent(), path.file_stem());
        let manager = manager
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        return Ok(summary(folder.unwrap_or(Path::new("")), &manager).into_iter().collect());
    }
    let mut found: Vec<_> = in_folder(path).collect();
    if found.is_empty() {
        let entries = fs::read_dir(path).map_err(read)?;
        let folders = entries.flatten().map(|entry| entry.path());
        let mut folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
        folders.sort();
        found = folders
            .iter()
            .flat_map(|folder| in_folder(folder).collect::<Vec<_>>())
            .collect();
    }
    Ok(found)
}

/// What was saved of members, or why it can't be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct SavedMembersSummary {
    /// The file.
    pub file: PathBuf,
    /// The configuration, if it has a path.
    pub config: String,
    /// The version of headcount that wrote it.
    pub version: String,
    /// When it was written, since 1970-01-01 UTC: nothing of it changed since.
    pub at: Duration,
    /// Its bytes.
    pub bytes: u64,
    /// The members, sorted by name.
    pub members: Vec<SavedMember>,
    /// How many targets were between two of them.
    pub handovers: usize,
}

/// The same of the members, in a file, in a folder, or in all folders of one.
#[must_use]
pub fn saved_members(path: &Path) -> Vec<Result<SavedMembersSummary, StateError>> {
    let of = |folder: &Path| members_in(folder).into_iter().collect::<Vec<_>>();
    if !path.is_dir() {
        let folder = path.parent().filter(|folder| members::path_in(folder) == path);
        return folder.map(of).unwrap_or_default();
    }
    let found = of(path);
    if !found.is_empty() {
        return found;
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.iter().flat_map(|folder| of(folder)).collect()
}

fn members_in(folder: &Path) -> Option<Result<SavedMembersSummary, StateError>> {
    let image = members::read(folder).transpose()?;
    Some(image.map(|image| SavedMembersSummary {
        file: members::path_in(folder),
        config: image.about.config,
        version: image.about.version,
        at: Duration::from_nanos(image.at.as_nanos()),
        bytes: image.length,
        handovers: image.kept.shares.handovers.len(),
        members: image.kept.shares.members,
    }))
}

fn in_folder(folder: &Path) -> impl Iterator<Item = Result<StateSummary, StateError>> + use<'_> {
    let own = move |manager: &&str| image::read_own(folder, manager).transpose();
    MANAGERS
        .iter()
        .filter_map(move |manager| Some(summarised(folder, manager, own(manager)?)))
}

fn summary(folder: &Path, manager: &str) -> Option<Result<StateSummary, StateError>> {
    let image = image::read(folder, manager).transpose()?;
    Some(summarised(folder, manager, image))
}

fn summarised(folder: &Path, manager: &str, image: Result<Image, StateError>) -> Result<StateSummary, StateError> {
    image.map(|image| StateSummary::of(folder, manager, image))
}

impl StateSummary {
    fn of(folder: &Path, manager: &str, image: Image) -> Self {
        let unix = |at: Instant| Duration::from_nanos(at.as_nanos());
        let providers = image.providers.iter().map(|(record, groups)| SavedProviderSummary {
            kind: record.kind.to_string(),
            description: record.description.to_string(),
            sets: record.sets.iter().map(ToString::to_string).collect(),
            groups: groups.len(),
            targets: groups.iter().map(|(_, group)| group.target_count()).sum(),
            first_whole: record.first_whole.map(unix),
            waited_out: record.waited_out,
            as_of: unix(record.as_of.unwrap_or(image.at)),
            last_change: groups.iter().map(|(changed, _)| unix(*changed)).max(),
        });
        Self {
            file: super::store::base_path(folder, manager),
            providers: providers.collect(),
            manager: image.about.manager,
            config: image.about.config,
            version: image.about.version,
            at: unix(image.at),
            bytes: image.length,
            torn: image.torn,
        }
    }
}
