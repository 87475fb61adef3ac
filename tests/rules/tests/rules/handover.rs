//! What a reload leaves in a set until something else can be believed (B03).

use std::collections::BTreeSet;
use std::time::Duration;

use headcount_core::reference::{Answer, Input, PlainConfig};
use headcount_core::{Failure, ManagerOptions, ProviderId, Reload, SetView};
use proptest::prelude::*;

use crate::story::{Sources, Story, any_sources, cases, sets, sources, ticker};

const AFTER: Duration = Duration::from_secs(120);

/// What a provider of this config finds.
fn found_by(config: u8) -> Sources {
    sources(&[(&format!("source {config}"), &["10.0.0.1"])])
}

/// The configs whose groups the set `node` shows.
fn shown(story: &Story) -> BTreeSet<u8> {
    let received = story.received("node").unwrap_or_default();
    let number = |source: &String| source.strip_prefix("source ").and_then(|number| number.parse().ok());
    received.keys().filter_map(number).collect()
}

fn node(story: &Story) -> SetView<'_> {
    story.last().set("node").expect("it is there")
}

/// The running provider of a config speaks.
fn speaks(story: &mut Story, config: u8) {
    let runs = |story: &Story, config| {
        let mut providers = story.manager().providers();
        providers
            .find(|provider| provider.config.number == config)
            .map(|provider| provider.id)
    };
    if let Some(id) = runs(story, config) {
        story.full(id, &found_by(config)).expect("it runs");
    }
}

/// What happens to the set.
#[derive(Debug, Clone)]
enum Act {
    Reload(BTreeSet<u8>),
    Speaks(u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        2 => prop::collection::btree_set(0..5_u8, 0..4).prop_map(Act::Reload),
        3 => (0..5_u8).prop_map(Act::Speaks),
    ];
    prop::collection::vec(act, 1..20)
}

proptest! {
    #![proptest_config(cases())]

    /// Whatever is reloaded when: while anything new has not spoken, a reload takes nothing away, and when all have,
    /// the set shows what it wants, and nothing else.
    #[test]
    fn b03_a_reload_makes_neither_a_gap_nor_a_ghost(acts in acts()) {
        let mut story = Story::prompt();
        story.apply(&sets(&[("node", &[])]));
        let (mut wanted, mut unheard) = (BTreeSet::new(), BTreeSet::new());
        // Those in whose place something else is shown.
        let mut waits_for: BTreeSet<u8> = BTreeSet::new();
        for act in acts {
            let before = shown(&story);
            match act {
                Act::Reload(configs) => {
                    story.apply(&sets(&[("node", &configs.iter().copied().collect::<Vec<_>>())]));
                    let new = |config: &u8| !wanted.contains(config);
                    waits_for = configs.iter().copied().filter(|config| new(config) || waits_for.contains(config)).collect();
                    // Who runs on has been heard, or has not.
                    unheard = configs.iter().copied().filter(|config| new(config) || unheard.contains(config)).collect();
                    wanted = configs;
                    if !waits_for.is_empty() {
                        prop_assert!(shown(&story).is_superset(&before), "{:?} of {before:?}", shown(&story));
                    }
                }
                Act::Speaks(config) => {
                    speaks(&mut story, config);
                    unheard.remove(&config);
                    waits_for.remove(&config);
                }
            }
            if node(&story).predecessors().next().is_none() {
                waits_for.clear();
            }
            if unheard.is_empty() {
                prop_assert_eq!(&shown(&story), &wanted);
                let set = node(&story);
                prop_assert_eq!((set.predecessors().count(), set.successors().count()), (0, 0));
            }
        }
    }
}

