//! Work is counted, not timed: a change costs the targets of its group, whatever else there is.

use super::tests::{address, job};
use super::{JobOptions, PoolOutput, TargetPool, TargetPools};
use crate::relabel::{NameValidation, RelabelRule, Relabeling, RuleRegex, SourceLabels};
use crate::{Encoder, Instant, Manager, ManagerOptions, Output, ProviderConfig, ProviderId, Update};

const JOBS: usize = 50;
const HOSTS: usize = 20_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Config(usize);

impl ProviderConfig for Config {
    fn kind(&self) -> &str {
        "test"
    }

    fn describe(&self) -> String {
        self.0.to_string()
    }
}

fn is_send<T: Send>() {}

#[test]
fn pools_can_be_used_on_several_threads() {
    is_send::<TargetPool>();
    is_send::<TargetPools>();
    is_send::<super::TargetReader>();
}

/// 20,000 hosts in 50 jobs, one a group.
#[derive(Debug)]
struct Site {
    now: Instant,
    manager: Manager<Config>,
    pools: TargetPools,
    encoder: Encoder,
}

impl Site {
    fn new() -> Self {
        let now = Instant::ZERO;
        let mut manager = Manager::new(now, ManagerOptions::default());
        let name = |job: usize| format!("job-{job:02}");
        manager.apply(now, (0..JOBS).map(|job| (name(job), vec![Config(job)])));
        let rule = RelabelRule::Replace {
            source: SourceLabels {
                names: vec!["__address__".to_owned()],
                ..SourceLabels::default()
            },
            regex: RuleRegex::new("([^:]+):.*"),
            target_label: "host".to_owned(),
            replacement: "$1".to_owned(),
        };
        let mut pools = TargetPools::new();
        pools.configure((0..JOBS).map(|number| JobOptions {
            name: name(number),
            relabeling: Relabeling::compile([rule.clone()], NameValidation::Utf8).unwrap(),
            ..job(vec![])
        }));
        let mut site = Self {
            now,
            manager,
            pools,
            encoder: Encoder::new(),
        };
        site.follow();
        let ids: Vec<ProviderId> = site.manager.providers().map(|provider| provider.id).collect();
        for (job, id) in ids.iter().enumerate() {
            let hosts = job * HOSTS / JOBS..(job + 1) * HOSTS / JOBS;
            let hosts: Vec<String> = hosts.map(|host| format!("host-{host}:9100")).collect();
            site.send(*id, hosts.iter().map(|host| (host.as_str(), Some(host.as_str()))));
        }
        assert_eq!(site.follow().len(), HOSTS);
        assert_eq!(site.evaluated(), HOSTS);
        site
    }

    /// Sources and the address of the one target of each, if there is one.
    fn send<'a>(&mut self, provider: ProviderId, groups: impl Iterator<Item = (&'a str, Option<&'a str>)>) {
        let mut batch = self.encoder.batch();
        for (source, target) in groups {
            let no_labels: [(&str, &str); 0] = [];
            batch.group(source, no_labels, target.map(address)).unwrap();
        }
        let update = Update::delta(batch.finish());
        self.manager.handle_update(self.now, provider, update).unwrap();
    }

    fn follow(&mut self) -> Vec<(String, PoolOutput)> {
        self.now = self.now + core::time::Duration::from_secs(30);
        self.manager.handle_timeout(self.now);
        while let Some(output) = self.manager.poll_output() {
            if let Output::Emit(snapshot) = output {
                self.pools.handle_snapshot(&snapshot);
            }
        }
        self.manager.handle_receiver_ready(self.now);
        let outputs = std::iter::from_fn(|| self.pools.poll_output());
        outputs.map(|(job, output)| (job.to_string(), output)).collect()
    }

    fn evaluated(&self) -> usize {
        self.pools.pools().map(|(_, pool)| pool.evaluated as usize).sum()
    }
}

