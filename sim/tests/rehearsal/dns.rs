//! `dns`, under everything that a DNS can do to it.

use headcount_discoverer::env::{DomainName, Record};
use headcount_sim::{
    Backend, BackendKind, Fault, FaultKind, Outcome, ProcessEvent, Ratio, Rehearsal, Restarted, Scenario, ShownHost,
    Span, SpanRange,
};

use super::{configured, scenario};

/// A name for each zone, so that one can fail while others do not.
const NAMES: [&str; 3] = ["zone-0.sim.example", "zone-1.sim.example", "zone-2.sim.example"];

fn of_zone(zone: usize, hosts: &[ShownHost]) -> impl Iterator<Item = &ShownHost> {
    hosts.iter().filter(move |host| host.looks.zone as usize == zone)
}

fn address(host: &ShownHost) -> Record {
    let (ip, _) = host.address.split_once(':').expect("host:port");
    Record::A(ip.parse().expect("an address"))
}

/// A service whose host's name is its address, so that targets are known by it.
fn service(host: &ShownHost) -> Record {
    let (ip, port) = host.address.split_once(':').expect("host:port");
    Record::Srv {
        priority: 0,
        weight: 5,
        port: port.parse().expect("a port"),
        target: DomainName::parse(ip).expect("a name").0,
    }
}

pub(crate) fn rehearsal(scenario: &Scenario, seed: u64, record_type: &str) -> Rehearsal {
    let record = if record_type == "SRV" { service } else { address };
    let mut rehearsal = Rehearsal::new(scenario, seed).expect("it makes sense");
    for (zone, name) in NAMES.into_iter().enumerate() {
        rehearsal = rehearsal
            .name(name, move |hosts| of_zone(zone, hosts).map(record).collect())
            .expect("a name");
    }
    let entry = format!(
        "{{names: [{}], type: {record_type}, port: 9100, refresh_interval: 15s}}",
        NAMES.join(", ")
    );
    rehearsal
        .discoverer("cmdb", move |_| configured("dns", &entry))
        .expect("they are in the scenario")
        .within(Span::mins(2))
}

fn rehearsed(scenario: &Scenario, seed: u64, record_type: &str) -> Outcome {
    rehearsal(scenario, seed, record_type).run()
}

/// All that a DNS can do.
fn faults() -> impl Iterator<Item = FaultKind> {
    FaultKind::EXAMPLES.into_iter().filter(|kind| {
        // Its replicas have a test of their own.
        kind.applies_to(BackendKind::Dns) && !matches!(kind, FaultKind::Disagree { .. })
    })
}

fn check(scenario: &Scenario, what: &str) {
    for (seed, record_type) in [(0, "A"), (1, "SRV")] {
        let outcome = rehearsed(scenario, seed, record_type);
        assert!(outcome.is_clean(), "{what}, {record_type}: {:?}", outcome.violations);
        assert!(outcome.metrics.changes_learned > 20, "{what}: {:?}", outcome.metrics);
    }
}

#[test]
fn no_answer_takes_a_target_away_but_one_that_says_so() {
    for kind in faults() {
        let scenario = scenario(BackendKind::Dns).fault(Fault::new(kind).rate(Ratio::percent(20)));
        check(&scenario, kind.word());
    }
}

#[test]
fn minutes_of_trouble_are_survived() {
    for kind in faults() {
        let lasts = SpanRange::between(Span::secs(20), Span::mins(4));
        let windows = Fault::new(kind).every(Span::mins(6)).lasts(lasts);
        let scenario = scenario(BackendKind::Dns).fault(windows);
        check(&scenario, kind.word());
    }
}

#[test]
fn a_cache_and_secondary_servers_that_lag_are_only_late() {
    let backend = Backend::new("cmdb", BackendKind::Dns)
        .cache(Span::secs(20))
        .replicas(2)
        .delay(SpanRange::between(Span::ZERO, Span::secs(10)));
    let mut lagging = scenario(BackendKind::Dns)
        .fault(Fault::new(FaultKind::Disagree { by: Span::mins(1) }).rate(Ratio::percent(30)))
        .fault(Fault::new(FaultKind::TtlZero).rate(Ratio::percent(30)));
    lagging.backends = vec![backend];
    for seed in 0..4 {
        let mut lagging = lagging.clone();
        // Answers of two servers in turn can show each change twice.
        lagging.calm = Span::mins(8);
        let outcome = rehearsed(&lagging, seed, "A");
        assert!(outcome.is_clean(), "seed {seed}: {:?}", outcome.violations);
    }
}

#[test]
fn a_process_that_starts_again_in_an_outage_takes_nothing_away() {
    let at = Span::mins(8);
    let scenario = scenario(BackendKind::Dns)
        .fault(
            Fault::new(FaultKind::Servfail)
                .from(Span::mins(7))
                .until(Span::mins(15)),
        )
        .event(ProcessEvent::Restart {
            at,
            what: Restarted::Discoverers,
            share: Ratio::ALWAYS,
            saved: false,
            age: Span::ZERO,
            version: None,
        });
    let outcome = rehearsed(&scenario, 3, "A");
    assert!(outcome.is_clean(), "{:?}", outcome.violations);
    assert_eq!(outcome.metrics.vanished, 0);
}
