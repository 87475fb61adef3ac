use std::collections::BTreeMap;

use headcount_core::UpdateKind;
use headcount_discoverer::env::{DomainName, RecordType, SERVFAIL, SearchList};
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::testing::{Collected, DnsFault, Received, World};
use headcount_reader::{Sink, read};
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_secs(30);

fn start(world: &mut World, names: &[&str], wanted: Wanted) {
    let settings = DnsSd::new(names.iter().copied(), wanted, INTERVAL);
    world.start(Arc::new(settings).discoverer());
}

fn hosts(record_type: RecordType) -> Wanted {
    Wanted::Hosts(record_type, 9100)
}

/// Every target's labels, those of its group with them, by source.
fn labels(collected: &Collected) -> Vec<(&str, BTreeMap<String, String>)> {
    let mut all = Vec::new();
    for source in collected.sources() {
        let group = collected.group(source).expect("it is listed");
        for target in group.targets() {
            let labels = group.labels().iter().chain(target.iter());
            let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
            all.push((source, labels.map(owned).collect()));
        }
    }
    all
}

/// The same as lines.
fn targets(collected: &Collected) -> Vec<String> {
    let line = |(source, labels): (&str, BTreeMap<String, String>)| {
        let texts: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{source}: {}", texts.join(" "))
    };
    labels(collected).into_iter().map(line).collect()
}

/// What is known after a first refresh.
fn found(world: &mut World) -> Vec<String> {
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    targets(&collected)
}

fn counted(world: &World) -> (f64, f64) {
    let families = world.metrics.read();
    let value = |wanted: Definition| {
        let family = families.iter().find(|(definition, _)| *definition == wanted);
        family.map_or(-1.0, |(_, samples)| samples[0].value)
    };
    (value(LOOKUPS), value(FAILURES))
}

#[test]
fn records_of_every_type_become_targets_as_in_prometheus() {
    let mut world = World::new();
    world.dns.set(
        "_http._tcp.sd.test",
        &["SRV 0 5 8080 web.sd.test", "SRV 0 5 8081 Mail1.sd.test"],
    );
    let records = [
        "A 10.0.0.2",
        "A 10.0.0.1",
        "AAAA fd00::2",
        "MX 10 mail1.sd.test",
        "NS ns1.sd.test",
    ];
    world.dns.set("sd.test", &records);
    start(&mut world, &["_http._tcp.sd.test"], Wanted::Services);
    assert_eq!(
        found(&mut world),
        [
            "_http._tcp.sd.test: __address__=Mail1.sd.test:8081 __meta_dns_name=_http._tcp.sd.test \
             __meta_dns_srv_record_port=8081 __meta_dns_srv_record_target=Mail1.sd.test.",
            "_http._tcp.sd.test: __address__=web.sd.test:8080 __meta_dns_name=_http._tcp.sd.test \
             __meta_dns_srv_record_port=8080 __meta_dns_srv_record_target=web.sd.test.",
        ]
    );
    let cases: [(RecordType, &[&str]); 4] = [
        (
            RecordType::A,
            &[
                "sd.test.: __address__=10.0.0.1:9100 __meta_dns_name=sd.test.",
                "sd.test.: __address__=10.0.0.2:9100 __meta_dns_name=sd.test.",
            ],
        ),
        (
            RecordType::Aaaa,
            &["sd.test.: __address__=[fd00::2]:9100 __meta_dns_name=sd.test."],
        ),
        (
            RecordType::Mx,
            &[
                "sd.test.: __address__=mail1.sd.test:9100 __meta_dns_mx_record_target=mail1.sd.test. \
                 __meta_dns_name=sd.test.",
            ],
        ),
        (
            RecordType::Ns,
            &["sd.test.: __address__=ns1.sd.test:9100 __meta_dns_name=sd.test. \
                 __meta_dns_ns_record_target=ns1.sd.test."],
        ),
    ];
    for (record_type, expected) in cases {
        start(&mut world, &["sd.test."], hosts(record_type));
        assert_eq!(found(&mut world), expected, "{record_type}");
    }
}

