//! What is known of each file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::path::{Path, PathBuf};
use std::time::Duration;

use headcount_core::{Group, Instant, planted};
use headcount_discoverer::metrics::Metrics;
use headcount_discoverer::{Backoff, Fingerprint};
use rapidhash::fast::RapidHasher;

use super::{MODIFIED, SETTLE, SETTLE_LESS};

/// How often a file that can't be read or decoded is looked at again before that is reported:
/// after 50, 100, 200 and 400 ms.
const LOOKS_BEFORE_REPORT: u32 = 4;

/// How long a file can go on looking half written before it counts as it is.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How long a list that has less in it can go on changing before it counts as it is.
const LONGEST_LESS: Duration = Duration::from_secs(120);

/// How soon a file of which it was reported that it can't be read is read again: what was wrong may have been with the
/// machine, and not with the file, and nobody is told when that is over.
const READ_AGAIN: Duration = Duration::from_secs(10);

/// A file whose groups were reported.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The bytes that the groups come from, unless they were found before this discoverer was started.
    pub(super) fingerprint: Option<Fingerprint>,
    /// The groups, in the order of the list.
    pub(super) groups: Vec<Group>,
    /// How many targets are in them.
    pub(super) targets: usize,
    /// Whether something stands behind the list, which is not read. It was warned of, and is not again when the file is
    /// written anew with the same fault.
    pub(super) has_more: bool,
}

/// What a look found, as far as it matters for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// The file is not there.
    Gone,
    /// It has these bytes, with less in them than before, or with nothing; or it has not come yet in a folder that was
    /// made anew and in which so much is.
    Less(Fingerprint),
    /// It has these bytes, and no less in them than before, but they don't end as they should.
    Unfinished(Fingerprint),
    /// It can't be decoded, or has to be there and is not. When it is mended, that is told.
    Bad,
    /// It can't be read.
    Unreadable,
}

impl Sight {
    fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// A file to be looked at again.
#[derive(Debug, Clone, Copy)]
struct Pending {
    sight: Sight,
    /// When a sight like this was first had.
    since: Instant,
    due: Instant,
    looks: u32,
    /// Whether the failure was reported already.
    told: bool,
}

/// What to do about a sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Keep what there is, and look again soon.
    LookAgain,
    /// It was the same the last time: it is so.
    Settled {
        /// Whether that was reported already.
        told: bool,
    },
}

/// The files to be looked at again.
#[derive(Debug, Default)]
pub(super) struct Looks {
    pending: BTreeMap<PathBuf, Pending>,
}

impl Looks {
    /// Takes in what a look at a file found.
    pub(super) fn saw(&mut self, path: &Path, sight: Sight, now: Instant) -> Verdict {
        let before = self
            .pending
            .get(path)
            .copied()
            .filter(|before| before.sight.is_like(sight));
        let same = before.filter(|before| before.sight == sight);
        if planted!(same.is_some_and(|same| same.due > now), ToldTwiceIsSettled, false) {
            // Told of the same file again, before its time: it changes nothing.
            return Verdict::LookAgain;
        }
        let looks = same.map_or(0, |same| same.looks);
        let since = before.map_or(now, |before| before.since);
        let told = planted!(same.is_some_and(|same| same.told), BrokenIsToldEachTime, false);
        let enough = match sight {
            Sight::Bad | Sight::Unreadable => LOOKS_BEFORE_REPORT,
            _ => 1,
        };
        let (settle, longest) = match sight {
            Sight::Less(_) | Sight::Gone => (SETTLE_LESS, LONGEST_LESS),
            _ => (SETTLE, LONGEST_WAIT),
        };
        // A file that is written all the time has to count some time, too.
        let is_settled = looks >= enough
            || planted!(
                now.saturating_duration_since(since) >= longest,
                AlwaysWrittenNeverCounts,
                false
            );
        let wait = match (is_settled, sight) {
            (true, Sight::Unreadable) => READ_AGAIN,
            (true, _) => {
                self.pending.remove(path);
                return Verdict::Settled { told };
            }
            (false, _) => Backoff::new(settle, longest).wait(looks),
        };
        self.pending.insert(
            path.to_owned(),
            Pending {
                sight,
                since,
                due: now + wait,
                looks: looks.saturating_add(1),
                told,
            },
        );
        if is_settled {
            Verdict::Settled { told }
        } else {
            Verdict::LookAgain
        }
    }

