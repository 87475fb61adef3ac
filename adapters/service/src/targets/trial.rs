//! What other rules would make of a job's targets.
//!
//! The one rule: **the answer is what a reload would do**: the core's pool of the job is made of what is discovered, given the
//! other rules, and says itself what it stops, relabels and starts. The pool that runs is neither changed nor held up: all of
//! this is made of an immutable snapshot, and costs what working the targets out twice costs.

use std::sync::Arc;

use headcount_core::relabel::Relabeling;
use headcount_core::{JobOptions, PoolChanges, TargetPool, TargetView};
use serde::Serialize;

use super::describe::{fate_in_words, state_name};
use super::label_changes::{LabelChange, label_changes};
use super::url::{scrape_url, shown_labels};
use crate::discovery::View;

/// What becomes of one discovered target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Effect {
    /// It was not scraped, and would be.
    Started,
    /// It is scraped, and would not be.
    Stopped,
    /// It would be scraped elsewhere.
    Moved,
    /// It is scraped where it is, and would have other labels.
    Relabelled,
    /// It is not scraped for another reason, or scraped with another fate.
    Other,
    /// Nothing that can be seen.
    Unchanged,
}

impl Effect {
    pub(crate) const ALL: [Self; 6] = [
        Self::Started,
        Self::Stopped,
        Self::Moved,
        Self::Relabelled,
        Self::Other,
        Self::Unchanged,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Moved => "moved",
            Self::Relabelled => "relabelled",
            Self::Other => "other",
            Self::Unchanged => "unchanged",
        }
    }
}

