//! The bugs: what each manager of the past did, as little code as does it.
//!
//! Issue numbers are those of prometheus/prometheus, or say whose they are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use headcount_core::{
    Applied, Failure, Group, Instant, ManagerOptions, Output, ProviderId, Reload, Snapshot, UnknownProvider, Update,
    UpdateKind, UpdateOutcome,
};
use headcount_sim::{BackendKind, Spec};

use crate::faulty::{Bug, Core, Sets};

/// #12436, fixed by #13622.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoppedStillStore {
    stopped: BTreeMap<ProviderId, Spec>,
}

impl Bug for StoppedStillStore {
    fn apply(&mut self, core: &mut Core, now: Instant, sets: Sets) -> Applied {
        let before: Vec<_> = core.providers().map(|it| (it.id, Spec::clone(it.config))).collect();
        let applied = core.apply(now, sets);
        let stopped = before.into_iter().filter(|(id, _)| applied.stopped.contains(id));
        self.stopped.extend(stopped);
        applied
    }

    fn update(
        &mut self,
        core: &mut Core,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        let heir = self.stopped.get(&provider).and_then(|spec| {
            let mut running = core.providers();
            running
                .find(|other| other.config.discoverer == spec.discoverer)
                .map(|other| other.id)
        });
        core.handle_update(now, heir.unwrap_or(provider), update)
    }
}

/// #12858, fixed by #13147.
#[derive(Debug, Clone, Default)]
pub(crate) struct EmptyIsNotSent {
    sent: Snapshot,
}

impl Bug for EmptyIsNotSent {
    fn output(&mut self, core: &mut Core, now: Instant) -> Option<Output<Spec>> {
        loop {
            let output = core.poll_output()?;
            let Output::Emit(snapshot) = &output else {
                return Some(output);
            };
            let count = |snapshot: &Snapshot, set: &str| snapshot.set(set).map_or(0, |set| set.target_count());
            let emptied = |set: &str| count(&self.sent, set) > 0 && count(snapshot, set) == 0;
            if !snapshot.sets().any(|set| emptied(set)) {
                self.sent = snapshot.clone();
                return Some(output);
            }
            core.handle_receiver_ready(now);
        }
    }
}

/// #9321, fixed by #9349.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReloadRestartsAll;

impl Bug for ReloadRestartsAll {
    fn options(options: ManagerOptions) -> ManagerOptions {
        ManagerOptions {
            reload: Reload::Legacy,
            ..options
        }
    }
}

/// #9019.
#[derive(Debug, Clone, Default)]
pub(crate) struct VanishedSourcesStay;

impl Bug for VanishedSourcesStay {
    fn update(
        &mut self,
        core: &mut Core,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        core.handle_update(now, provider, Update::completing(update.groups().to_vec()))
    }
}

/// #8214.
#[derive(Debug, Clone, Default)]
pub(crate) struct RemovedJobsStay {
    known: Sets,
}

impl Bug for RemovedJobsStay {
    fn apply(&mut self, core: &mut Core, now: Instant, mut sets: Sets) -> Applied {
        let removed = |(set, _): &&(String, Vec<Spec>)| !sets.iter().any(|(other, _)| other == set);
        let removed: Sets = self.known.iter().filter(removed).cloned().collect();
        sets.extend(removed);
        self.known.clone_from(&sets);
        core.apply(now, sets)
    }
}

/// #4124, fixed by #4523.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlowReceiverBlocks {
    busy: bool,
    waiting: VecDeque<(ProviderId, Update)>,
}

impl Bug for SlowReceiverBlocks {
    fn update(
        &mut self,
        core: &mut Core,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        if !self.busy || core.provider(provider).is_none() {
            return core.handle_update(now, provider, update);
        }
        self.waiting.push_back((provider, update));
        Ok(UpdateOutcome::default())
    }

    fn receiver_ready(&mut self, core: &mut Core, now: Instant) {
        core.handle_receiver_ready(now);
        self.busy = false;
        for (provider, update) in self.waiting.drain(..) {
            core.handle_update(now, provider, update).ok();
        }
    }

    fn output(&mut self, core: &mut Core, _now: Instant) -> Option<Output<Spec>> {
        let output = core.poll_output()?;
        self.busy |= matches!(output, Output::Emit(_));
        Some(output)
    }
}

/// #2799.
#[derive(Debug, Clone, Default)]
pub(crate) struct EmptyDnsIsAnError;

impl Bug for EmptyDnsIsAnError {
    fn update(
        &mut self,
        core: &mut Core,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        let is_dns = core
            .provider(provider)
            .is_some_and(|it| it.config.backend == BackendKind::Dns);
        let is_empty = update.kind() == UpdateKind::Full && update.groups().iter().all(|it| it.target_count() == 0);
        if is_dns && is_empty {
            core.handle_failure(now, provider, Failure::new("could not resolve the name: no records"))?;
            return Ok(UpdateOutcome::default());
        }
        core.handle_update(now, provider, update)
    }
}

