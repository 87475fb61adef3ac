//! Paths by pattern, as Go's `path/filepath.Glob` finds them.
//!
//! `*` stays within one path element, `**` is nothing special, and a folder that can't be read
//! matches nothing: only a bad pattern is an error.

use std::fs;
use std::path::{Path, PathBuf};

use headcount_discoverer::env::FileError;
use headcount_reader::pattern;

/// The paths that match, sorted.
pub(super) fn glob(whole: &str) -> Result<Vec<PathBuf>, FileError> {
    let start = if whole.starts_with('/') {
        PathBuf::from("/")
    } else {
        PathBuf::new()
    };
    let mut elements = whole.split('/').filter(|element| !element.is_empty()).peekable();
    if elements.peek().is_none() && !start.is_absolute() {
        return Ok(Vec::new());
    }
    // Checked first: whether a pattern is bad must not depend on which folders are there.
    pattern::check(whole).map_err(|error| FileError::Pattern {
        pattern: whole.to_owned(),
        error,
    })?;
    let mut found = vec![start];
    for element in elements {
        found = found.iter().flat_map(|folder| paths_in(folder, element)).collect();
    }
    found.sort_unstable();
    Ok(found)
}

fn paths_in(folder: &Path, element: &str) -> Vec<PathBuf> {
    if !pattern::is_pattern(element) {
        let path = folder.join(element);
        // Not followed: a dangling link is there, and reading it says what is wrong.
        return if fs::symlink_metadata(&path).is_ok() {
            vec![path]
        } else {
            Vec::new()
        };
    }
    let here = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let Ok(entries) = fs::read_dir(here) else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    // A slash inside of a class parts it into elements that are no patterns; Go finds nothing either.
    let matching = names.filter(|name| pattern::matches(element, &name.to_string_lossy()) == Ok(true));
    matching.map(|name| folder.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(folder: &Path, pattern: &str) -> Vec<String> {
        let pattern = format!("{}/{pattern}", folder.display());
        let strip = |path: PathBuf| path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        glob(&pattern).unwrap().into_iter().map(strip).collect()
    }

    #[test]
    fn finds_what_go_finds() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a/1.json",
            "a/2.yml",
            "a/.hidden.json",
            "b/3.json",
            "b/deep/4.json",
            "top.json",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = |pattern| found_in(folder.path(), pattern);
        assert_eq!(found("a/*.json"), ["a/.hidden.json", "a/1.json"]);
        assert_eq!(found("*/*.json"), ["a/.hidden.json", "a/1.json", "b/3.json"]);
        assert_eq!(found("*.json"), ["top.json"], "a star does not cross a slash");
        assert_eq!(found("**/4.json"), [""; 0], "two stars are one");
        assert_eq!(found("b/*/4.json"), ["b/deep/4.json"]);
        assert_eq!(found("a/[12].*"), ["a/1.json", "a/2.yml"]);
        assert_eq!(found("top.json"), ["top.json"]);
        assert_eq!(found("missing/*.json"), [""; 0]);
        assert_eq!(found("top.json/*.json"), [""; 0]);
    }

    #[test]
    fn a_bad_pattern_is_an_error_wherever_it_stands() {
        for pattern in ["/nowhere/[", "[/x.json", "a[]b"] {
            assert!(matches!(glob(pattern), Err(FileError::Pattern { .. })), "{pattern}");
        }
    }

    #[test]
    fn odd_patterns_find_nothing_or_what_they_name() {
        assert_eq!(glob("").unwrap(), Vec::<PathBuf>::new());
        assert_eq!(glob("/").unwrap(), [PathBuf::from("/")]);
    }
}
