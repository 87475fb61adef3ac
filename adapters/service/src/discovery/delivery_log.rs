//! Says in the log, once, when a set's list is served without everything or not served at all, with who lacks and why,
//! and when it is whole or served again after that.
//!
//! The one rule: **what passes by itself in a moment is not said.** A list is not served while its providers are read for
//! the first time, which is so of each after every start; it is worth a line when one of them failed, got a part, was
//! waited for in vain or can't be run. Said once, it is said no more before the list is served: how a provider fares
//! meanwhile is in its own lines.
//!
//! That a list has what a source had before a reload (B03) is a line when it begins and one when it ends, each for all sets
//! of which a view shows it: a reload may concern thousands of them.
//!
//! Costs what changed: only sets that a view names as changed are looked at.

use std::collections::HashSet;
use std::sync::Arc;

use headcount_core::Delivery;

use super::health_log::few;
use super::{View, ViewChange};

/// Who lacks, in one line: more are counted.
const MOST: usize = 5;

/// What was said of each set.
pub(super) struct DeliveryLog {
    manager: &'static str,
    /// Those that are not served, and of which that was said.
    withheld: HashSet<Arc<str>>,
}

/// The sets that begin to have what a source had before a reload, and those that have it no more.
#[derive(Debug, Default, PartialEq, Eq)]
struct StandIns {
    begin: Vec<Arc<str>>,
    end: Vec<Arc<str>>,
}

/// What there is to say of a set.
#[derive(Debug, PartialEq, Eq)]
enum News {
    /// It is served without these.
    Incomplete(String),
    /// It is not served, because of these.
    Withheld(String),
    /// Nothing lacks any more.
    Complete,
    /// It is served, and was not.
    Served,
}

impl DeliveryLog {
    pub(super) fn new(manager: &'static str) -> Self {
        Self {
            manager,
            withheld: HashSet::new(),
        }
    }

    /// Logs what is news.
    pub(super) fn take(&mut self, before: &View, change: &ViewChange) {
        let manager = self.manager;
        let StandIns { begin, end } = StandIns::between(before, change);
        if !begin.is_empty() {
            tracing::info!(
                manager,
                sets = few(begin.iter()),
                "lists have what sources had before these were configured anew, until what takes their place was read; \
                 they are not complete until then"
            );
        }
        if !end.is_empty() {
            tracing::info!(
                manager,
                sets = few(end.iter()),
                "lists have nothing more of what sources had before these were configured anew: what takes their place was \
                 read, or waited for long enough"
            );
        }
        for set in change.jobs.0.iter() {
            let news = self.news(before, &change.view, set);
            let set = &**set;
            match news {
                None => {}
                Some(News::Incomplete(lacking)) => tracing::warn!(
                    manager,
                    set,
                    lacking,
                    "the list is served though it is not complete: who lacks was waited for long enough, or can't be run"
                ),
                Some(News::Withheld(lacking)) => tracing::warn!(
                    manager,
                    set,
                    lacking,
                    "the list is not served until who lacks was read, or was waited for long enough while others found \
                     something; readers keep the list that they have"
                ),
                Some(News::Complete) => tracing::info!(manager, set, "the list is complete now"),
                Some(News::Served) => tracing::info!(manager, set, "the list is served now, and complete"),
            }
        }
    }

    /// What is news of a set that may have changed.
    fn news(&mut self, before: &View, after: &View, set: &Arc<str>) -> Option<News> {
        let Some(job) = after.jobs.get(set) else {
            self.withheld.remove(set);
            return None;
        };
        let was = before.jobs.get(set).map(|job| job.delivery).unwrap_or_default();
        match job.delivery {
            Delivery::Withheld => {
                let is_known = after.lacking(set).any(|lacking| lacking.why.is_known());
                let is_news = is_known && self.withheld.insert(set.clone());
                is_news.then(|| News::Withheld(lacking(after, set)))
            }
            Delivery::Incomplete => {
                let was_withheld = self.withheld.remove(set);
                (was_withheld || was != Delivery::Incomplete).then(|| News::Incomplete(lacking(after, set)))
            }
            Delivery::Whole if self.withheld.remove(set) => Some(News::Served),
            Delivery::Whole => (was == Delivery::Incomplete).then_some(News::Complete),
        }
    }
}

impl StandIns {
    fn between(before: &View, change: &ViewChange) -> Self {
        let mut all = Self::default();
        for set in change.jobs.0.iter() {
            let has = |view: &View| view.jobs.get(set).map(|job| job.has_stand_in);
            match (has(before).unwrap_or_default(), has(&change.view)) {
                (false, Some(true)) => all.begin.push(set.clone()),
                (true, Some(false)) => all.end.push(set.clone()),
                // A job that is gone shows nothing, which is no news.
                _ => {}
            }
        }
        all
    }
}

