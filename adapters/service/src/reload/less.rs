//! Whether a configuration may be half of one.
//!
//! The one rule: **what was just written, and has less in it, counts when it is there a second time (B11)**: who asks for a
//! reload while the file is being written does not mean what is in it so far. Half a YAML file is often a valid one; what it
//! lacks is what stands behind some line of it. What is empty is never meant, since that can be said: a file, and a folder of
//! files, which is what is left of one that is mounted when it is not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use headcount_config::{LoadErrors, Problem};
use headcount_core::planted;
use headcount_reader::ProblemKind;

use super::Changes;
use crate::plan::Plan;
use crate::trace::Trace;

/// A file that was modified before that is not being written any more.
pub(super) const JUST_WRITTEN: Duration = Duration::from_secs(2);

/// How long after a look it is looked at again.
pub(crate) const AGAIN: Duration = Duration::from_secs(1);

/// How often that is, while it goes on changing. Then it is refused.
pub(super) const MOST_LOOKS: usize = 5;

/// Whether a plan may be one whose file was cut somewhere: everything behind that is gone, and the job in which it is, or
/// the settings, are others.
pub(super) fn may_be_cut(before: &Plan, after: &Plan) -> bool {
    let changes = Changes::between(before, after);
    let lists = [&changes.jobs, &changes.alertmanagers];
    // In the order of the files, so the last of each stays.
    let jobs = after.jobs.iter();
    let last: BTreeMap<&Path, &str> = jobs.map(|job| (&*job.file, job.job_name.as_str())).collect();
    let is_last = |name: &String| last.values().any(|last| last == name);
    planted!(
        lists.iter().any(|list| !list.removed.is_empty()),
        HalfOfJobsCounts,
        false
    ) || !changes.alertmanagers.changed.is_empty()
        || changes.settings
        || changes.jobs.changed.iter().any(is_last)
}

/// What is wrong with a configuration that has less than the one before because a file is empty now, or a folder in which
/// others are.
pub(super) fn emptied(before: (&Plan, &Trace), after: (&Plan, &Trace)) -> Option<LoadErrors> {
    let was_empty = |path: &Path| before.1.blank_files().any(|blank| blank == path);
    let files = after.1.blank_files().filter(|path| !was_empty(path));
    let is_gone = |folder: &&Path| after.1.found_nothing().any(|nothing| folder.starts_with(nothing));
    // Some are looked through for several patterns.
    let folders: BTreeSet<&Path> = before.1.folders().filter(is_gone).collect();
    let folders = folders.into_iter();
    let files = files.map(|path| (path, ProblemKind::Emptied));
    let all: Vec<_> = files
        .chain(folders.map(|path| (path, ProblemKind::EmptiedFolder)))
        .collect();
    if all.is_empty() || !may_be_cut(before.0, after.0) {
        return None;
    }
    Some(refused(all.into_iter()))
}

/// Headcount's own file, if it was there and is not any more. It need not be, and may be about to be written.
pub(super) fn settings_gone(before: &Trace, after: &Trace) -> Option<PathBuf> {
    let was_there = before.settings().is_some_and(|(_, is_there)| is_there);
    let (path, is_there) = after.settings()?;
    (was_there && !is_there).then(|| path.to_owned())
}

/// What is wrong with a configuration of which a file is empty, if it was not before.
pub(super) fn blank(trace: &Trace) -> Option<LoadErrors> {
    let mut files = trace.blank_files().map(|path| (path, ProblemKind::Emptied)).peekable();
    files.peek()?;
    Some(refused(files))
}

/// What is wrong with a configuration whose files are others each time that they are looked at.
pub(super) fn unfinished(files: &[PathBuf]) -> LoadErrors {
    refused(files.iter().map(|path| (&**path, ProblemKind::Unfinished)))
}

