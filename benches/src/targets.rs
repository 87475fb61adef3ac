//! From groups to targets: a job's rules over a fleet, and a fleet's churn through to what is
//! started, stopped and relabelled.
//!
//! Sixteen labels a target: those of [`fleet`](crate::fleet) and five more that a labelmap takes.
//! The six rules keep, replace a shared value, map names, hash, drop names, and replace a value
//! that every target has for itself.

use std::num::NonZeroU64;
use std::time::Duration;

use headcount_core::relabel::{NameValidation, RelabelRule, Relabeling, RuleRegex, SourceLabels};
use headcount_core::{
    Encoder, Group, Instant, JobOptions, Manager, ManagerOptions, Output, PoolOutput, ProviderId, Snapshot, TargetPool,
    TargetPools, Update,
};

use crate::fleet::Host;
use crate::manager::Config;

/// The six rules.
pub fn rules() -> Vec<RelabelRule> {
    let source = |name: &str| SourceLabels {
        names: vec![name.to_owned()],
        ..SourceLabels::default()
    };
    let replace = |name: &str, regex: &str, target: &str| RelabelRule::Replace {
        source: source(name),
        regex: RuleRegex::new(regex),
        target_label: target.to_owned(),
        replacement: "$1".to_owned(),
    };
    vec![
        RelabelRule::Keep {
            source: source("environment"),
            regex: RuleRegex::new("production-.+|staging-.+"),
        },
        replace("rack", r"(rack-\d+)\..*", "row"),
        RelabelRule::LabelMap {
            regex: RuleRegex::new("__meta_cmdb_(.+)"),
            replacement: "$1".to_owned(),
        },
        RelabelRule::HashMod {
            source: source("__address__"),
            target_label: "__tmp_shard".to_owned(),
            modulus: NonZeroU64::MIN.saturating_add(7),
        },
        RelabelRule::LabelDrop {
            regex: RuleRegex::new("kernel|image"),
        },
        replace("__address__", r"([^:]+):\d+", "host"),
    ]
}

/// A job with these rules.
///
/// # Panics
/// A rule can't be compiled.
pub fn job(name: &str, rules: Vec<RelabelRule>) -> JobOptions {
    let relabeling = Relabeling::compile(rules, NameValidation::Utf8);
    assert!(relabeling.is_ok(), "the rules are valid: {relabeling:?}");
    JobOptions {
        relabeling: relabeling.unwrap_or_default(),
        ..JobOptions::new(name)
    }
}

/// Groups `from..to` with `per_group` targets of sixteen labels in each.
///
/// # Panics
/// Never: the labels are valid.
pub fn groups(encoder: &mut Encoder, from: usize, to: usize, per_group: usize, generation: usize) -> Vec<Group> {
    let mut batch = encoder.batch();
    let mut host = Host::default();
    for group in from..to {
        let mut added = batch.begin(&format!("http://cmdb.example/sd:{group}"));
        for number in group * per_group..(group + 1) * per_group {
            host.set(number, generation);
            let more = [
                ("__meta_cmdb_cluster", format!("cluster-{:02}", number / 11 % 30)),
                (
                    "__meta_cmdb_cost_center",
                    format!("cost-center-{:03}", number / 13 % 70),
                ),
                ("__meta_cmdb_owner", format!("owner-{:03}", number / 17 % 90)),
                ("__meta_cmdb_tier", format!("tier-{}", number % 4)),
                ("__meta_cmdb_zone", format!("zone-{}", number / 3 % 5)),
            ];
            added = added.and_then(|()| batch.begin_target());
            for (name, value) in host.labels() {
                added = added.and_then(|()| batch.label(name, value));
            }
            for (name, value) in &more {
                added = added.and_then(|()| batch.label(name, value));
            }
        }
        assert_eq!(added.and_then(|()| batch.end()), Ok(()), "the labels are valid");
    }
    batch.finish()
}

/// A pool with these groups, and all of its outputs taken.
///
/// # Panics
/// If not every target is started.
pub fn build(options: &JobOptions, groups: &[Group], targets: usize) -> TargetPool {
    let mut pool = TargetPool::new(options.clone());
    let provider = ProviderId::from_number(0);
    groups.iter().for_each(|group| pool.put_group(provider, group));
    let started = std::iter::from_fn(|| pool.poll_output());
    assert_eq!(started.count(), targets, "every target is started");
    pool
}

/// Relabels all targets of a pool again, under other options, and back.
///
/// # Panics
/// If not every target is relabelled.
pub fn rebuild(pool: &mut TargetPool, options: &JobOptions, targets: usize) {
    pool.configure(options.clone());
    let outputs = std::iter::from_fn(|| pool.poll_output());
    assert_eq!(outputs.count(), targets, "every target has another job name");
}

/// A manager with jobs of one provider each, and the targets of all jobs.
#[derive(Debug)]
pub struct Churn {
    manager: Manager<Config>,
    providers: Vec<ProviderId>,
    encoders: Vec<Encoder>,
    /// The targets.
    pub pools: TargetPools,
    now: Instant,
    groups: usize,
    per_group: usize,
    generation: usize,
}