    /// Whether a file had less in it than before when it was last looked at, and is to be looked at again.
    pub(super) fn is_less(&self, path: &Path) -> bool {
        let pending = self.pending.get(path);
        pending.is_some_and(|pending| matches!(pending.sight, Sight::Less(_)))
    }

    /// Takes note that a file's failure was reported.
    pub(super) fn told(&mut self, path: &Path) {
        if let Some(pending) = self.pending.get_mut(path) {
            pending.told = true;
        }
    }

    /// Has what was reported be reported once more, if it is still so.
    pub(super) fn tell_again(&mut self) {
        self.pending.retain(|_, pending| !pending.told);
    }

    /// Takes note that a file is well.
    pub(super) fn forget(&mut self, path: &Path) {
        self.pending.remove(path);
    }

    /// Whether no file is to be looked at again.
    pub(super) fn is_settled(&self) -> bool {
        self.pending.is_empty()
    }

    /// When the first of the files is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.pending.values().map(|pending| pending.due).min()
    }

    /// The files that are due, sorted.
    pub(super) fn due(&self, now: Instant) -> BTreeSet<PathBuf> {
        let due = self.pending.iter().filter(|(_, pending)| pending.due <= now);
        due.map(|(path, _)| path.clone()).collect()
    }
}

/// The modification times that are shown in the metrics, until the discoverer is dropped.
#[derive(Debug)]
pub(super) struct ModifiedTimes {
    metrics: Metrics,
    shown: BTreeSet<String>,
}

impl ModifiedTimes {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            shown: BTreeSet::new(),
        }
    }

    pub(super) fn show(&mut self, path: &str, modified: Duration) {
        let labels = [("filename", path)];
        if !self.shown.contains(path) {
            self.shown.insert(path.to_owned());
            // Other discoverers may read the same file, for longer.
            self.metrics.hold(MODIFIED, &labels);
        }
        // Whole seconds, as in Prometheus.
        self.metrics.set(MODIFIED, &labels, modified.as_secs() as f64);
    }

    pub(super) fn hide(&mut self, path: &str) {
        if self.shown.remove(path) {
            self.metrics.release(MODIFIED, &[("filename", path)]);
        }
    }
}

impl Drop for ModifiedTimes {
    fn drop(&mut self) {
        for path in &self.shown {
            self.metrics.release(MODIFIED, &[("filename", path)]);
        }
    }
}

/// The groups of a file, by the numbers of their sources.
type Numbered = Vec<(usize, Group)>;

