//! Who runs, and for whom.

use std::collections::{BTreeMap, BTreeSet};

use headcount_core::{ManagerOptions, ProviderId, Reload};
use proptest::prelude::*;

use crate::story::{Sets, Sources, Story, any_sets, any_sources, cases, sets, sources, ticker};

/// Which sets name each config.
fn wanted(all: &Sets) -> BTreeMap<u8, BTreeSet<String>> {
    let mut wanted: BTreeMap<u8, BTreeSet<String>> = BTreeMap::new();
    for (set, configs) in all {
        for config in configs {
            wanted.entry(*config).or_default().insert(set.clone());
        }
    }
    wanted
}

/// The config number of each provider that runs.
fn running(story: &Story) -> BTreeMap<u8, ProviderId> {
    story
        .manager()
        .providers()
        .map(|provider| (provider.config.number, provider.id))
        .collect()
}

/// Each provider finds one source that is named after its config.
fn all_find_something(story: &mut Story) {
    for (config, id) in running(story) {
        let found = found_by(config);
        story.full(id, &found).expect("it runs");
    }
}

fn found_by(config: u8) -> Sources {
    sources(&[(&format!("source {config}"), &["10.0.0.1"])])
}

proptest! {
    #![proptest_config(cases())]

    /// S01: provider configs that are equal are one provider with several subscribers.
    #[test]
    fn s01_equal_configs_are_one_provider(all in any_sets()) {
        let mut story = Story::prompt();
        let applied = story.apply(&all);

        let wanted = wanted(&all);
        let started: BTreeSet<u8> = story.started.iter().map(|(_, config)| config.number).collect();
        prop_assert_eq!(story.started.len(), wanted.len(), "one discoverer for each config");
        prop_assert_eq!(applied.started.len(), wanted.len());
        prop_assert_eq!(started, wanted.keys().copied().collect());
        for provider in story.manager().providers() {
            let subscribers: BTreeSet<String> = provider.subscribers.iter().map(|set| set.to_string()).collect();
            prop_assert_eq!(provider.subscribers.len(), subscribers.len(), "a set subscribes once");
            prop_assert_eq!(Some(&subscribers), wanted.get(&provider.config.number));
        }

        // What it finds is there for each subscriber, and stored once.
        all_find_something(&mut story);
        for (config, subscribers) in &wanted {
            for set in subscribers {
                let received = story.received(set).expect("the set is there");
                prop_assert_eq!(found_by(*config).keys().all(|source| received.contains_key(source)), true);
            }
        }
        prop_assert_eq!(story.last().providers().count(), wanted.len());
    }

    /// S02: a reload keeps every provider whose config is unchanged and still wanted, a new
    /// subscriber gets its groups at once, and unwanted providers are stopped and forgotten.
    #[test]
    fn s02_reload_keeps_what_is_wanted(before in any_sets(), after in any_sets()) {
        let mut story = Story::prompt();
        story.apply(&before);
        all_find_something(&mut story);
        let ran = running(&story);
        story.started.clear();

        let applied = story.apply(&after);
        let (was_wanted, is_wanted) = (wanted(&before), wanted(&after));
        for (config, id) in &ran {
            prop_assert_eq!(is_wanted.contains_key(config), applied.kept.contains(id));
            prop_assert_eq!(is_wanted.contains_key(config), !story.stopped.contains(id));
        }
        for (_, config) in &story.started {
            prop_assert!(!was_wanted.contains_key(&config.number), "what ran is not restarted");
        }
        // The snapshot that the reload makes has the groups of all that ran, for each set that wants them now. Where a
        // set wants one that did not run, what it had stays as well (B03).
        for (set, _) in &after {
            let of_set = |wanted: &BTreeMap<u8, BTreeSet<String>>| -> BTreeSet<u8> {
                wanted.iter().filter(|(_, sets)| sets.contains(set)).map(|(config, _)| *config).collect()
            };
            let mut configs = of_set(&is_wanted);
            if configs.iter().any(|config| !ran.contains_key(config)) {
                configs.extend(of_set(&was_wanted));
            }
            let expected: Sources = configs.into_iter().filter(|config| ran.contains_key(config)).flat_map(found_by).collect();
            prop_assert_eq!(story.received(set), Some(expected));
        }
        // Names are never given twice.
        let newest = ran.values().max();
        prop_assert!(applied.started.iter().all(|id| newest.is_none_or(|newest| id > newest)));
    }

    /// S02, as in Prometheus 2.x: a reload restarts all, and what they found is forgotten.
    #[test]
    fn s02_legacy_reload_restarts_all(before in any_sets(), after in any_sets()) {
        let mut story = Story::new(ManagerOptions {
            throttle: ticker(std::time::Duration::ZERO),
            reload: Reload::Legacy,
            ..ManagerOptions::default()
        });
        story.apply(&before);
        all_find_something(&mut story);
        let ran = running(&story);
        story.started.clear();

        let applied = story.apply(&after);
        prop_assert!(applied.kept.is_empty());
        prop_assert_eq!(&story.stopped, &ran.values().copied().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
        prop_assert_eq!(story.started.len(), wanted(&after).len());
        prop_assert!(story.last().providers().all(|pool| pool.groups().is_empty()));
    }

    /// S03: a set whose providers have no groups, or that has no provider, or whose configs all
    /// failed, stands in the snapshot with an empty list; a removed set is absent.
    #[test]
    fn s03_an_empty_set_is_said(all in any_sets(), fail: bool) {
        let mut story = Story::prompt();
        story.apply(&all);
        if fail {
            for (_, id) in running(&story) {
                story.cannot_be_built(id, "no such directory").expect("it runs");
            }
        }
        let names: BTreeSet<&str> = all.iter().map(|(set, _)| set.as_str()).collect();
        prop_assert_eq!(story.last().sets().map(|set| &**set).collect::<BTreeSet<_>>(), names.clone());
        for set in names {
            let set = story.last().set(set).expect("it is there");
            prop_assert_eq!((set.group_count(), set.target_count()), (0, 0));
        }

        story.apply(&Sets::new());
        prop_assert_eq!(story.last().sets().len(), 0);
    }

    /// S06: an update from a provider that was stopped changes nothing, even when a provider with
    /// an equal config was started since.
    #[test]
    fn s06_no_ghost(found in any_sources(), late in any_sources(), comes_back: bool) {
        let mut story = Story::prompt();
        let old = story.one_provider();
        story.full(old, &found).expect("it runs");
        story.apply(&Sets::new());
        if comes_back {
            let new = story.one_provider();
            prop_assert_ne!(old, new);
            story.full(new, &found).expect("it runs");
        }
        let before = (format!("{:?}", story.manager().snapshot(story.now)), story.manager().counters());
        let emitted = story.emitted.len();

        prop_assert!(story.full(old, &late).is_err());
        prop_assert!(story.delta(old, &late).is_err());
        prop_assert!(story.fails(old, headcount_core::Failure::new("too late")).is_err());
        prop_assert!(story.cannot_be_built(old, "too late").is_err());
        story.settle();

        prop_assert_eq!(story.emitted.len(), emitted);
        prop_assert_eq!(format!("{:?}", story.manager().snapshot(story.now)), before.0);
        let mut counters = story.manager().counters();
        prop_assert_eq!(counters.ignored_reports, 4);
        counters.ignored_reports = 0;
        prop_assert_eq!(counters, before.1);
        prop_assert!(story.manager().failed_configs().is_empty());
    }

    /// S10: applying a config makes a snapshot due even when no provider has reported, and even
    /// when it is the config that was applied before.
    #[test]
    fn s10_a_reload_speaks_at_once(all in any_sets(), again: bool) {
        let mut story = Story::throttled(crate::story::backoff());
        story.apply(&all);
        if again {
            story.settle();
            story.emitted.clear();
            story.wait(std::time::Duration::from_secs(60));
            story.apply(&all);
        }
        // A first change waits 100 ms, half as much more at most.
        story.wait(std::time::Duration::from_millis(150));
        prop_assert_eq!(story.emitted.len(), 1);
        let named: BTreeSet<&str> = all.iter().map(|(set, _)| set.as_str()).collect();
        prop_assert_eq!(story.last().sets().map(|set| &**set).collect::<BTreeSet<_>>(), named);
    }

    /// S11: a config whose discoverer cannot be built counts, is reported with its sets and the
    /// reason, harms no other config, and is tried again with the next apply.
    #[test]
    fn s11_a_failed_config_harms_no_other(all in any_sets(), bad in 0_u8..4) {
        let mut story = Story::prompt();
        story.apply(&all);
        let wanted = wanted(&all);
        let Some(&id) = running(&story).get(&bad) else { return Ok(()) };
        story.cannot_be_built(id, "no such directory").expect("it runs");
        all_find_something(&mut story);

        let failed = story.manager().failed_configs();
        prop_assert_eq!(failed.len(), 1);
        prop_assert_eq!(&failed[0].reason, "no such directory");
        prop_assert_eq!(&*failed[0].name, format!("file/{id}"));
        prop_assert_eq!(&*failed[0].description, format!("number {bad}"));
        prop_assert_eq!(failed[0].sets.iter().map(|set| set.to_string()).collect::<BTreeSet<_>>(), wanted[&bad].clone());
        prop_assert!(story.manager().provider(id).is_none());
        for (set, _) in &all {
            let good = wanted.iter().filter(|(config, sets)| **config != bad && sets.contains(set));
            let expected: Sources = good.flat_map(|(config, _)| found_by(*config)).collect();
            prop_assert_eq!(story.received(set), Some(expected));
        }

        let applied = story.apply(&all);
        prop_assert!(story.manager().failed_configs().is_empty());
        prop_assert_eq!(applied.started.len(), 1);
        prop_assert_eq!(applied.kept.len(), wanted.len() - 1);
    }
}

/// The order of a set's pools is that of its configs, and a change of it alone is a change.
#[test]
fn s02_the_order_of_configs_is_kept() {
    let mut story = Story::prompt();
    story.apply(&sets(&[("node", &[0, 1])]));
    let order = |story: &Story| -> Vec<String> {
        let set = story.last().set("node").expect("it is there");
        set.providers().map(|pool| pool.name().to_string()).collect()
    };
    assert_eq!(order(&story), ["file/0", "file/1"]);
    story.apply(&sets(&[("node", &[1, 0])]));
    assert_eq!(order(&story), ["file/1", "file/0"]);
    assert_eq!(story.started.len(), 2);
}