/// What a real Prometheus discovered of a real name server that had this zone (`tests/servers/dns.rs`).
#[test]
fn targets_are_those_of_prometheus() {
    let mut world = World::new();
    let zone = include_str!("testdata/golden/sd.test.zone")
        .lines()
        .filter_map(|line| line.split_once(" IN "));
    let (mut names, mut aliases): (BTreeMap<&str, Vec<&str>>, Vec<_>) = Default::default();
    for (name, record) in zone {
        match record.split_once(' ') {
            Some(("CNAME", original)) => aliases.push((name, original)),
            Some(("A" | "AAAA" | "MX" | "NS" | "SRV", _)) => names.entry(name).or_default().push(record),
            _ => drop(names.entry(name).or_default()),
        }
    }
    // What a server says of an alias is what it says of the name itself.
    aliases
        .into_iter()
        .for_each(|(alias, original)| drop(names.insert(alias, names[original].clone())));
    names.iter().for_each(|(name, records)| world.dns.set(name, records));
    let domain = |name| DomainName::parse(name).expect("a name").0;
    world.dns.search(SearchList {
        domains: vec![domain("other.test"), domain("sd.test")],
        ndots: 1,
    });

    let sink = Sink::new(std::path::Path::new("prometheus.yml").into());
    let document = read(include_str!("testdata/golden/prometheus.yml"), &sink).expect("it is YAML");
    let mut root = document.root(&sink).and_then(|root| root.fields()).expect("a mapping");
    let jobs = root
        .take("scrape_configs")
        .and_then(|jobs| jobs.list())
        .expect("a list");
    let mut said: BTreeMap<String, Vec<BTreeMap<String, String>>> = BTreeMap::new();
    for job in jobs {
        let mut job = job.fields().expect("a mapping");
        let field = job.take("dns_sd_configs").expect("the field");
        let mut collected = Collected::default();
        for config in DnsSd::read_field(&field, &Place::new("/".as_ref())) {
            world.start(Arc::new(config).discoverer());
            collected.receive(&world.settle());
        }
        let mut found: Vec<_> = labels(&collected).into_iter().map(|(_, labels)| labels).collect();
        found.sort();
        said.insert(job.text("job_name").expect("a name"), found);
    }
    assert_eq!(sink.finish().problems, []);
    let answers: BTreeMap<String, Vec<BTreeMap<String, String>>> =
        serde_json::from_str(include_str!("testdata/golden/answers.json")).expect("JSON");
    assert_eq!(said, answers);
}

#[test]
fn a_record_that_says_that_nobody_is_there_is_no_target() {
    let mut world = World::new();
    world.dns.set("_a._tcp", &["SRV 0 0 0 ."]);
    world.dns.set("_b._tcp", &["SRV 0 0 0 .", "SRV 0 0 80 web"]);
    start(&mut world, &["_a._tcp", "_b._tcp"], Wanted::Services);
    let services = found(&mut world);
    assert_eq!(services.len(), 1, "{services:?}");
    assert!(
        services[0].starts_with("_b._tcp: ") && services[0].contains("__address__=web:80"),
        "{services:?}"
    );
    let mut world = World::new();
    world.dns.set("mail", &["MX 0 ."]);
    start(&mut world, &["mail"], hosts(RecordType::Mx));
    assert_eq!(found(&mut world), [""; 0]);
}

#[test]
fn no_such_name_and_no_record_are_answers() {
    let mut world = World::new();
    world.dns.set("web", &["A 10.0.0.1"]);
    world.dns.set("db", &["A 10.0.0.2"]);
    start(&mut world, &["web", "db", "db", "other"], hosts(RecordType::A));
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.addresses(), ["10.0.0.2:9100", "10.0.0.1:9100"], "by name");
    assert_eq!(
        counted(&world),
        (3.0, 0.0),
        "a name that is listed twice is asked for once"
    );
    world.dns.remove("web");
    world.dns.set("db", &["AAAA fd00::1"]);
    let received = world.run_for(INTERVAL);
    assert!(
        received
            .iter()
            .all(|report| report.update().is_some_and(|update| update.kind() == UpdateKind::Full))
    );
    collected.receive(&received);
    assert_eq!(collected.addresses(), [""; 0]);
}