impl Churn {
    /// `jobs` jobs with `groups` groups of `per_group` targets each.
    ///
    /// # Panics
    /// If the targets are not all started.
    pub fn new(jobs: usize, groups: usize, per_group: usize) -> Self {
        let now = Instant::ZERO;
        let mut manager = Manager::new(now, ManagerOptions::default());
        manager.apply(now, (0..jobs).map(|job| (format!("job-{job}"), vec![Config::new(job)])));
        let mut pools = TargetPools::new();
        pools.configure((0..jobs).map(|number| job(&format!("job-{number}"), rules())));
        let mut churn = Self {
            providers: manager.providers().map(|provider| provider.id).collect(),
            encoders: (0..jobs).map(|_| Encoder::new()).collect(),
            manager,
            pools,
            now,
            groups,
            per_group,
            generation: 0,
        };
        // The snapshot that follows the registering, so that the next one has all groups.
        churn.emit();
        let all = (0..jobs).map(|place| churn.encode(place, 0..groups)).collect();
        let outputs = churn.cycle(all);
        assert_eq!(outputs, jobs * groups * per_group, "every target is started");
        churn
    }

    /// The updates of a cycle in which one of a hundred groups changes.
    pub fn changes(&mut self) -> Vec<Update> {
        self.generation += 1;
        let changed = (self.groups / 100).max(1);
        let start = self.generation * changed % (self.groups - changed + 1);
        (0..self.providers.len())
            .map(|place| self.encode(place, start..start + changed))
            .collect()
    }

    /// The update of a cycle in which one group of one job changes.
    pub fn one_change(&mut self) -> Vec<Update> {
        self.generation += 1;
        let group = self.generation % self.groups;
        vec![self.encode(0, group..group + 1)]
    }

    /// Takes at most one update for each provider in, through the manager, its snapshot and the pools;
    /// gives the number of targets that changed.
    pub fn cycle(&mut self, updates: Vec<Update>) -> usize {
        self.now = self.now + Duration::from_secs(20);
        for (provider, update) in self.providers.iter().zip(updates) {
            let taken = self.manager.handle_update(self.now, *provider, update);
            assert!(taken.is_ok(), "the provider runs");
        }
        if let Some(snapshot) = self.emit() {
            self.pools.handle_snapshot(&snapshot);
        }
        let outputs = std::iter::from_fn(|| self.pools.poll_output());
        outputs
            .filter(|(_, output)| matches!(output, PoolOutput::Started(_) | PoolOutput::Relabelled { .. }))
            .count()
    }

    /// The snapshot that is due.
    fn emit(&mut self) -> Option<Snapshot> {
        if let Some((deadline, _)) = self.manager.poll_timeout() {
            self.now = deadline;
            self.manager.handle_timeout(deadline);
        }
        let mut last: Option<Snapshot> = None;
        while let Some(output) = self.manager.poll_output() {
            if let Output::Emit(snapshot) = output {
                last = Some(snapshot);
            }
        }
        self.manager.handle_receiver_ready(self.now);
        last
    }

    /// How many targets are active.
    pub fn active(&self) -> usize {
        self.pools.pools().map(|(_, pool)| pool.counts().active).sum()
    }

    fn encode(&mut self, place: usize, groups: std::ops::Range<usize>) -> Update {
        let from = place * self.groups;
        Update::delta(self::groups(
            &mut self.encoders[place],
            from + groups.start,
            from + groups.end,
            self.per_group,
            self.generation,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_relabelled_by_all_rules() {
        let options = job("node", rules());
        let pool = build(&options, &groups(&mut Encoder::new(), 0, 3, 5, 0), 15);
        let view = pool.targets().next().expect("there are targets");
        let labels = pool.reader().labels(&view).expect("it is active");
        let names: Vec<&str> = labels.iter().map(|(name, _)| name.as_str()).collect();
        for (name, expected) in [
            ("row", true),
            ("cluster", true),
            ("__tmp_shard", true),
            ("host", true),
            ("kernel", false),
        ] {
            assert_eq!(names.contains(&name), expected, "{name} in {names:?}");
        }
    }

    #[test]
    fn one_change_changes_one_target() {
        let mut churn = Churn::new(3, 20, 1);
        for _ in 0..30 {
            let change = churn.one_change();
            assert_eq!(churn.cycle(change), 1);
            assert_eq!(churn.active(), 3 * 20);
        }
    }

    #[test]
    fn pools_are_the_same_on_threads_of_their_own() {
        let options = job("node", rules());
        let groups = groups(&mut Encoder::new(), 0, 4, 50, 0);
        let identities = |pool: &TargetPool| {
            pool.targets()
                .map(|view| format!("{:?}", view.fate))
                .collect::<Vec<_>>()
        };
        let expected = identities(&build(&options, &groups, 200));
        std::thread::scope(|scope| {
            let build = || build(&options, &groups, 200);
            for thread in [scope.spawn(build), scope.spawn(build), scope.spawn(build)] {
                let pool = thread.join().expect("the thread ends");
                assert_eq!(identities(&pool), expected);
            }
        });
    }

    #[test]
    fn a_cycle_changes_one_of_a_hundred_groups() {
        let mut churn = Churn::new(3, 200, 2);
        for _ in 0..3 {
            let changes = churn.changes();
            assert_eq!(churn.cycle(changes), 3 * 2 * 2);
            assert_eq!(churn.active(), 3 * 200 * 2);
        }
    }
}
