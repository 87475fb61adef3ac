//! From a discovered target to its fate: populate, relabel, check, identify.

use super::fate::{Entry, InvalidTarget};
use super::identify::{End, Usual};
use super::job::Job;
use super::populate::{Opened, Populator, Source, Spare};
use crate::relabel::{Draft, Explanation, Relabeler, Verdict};
use crate::{Group, LabelSet};

/// Works out fates; remembers what it worked out, for one job.
#[derive(Debug)]
pub(super) struct Evaluator {
    relabeler: Relabeler,
    populator: Populator,
    usual: Usual,
    ends: Vec<Option<End>>,
    spare: (Draft<'static>, Spare),
}

/// A group, and its target that is worked on.
pub(super) struct Workplace<'a> {
    job: &'a Job,
    opened: Opened<'a>,
    draft: Draft<'a>,
}

impl Evaluator {
    pub(super) fn new(job: &Job) -> Self {
        let mut evaluator = Self {
            relabeler: Relabeler::new(job.options.relabeling.clone()),
            populator: Populator::default(),
            usual: Usual::default(),
            ends: Vec::new(),
            spare: (Draft::new(), Spare::default()),
        };
        evaluator.learn(job);
        evaluator
    }

    /// Numbers what the job gives its targets.
    fn learn(&mut self, job: &Job) {
        self.populator = Populator::default();
        self.usual = Usual::new(job, self.relabeler.texts_mut());
        self.ends.clear();
    }

    /// Takes up a group.
    pub(super) fn open<'a>(&mut self, job: &'a Job, group: &'a Group) -> Workplace<'a> {
        let (draft, spare) = core::mem::replace(&mut self.spare, (Draft::new(), Spare::default()));
        Workplace {
            job,
            opened: self.populator.open(self.relabeler.texts_mut(), group, spare),
            draft: draft.recycle(),
        }
    }

    /// Puts a group away.
    pub(super) fn close(&mut self, work: Workplace<'_>) {
        self.spare = (work.draft.recycle(), work.opened.close());
    }

    /// The fate of one target of the group.
    pub(super) fn evaluate<'a>(&mut self, work: &mut Workplace<'a>, target: LabelSet<'a>) -> Entry {
        if !self.populate(work, target) {
            return Entry::Invalid {
                why: InvalidTarget::NamesTooLong,
            };
        }
        match self.relabeler.run(&mut work.draft) {
            Verdict::Kept => self.finish(work.job, &work.draft),
            Verdict::Dropped { rule } => Entry::Dropped { rule },
            Verdict::TooLarge { rule } => Entry::Invalid {
                why: InvalidTarget::TooLarge { rule },
            },
        }
    }

    /// Takes the labels of the target, its group and its job together. `false`: their names are too long.
    #[inline]
    pub(super) fn populate<'a>(&mut self, work: &mut Workplace<'a>, target: LabelSet<'a>) -> bool {
        if self.relabeler.give_back() {
            self.learn(work.job);
            let group = work.opened.group();
            let texts = self.relabeler.texts_mut();
            work.opened = self.populator.open(texts, group, Spare::default());
        }
        let Workplace { job, opened, draft } = work;
        let mut source = Source {
            job,
            usual: &self.usual,
            relabeler: &mut self.relabeler,
        };
        self.populator.populate(&mut source, draft, opened, target)
    }

    /// Checks and identifies a target that the rules kept.
    fn finish(&mut self, job: &Job, draft: &Draft<'_>) -> Entry {
        let place = draft.layout() as usize;
        if self.ends.get(place).is_none_or(Option::is_none) {
            let end = End::of(
                self.relabeler.layouts(),
                self.relabeler.texts(),
                &self.usual,
                draft.layout(),
            );
            if self.ends.len() <= place {
                self.ends.resize_with(place.saturating_add(1), || None);
            }
            if let Some(slot) = self.ends.get_mut(place) {
                *slot = Some(end);
            }
        }
        let Some(Some(end)) = self.ends.get(place) else {
            return Entry::Invalid {
                why: InvalidTarget::NoAddress,
            };
        };
        let texts = self.relabeler.texts();
        if let Err(why) = end.check(job, &self.usual, texts, draft) {
            return Entry::Invalid { why };
        }
        let (id, endpoint, series) = end.identify(job, &self.usual, texts, draft);
        Entry::Target {
            id,
            endpoint,
            over: end.over(job, texts, draft),
            series,
        }
    }

    /// What each rule does to the target that was populated.
    pub(super) fn explain(&self, work: &Workplace<'_>) -> Explanation {
        let labels = work.draft.iter(self.relabeler.layouts(), self.relabeler.texts());
        self.relabeler.relabeling().explain(labels)
    }

    /// The value of a label of the target as far as it was worked on.
    pub(super) fn label<'s>(&'s self, work: &'s Workplace<'_>, name: &str) -> Option<&'s str> {
        self.labels_at_hand(work)
            .find_map(|(other, value)| (other == name).then_some(value))
    }

    /// The labels of the target as far as it was worked on.
    pub(super) fn labels_at_hand<'s>(&'s self, work: &'s Workplace<'_>) -> impl Iterator<Item = (&'s str, &'s str)> {
        work.draft.iter(self.relabeler.layouts(), self.relabeler.texts())
    }

    /// The same as a copy, sorted by name.
    pub(super) fn labels(&self, work: &Workplace<'_>) -> Vec<(String, String)> {
        let mut labels: Vec<_> = self
            .labels_at_hand(work)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        labels.sort_unstable();
        labels
    }
}

/// The labels of a target in the end, from those that the rules left.
pub(super) fn final_labels(labels: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut labels = given_labels(labels);
    if !labels.iter().any(|(name, _)| name == "instance") {
        let address = labels.iter().find(|(name, _)| name == "__address__");
        let address = address.map(|(_, value)| value.clone()).unwrap_or_default();
        labels.push(("instance".to_owned(), address));
        labels.sort_unstable();
    }
    labels
}

/// The same without what is filled in at the end.
pub(super) fn given_labels(mut labels: Vec<(String, String)>) -> Vec<(String, String)> {
    labels.retain(|(name, _)| !name.starts_with("__meta_"));
    labels
}