/// Which of the targets are to be told.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Those to which one of these happens.
    pub(crate) effects: Vec<Effect>,
    /// So many of them are passed over.
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// A job's targets under its own rules and under others.
pub(crate) struct Trial {
    view: Arc<View>,
    job: String,
    before: TargetPool,
    after: TargetPool,
    changes: PoolChanges,
}

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tried {
    before: Counts,
    after: Counts,
    /// How many targets each effect has.
    effects: Effects,
    targets: Vec<TriedTarget>,
    /// Where the next targets begin, if there are more.
    next_offset: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    active: usize,
    over_limit: usize,
    dropped: usize,
    duplicate: usize,
    invalid: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
struct Effects {
    started: usize,
    stopped: usize,
    moved: usize,
    relabelled: usize,
    other: usize,
    unchanged: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TriedTarget {
    effect: Effect,
    discovered_labels: std::collections::BTreeMap<String, String>,
    provider: String,
    source: String,
    before: State,
    after: State,
    /// Where it would be scraped; of one that is stopped, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    scrape_url: Option<String>,
    /// Labels of its samples that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<LabelChange>,
}

#[derive(Debug, Serialize)]
struct State {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl Trial {
    /// Tries `rules` on the targets that `view` has of the job with these options. `None` once `goes_on`, which is asked
    /// before each group and each target that is tried, says no.
    pub(crate) fn make(
        view: Arc<View>,
        options: JobOptions,
        rules: Relabeling,
        goes_on: impl Fn() -> bool,
    ) -> Option<Self> {
        let job = options.name.clone();
        let mut before = TargetPool::new(options.clone());
        for (provider, stored) in view.snapshot.set(&job).into_iter().flat_map(|set| set.groups()) {
            if !goes_on() {
                return None;
            }
            before.put_group(provider.id(), stored.group());
        }
        let mut after = before.copy();
        let options = JobOptions {
            relabeling: rules,
            ..options
        };
        if !after.configure_while(options, goes_on) {
            return None;
        }
        let changes = after.take_changes();
        Some(Self {
            view,
            job,
            before,
            after,
            changes,
        })
    }

    /// What came of it.
    pub(crate) fn tell(&self, wanted: &Wanted) -> Tried {
        let mut effects = Effects::default();
        let mut targets = Vec::new();
        let (mut seen, mut is_more) = (0_usize, false);
        let mut readers = [self.before.reader(), self.after.reader()];
        // Both pools have the same groups in the same places.
        for (old, new) in self.before.targets().zip(self.after.targets()) {
            let effect = effect(&self.changes, &old, &new);
            effects.count(effect);
            if !wanted.effects.contains(&effect) {
                continue;
            }
            seen = seen.saturating_add(1);
            if seen > wanted.offset && targets.len() < wanted.limit {
                targets.push(self.target(effect, &old, &new, &mut readers));
            } else if seen > wanted.offset {
                is_more = true;
            }
        }
        Tried {
            before: Counts::of(&self.before),
            after: Counts::of(&self.after),
            next_offset: is_more.then(|| wanted.offset.saturating_add(targets.len())),
            effects,
            targets,
        }
    }

    fn target(
        &self,
        effect: Effect,
        old: &TargetView<'_>,
        new: &TargetView<'_>,
        [old_reader, new_reader]: &mut [headcount_core::TargetReader; 2],
    ) -> TriedTarget {
        let snapshot = &self.view.snapshot;
        let labels = |reader: &mut headcount_core::TargetReader, view: &TargetView<'_>| {
            view.fate.scraped().and_then(|_| reader.labels(view)).map(shown_labels)
        };
        let (was, is) = (labels(old_reader, old), labels(new_reader, new));
        let url = match (&was, &is) {
            (_, Some(is)) => Some(scrape_url(self.after.options(), is)),
            (Some(was), None) => Some(scrape_url(self.before.options(), was)),
            (None, None) => None,
        };
        let state = |pool, reader: &mut _, view: &_| {
            let (state, message) = fate_in_words(snapshot, &self.job, pool, reader, view);
            State { state, message }
        };
        TriedTarget {
            effect,
            discovered_labels: shown_labels(new_reader.discovered(new)).into_iter().collect(),
            provider: snapshot
                .provider(new.provider)
                .map_or("", |provider| provider.name())
                .to_owned(),
            source: new.group.source().to_owned(),
            before: state(&self.before, old_reader, old),
            after: state(&self.after, new_reader, new),
            scrape_url: url,
            changes: match (was, is) {
                (Some(was), Some(is)) => changes(&was, &is),
                _ => Vec::new(),
            },
        }
    }
}

/// What becomes of a target by these changes.
fn effect(changes: &PoolChanges, old: &TargetView<'_>, new: &TargetView<'_>) -> Effect {
    let (was, is) = (old.fate.scraped(), new.fate.scraped());
    let stops = was.is_some_and(|id| changes.stopped.contains(&id));
    let starts = is.is_some_and(|id| changes.started.contains(&id));
    let other = match state_name(&old.fate) == state_name(&new.fate) {
        true => Effect::Unchanged,
        false => Effect::Other,
    };
    match (was, is) {
        (Some(_), Some(_)) if stops && starts => Effect::Moved,
        _ if stops => Effect::Stopped,
        _ if starts => Effect::Started,
        (Some(was), Some(is)) if was == is => other,
        (Some(was), Some(is)) if changes.relabelled.contains_key(&was) || changes.became.contains(&is) => {
            Effect::Relabelled
        }
        _ => other,
    }
}

impl Effects {
    fn count(&mut self, effect: Effect) {
        let count = match effect {
            Effect::Started => &mut self.started,
            Effect::Stopped => &mut self.stopped,
            Effect::Moved => &mut self.moved,
            Effect::Relabelled => &mut self.relabelled,
            Effect::Other => &mut self.other,
            Effect::Unchanged => &mut self.unchanged,
        };
        *count = count.saturating_add(1);
    }
}

impl Counts {
    fn of(pool: &TargetPool) -> Self {
        let counts = pool.counts();
        Self {
            active: counts.active,
            over_limit: pool.over_limit(),
            dropped: counts.dropped,
            duplicate: counts.duplicate,
            invalid: counts.invalid,
        }
    }
}

/// What differs between the labels of the samples. Both are sorted by name.
fn changes(was: &[(String, String)], is: &[(String, String)]) -> Vec<LabelChange> {
    fn public(labels: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
        let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        labels.filter(|(name, _)| !name.starts_with("__"))
    }
    label_changes(public(was), public(is))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use headcount_core::relabel::NameValidation;
    use serde_json::{Value, json};

    use super::*;
    use crate::discovery::view_of;

    const OWN: &str = "[{source_labels: [env], regex: prod, action: keep}]";

    fn rules(text: &str) -> Relabeling {
        let loader = crate::mechanisms::loader();
        let read = loader.relabeling(text.as_bytes(), "rules".as_ref(), NameValidation::Utf8);
        read.unwrap_or_else(|errors| panic!("{errors}")).0
    }

    fn discovered() -> Arc<View> {
        let one = |address| vec![("__address__", address)];
        let groups = vec![
            ("p", vec![("env", "prod")], vec![one("a:1"), one("a:1"), one("b:1")]),
            ("t", vec![("env", "test")], vec![one("c:1"), one("d/:1")]),
        ];
        Arc::new(view_of(vec![("node", groups)]))
    }

    fn trial(text: &str) -> Trial {
        let options = JobOptions {
            relabeling: rules(OWN),
            ..JobOptions::new("node")
        };
        Trial::make(discovered(), options, rules(text), || true).expect("nobody has enough")
    }

    fn told(trial: &Trial, effects: &[Effect], offset: usize, limit: usize) -> Value {
        let wanted = Wanted {
            effects: effects.into(),
            offset,
            limit,
        };
        serde_json::to_value(trial.tell(&wanted)).expect("JSON")
    }

    /// Each target with what becomes of it.
    fn effects(text: &str) -> String {
        let told = told(&trial(text), &Effect::ALL, 0, 100);
        let targets = told["targets"].as_array().expect("a list").iter().map(|target| {
            let address = target["discoveredLabels"]["__address__"].as_str().unwrap_or_default();
            format!("{address} {}", target["effect"].as_str().unwrap_or_default())
        });
        // Which of two that are the same is scraped for both is for the core to say.
        let mut targets: Vec<_> = targets.collect();
        targets.sort();
        targets.join(", ")
    }

    #[test]
    fn each_target_has_what_a_reload_would_do_to_it() {
        for (rules, expected) in [
            (
                OWN,
                "a:1 unchanged, a:1 unchanged, b:1 unchanged, c:1 unchanged, d/:1 unchanged",
            ),
            (
                "[]",
                "a:1 unchanged, a:1 unchanged, b:1 unchanged, c:1 started, d/:1 other",
            ),
            (
                "[{source_labels: [env], regex: test, action: keep}]",
                "a:1 other, a:1 stopped, b:1 stopped, c:1 started, d/:1 other",
            ),
            (
                "[{source_labels: [env], regex: prod, action: keep}, {target_label: x, replacement: y}]",
                "a:1 relabelled, a:1 unchanged, b:1 relabelled, c:1 unchanged, d/:1 unchanged",
            ),
            (
                "[{source_labels: [env], regex: prod, action: keep}, {target_label: __scheme__, replacement: https}]",
                "a:1 moved, a:1 unchanged, b:1 moved, c:1 unchanged, d/:1 unchanged",
            ),
        ] {
            assert_eq!(effects(rules), expected, "{rules}");
        }
        // Three end as one, which is scraped elsewhere: one of the two that were scraped moves, and the other stops.
        let same = "[{source_labels: [env], regex: prod, action: keep}, {target_label: __address__, replacement: 'z:1'}, \
                    {target_label: instance, replacement: z}]";
        let expected = json!({"started": 0, "stopped": 1, "moved": 1, "relabelled": 0, "other": 0, "unchanged": 3});
        assert_eq!(told(&trial(same), &[], 0, 0)["effects"], expected);
    }

    #[test]
    fn counts_are_of_all_and_targets_come_a_page_at_a_time() {
        let trial = trial("[{target_label: x, replacement: y}]");
        let first = told(&trial, &[Effect::Relabelled], 0, 1);
        assert_eq!(first["before"]["active"], 2);
        assert_eq!(
            first["after"],
            json!({"active": 3, "overLimit": 0, "dropped": 0, "duplicate": 1, "invalid": 1})
        );
        let expected = json!({"started": 1, "stopped": 0, "moved": 0, "relabelled": 2, "other": 1, "unchanged": 1});
        assert_eq!(first["effects"], expected);
        assert_eq!(first["nextOffset"], 1);
        let second = told(&trial, &[Effect::Relabelled], 1, 1);
        assert_eq!(second["nextOffset"], Value::Null);
        let target = &second["targets"][0];
        assert_eq!(target["changes"], json!([{"label": "x", "before": null, "after": "y"}]));
        assert_eq!(target["scrapeUrl"], "http://b:1/metrics");
        let dropped = told(&trial, &[Effect::Started], 0, 10)["targets"][0]["before"].clone();
        assert_eq!(dropped["state"], "dropped");
        assert!(
            dropped["message"].as_str().is_some_and(|why| why.contains("\"test\"")),
            "{dropped}"
        );
    }

    #[test]
    fn who_has_enough_gets_nothing_and_costs_no_more() {
        for most in 0..7 {
            let asked = Cell::new(0);
            let goes_on = || {
                asked.set(asked.get() + 1);
                asked.get() <= most
            };
            let options = JobOptions::new("node");
            assert!(Trial::make(discovered(), options, rules(OWN), goes_on).is_none());
            assert_eq!(asked.get(), most + 1);
        }
        assert!(Trial::make(discovered(), JobOptions::new("node"), rules(OWN), || true).is_some());
    }
}