#[test]
fn a_name_that_fails_keeps_its_targets_and_is_named_while_the_others_go_on() {
    let mut world = World::new();
    world.dns.set("web", &["A 10.0.0.1"]);
    world.dns.set("db", &["A 10.0.0.2"]);
    start(&mut world, &["web", "db"], hosts(RecordType::A));
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    world.dns.fail("web", DnsFault::Code(SERVFAIL));
    world.dns.set("web", &["A 10.9.9.9"]);
    world.dns.remove("db");
    let received = world.run_for(INTERVAL);
    let update = received[0].update().expect("not all failed");
    assert_eq!(update.kind(), UpdateKind::Partial);
    assert_eq!(
        update.missing().map(ToString::to_string).as_deref(),
        Some("web (looking up web (A): 192.0.2.53:53 answered SERVFAIL (web.))")
    );
    assert_eq!(update.kept(), 1, "what web had");
    collected.receive(&received);
    assert_eq!(
        collected.addresses(),
        ["10.0.0.1:9100"],
        "db is gone, web stays as it was"
    );
    world.dns.mend();
    collected.receive(&world.run_for(INTERVAL));
    assert_eq!(collected.addresses(), ["10.9.9.9:9100"]);
}

#[test]
fn a_refresh_that_gets_nothing_has_failed_and_is_tried_again_soon() {
    let mut world = World::new();
    world.dns.set("web", &["A 10.0.0.1"]);
    world
        .dns
        .fail_all(DnsFault::Unreachable(std::io::ErrorKind::ConnectionRefused));
    start(&mut world, &["web", "db", "cache"], hosts(RecordType::A));
    let received = world.settle();
    assert_eq!(
        received[0].failure(),
        Some(
            "looking up web (A): 192.0.2.53:53 can't be asked: connection refused (web.); and so for the 2 other names"
        )
    );
    assert_eq!(counted(&world), (3.0, 3.0));
    world.dns.mend();
    let received = world.run_for(SECOND);
    assert!(
        received[0]
            .update()
            .is_some_and(|update| update.kind() == UpdateKind::Full)
    );
}

#[test]
fn what_is_no_name_is_told_at_every_refresh_and_not_more_often() {
    let mut world = World::new();
    start(&mut world, &["a..b"], Wanted::Services);
    let received = world.run_for(INTERVAL * 10);
    assert!((10..=13).contains(&received.len()), "{}", received.len());
    let expected = "looking up a..b (SRV): it is not a name in the DNS: there is nothing before or between its dots";
    assert!(
        received.iter().all(|report| report.failure() == Some(expected)),
        "{:?}",
        received[0]
    );
}

