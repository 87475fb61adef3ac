//! Which files are meant: the patterns of the configuration.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use headcount_discoverer::pattern;

/// What a file holds, by its ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
}

impl Format {
    /// The format of a file, or of the files that a pattern matches.
    pub(super) fn of(path: &str) -> Option<Self> {
        let (_, ending) = path.rsplit_once('.')?;
        match ending.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "yml" | "yaml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// The patterns, checked.
#[derive(Debug, Clone)]
pub(super) struct Patterns {
    all: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    whole: String,
    /// Empty for the current folder, so that files are called as the pattern calls them.
    folder: PathBuf,
    name: String,
}

impl Patterns {
    /// # Errors
    /// What is wrong, and with which pattern.
    pub(super) fn new(patterns: &[String]) -> Result<Self, String> {
        if patterns.is_empty() {
            return Err("there is no path; name at least one under `files`".to_owned());
        }
        let all = patterns
            .iter()
            .map(|pattern| Pattern::new(pattern))
            .collect::<Result<_, _>>()?;
        Ok(Self { all })
    }

    /// The patterns as they are given to [`glob`](headcount_discoverer::env::Files::glob).
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|pattern| pattern.whole.as_str())
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

    /// The files that are meant when a watch tells of changes at `paths`.
    ///
    /// A watch may tell a folder by another path than the configuration does (through a link, say);
    /// then the name decides, in every folder. A file too many costs a look.
    pub(super) fn files_meant_by(&self, paths: &[PathBuf]) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        for path in paths {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let known_folder = self
                .all
                .iter()
                .any(|pattern| path.parent() == Some(pattern.watched_folder()));
            let meant = self
                .all
                .iter()
                .filter(|pattern| !known_folder || path.parent() == Some(pattern.watched_folder()));
            let matching = meant.filter(|pattern| pattern::matches(&pattern.name, name) == Ok(true));
            files.extend(matching.map(|pattern| pattern.folder.join(name)));
        }
        files
    }
}

impl Pattern {
    fn new(pattern: &str) -> Result<Self, String> {
        pattern::check(pattern).map_err(|error| format!("{pattern}: {error}"))?;
        if Format::of(pattern).is_none() {
            return Err(format!("{pattern}: the path has to end in .json, .yml or .yaml"));
        }
        let path = Path::new(pattern);
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or(pattern)
            .to_owned();
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self {
            whole: pattern.to_owned(),
            folder,
            name,
        })
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

    fn patterns(all: &[&str]) -> Result<Patterns, String> {
        Patterns::new(&all.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>())
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
        // Told by another path: the name decides.
        let both = [Path::new("/etc/sd/a.json"), Path::new("/srv/a.json")];
        assert_eq!(meant(&all, "/private/etc/sd/a.json"), both);
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
    fn bad_patterns_are_refused_by_name() {
        assert!(patterns(&[]).is_err_and(|reason| reason.contains("`files`")));
        assert!(patterns(&["/etc/sd/*"]).is_err_and(|reason| reason.starts_with("/etc/sd/*: ")));
        assert!(patterns(&["/etc/sd/[.json"]).is_err_and(|reason| reason.contains('[')));
    }
}
