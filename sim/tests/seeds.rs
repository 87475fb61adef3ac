//! Seeds of swarms that once were red without a bug of the core: the simulator accused it falsely, or one of its models
//! did what no discoverer does. Each has to stay green.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use headcount_sim::{Scenario, Shipped, Simulation, Swarm, drawn_world};

/// A shipped scenario, and seeds of its swarm.
const ONCE_RED: &[(&str, &[u64])] = &[
    // An answer that came twice took the models of streams back to before the news that had come meanwhile.
    ("bad-network", &[426, 502, 756, 828]),
    // Who had only just started was said to have waited since then for a change that was much younger.
    ("split-replicas", &[642]),
];

#[test]
fn seeds_that_were_red_stay_green() {
    for (name, seeds) in ONCE_RED {
        let scenario = Shipped::named(name).unwrap().scenario().unwrap();
        for &seed in *seeds {
            let report = Swarm::new(scenario.clone()).seeds(seed..seed + 1).run().unwrap();
            assert!(report.is_clean(), "{report}");
        }
    }
}

/// Small worlds in which the simulator accused the core of what a model of its own had done.
const ONCE_ACCUSED: &[(&str, &str)] = &[
    (
        "who looks twice at a list knows after a restart that there was something",
        "name: looked-at-twice\nuntil: 3m\nhosts: {count: 1}\nbackends: [{name: cmdb, kind: http}]\n\
         discoverers: [{backend: cmdb, refresh: 30s, less: twice}]\n\
         events: [{restart: {at: 61s, what: manager, saved: true}}]\nscript: [{at: 60s, what: {down: {host: 0}}}]\n",
    ),
    (
        "a call that takes longer than its caller waits brings nothing",
        "name: slower-than-patience\nuntil: 5m\nhosts: {count: 2}\n\
         backends: [{name: cmdb, kind: http, latency: 3s..4s}]\n\
         discoverers: [{backend: cmdb, refresh: 5s, timeout: 2s}]\n",
    ),
    (
        "who watches, and says last that it missed a part, never says that what it lost stayed lost",
        "name: missed-a-part\nhosts: {count: 3, services: 3, zones: 1}\n\
         backends: [{name: zookeeper0, kind: zookeeper, delay: 5s}]\ndiscoverers: [{backend: zookeeper0, refresh: 30s}]\n\
         manager: {throttle: 'backoff:100ms..5s', guard: {max_drop: 0%, hold: 10s}}\nscript:\n\
         - {at: 0s, what: {down: {host: 0}}}\n- {at: 0s, what: {calm: {broken: []}}}\nchecks: all\n",
    ),
    (
        "a host that went and came back is waited for since it came back",
        "name: there-again\nuntil: 3m\nhosts: {count: 1}\nbackends: [{name: cmdb, kind: http}]\n\
         discoverers: [{backend: cmdb, refresh: 30s, phase: together, timeout: 2s, retry: 1s}]\nscript:\n\
         - {at: 61s, what: {down: {host: 0}}}\n- {at: 62s, what: {up: {host: 0, looks: {service: 0, zone: 0, address: 0, name: 0}}}}\n\
         - {at: 89s, what: {down: {host: 0}}}\n- {at: 91s, what: {up: {host: 0, looks: {service: 0, zone: 0, address: 0, name: 0}}}}\n",
    ),
];

#[test]
fn nobody_is_accused_of_what_a_model_did() {
    for (what, text) in ONCE_ACCUSED {
        let scenario = Scenario::from_yaml(text).unwrap_or_else(|mistakes| panic!("{what}: {mistakes}"));
        let outcome = Simulation::new(&scenario, scenario.seed).unwrap().run();
        assert!(outcome.is_clean(), "{what}: {:?}", outcome.violations);
    }
}

#[test]
fn drawn_worlds_are_clean() {
    let report = Swarm::of_drawn_worlds().seeds(0..100).run().unwrap();
    assert!(report.is_clean(), "{report}");
}

/// The clock of who polls leapt past each of its waits: it asked a thousand times a second, for minutes.
#[test]
fn nobody_asks_without_a_pause_in_a_drawn_world() {
    let outcome = Simulation::new(&drawn_world(2_941), 2_941).unwrap().run();
    assert!(outcome.is_clean(), "{:?}", outcome.violations);
    assert!(outcome.events < 50_000, "{} events", outcome.events);
}

/// What the receiver was kept waiting for went with its job, and nothing else was due yet.
#[test]
fn who_was_kept_waiting_for_what_is_gone_waits_for_the_next() {
    let outcome = Simulation::new(&drawn_world(20_163), 20_163).unwrap().run();
    assert!(outcome.is_clean(), "{:?}", outcome.violations);
}

/// A member crashed, was taken for lost and came back; what had gone meanwhile was not among what had changed on its list.
#[test]
fn what_changed_leads_from_the_list_that_a_member_has() {
    let outcome = Simulation::new(&drawn_world(60_117), 60_117).unwrap().run();
    assert!(outcome.is_clean(), "{:?}", outcome.violations);
}
