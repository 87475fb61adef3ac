//! What targets weigh: the power of two that is nearest to what is said of each, its class.
//!
//! Of a target nothing may be said, or not yet: **it counts as a typical one of its job**, the median of those of which something is
//! said; where that is none, as a typical one of all jobs, or else as 1. So what a target weighs follows from what is said of
//! targets, and not from when.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::TargetKey;
use super::rendezvous::ByKey;

/// The power of two that a target counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WeightClass(u8);

impl WeightClass {
    /// What is heavier counts as this.
    const HEAVIEST: u32 = 32;

    /// The nearest to a weight, by ratio. Nothing weighs less than 1.
    ///
    /// ```
    /// use headcount_core::allocation::WeightClass;
    ///
    /// let counts = [0, 1, 2, 3, 90, 91, 1_000].map(|weight| WeightClass::of(weight).weight());
    /// assert_eq!(counts, [1, 1, 2, 4, 64, 128, 1_024]);
    /// ```
    pub fn of(weight: u64) -> Self {
        // Twice the binary logarithm and 1 more, of which half is the nearest whole one.
        let doubled = u128::from(weight.max(1)).pow(2).saturating_mul(2).ilog2();
        let exponent = planted!(
            doubled / 2,
            WeightsAreRoundedUp,
            weight.max(1).ilog2().saturating_add(1)
        );
        Self(u8::try_from(exponent.min(Self::HEAVIEST)).unwrap_or_default())
    }

    /// What its targets count as.
    pub fn weight(self) -> u64 {
        1_u64.checked_shl(self.0.into()).unwrap_or(u64::MAX)
    }
}

/// What is said of targets.
#[derive(Debug, Default)]
pub(super) struct Weights {
    targets: HashMap<u64, Said, ByKey>,
    jobs: Vec<OfJob>,
    by_name: BTreeMap<Arc<str>, usize>,
    /// Of all jobs.
    all: Counted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    job: usize,
    /// `None`: nothing is known.
    class: Option<WeightClass>,
}

#[derive(Debug, Default)]
struct OfJob {
    known: Counted,
    unknown: BTreeSet<u64>,
}

/// What is typical of some jobs, and of all.
#[derive(Debug)]
struct Typical {
    of_jobs: BTreeMap<usize, WeightClass>,
    of_all: Option<WeightClass>,
}

/// How many targets there are of each class.
#[derive(Debug, Default)]
struct Counted(BTreeMap<WeightClass, usize>);

impl Counted {
    fn add(&mut self, class: WeightClass) {
        let count = self.0.entry(class).or_default();
        *count = count.saturating_add(1);
    }

    fn remove(&mut self, class: WeightClass) {
        let count = self.0.get_mut(&class).map(|count| {
            *count = count.saturating_sub(1);
            *count
        });
        if count == Some(0) {
            self.0.remove(&class);
        }
    }

    /// The median; of two the lighter.
    fn typical(&self) -> Option<WeightClass> {
        let all = self.0.values().fold(0, |sum: usize, count| sum.saturating_add(*count));
        let mut seen: usize = 0;
        let mut classes = self.0.iter();
        let is_median = |(_, count): &(&WeightClass, &usize)| {
            seen = seen.saturating_add(**count);
            seen >= all.div_ceil(2)
        };
        classes.find(is_median).map(|(class, _)| *class)
    }
}

impl Weights {
    /// Whether nothing was said of any.
    pub(super) fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// What a target counts as.
    pub(super) fn class(&self, key: TargetKey) -> WeightClass {
        match self.targets.get(&key.number()) {
            None => WeightClass::default(),
            Some(Said { class: Some(class), .. }) => *class,
            Some(Said { job, class: None }) => self.typical(*job),
        }
    }

    /// Says what targets of a job weigh, `None` where that is not known. Gives all that may count as something else now.
    pub(super) fn say(
        &mut self,
        job: &Arc<str>,
        weights: impl IntoIterator<Item = (TargetKey, Option<WeightClass>)>,
    ) -> Vec<TargetKey> {
        let job = self.job(job);
        let before = self.typicals([job]);
        let mut others = Vec::new();
        for (key, class) in weights {
            let said = Said { job, class };
            match self.targets.entry(key.number()) {
                Entry::Occupied(known) if *known.get() == said => continue,
                Entry::Occupied(mut known) => {
                    let old = known.insert(said);
                    self.uncount(key, old);
                }
                Entry::Vacant(free) => drop(free.insert(said)),
            }
            self.count(key, said);
            others.push(key);
        }
        self.add_unknown(&before, &mut others);
        others
    }

    /// Forgets what was said of these. Gives others that may count as something else now.
    pub(super) fn forget(&mut self, keys: impl IntoIterator<Item = TargetKey>) -> Vec<TargetKey> {
        if self.is_empty() {
            return Vec::new();
        }
        let keys: Vec<TargetKey> = keys.into_iter().collect();
        let said = keys.iter().filter_map(|key| self.targets.get(&key.number()));
        let before = self.typicals(said.map(|said| said.job));
        for key in keys {
            if let Some(said) = self.targets.remove(&key.number()) {
                self.uncount(key, said);
            }
        }
        let mut others = Vec::new();
        self.add_unknown(&before, &mut others);
        others
    }

    fn job(&mut self, name: &Arc<str>) -> usize {
        if let Some(job) = self.by_name.get(name) {
            return *job;
        }
        let job = self.jobs.len();
        self.jobs.push(OfJob::default());
        self.by_name.insert(name.clone(), job);
        job
    }

    fn count(&mut self, key: TargetKey, said: Said) {
        let Some(job) = self.jobs.get_mut(said.job) else { return };
        match said.class {
            Some(class) => {
                job.known.add(class);
                self.all.add(class);
            }
            None => drop(job.unknown.insert(key.number())),
        }
    }

    fn uncount(&mut self, key: TargetKey, said: Said) {
        let Some(job) = self.jobs.get_mut(said.job) else { return };
        match said.class {
            Some(class) => {
                job.known.remove(class);
                self.all.remove(class);
            }
            None => drop(job.unknown.remove(&key.number())),
        }
    }

    fn typical(&self, job: usize) -> WeightClass {
        let of_job = self.jobs.get(job).and_then(|job| job.known.typical());
        of_job.or_else(|| self.all.typical()).unwrap_or_default()
    }

    fn typicals(&self, jobs: impl IntoIterator<Item = usize>) -> Typical {
        let mut of_jobs = BTreeMap::new();
        for job in jobs {
            of_jobs.entry(job).or_insert_with(|| self.typical(job));
        }
        Typical {
            of_jobs,
            of_all: self.all.typical(),
        }
    }

    /// Adds those of which nothing is known, of jobs of which something else is typical now.
    fn add_unknown(&self, before: &Typical, others: &mut Vec<TargetKey>) {
        let is_all_other = before.of_all != self.all.typical();
        let touched = before
            .of_jobs
            .iter()
            .filter(|(job, typical)| self.typical(**job) != **typical);
        let touched = touched.filter_map(|(job, _)| self.jobs.get(*job));
        let follows_all = |(number, job): &(usize, &OfJob)| {
            is_all_other && job.known.0.is_empty() && !before.of_jobs.contains_key(number)
        };
        let following = self.jobs.iter().enumerate().filter(follows_all).map(|(_, job)| job);
        let unknown = touched.chain(following).flat_map(|job| &job.unknown);
        let unknown = unknown.map(|key| TargetKey::from_number(*key));
        others.extend(unknown.take(planted!(usize::MAX, UnknownWeightsStay, 0)));
    }
}