/// #4551.
#[derive(Debug, Clone, Default)]
pub(crate) struct EarlyStaticIsLost;

impl Bug for EarlyStaticIsLost {
    fn update(
        &mut self,
        core: &mut Core,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        let spec = core.provider(provider).ok_or(UnknownProvider(provider))?.config.clone();
        if spec.backend == BackendKind::Static && core.counters().updates == 0 {
            return Ok(UpdateOutcome::default());
        }
        core.handle_update(now, provider, update)
    }
}

/// #9155.
#[derive(Debug, Clone, Default)]
pub(crate) struct OneSourceForAll;

impl Bug for OneSourceForAll {
    fn update(
        &mut self,
        core: &mut Core,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        let update = match (update.kind(), update.groups()) {
            (UpdateKind::Full, [.., last]) => Update::full(vec![last.clone()]),
            _ => update,
        };
        core.handle_update(now, provider, update)
    }
}

/// VictoriaMetrics #9375 and #9949.
#[derive(Debug, Clone, Default)]
pub(crate) struct FailureDropsTargets;

impl Bug for FailureDropsTargets {
    fn failure(
        &mut self,
        core: &mut Core,
        now: Instant,
        provider: ProviderId,
        failure: Failure,
    ) -> Result<(), UnknownProvider> {
        core.handle_update(now, provider, Update::full(Vec::new()))?;
        core.handle_failure(now, provider, failure)
    }
}

/// VictoriaMetrics #11550.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReplacedConfigStays {
    known: BTreeMap<String, Vec<Spec>>,
}

impl Bug for ReplacedConfigStays {
    fn apply(&mut self, core: &mut Core, now: Instant, mut sets: Sets) -> Applied {
        for (set, specs) in &mut sets {
            let before = self.known.remove(set).unwrap_or_default();
            let replaced: Vec<Spec> = before.into_iter().filter(|spec| !specs.contains(spec)).collect();
            specs.extend(replaced);
        }
        self.known = sets.iter().cloned().collect();
        core.apply(now, sets)
    }
}

/// VictoriaMetrics #3808.
#[derive(Debug, Clone, Default)]
pub(crate) struct BreaksBeforeItMakes;

impl Bug for BreaksBeforeItMakes {
    fn apply(&mut self, core: &mut Core, now: Instant, sets: Sets) -> Applied {
        let running: BTreeSet<Spec> = core.providers().map(|it| Spec::clone(it.config)).collect();
        if running.is_empty() {
            return core.apply(now, sets);
        }
        // What is not wanted any more goes first, with all that was found of it.
        let known = |specs: &[Spec]| specs.iter().filter(|spec| running.contains(spec)).cloned().collect();
        let without_news: Sets = sets.iter().map(|(set, specs)| (set.clone(), known(specs))).collect();
        let broken = core.apply(now, without_news);
        let made = core.apply(now, sets);
        Applied {
            stopped: broken.stopped,
            ..made
        }
    }
}

/// Grafana Alloy #6586.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeadAfterAnError {
    dead: BTreeSet<ProviderId>,
}

impl Bug for DeadAfterAnError {
    fn update(
        &mut self,
        core: &mut Core,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        let update = if self.dead.contains(&provider) {
            Update::unchanged()
        } else {
            update
        };
        core.handle_update(now, provider, update)
    }

    fn failure(
        &mut self,
        core: &mut Core,
        now: Instant,
        provider: ProviderId,
        failure: Failure,
    ) -> Result<(), UnknownProvider> {
        self.dead.insert(provider);
        core.handle_failure(now, provider, failure)
    }
}

/// OpenTelemetry operator #4839, fixed by #5388.
#[derive(Debug, Clone, Default)]
pub(crate) struct SameAddressIsTheSame {
    seen: BTreeMap<(ProviderId, String), Vec<String>>,
}

impl Bug for SameAddressIsTheSame {
    fn update(
        &mut self,
        core: &mut Core,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        let addresses = |group: &Group| -> Vec<String> {
            let all = group.targets().filter_map(|target| target.get("__address__"));
            all.map(str::to_owned).collect()
        };
        let groups = update.groups().iter();
        let is_known = |group: &&Group| {
            let key = (provider, group.source().to_owned());
            group.target_count() > 0 && self.seen.get(&key) == Some(&addresses(group))
        };
        let (known, news): (Vec<&Group>, Vec<&Group>) = groups.partition(is_known);
        if news.is_empty() && update.kind() == UpdateKind::Delta {
            return core.handle_update(now, provider, Update::unchanged());
        }
        // A list of which every group has the addresses that it had is not compared.
        let same_list = news.is_empty() && self.seen.keys().filter(|(id, _)| *id == provider).count() == known.len();
        if same_list {
            return core.handle_update(now, provider, Update::unchanged());
        }
        if update.kind() == UpdateKind::Full {
            self.seen.retain(|(id, _), _| *id != provider);
        }
        for group in update.groups() {
            self.seen
                .insert((provider, group.source().to_owned()), addresses(group));
        }
        core.handle_update(now, provider, update)
    }
}
