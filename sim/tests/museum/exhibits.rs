//! What stands in the museum: each bug with its issue and its story.

use headcount_sim::{InputLog, Scenario, ShrinkLimits, Shrunk, Simulation, Subject, Swarm, Violation, shrink_of};

use crate::bugs::*;
use crate::faulty::Faulty;
use crate::guards::{GuardsNothing, NeverLetGo};
use crate::storm::{guarded_storm, storm};

/// A bug that a discovery manager had.
pub(crate) struct Exhibit {
    pub(crate) name: &'static str,
    /// The issue, of prometheus/prometheus unless it says whose.
    pub(crate) issue: &'static str,
    /// What happened.
    pub(crate) story: &'static str,
    /// The storm that has to find it.
    pub(crate) storm: fn() -> Scenario,
    find: fn(&Scenario, u64) -> Option<Found>,
    find_drawn: fn(u64) -> Option<Found>,
    shrink: fn(&Scenario, u64) -> Shrunk,
    shrink_drawn: fn(u64) -> Shrunk,
    run: fn(&Scenario) -> Option<Violation>,
}

/// A failure, and how many seeds it took to find it.
pub(crate) struct Found {
    pub(crate) seed: u64,
    pub(crate) seeds: u64,
    pub(crate) violation: Violation,
}

impl Exhibit {
    fn of<M: Subject>(name: &'static str, issue: &'static str, story: &'static str) -> Self {
        Self {
            name,
            issue,
            story,
            storm,
            find: find::<M>,
            find_drawn: find_drawn::<M>,
            shrink: shrink::<M>,
            shrink_drawn: |seed| shrunk::<M>(&Swarm::of_drawn_worlds(), seed),
            run: run::<M>,
        }
    }

    /// The same for a manager that has a guard.
    fn guarded<M: Subject>(name: &'static str, issue: &'static str, story: &'static str) -> Self {
        Self {
            storm: guarded_storm,
            ..Self::of::<M>(name, issue, story)
        }
    }

    /// The first of so many seeds that shows it.
    pub(crate) fn find(&self, storm: &Scenario, seeds: u64) -> Option<Found> {
        (self.find)(storm, seeds)
    }

    /// The first of so many drawn worlds that shows it.
    pub(crate) fn find_drawn(&self, seeds: u64) -> Option<Found> {
        (self.find_drawn)(seeds)
    }

    /// The failure of this seed, made small.
    pub(crate) fn shrink(&self, storm: &Scenario, seed: u64) -> Shrunk {
        (self.shrink)(storm, seed)
    }

    /// The failure of this drawn world, made small.
    pub(crate) fn shrink_drawn(&self, seed: u64) -> Shrunk {
        (self.shrink_drawn)(seed)
    }

    /// What a scenario breaks.
    pub(crate) fn run(&self, scenario: &Scenario) -> Option<Violation> {
        (self.run)(scenario)
    }
}

fn find<M: Subject>(storm: &Scenario, seeds: u64) -> Option<Found> {
    first::<M>(&Swarm::new(storm.clone()).seeds(0..seeds))
}

fn find_drawn<M: Subject>(seeds: u64) -> Option<Found> {
    first::<M>(&Swarm::of_drawn_worlds().seeds(0..seeds))
}

fn first<M: Subject>(swarm: &Swarm) -> Option<Found> {
    let report = swarm.run_of::<M>(|_, outcome| outcome.is_clean()).unwrap();
    let failure = report.failures.into_iter().next()?;
    Some(Found {
        seed: failure.seed,
        seeds: report.runs,
        violation: failure.violation,
    })
}

fn shrink<M: Subject>(storm: &Scenario, seed: u64) -> Shrunk {
    shrunk::<M>(&Swarm::new(storm.clone()), seed)
}

fn shrunk<M: Subject>(swarm: &Swarm, seed: u64) -> Shrunk {
    let scenario = swarm.drawn(seed);
    let (log, _) = InputLog::record_of::<M>(&scenario, seed).unwrap();
    shrink_of::<M>(&log, ShrinkLimits::default()).unwrap()
}

fn run<M: Subject>(scenario: &Scenario) -> Option<Violation> {
    let outcome = Simulation::<M>::of(scenario, scenario.seed).unwrap().run();
    outcome.violations.into_iter().next()
}

pub(crate) fn exhibits() -> Vec<Exhibit> {
    let all = [of_prometheus(), of_others(), of_guards()];
    all.into_iter().flatten().collect()
}