fn refused<'a>(files: impl Iterator<Item = (&'a Path, ProblemKind)>) -> LoadErrors {
    let problem = |(path, kind): (&Path, ProblemKind)| Problem {
        file: Arc::from(path),
        position: None,
        field: String::new(),
        kind,
    };
    LoadErrors {
        problems: files.map(problem).collect(),
        omitted: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanisms;
    use crate::plan::Source;

    /// What a prometheus.yml and a headcount.yml beside it make.
    fn read(folder: &Path, config: &str, settings: &str) -> (Trace, Plan) {
        let path = folder.join("prometheus.yml");
        std::fs::write(&path, config).expect("written");
        std::fs::write(folder.join("headcount.yml"), settings).expect("written");
        let (trace, plan) = Source::File(path).load(&mechanisms::loader());
        (trace, plan.expect("nothing is wrong with it"))
    }

    const JOBS: &str = "scrape_configs:
- job_name: a
  static_configs: [{targets: [a]}]
- job_name: b
  static_configs:
  - targets: [b]
  - targets: [c]
";
    const ALERTS: &str = "alerting:
  alertmanagers:
  - static_configs:
    - targets: [one]
    - targets: [two]
";
    const SETTINGS: &str = "defaults:
  max_drop: 30%
jobs:
  a:
    max_drop: 10%
";

    /// Wherever a file is cut at a line's end: it is no configuration, the same one, or may be cut.
    #[test]
    fn b11_whatever_is_left_of_a_file_may_be_half_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = format!("{JOBS}{ALERTS}");
        let (_, before) = read(folder.path(), &whole, SETTINGS);
        let mut halves = 0;
        let cut = |text: &'static str| text.match_indices('\n').map(move |(at, _)| &text[..=at]);
        let of_config = whole.match_indices('\n').map(|(at, _)| (&whole[..=at], SETTINGS));
        for (config, settings) in of_config.chain(cut(SETTINGS).map(|settings| (&*whole, settings))) {
            std::fs::write(folder.path().join("prometheus.yml"), config).expect("written");
            std::fs::write(folder.path().join("headcount.yml"), settings).expect("written");
            let path = folder.path().join("prometheus.yml");
            let Ok(after) = Source::File(path).load(&mechanisms::loader()).1 else {
                continue;
            };
            let is_same = Changes::between(&before, &after).is_nothing();
            assert_eq!(may_be_cut(&before, &after), !is_same, "{config}---\n{settings}");
            halves += usize::from(!is_same);
        }
        assert!(halves >= 6, "{halves} that can be read and are others");
        // What can't be half of anything need not be waited for.
        let (_, other) = read(folder.path(), &whole.replace("[a]", "[other]"), SETTINGS);
        assert!(!may_be_cut(&before, &other));
        let (_, more) = read(folder.path(), &format!("{JOBS}- job_name: c\n{ALERTS}"), SETTINGS);
        assert!(!may_be_cut(&before, &more));
    }

    #[test]
    fn b11_what_is_empty_is_refused_where_there_was_something() {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = read(folder.path(), JOBS, SETTINGS);
        let said = |before: &(Trace, Plan), after: &(Trace, Plan)| {
            let errors = emptied((&before.1, &before.0), (&after.1, &after.0))?;
            let problems = errors.problems.iter().map(|problem| problem.file.display().to_string());
            Some(problems.collect::<Vec<_>>())
        };
        let path = |name: &str| folder.path().join(name).display().to_string();
        for blank in ["", "\n \n"] {
            let after = read(folder.path(), blank, "defaults: {max_drop: 30%}");
            assert_eq!(said(&whole, &after), Some(vec![path("prometheus.yml")]));
            // It was empty, and is.
            let again = read(folder.path(), blank, "defaults: {max_drop: 20%}");
            assert_eq!(said(&after, &again), None);
            let after = read(folder.path(), JOBS, blank);
            assert_eq!(said(&whole, &after), Some(vec![path("headcount.yml")]));
        }
        let after = read(folder.path(), "{}", "{}");
        assert_eq!(said(&whole, &after), None, "it says that there is nothing");
    }

    /// What is mounted is gone: the folder is empty, or not there. All jobs in it were removed.
    #[test]
    fn b11_a_folder_of_files_that_is_empty_is_refused_where_something_was_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let included = folder.path().join("jobs");
        let now = || read(folder.path(), "scrape_config_files: ['jobs/*.yml', 'none/*.yml']", "{}");
        let said = |before: &(Trace, Plan), after: &(Trace, Plan)| {
            let errors = emptied((&before.1, &before.0), (&after.1, &after.0))?;
            Some(
                errors
                    .problems
                    .iter()
                    .map(|problem| problem.file.to_path_buf())
                    .collect::<Vec<_>>(),
            )
        };
        let nothing = now();
        std::fs::create_dir(&included).expect("made");
        std::fs::write(included.join("a.yml"), JOBS).expect("written");
        let whole = now();
        assert_eq!(said(&nothing, &whole), None);
        std::fs::write(included.join("a.yml"), "{}").expect("written");
        assert_eq!(said(&whole, &now()), None, "it says that there is nothing");
        std::fs::remove_file(included.join("a.yml")).expect("removed");
        assert_eq!(said(&whole, &now()), Some(vec![included.clone()]));
        std::fs::remove_dir(&included).expect("removed");
        assert_eq!(said(&whole, &now()), Some(vec![included.clone()]));
        assert_eq!(said(&now(), &now()), None, "it was empty, and is");
        // What is no longer included may be gone.
        assert_eq!(said(&whole, &read(folder.path(), "{}", "{}")), None);
    }
}