#[test]
fn names_are_looked_up_side_by_side_but_not_all_at_once() {
    let mut world = World::new();
    world.dns.fail_all(DnsFault::Slow(SECOND));
    let names: Vec<String> = (0..100).map(|number| format!("host{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    start(&mut world, &names, hosts(RecordType::A));
    let received = world.run_for(SECOND * 10);
    assert_eq!(received[0].at, Instant::ZERO + SECOND * 4, "32 at a time");
    let asked = world.dns.take_questions();
    let at_once = asked.iter().filter(|(at, _)| *at == Instant::ZERO).count();
    assert_eq!((at_once, asked.len()), (AT_ONCE, 100));
}

#[test]
fn a_refresh_ends_whatever_the_servers_do() {
    let mut world = World::new();
    world.dns.fail_all(DnsFault::Silent);
    let names: Vec<String> = (0..100).map(|number| format!("host{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    start(&mut world, &names, hosts(RecordType::A));
    world.dns.fail("host0", DnsFault::Slow(SECOND * 29));
    let received = world.run_for(SECOND * 60);
    assert_eq!(received[0].at, Instant::ZERO + INTERVAL);
    let missing = received[0].update().and_then(|update| update.missing().cloned());
    assert_eq!(missing.map(|missing| missing.count()), Some(99), "one has answered");
}

#[test]
fn an_interval_has_its_bounds_as_a_deadline() {
    let deadline = |seconds| Names::new(&DnsSd::new(["a"], Wanted::Services, SECOND * seconds)).deadline;
    assert_eq!([1, 20, 3600].map(deadline), [SECOND * 15, SECOND * 20, SECOND * 60]);
}

/// What becomes of a name between two refreshes.
#[derive(Debug, Clone)]
enum Change {
    Set(usize, Vec<u8>),
    Remove(usize),
    Fail(usize, DnsFault),
    Mend,
    Wait,
}

fn change() -> impl Strategy<Value = Change> {
    let fault = prop_oneof![
        Just(DnsFault::Code(SERVFAIL)),
        Just(DnsFault::Silent),
        Just(DnsFault::Truncated),
        Just(DnsFault::Slow(SECOND * 3)),
        Just(DnsFault::Unreachable(std::io::ErrorKind::HostUnreachable)),
    ];
    prop_oneof![
        3 => (0..NAMES.len(), prop::collection::vec(0_u8..4, 0..3)).prop_map(|(name, ips)| Change::Set(name, ips)),
        1 => (0..NAMES.len()).prop_map(Change::Remove),
        2 => (0..NAMES.len(), fault).prop_map(|(name, fault)| Change::Fail(name, fault)),
        1 => Just(Change::Mend),
        3 => Just(Change::Wait),
    ]
}

const NAMES: [&str; 3] = ["a", "b", "c"];

proptest! {
    /// Held against the plainest model: a name has what it had when it was last answered for.
    #[test]
    fn a_name_has_what_the_dns_last_said(changes in prop::collection::vec(change(), 1..40)) {
        let mut world = World::new();
        start(&mut world, &NAMES, hosts(RecordType::A));
        let mut collected = Collected::default();
        let mut zone: [Vec<u8>; 3] = Default::default();
        let mut broken = [false; 3];
        let mut model: [Vec<u8>; 3] = Default::default();
        let settled = |world: &mut World, collected: &mut Collected| {
            // So long that every name has been asked for since the change, whatever came before, and no refresh runs.
            let mut received: Vec<Received> = world.run_for(INTERVAL * 3);
            received.append(&mut world.run_until_received(INTERVAL * 3));
            collected.receive(&received);
            !received.is_empty()
        };
        settled(&mut world, &mut collected);
        for change in changes {
            match change {
                Change::Set(name, mut ips) => {
                    let records: Vec<String> = ips.iter().map(|last| format!("A 10.0.0.{last}")).collect();
                    world.dns.set(NAMES[name], &records.iter().map(String::as_str).collect::<Vec<_>>());
                    ips.sort_unstable();
                    zone[name] = ips;
                }
                Change::Remove(name) => {
                    world.dns.remove(NAMES[name]);
                    zone[name].clear();
                }
                Change::Fail(name, fault) => {
                    world.dns.fail(NAMES[name], fault);
                    broken[name] = !matches!(fault, DnsFault::Slow(_));
                }
                Change::Mend => {
                    world.dns.mend();
                    broken = [false; 3];
                }
                Change::Wait => {
                    prop_assert!(settled(&mut world, &mut collected), "it is never silent for long");
                    for name in 0..3 {
                        if !broken[name] {
                            model[name] = zone[name].clone();
                        }
                    }
                    let mut expected: Vec<String> = Vec::new();
                    for ips in &model {
                        expected.extend(ips.iter().map(|last| format!("10.0.0.{last}:9100")));
                    }
                    expected.sort();
                    let mut addresses: Vec<&str> = collected.addresses();
                    addresses.sort_unstable();
                    prop_assert_eq!(addresses, expected);
                }
            }
        }
    }
}
