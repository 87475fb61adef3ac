//! Which files are meant: the patterns of the configuration.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use headcount_reader::join;
use headcount_reader::pattern::{self, PatternError};

/// How a path must end.
const ENDINGS: [&str; 6] = [".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"];

/// Why a path can't be one of `files`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilePatternError {
    /// There is none.
    #[error("there is no path; name at least one under files")]
    None,
    /// It does not say by its ending what the file holds.
    #[error("it must end in .json, .yml or .yaml")]
    Ending,
    /// A `*` where Prometheus takes none.
    #[error("a * may stand in the last part of the path only")]
    StarInFolder,
    /// The shell pattern can't be understood.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

/// The patterns, checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Patterns {
    all: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Pattern {
    whole: String,
    /// Empty for the current folder, so that files are called as the pattern calls them.
    folder: PathBuf,
    name: String,
}

impl Patterns {
    /// Adds one. A relative pattern starts in `base`; with no base, in the current
    /// folder.
    ///
    /// # Errors
    /// It is not allowed, or can't be understood.
    pub(super) fn add(&mut self, base: &Path, pattern: &str) -> Result<(), FilePatternError> {
        self.all.push(Pattern::new(base, pattern)?);
        Ok(())
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The patterns as they are given to [`glob`](headcount_discoverer::env::Files::glob).
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|pattern| pattern.whole.as_str())
    }

    /// The folders that have to be there: those that are no patterns themselves.
    pub(super) fn named_folders(&self) -> impl Iterator<Item = PathBuf> {
        let is_named = |folder: &PathBuf| !folder.to_str().is_some_and(pattern::is_pattern);
        self.folders().into_iter().filter(is_named)
    }

    /// Of those, the ones that have to be listed: which files they have is not said outright.
    pub(super) fn listed_folders(&self) -> BTreeSet<PathBuf> {
        let listed = self.all.iter().filter(|pattern| pattern::is_pattern(&pattern.name));
        let folders: BTreeSet<_> = listed.map(|pattern| pattern.watched_folder().to_owned()).collect();
        self.named_folders().filter(|folder| folders.contains(folder)).collect()
    }

    /// The files that are named outright, not by a pattern.
    pub(super) fn named(&self) -> impl Iterator<Item = &Path> {
        let named = self.all.iter().filter(|pattern| !pattern::is_pattern(&pattern.whole));
        named.map(|pattern| Path::new(&pattern.whole))
    }

    /// The folders that the files are in, without repeats.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let folders: BTreeSet<_> = self
            .all
            .iter()
            .map(|pattern| pattern.watched_folder().to_owned())
            .collect();
        folders.into_iter().collect()
    }

    /// Whether a file is meant.
    pub(super) fn mean(&self, path: &str) -> bool {
        self.iter().any(|pattern| pattern::matches(pattern, path) == Ok(true))
    }

    /// The files that are meant when a watch tells of changes at `paths`.
    pub(super) fn files_meant_by(&self, paths: &[PathBuf]) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        for path in paths {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let here = self.all.iter();
            let here = here.filter(|pattern| path.parent() == Some(pattern.watched_folder()));
            let matching = here.filter(|pattern| pattern::matches(&pattern.name, name) == Ok(true));
            files.extend(matching.map(|pattern| pattern.folder.join(name)));
        }
        files
    }
}

impl Pattern {
    /// What Prometheus takes: `^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$`, and no more than what can be
    /// matched.
    fn new(base: &Path, written: &str) -> Result<Self, FilePatternError> {
        let stem = ENDINGS.iter().find_map(|ending| written.strip_suffix(ending));
        let stem = stem.ok_or(FilePatternError::Ending)?;
        if stem.split_once('*').is_some_and(|(_, after)| after.contains('/')) {
            return Err(FilePatternError::StarInFolder);
        }
        pattern::check(written)?;
        let whole = if base.as_os_str().is_empty() {
            written.to_owned()
        } else {
            join(base, written).display().to_string()
        };
        let path = Path::new(&whole);
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or(&whole)
            .to_owned();
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { whole, folder, name })
    }

    fn watched_folder(&self) -> &Path {
        if self.folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &self.folder
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(all: &[&str]) -> Result<Patterns, FilePatternError> {
        let mut patterns = Patterns::default();
        for pattern in all {
            patterns.add("".as_ref(), pattern)?;
        }
        Ok(patterns)
    }

    fn meant(all: &[&str], path: &str) -> Vec<PathBuf> {
        let files = patterns(all)
            .expect("good patterns")
            .files_meant_by(&[PathBuf::from(path)]);
        files.into_iter().collect()
    }

    #[test]
    fn a_change_means_the_files_that_a_pattern_matches() {
        let all = ["/etc/sd/*.json", "/etc/sd/web.yml", "/srv/*.json"];
        assert_eq!(meant(&all, "/etc/sd/a.json"), [Path::new("/etc/sd/a.json")]);
        assert_eq!(meant(&all, "/etc/sd/web.yml"), [Path::new("/etc/sd/web.yml")]);
        assert_eq!(meant(&all, "/etc/sd/other.yml"), Vec::<PathBuf>::new());
        assert_eq!(meant(&all, "/etc/sd/.a.json.swp"), Vec::<PathBuf>::new());
        assert_eq!(meant(&all, "/private/etc/sd/a.json"), Vec::<PathBuf>::new());
        // In the current folder, files are called as the pattern calls them.
        assert_eq!(meant(&["*.json"], "./a.json"), [Path::new("a.json")]);
        assert_eq!(meant(&["./*.json"], "./a.json"), [Path::new("./a.json")]);
    }

    #[test]
    fn folders_are_named_once() {
        let all = patterns(&["/etc/sd/*.json", "/etc/sd/*.yml", "here.json"]).expect("good patterns");
        assert_eq!(all.folders(), [Path::new("/etc/sd"), Path::new(".")]);
    }

    #[test]
    fn prometheus_rule_for_paths() {
        for pattern in ["a.json", "*.yml", "d/x*y*.yaml", "/a/b*.JSON", ".yml"] {
            assert_eq!(patterns(&[pattern]).map(|_| ()), Ok(()), "{pattern}");
        }
        for pattern in ["", "a", "a.Json", "a.json.bak", "/etc/sd/*"] {
            assert_eq!(patterns(&[pattern]).err(), Some(FilePatternError::Ending), "{pattern}");
        }
        for pattern in ["*/a.json", "a*/b*.yml"] {
            assert_eq!(
                patterns(&[pattern]).err(),
                Some(FilePatternError::StarInFolder),
                "{pattern}"
            );
        }
        assert_eq!(
            patterns(&["/etc/sd/[.json"]).err(),
            Some(FilePatternError::Pattern(PatternError::Set))
        );
    }

    #[test]
    fn a_relative_path_starts_in_the_folder_of_the_configuration() {
        let mut patterns = Patterns::default();
        patterns.add("/etc/prometheus".as_ref(), "../sd/*.json").unwrap();
        patterns.add("/etc/prometheus".as_ref(), "/srv/a.json").unwrap();
        assert_eq!(patterns.iter().collect::<Vec<_>>(), ["/etc/sd/*.json", "/srv/a.json"]);
    }
}