/// The table in the module's documentation.
#[test]
fn b03_what_was_there_stays_until_its_successors_can_be_believed() {
    let mut story = Story::prompt();
    let apply = |story: &mut Story, numbers: &[u8]| {
        let configs = numbers
            .iter()
            .map(|number| PlainConfig::new("http", *number).awaited(AFTER));
        story.input(Input::Apply(vec![("node".to_owned(), configs.collect())]));
    };
    apply(&mut story, &[0]);
    let first = story.started[0].0;
    speaks(&mut story, 0);

    apply(&mut story, &[1]);
    assert_eq!(shown(&story), [0].into());
    assert!(story.full(first, &found_by(0)).is_err(), "it was stopped (S06)");
    let stale = node(&story).predecessors().next().expect("it stands in");
    assert_eq!((stale.id(), stale.reports().replaced), (first, Some(story.now)));
    assert!(node(&story).is_whole() && story.manager().provider(first).is_none());
    let second = story.started[1].0;
    story.fails(second, Failure::new("no answer")).expect("it runs");
    assert_eq!(shown(&story), [0].into());
    speaks(&mut story, 1);
    assert_eq!(shown(&story), [1].into());

    apply(&mut story, &[2, 3]);
    speaks(&mut story, 3);
    assert_eq!(shown(&story), [1, 3].into());
    story.wait(AFTER);
    assert_eq!(shown(&story), [3].into(), "the other was waited for long enough");
    assert!(!node(&story).is_whole());
    apply(&mut story, &[3]);
    assert_eq!(shown(&story), [3].into());
    apply(&mut story, &[]);
    assert_eq!(shown(&story), [].into(), "nothing takes its place");
}

/// A provider that another set still wants goes on, and what it finds is shown to both meanwhile.
#[test]
fn b03_who_stands_in_may_go_on_for_another_set() {
    let mut story = Story::prompt();
    story.apply(&sets(&[("node", &[0]), ("other", &[0])]));
    speaks(&mut story, 0);
    story.apply(&sets(&[("node", &[1]), ("other", &[0])]));
    let id = story.started[0].0;
    story.full(id, &sources(&[("source 7", &["b"])])).expect("it runs");
    assert_eq!(shown(&story), [7].into());
    assert_eq!(
        node(&story).predecessors().next().map(|it| it.reports().replaced),
        Some(None)
    );
    // Now nobody wants it, and one of the sets still waits.
    story.apply(&sets(&[("node", &[1]), ("other", &[])]));
    assert_eq!(shown(&story), [7].into());
    assert_eq!(story.received("other"), Some(Sources::new()));
    speaks(&mut story, 1);
    assert_eq!(shown(&story), [1].into());
}

/// Of a set whose new config can't be run, what there was is all that there is.
#[test]
fn b03_a_successor_that_can_not_be_run_takes_nothing_away() {
    let mut story = Story::prompt();
    story.apply(&sets(&[("node", &[0])]));
    speaks(&mut story, 0);
    story.apply(&sets(&[("node", &[1])]));
    let second = story.started[1].0;
    story.cannot_be_built(second, "no such mechanism").expect("it runs");
    assert_eq!(shown(&story), [0].into());
    assert!(!node(&story).is_whole() && node(&story).successors().next().is_none());
    story.apply(&sets(&[("node", &[2])]));
    assert_eq!(shown(&story), [0].into());
    speaks(&mut story, 2);
    assert_eq!(shown(&story), [2].into());
}

/// A config that was changed while the process was down takes the place of the one that was saved.
#[test]
fn b03_what_was_saved_stands_in_for_a_config_that_changed_meanwhile() {
    let mut story = Story::prompt();
    story.apply(&sets(&[("node", &[0, 1]), ("gone", &[2])]));
    (0..3).for_each(|config| speaks(&mut story, config));
    story.restart();
    story.apply(&sets(&[("node", &[0, 3])]));
    assert_eq!(shown(&story), [0, 1].into());
    assert!(node(&story).is_whole());
    // And once more, before anybody has spoken.
    story.restart();
    story.apply(&sets(&[("node", &[0, 4])]));
    assert_eq!(shown(&story), [0, 1].into());
    speaks(&mut story, 0);
    speaks(&mut story, 4);
    assert_eq!(shown(&story), [0, 4].into());
    assert_eq!(story.last().providers().count(), 2);

    // A successor that has a part is no less waited for after a restart than before it.
    story.apply(&sets(&[("node", &[0, 5])]));
    let id = *story
        .started
        .iter()
        .rev()
        .map(|(id, _)| id)
        .next()
        .expect("it was started");
    story.delta(id, &found_by(5)).expect("it runs");
    assert_eq!(shown(&story), [0, 4, 5].into());
    story.restart();
    story.apply(&sets(&[("node", &[0, 5])]));
    assert_eq!(shown(&story), [0, 4, 5].into());
    speaks(&mut story, 5);
    assert_eq!(shown(&story), [0, 5].into());
    story.apply(&sets(&[("node", &[0, 4])]));
    speaks(&mut story, 4);

    // What is no longer wanted, and has no successor, is gone.
    story.restart();
    story.apply(&sets(&[("node", &[4])]));
    assert_eq!(shown(&story), [4].into());
}

