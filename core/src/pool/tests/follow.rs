//! Pools that follow a manager, snapshot by snapshot or several at once, have what its last snapshot has.

use super::rebuild::{active, any_group, follow, state};
use super::*;
use crate::{Instant, Manager, ManagerOptions, Output, ProviderConfig, Snapshot, SnapshotDiff, Update};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Config(u8);

impl ProviderConfig for Config {
    fn kind(&self) -> &str {
        "test"
    }

    fn describe(&self) -> String {
        self.0.to_string()
    }
}

const JOBS: [&str; 3] = ["one", "two", "three"];

fn states(pools: &TargetPools) -> BTreeMap<String, impl PartialEq + core::fmt::Debug + use<>> {
    let pools = pools.pools();
    pools.map(|(job, pool)| (job.to_string(), state(pool))).collect()
}

fn drained(pools: &mut TargetPools) {
    while pools.poll_output().is_some() {}
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn pools_follow_a_manager(steps in prop::collection::vec((0..4_u8, prop::collection::vec(any_group(), 0..3), prop::collection::vec(prop::collection::vec(0..3_u8, 0..3), 3), 1..8_u8), 1..20)) {
        let mut now = Instant::ZERO;
        let mut manager: Manager<Config> = Manager::new(now, ManagerOptions::default());
        let mut pools = TargetPools::new();
        // Takes several snapshots at once, by their differences.
        let mut late = TargetPools::new();
        // Takes what `late` has taken, after it.
        let mut second = TargetPools::new();
        let mut options: BTreeMap<String, JobOptions> = BTreeMap::new();
        let mut newest = Snapshot::default();
        let mut waiting: Option<SnapshotDiff> = None;
        let mut known: BTreeMap<String, BTreeSet<TargetId>> = BTreeMap::new();
        for (kind, groups, sets, which) in steps {
            let chosen = |place: usize| which >> place & 1 == 1;
            match kind {
                0 => {
                    let sets = JOBS.iter().zip(&sets).enumerate().filter(|(place, _)| chosen(*place));
                    let sets = sets.map(|(_, (job, configs))| ((*job).to_owned(), configs.iter().copied().map(Config).collect()));
                    manager.apply(now, sets.collect::<Vec<(String, Vec<Config>)>>());
                }
                1 => {
                    let jobs = JOBS.iter().enumerate().filter(|(place, _)| chosen(*place));
                    let jobs: Vec<_> = jobs.map(|(_, name)| JobOptions { name: (*name).to_owned(), ..job(vec![set("l", &which.to_string())]) }).collect();
                    options.extend(jobs.iter().map(|job| (job.name.clone(), job.clone())));
                    for pools in [&mut pools, &mut late] {
                        pools.configure(jobs.clone());
                    }
                    drained(&mut late);
                    second.take_after(&late, |pools| pools.configure(jobs));
                    drained(&mut second);
                    prop_assert_eq!(states(&second), states(&late));
                }
                _ => {
                    let ids: Vec<ProviderId> = manager.providers().map(|provider| provider.id).collect();
                    if let Some(id) = ids.get(usize::from(which) % ids.len().max(1)) {
                        let update = if kind == 2 { Update::full(groups) } else { Update::delta(groups) };
                        prop_assert!(manager.handle_update(now, *id, update).is_ok());
                    }
                }
            }
            now = now + Duration::from_secs(30);
            manager.handle_timeout(now);
            let mut last = None;
            while let Some(output) = manager.poll_output() {
                if let Output::Emit(snapshot) = output {
                    pools.handle_snapshot(&snapshot);
                    let diff = snapshot.diff(&newest);
                    match &mut waiting {
                        Some(waiting) => waiting.extend(&diff),
                        None => waiting = Some(diff),
                    }
                    newest = snapshot.clone();
                    last = Some(snapshot);
                }
            }
            manager.handle_receiver_ready(now);
            while let Some((job, output)) = pools.poll_output() {
                follow(known.entry(job.to_string()).or_default(), output);
            }
            known.retain(|_, ids| !ids.is_empty());
            let now_active = pools.pools().map(|(job, pool)| (job.to_string(), active(pool)));
            prop_assert_eq!(&known, &now_active.filter(|(_, ids)| !ids.is_empty()).collect::<BTreeMap<_, _>>());
            if chosen(2) && let Some(diff) = waiting.take() {
                late.handle_diff(&diff);
                prop_assert_eq!(states(&late), states(&pools));
                drained(&mut late);
                second.take_after(&late, |pools| pools.handle_diff(&diff));
                drained(&mut second);
                prop_assert_eq!(states(&second), states(&late));
                let numbers = |pools: &TargetPools| -> Vec<u64> { pools.pools().map(|(_, pool)| pool.evaluated).collect() };
                prop_assert_eq!(numbers(&second), numbers(&late));
            }
            let Some(snapshot) = last else { continue };
            for (job, pool) in pools.pools() {
                let mut rebuilt = TargetPool::new(options.get(&**job).cloned().unwrap_or_else(|| JobOptions::new(job)));
                for (provider, stored) in snapshot.set(job).into_iter().flat_map(|set| set.groups()) {
                    rebuilt.put_group(provider.id(), stored.group());
                }
                prop_assert_eq!(state(pool), state(&rebuilt));
            }
        }
    }
}
