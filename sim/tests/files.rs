//! Scenario files with mistakes: each is answered with its place and what would be right.

use headcount_sim::Scenario;

/// What is said about a file whose good beginning is the same for all.
fn said(rest: &str) -> String {
    let text = format!("name: x\nbackends:\n- name: cmdb\n  kind: http\n{rest}");
    match Scenario::from_yaml(&text) {
        Ok(scenario) => format!("fine: {scenario:?}"),
        Err(mistakes) => mistakes.to_string(),
    }
}

#[test]
fn every_mistake_has_its_place_and_what_would_be_right() {
    let good = "discoverers:\n- backend: cmdb\n";
    let with = |rest: &str| format!("{good}{rest}");
    let files = [
        (
            "an unknown field",
            "discoverers:\n- backend: cmdb\n  refesh: 30s\n".to_owned(),
        ),
        ("an unknown field of the whole", with("chrun: []\n")),
        ("far from any field", with("colour: red\n")),
        ("an unknown kind", with("faults:\n- kind: servfial\n")),
        (
            "an unknown kind with settings",
            with("faults:\n- kind: {dealy: {by: 3s}}\n"),
        ),
        (
            "an unknown churn",
            with("churn:\n- steady: {rate: 1%, every: 1m}\n- zone_los: {at: 1m, zone: 0, lasts: 1m}\n"),
        ),
        (
            "an unknown field of churn",
            with("churn:\n- steady: {rat: 1%, every: 1m}\n"),
        ),
        ("an impossible rate", with("faults:\n- {kind: drop, rate: 130%}\n")),
        ("no rate at all", with("faults:\n- {kind: drop, rate: often}\n")),
        ("a negative time", with("until: -5m\n")),
        ("a time without a unit", with("until: 30\n")),
        ("a backwards range", with("receiver:\n  takes: 9s..1s\n")),
        ("a missing field", with("churn:\n- zone_loss: {at: 1m, zone: 0}\n")),
        ("a missing backend", "discoverers:\n- backend: cmbd\n".to_owned()),
        ("no discoverers", String::new()),
        ("a list for a number", with("hosts:\n  count: [1]\n")),
        ("text for a number", with("hosts: {count: many}\n")),
        ("a negative number", with("hosts: {count: -3}\n")),
        ("a number too large", with("hosts: {count: 99999999999}\n")),
        ("a number for a list", with("churn: 3\n")),
        ("text for a mapping", with("hosts: twenty\n")),
        ("a bad throttle", with("manager:\n  throttle: tick:5s\n")),
        (
            "a guard that holds for no time",
            with("manager:\n  guard: {max_drop: 30%, hold: 0s}\n"),
        ),
        (
            "a share that is no whole percentage",
            with("manager:\n  guard:\n    max_drop: 1/3\n    hold: 10m\n"),
        ),
        (
            "an impossible share",
            with("manager:\n  guard: {max_drop: 130%, hold: 10m}\n"),
        ),
        ("a guard without a time", with("manager:\n  guard: {max_drop: 30%}\n")),
        (
            "an unknown field of a guard",
            with("manager:\n  guard: {max_dorp: 30%, hold: 10m}\n"),
        ),
        ("a guard in one word", with("manager: {guard: 30%:10m}\n")),
        ("a kind without what it needs", with("faults:\n- kind: disagree\n")),
        (
            "several mistakes of words and values",
            with(
                "utnil: 3m\nhosts: {cuont: 3, zones: -1}\nmanager:\n  guard: {max_drop: 130%}\nchurn:\n\
                 - zone_los: {at: 1m}\n- zone_loss: {at: 1, zone: 0, lasts: 1m}\nfaults:\n\
                 - {kind: drop, rate: often, from: soon}\n- {kind: disagree}\n",
            ),
        ),
        ("a field twice", with("until: 1h\nuntil: 2h\n")),
        ("a name twice", with("- backend: cmdb\n")),
        ("not YAML", with("churn: [\n")),
        ("a tab", with("hosts:\n\tcount: 3\n")),
        ("two documents", with("---\nname: y\n")),
        (
            "several senseless things",
            with("until: 1m\ncalm: 2m\nhosts: {count: 0}\nfaults:\n- {kind: nxdomain}\n- {kind: drop, backend: dns}\n"),
        ),
    ];
    let lines: Vec<String> = files
        .iter()
        .map(|(what, rest)| format!("# {what}\n{}", said(rest)))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn an_empty_file_is_no_scenario() {
    insta::assert_snapshot!(Scenario::from_yaml("").expect_err("empty"));
}

/// In each of these one instant went on for ever: what is asked for is there at once, and is asked for again.
#[test]
fn what_would_never_end_is_refused_in_its_place() {
    let files = [
        // No index that could be waited for.
        ("kind: consul, latency: 0s", "", "empty", "2:45: backends[0].latency: "),
        ("kind: consul, wait: 0s", "", "refused", "2:42: backends[0].wait: "),
        // Each call is hit again.
        (
            "kind: http, latency: 0s",
            ", retry: 0s",
            "refused",
            "2:43: backends[0].latency: ",
        ),
        (
            "kind: http, latency: 0s",
            "",
            "{step: {by: 1m}}",
            "2:43: backends[0].latency: ",
        ),
    ];
    for (backend, more, fault, wanted) in files {
        let text = format!(
            "name: x\nbackends: [{{name: a, {backend}}}]\ndiscoverers: [{{backend: a{more}}}]\n\
             faults: [{{kind: {fault}, from: 5s, until: 1m}}]\n"
        );
        let refused = Scenario::from_yaml(&text)
            .map(|read| read.name)
            .unwrap_err()
            .to_string();
        assert!(refused.starts_with(wanted), "{refused}\n{text}");
    }
}