#[test]
fn a_change_of_one_host_of_20_000_is_one_target_worked_out() {
    let mut site = Site::new();
    let provider = site.manager.providers().nth(7).map(|provider| provider.id).unwrap();
    for (target, evaluated) in [(Some("new-host:9100"), 1), (None, 0), (Some("host-2801:9100"), 1)] {
        let before = site.evaluated();
        site.send(provider, [("host-2801:9100", target)].into_iter());
        let outputs = site.follow();
        assert_eq!(site.evaluated() - before, evaluated);
        assert!(outputs.iter().all(|(job, _)| job == "job-07"), "{outputs:?}");
        match outputs.as_slice() {
            // Another address in the place of the one before.
            [(_, PoolOutput::Stopped(_)), (_, PoolOutput::Started(_))] => assert_eq!(target, Some("new-host:9100")),
            [(_, PoolOutput::Stopped(_))] => assert_eq!(target, None),
            [(_, PoolOutput::Started(_))] => assert_eq!(target, Some("host-2801:9100")),
            other => panic!("{other:?}"),
        }
    }
    let before = site.evaluated();
    site.send(provider, [("host-2801:9100", Some("host-2801:9100"))].into_iter());
    assert_eq!((site.follow(), site.evaluated() - before), (vec![], 0));
}

#[test]
fn the_memory_of_a_pool_is_that_of_its_targets_and_goes_with_them() {
    const TARGETS: usize = 1_000;
    let addresses: Vec<_> = (0..TARGETS).map(|number| format!("h{number}:1")).collect();
    let targets: Vec<_> = addresses.iter().map(|it| address(it)).collect();
    let mut pool = TargetPool::new(job(Vec::new()));
    assert_eq!(pool.size_bytes(), 0);
    pool.put_group(ProviderId::from_number(0), &super::tests::group("s", &[], &targets));
    let full = pool.size_bytes();
    // An identity is found by its number, and says which target stands for it.
    let least = TARGETS * (size_of::<super::fate::Entry>() + size_of::<u64>());
    assert!((least..least * 8).contains(&full), "{full} for {TARGETS} targets");
    // All of them twice: the others are duplicates.
    pool.put_group(ProviderId::from_number(1), &super::tests::group("s", &[], &targets));
    let twice = pool.size_bytes();
    assert!(
        twice > full + TARGETS * size_of::<super::owners::Place>(),
        "{twice} after {full}"
    );
    pool.remove_group(ProviderId::from_number(1), "s");
    pool.remove_group(ProviderId::from_number(0), "s");
    assert!(pool.size_bytes() < full, "{}", pool.size_bytes());
}

#[test]
fn who_follows_another_copies_what_is_much_and_works_out_what_is_little() {
    let mut site = Site::new();
    let mut second = TargetPools::new();
    let snapshot = site.pools.newest().clone();
    second.take_after(&site.pools, |second| {
        second.handle_snapshot(&snapshot);
        assert_eq!(second.pools().len(), 0, "nothing is worked out twice");
    });
    let counts = |pools: &TargetPools| -> Vec<_> { pools.pools().map(|(_, pool)| pool.counts()).collect() };
    assert_eq!(counts(&second), counts(&site.pools));
    let provider = site.manager.providers().nth(7).map(|provider| provider.id).unwrap();
    // Of the 400 targets of job-07.
    for (hosts, copied) in [(1, 0), (49, 0), (50, 1)] {
        let hosts: Vec<_> = (0..hosts).map(|host| format!("host-{}:9100", 2_800 + host)).collect();
        let moved = format!("moved-{}:9100", hosts.len());
        site.send(provider, hosts.iter().map(|host| (host.as_str(), Some(moved.as_str()))));
        site.follow();
        let snapshot = site.pools.newest().clone();
        second.take_after(&site.pools, |second| {
            second.handle_snapshot(&snapshot);
            assert_eq!(second.pools().len(), JOBS - copied, "{} changed", hosts.len());
        });
        assert_eq!(counts(&second), counts(&site.pools));
    }
}
