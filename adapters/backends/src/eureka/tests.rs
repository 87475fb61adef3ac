use std::collections::BTreeSet;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, World};

use super::*;
use crate::golden::{counted, found, golden, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const URL: &str = "http://eureka.example/eureka/apps";
const ENTRY: &str = "{server: 'http://u:hunter2@eureka.example/eureka/'}";

/// An answer with an application of these instances.
fn apps(instances: &str) -> Answer {
    let app = format!("<application><name>A</name>{instances}</application>");
    Answer::new(200).body(format!("<applications>{app}</applications>"))
}

/// The server is asked with a password, which is part of the URL.
fn serve(world: &World, answer: Answer) {
    world.http.at("http://u:hunter2@eureka.example/eureka/apps").now(answer);
}

#[test]
fn targets_are_those_of_prometheus() {
    let golden = golden!("eureka");
    assert_eq!(golden.found(), golden.expected());
    assert_eq!(golden.expected()["eureka"].len(), 3);
}

#[test]
fn what_makes_no_sense_costs_a_label_and_what_has_no_address_is_counted() {
    let mut world = World::new();
    serve(
        &world,
        apps(
            "<instance><hostName>a</hostName><port enabled='maybe'>80</port><securePort>x</securePort>\
             <countryId>one</countryId><metadata><a/><b>1</b><b>2</b></metadata><unknown><deep/></unknown></instance>\
             <instance><ipAddr>10.0.0.2</ipAddr><dataCenterInfo/></instance>\
             <instance><hostName>c</hostName><port>http</port></instance>\
             <instance><port>80</port></instance><instance/>",
        ),
    );
    start::<EurekaSd>(&mut world, ENTRY);
    let a = labels(&[
        ("__address__", "a:80"),
        ("__meta_eureka_app_instance_country_id", "0"),
        ("__meta_eureka_app_instance_hostname", "a"),
        ("__meta_eureka_app_instance_metadata_b", "2"),
        ("__meta_eureka_app_instance_port", "80"),
        ("__meta_eureka_app_instance_secure_port_enabled", "false"),
        ("__meta_eureka_app_name", "A"),
    ]);
    let b = labels(&[
        ("__address__", "10.0.0.2:80"),
        ("__meta_eureka_app_instance_country_id", "0"),
        ("__meta_eureka_app_instance_ip_addr", "10.0.0.2"),
        ("__meta_eureka_app_name", "A"),
    ]);
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([a, b]), 3.0)
    );
    let sent = world.http.take_requests();
    assert_eq!((sent.len(), sent[0].header("accept")), (1, Some("application/xml")));
}

#[test]
fn an_answer_that_is_the_same_is_not_read_again() {
    let mut world = World::new();
    serve(&world, apps("<instance><hostName>a</hostName></instance><instance/>"));
    start::<EurekaSd>(&mut world, ENTRY);
    world.run_for(MINUTE * 5);
    assert_eq!(counted(&world, SKIPPED), 1.0);
    assert!(world.http.take_requests().len() > 5);
}

#[test]
fn an_answer_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    let broken = |body: &str| Answer::new(200).body(body);
    for (answer, expected) in [
        (Answer::new(401), "status 401"),
        (Answer::new(429).header("retry-after", "40"), "status 429"),
        (Answer::new(503), "status 503"),
        (Answer::hangs(), "no whole answer within"),
        (broken("<html><body/></html>"), "it is a <html>, not a <applications>"),
        (broken(""), "it ends in the middle"),
        (broken("{\"applications\": {}}"), "it ends in the middle"),
        (broken("<applications><application><instance>"), "it ends in the middle"),
        (broken("<applications></applicatio>"), "it is not XML"),
        (broken("<applications/>"), "gave no targets any more"),
    ] {
        let mut world = World::new();
        serve(&world, apps("<instance><hostName>a</hostName></instance>"));
        start::<EurekaSd>(&mut world, ENTRY);
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.addresses(), ["a:80"]);
        serve(&world, answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(said.starts_with("asking Eureka ") && said.contains(expected), "{said}");
        assert!(expected.starts_with("gave") || said.contains(URL), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(collected, before);
    }
}