/// The lists, by file, that were found before a discoverer was started.
pub(super) fn recall(groups: Vec<Group>, is_meant: impl Fn(&str) -> bool) -> BTreeMap<PathBuf, Known> {
    // Patterns are matched for each file: to match them for each group would take longer than all else of a start.
    let mut lists: HashMap<String, Option<Numbered>, BuildHasherDefault<RapidHasher<'static>>> = HashMap::default();
    for group in groups {
        let source = group.source();
        // It ends in a number of a few digits, which are passed more quickly than anything is searched for.
        let digits = source.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (path, number) = source.split_at_checked(source.len() - digits).unwrap_or_default();
        let Some(path) = path.strip_suffix(':') else {
            continue;
        };
        let Ok(number) = number.parse() else {
            continue;
        };
        match lists.get_mut(path) {
            Some(Some(list)) => list.push((number, group)),
            Some(None) => {}
            None => {
                lists.insert(path.to_owned(), is_meant(path).then(|| vec![(number, group)]));
            }
        }
    }
    let known = |mut list: Numbered| {
        planted!(list.sort_unstable_by_key(|(number, _)| *number), RecalledInAnyOrder, ());
        let groups: Vec<Group> = list.into_iter().map(|(_, group)| group).collect();
        Known {
            fingerprint: None,
            targets: groups.iter().map(Group::target_count).sum(),
            groups,
            has_more: false,
        }
    };
    let lists = lists.into_iter();
    lists
        .filter_map(|(path, list)| Some((path.into(), known(list?))))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use headcount_core::Encoder;

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn a_file_that_two_read_is_shown_until_the_last_one_goes() {
        let metrics = Metrics::default();
        let shown = || -> usize { metrics.read().iter().map(|(_, samples)| samples.len()).sum() };
        let (mut one, mut other) = (ModifiedTimes::new(metrics.clone()), ModifiedTimes::new(metrics.clone()));
        one.show("/a.json", Duration::from_secs(1));
        one.show("/a.json", Duration::from_secs(2));
        other.show("/a.json", Duration::from_secs(2));
        drop(one);
        assert_eq!(shown(), 1);
        other.hide("/a.json");
        assert_eq!(shown(), 0);
    }

    #[test]
    fn what_is_gone_is_looked_at_twice() {
        let (mut looks, path) = (Looks::default(), Path::new("/a.json"));
        assert_eq!(looks.saw(path, Sight::Gone, at(0)), Verdict::LookAgain);
        assert_eq!(
            looks.saw(path, Sight::Gone, at(10)),
            Verdict::LookAgain,
            "before its time"
        );
        assert_eq!(looks.next_due(), Some(at(5_000)));
        assert_eq!(
            looks.saw(path, Sight::Gone, at(5_000)),
            Verdict::Settled { told: false }
        );
        assert_eq!(looks.next_due(), None);
    }

    #[test]
    fn what_goes_on_changing_counts_after_a_second() {
        let (mut looks, path) = (Looks::default(), Path::new("/a.yml"));
        let changed = |step: u64| Sight::Unfinished(Fingerprint::of(&step.to_le_bytes()));
        let mut verdicts = (0..1_000).map(|step| (step * 30, looks.saw(path, changed(step), at(step * 30))));
        let settled = verdicts.find(|(_, verdict)| *verdict != Verdict::LookAgain);
        assert_eq!(settled, Some((1020, Verdict::Settled { told: false })));
    }

    #[test]
    fn what_is_less_counts_when_it_stayed_so_for_seconds() {
        let (mut looks, path) = (Looks::default(), Path::new("/a.yml"));
        let less = |bytes: &[u8]| Sight::Less(Fingerprint::of(bytes));
        assert_eq!(looks.saw(path, less(b""), at(0)), Verdict::LookAgain);
        assert_eq!(looks.saw(path, less(b"- a\n"), at(1_500)), Verdict::LookAgain);
        assert_eq!(looks.next_due(), Some(at(6_500)));
        let settled = Verdict::Settled { told: false };
        assert_eq!(looks.saw(path, less(b"- a\n"), at(6_500)), settled);
        assert_eq!(looks.next_due(), None);
    }

    #[test]
    fn what_can_not_be_read_is_read_again_when_that_was_told() {
        let (mut looks, path, mut now) = (Looks::default(), Path::new("/a.json"), at(0));
        while looks.saw(path, Sight::Unreadable, now) == Verdict::LookAgain {
            now = looks.next_due().expect("it is to be looked at again");
        }
        looks.told(path);
        let again = looks.next_due().expect("nobody tells when it is well");
        assert_eq!(again, now + READ_AGAIN);
        assert_eq!(
            looks.saw(path, Sight::Unreadable, again),
            Verdict::Settled { told: true }
        );
    }

    #[test]
    fn what_is_bad_gets_a_second_to_become_better() {
        let (mut looks, path, mut now) = (Looks::default(), Path::new("/a.json"), at(0));
        let mut looked = 1;
        while looks.saw(path, Sight::Bad, now) == Verdict::LookAgain {
            now = looks.next_due().expect("it is to be looked at again");
            looked += 1;
        }
        assert_eq!((looked, now), (5, at(750)));
    }

    /// Of a million groups a pattern would be matched a million times.
    #[test]
    fn what_was_found_before_is_sorted_by_file_with_one_look_at_each_path() {
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        for source in ["/a.json:10", "/a.json:9", "/b.json:0", "/a.json:x", "/c", "/a.json:11"] {
            let targets = [[("__address__", source)]];
            batch.group(source, [], targets).expect("it fits");
        }
        let asked = RefCell::new(Vec::new());
        let is_meant = |path: &str| {
            asked.borrow_mut().push(path.to_owned());
            path == "/a.json"
        };
        let lists = recall(batch.finish(), is_meant);
        let sources = |known: &Known| known.groups.iter().map(|group| group.source().to_owned()).collect();
        let lists: Vec<(_, Vec<_>)> = lists
            .iter()
            .map(|(path, known)| (path.to_owned(), sources(known)))
            .collect();
        let in_order = ["/a.json:9", "/a.json:10", "/a.json:11"].map(str::to_owned);
        assert_eq!(lists, [(PathBuf::from("/a.json"), in_order.to_vec())]);
        assert_eq!(asked.into_inner(), ["/a.json", "/b.json"]);
    }
}