/// Prometheus 2.x forgets everything at a reload.
#[test]
fn b03_a_legacy_reload_keeps_nothing() {
    let mut story = Story::new(ManagerOptions {
        throttle: ticker(Duration::ZERO),
        reload: Reload::Legacy,
        ..ManagerOptions::default()
    });
    story.apply(&sets(&[("node", &[0])]));
    speaks(&mut story, 0);
    story.apply(&sets(&[("node", &[1])]));
    assert_eq!(shown(&story), [].into());
}

/// Two of one kind that a reload changes may have other groups under the same source. Who takes their places begins with each
/// source once: with both, two groups would get one source, and one of them be lost (B13). Found by a drawn world.
#[test]
fn b03_what_was_found_before_has_each_source_once() {
    let mut story = Story::prompt();
    story.apply(&sets(&[("node", &[0, 1])]));
    let before: Vec<_> = story.started.iter().map(|(id, _)| *id).collect();
    story
        .full(before[0], &sources(&[("list:0", &["a"]), ("list:1", &["b"])]))
        .expect("it runs");
    story
        .full(before[1], &sources(&[("list:0", &["b"]), ("list:2", &["c"])]))
        .expect("it runs");
    story.apply(&sets(&[("node", &[2, 3])]));
    let new = story.started.last().expect("they were started").0;
    let mut found: Vec<_> = story
        .manager()
        .found_before(new)
        .map(|group| group.source().to_owned())
        .collect();
    found.sort();
    assert_eq!(found, ["list:0", "list:1", "list:2"]);
}

/// Applies the set `node` with configs of these kinds, and says which providers that started.
fn apply_kinds(story: &mut Story, configs: &[(&str, u8)]) -> Vec<ProviderId> {
    let configs = configs.iter().map(|(kind, number)| PlainConfig::new(kind, *number));
    match story.input(Input::Apply(vec![("node".to_owned(), configs.collect())])) {
        Answer::Applied(applied) => applied.started,
        other => panic!("an apply was answered with {other:?}"),
    }
}

proptest! {
    #![proptest_config(cases())]

    /// B03, B11: who takes the place of others begins with what those of its own kind have found, with all of it, and with
    /// nothing that another kind has: its sources mean something else.
    #[test]
    fn b03_who_begins_has_what_those_of_its_kind_have_found(
        before in prop::collection::vec((0..3_usize, any_sources()), 1..5), kind in 0..3_usize,
    ) {
        const KINDS: [&str; 3] = ["dns", "file", "http"];
        let mut story = Story::prompt();
        let configs: Vec<(&str, u8)> = (0..).zip(&before).map(|(number, (kind, _))| (KINDS[*kind], number)).collect();
        let started = apply_kinds(&mut story, &configs);
        let mut expected = BTreeSet::new();
        for (provider, (of, found)) in started.iter().zip(&before) {
            let own = |source: &String| format!("{provider}/{source}");
            let found: Sources = found.iter().map(|(source, all)| (own(source), all.clone())).collect();
            expected.extend(found.keys().filter(|_| *of == kind).cloned());
            story.full(*provider, &found).expect("it runs");
        }
        let new = apply_kinds(&mut story, &[(KINDS[kind], 100)])[0];
        let found: BTreeSet<String> = story
            .manager()
            .found_before(new)
            .map(|group| group.source().to_owned())
            .collect();
        prop_assert_eq!(found, expected);
    }
}