/// Who was not read yet or can't be, and why, for people: the first few.
fn lacking(view: &View, set: &str) -> String {
    let mut lacking = view.lacking(set);
    let mut names: Vec<_> = lacking
        .by_ref()
        .take(MOST)
        .map(|lacking| format!("{} ({}) {}", lacking.name, lacking.description, lacking.why))
        .collect();
    let more = lacking.count();
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names.join("; ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::discovery::Sets;
    use crate::discovery::feed::Jobs;
    use headcount_core::Failure;

    /// A log, and the view that it saw last.
    struct Told {
        log: DeliveryLog,
        before: View,
    }

    impl Told {
        fn new() -> Self {
            Self {
                log: DeliveryLog::new("scrape"),
                before: View::default(),
            }
        }

        /// What is news of `a` in what there is now.
        fn of(&mut self, sets: &mut Sets) -> Option<News> {
            let after = sets.view_after(&self.before);
            let news = self.log.news(&self.before, &after, &"a".into());
            self.before = after;
            news
        }
    }

    /// A job that is withheld was silent: it is said when it is known why, once, and once when it is served again.
    #[test]
    fn b10_that_a_list_is_withheld_is_said_once_and_why() {
        let (mut sets, mut told) = (Sets::new(&["a"]), Told::new());
        assert_eq!(told.of(&mut sets), None, "it is being read");
        sets.fails(0, Failure::new("refused"));
        let Some(News::Withheld(why)) = told.of(&mut sets) else {
            panic!("nothing is said of it");
        };
        assert!(why.starts_with("a/0 (") && why.ends_with(") fails: refused"), "{why}");
        sets.fails(0, Failure::new("refused again"));
        assert_eq!(told.of(&mut sets), None, "it was said");
        // Nothing was found at all, so it is not served when the time is over, either.
        sets.pass(Duration::from_secs(600));
        assert_eq!(told.of(&mut sets), None, "it was said");
        sets.update(0, Vec::new());
        assert_eq!(told.of(&mut sets), Some(News::Served));
        assert_eq!(told.of(&mut sets), None);
    }

    /// What takes the place of a job's source by a reload, and finds nothing, lets the job go from served to withheld.
    #[test]
    fn b10_that_a_list_that_was_served_is_withheld_is_said() {
        let (mut sets, mut told) = (Sets::new(&["a"]), Told::new());
        sets.update(0, vec![("s", vec![], vec![vec![("__address__", "h:1")]])]);
        assert_eq!(told.of(&mut sets), None, "nothing lacks");
        sets.reload(&["a"], "other");
        assert_eq!(told.of(&mut sets), None, "another stands in for what is new");
        sets.fails(1, Failure::new("there is no such folder"));
        assert_eq!(told.of(&mut sets), None, "it still does");
        sets.pass(Duration::from_secs(600));
        assert_eq!(told.before.jobs["a"].delivery, Delivery::Whole);
        let Some(News::Withheld(why)) = told.of(&mut sets) else {
            panic!("nothing is said of it");
        };
        assert!(why.contains("fails: there is no such folder"), "{why}");
    }

    /// While another stands in the list was said to be complete, and nothing said when that ended.
    #[test]
    fn b03_that_a_list_has_what_a_source_had_is_said_when_it_begins_and_when_it_ends() {
        let mut sets = Sets::new(&["a", "b"]);
        let mut before = View::default();
        let mut said = |sets: &mut Sets| {
            let view = Arc::new(sets.view_after(&before));
            let change = ViewChange {
                diff: Arc::new(view.snapshot.diff(&before.snapshot)),
                jobs: Jobs(Arc::new(view.jobs.keys().chain(before.jobs.keys()).cloned().collect())),
                view: view.clone(),
            };
            let StandIns { begin, end } = StandIns::between(&before, &change);
            before = (*view).clone();
            let a = view.jobs.get("a").map(|job| (job.delivery, job.is_complete()));
            (begin.join(" "), end.join(" "), a)
        };
        let nothing = String::new;
        for set in 0..2 {
            sets.update(set, vec![("s", vec![], vec![vec![("__address__", "h:1")]])]);
        }
        assert_eq!(said(&mut sets), (nothing(), nothing(), Some((Delivery::Whole, true))));
        sets.reload(&["a", "b"], "other");
        let (begin, end, a) = said(&mut sets);
        assert_eq!((&*begin, &*end, a), ("a b", "", Some((Delivery::Whole, false))));
        sets.fails(2, Failure::new("no answer"));
        assert_eq!(said(&mut sets).0, "", "it was said");
        sets.update(2, Vec::new());
        let (begin, end, a) = said(&mut sets);
        assert_eq!((&*begin, &*end, a), ("", "a b", Some((Delivery::Whole, true))));
        // One that is gone has nothing to say.
        sets.reload(&["a"], "third");
        assert_eq!(said(&mut sets).0, "a");
        sets.reload(&[], "none");
        assert_eq!(said(&mut sets), (nothing(), nothing(), None));
    }

    #[test]
    fn b10_a_list_that_is_served_without_everything_is_said_once() {
        let (mut sets, mut told) = (Sets::new(&["a"]), Told::new());
        sets.finds_a_part(0, vec![("s", vec![], vec![vec![("__address__", "h:1")]])]);
        let Some(News::Withheld(why)) = told.of(&mut sets) else {
            panic!("nothing is said of it");
        };
        assert!(why.ends_with("could not get zone a (503)"), "{why}");
        sets.pass(Duration::from_secs(600));
        assert!(matches!(told.of(&mut sets), Some(News::Incomplete(_))));
        assert_eq!(told.of(&mut sets), None);
        sets.update(0, Vec::new());
        assert_eq!(told.of(&mut sets), Some(News::Complete));
        sets.reload(&[], "none");
        assert_eq!(told.of(&mut sets), None, "it is gone");
    }

    /// Who lacks is not all there is to say: a configuration may have thousands of sources.
    #[test]
    fn who_lacks_is_named_up_to_a_bound() {
        let mut sets = Sets::new(&["a"]);
        sets.reload_many("a", 8);
        sets.fails(1, Failure::new("no\nanswer"));
        let text = lacking(&sets.view(), "a");
        assert!(text.ends_with("; and 3 more"), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}
