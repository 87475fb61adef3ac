use super::*;
use crate::reference::PlainConfig;
use crate::{Encoder, Manager, ManagerOptions, Update};

fn at(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * 1_000_000_000)
}

/// A manager whose one provider has found this many targets in each of two sources.
fn manager(targets: u32) -> Manager<PlainConfig> {
    let mut manager = Manager::new(at(1), ManagerOptions::default());
    let config = PlainConfig::new("file", 7);
    let provider = manager.apply(at(1), [("node".to_owned(), vec![config])]).started[0];
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    for source in ["a", "b"] {
        let targets = (0..targets).map(|number| [("__address__", format!("{source}:{number}"))]);
        batch
            .group(source, [("rack", source.to_owned())], targets)
            .expect("it fits");
    }
    let update = Update::full(batch.finish());
    manager.handle_update(at(2), provider, update).expect("it runs");
    manager
}

fn read(state: &str) -> Result<SavedState<PlainConfig>, String> {
    serde_json::from_str(state).map_err(|error| error.to_string())
}

/// A state with one provider that has these groups.
fn with_groups(groups: &str) -> String {
    let config = r#"{"kind": "file", "number": 1}"#;
    format!(
        r#"{{"format": 3, "manager": "", "at": 0, "providers": [{{"config": {config}, "sets": ["node"], "groups": [{groups}]}}]}}"#
    )
}

#[test]
fn is_written_as_format_3() {
    let written = serde_json::to_string_pretty(&manager(1).save(at(3))).expect("it can be written");
    insta::assert_snapshot!(written);
}

#[test]
fn a_state_that_cannot_be_read_says_why() {
    let long = "x".repeat(crate::MAX_NAME_BYTES + 1);
    let states = [
        r#"{"format": 4, "everything": "is another"}"#.to_owned(),
        r#"{"manager": "", "format": 3}"#.to_owned(),
        r#"{"format": 3, "manager": "", "at": 0}"#.to_owned(),
        r#"{"format": 3, "manager": "", "at": -1, "providers": []}"#.to_owned(),
        r#"{"format": 3, "manager": "", "at": 0, "providers": [], "more": 1}"#.to_owned(),
        with_groups(r#"{"source": "a"}"#),
        with_groups(&format!(
            r#"{{"source": "a", "changed": 0, "labels": {{"{long}": ""}}, "targets": [{{"t": "1"}}]}}"#
        )),
        with_groups("")[..60].to_owned(),
    ];
    let errors: Vec<_> = states
        .iter()
        .map(|state| read(state).expect_err("it can't be read"))
        .collect();
    insta::assert_debug_snapshot!(errors);
}

#[test]
fn what_no_config_wants_is_forgotten() {
    let mut after = Manager::restore(at(4), ManagerOptions::default(), manager(2).save(at(3)));
    after.apply(at(4), [("node".to_owned(), vec![])]);
    assert_eq!(after.snapshot(at(4)).set("node").map(|set| set.target_count()), Some(0));
    after.apply(at(5), [("node".to_owned(), vec![PlainConfig::new("file", 7)])]);
    assert_eq!(after.snapshot(at(5)).set("node").map(|set| set.target_count()), Some(0));
}

#[test]
fn what_changed_after_now_changed_now() {
    let after = Manager::restore(at(1), ManagerOptions::default(), manager(1).save(at(3)));
    let mut after = after;
    after.apply(at(1), [("node".to_owned(), vec![PlainConfig::new("file", 7)])]);
    let snapshot = after.snapshot(at(1));
    let provider = snapshot.providers().next().expect("there is a provider");
    let changed: Vec<_> = provider
        .groups()
        .iter()
        .map(|stored| (stored.changed(), stored.update()))
        .collect();
    assert_eq!(changed, [(at(1), 0), (at(1), 0)]);
}

#[test]
fn of_several_groups_of_one_source_the_last_counts() {
    let group = |value: &str| {
        format!(r#"{{"source": "a", "changed": 0, "labels": {{"v": "{value}"}}, "targets": [{{"t": "1"}}]}}"#)
    };
    let state = read(&with_groups(&[group("1"), group("2")].join(","))).expect("it is right");
    let groups = state.providers()[0].groups();
    assert_eq!((groups.len(), state.target_count()), (1, 1));
    let stored = groups.get("a").expect("it is there");
    assert_eq!(stored.group().labels().get("v"), Some("2"));
}