fn of_prometheus() -> Vec<Exhibit> {
    vec![
        Exhibit::of::<Faulty<StoppedStillStore>>(
            "stopped-still-store",
            "#12436, #13622",
            "A reload stops a provider, but an update of it that is already on its way is stored all the same, \
             because the goroutine that takes updates in outlives the provider. Its targets then stay for good: \
             nobody is left who could take them back.",
        ),
        Exhibit::of::<Faulty<EmptyIsNotSent>>(
            "empty-is-not-sent",
            "#12858, #13147",
            "A job's configuration changes so that it finds nothing any more. The manager forgets the old targets, \
             but a job without targets was not in the map that it sends, so the scrape manager never heard of it and \
             went on with the targets that it had, until a restart.",
        ),
        Exhibit::of::<Faulty<ReloadRestartsAll>>(
            "reload-restarts-all",
            "#9321, #9349",
            "Every reload stopped all providers and started them anew, changed or not. With 100,000 targets from \
             Kubernetes the lists were gone and came back over minutes, and scraping was interrupted each time.",
        ),
        Exhibit::of::<Faulty<VanishedSourcesStay>>(
            "vanished-sources-stay",
            "#9019",
            "The HTTP list had three groups, then one. Updates replace the sources that they name, and nobody sent \
             the empty groups for those that were gone, so their targets were scraped for ever.",
        ),
        Exhibit::of::<Faulty<RemovedJobsStay>>(
            "removed-jobs-stay",
            "#8214",
            "A job was taken out of the configuration and the configuration reloaded; the targets of its files were \
             still scraped long after.",
        ),
        Exhibit::of::<Faulty<SlowReceiverBlocks>>(
            "slow-receiver-blocks",
            "#4124, #4523",
            "While the receiver's channel was full, the manager waited for it with its lock held, so that no \
             discoverer could get an update in: in large clusters, pods came and went and the targets stayed the \
             same.",
        ),
        Exhibit::of::<Faulty<EmptyDnsIsAnError>>(
            "empty-dns-is-an-error",
            "#2799",
            "When the last record of a name went, the answer without records was taken for a failed lookup. A \
             failure keeps what was known, so services that were renamed were scraped under both names.",
        ),
        Exhibit::of::<Faulty<EarlyStaticIsLost>>(
            "early-static-is-lost",
            "#4551",
            "Static targets are said once, at the start. When they were said before the manager was ready to send, \
             they were lost, and most starts ended without any static target.",
        ),
        Exhibit::of::<Faulty<OneSourceForAll>>(
            "one-source-for-all",
            "#9155",
            "The mechanism gave all its groups the same source. Each group then replaced the one before it, and of \
             five targets one was left, another one each time.",
        ),
    ]
}

fn of_others() -> Vec<Exhibit> {
    vec![
        Exhibit::of::<Faulty<FailureDropsTargets>>(
            "failure-drops-targets",
            "VictoriaMetrics #9375",
            "One of a job's lists could not be reached, as happens by design with an active and a passive server. \
             The targets were dropped with it in place of being kept.",
        ),
        Exhibit::of::<Faulty<ReplacedConfigStays>>(
            "replaced-config-stays",
            "VictoriaMetrics #11550",
            "A job went from one mechanism to another. Having no configuration of the first one was taken for a \
             failure of it, so its targets were kept beside the new ones until a restart.",
        ),
        Exhibit::of::<Faulty<BreaksBeforeItMakes>>(
            "breaks-before-it-makes",
            "VictoriaMetrics #3808",
            "A cluster was added to a job's configuration. The job was stopped and started anew with it, and all of its \
             targets were removed until each of its sources had been read again, although most of them had not changed.",
        ),
        Exhibit::of::<Faulty<DeadAfterAnError>>(
            "dead-after-an-error",
            "Grafana Alloy #6586",
            "An error at the API server ended the task that discovers. Nobody started it again, the process stayed \
             ready, and for 13 days nothing was discovered.",
        ),
        Exhibit::of::<Faulty<SameAddressIsTheSame>>(
            "same-address-is-the-same",
            "OpenTelemetry operator #4839",
            "Targets were compared by a hash that leaves out the discovered labels. A pod that came back at its \
             node's address kept the name of the one before it, for as long as the process lived.",
        ),
    ]
}

fn of_guards() -> Vec<Exhibit> {
    vec![
        Exhibit::guarded::<Faulty<NeverLetGo>>(
            "never-let-go",
            "Netflix Eureka #1267, #1073",
            "When many instances stop renewing at once, the registry expires none of them, as it may be the network's \
             fault. When a group was scaled down for real, the share of those that renewed stayed low, and so what \
             was gone was shown for ever, or until somebody switched the protection off.",
        ),
        Exhibit::guarded::<Faulty<GuardsNothing>>(
            "guards-nothing",
            "Alibaba Nacos #3880",
            "Clients were to ignore an empty list that is pushed to them. The check went over each instance and then \
             said in any case that the list is good, so the empty list was taken in, and nobody was left to call.",
        ),
    ]
}
