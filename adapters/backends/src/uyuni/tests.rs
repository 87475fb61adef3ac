use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use headcount_discoverer::testing::{Answer, Collected, World};

use super::*;
use crate::golden::{counted, found, golden, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const URL: &str = "https://uyuni.example/rpc/api";
const ENTRY: &str = "{server: 'https://u:hunter2@uyuni.example/', username: admin, password: hunter2}";
const SYSTEMS: &str = "system.listSystemGroupsForSystemsWithEntitlement";

/// An answer with this value.
fn gives(value: &str) -> Answer {
    let params = format!("<params><param><value>{value}</value></param></params>");
    Answer::new(200).body(format!("<methodResponse>{params}</methodResponse>"))
}

fn list(values: &[&str]) -> Answer {
    let values: String = values.iter().map(|value| format!("<value>{value}</value>")).collect();
    gives(&format!("<array><data>{values}</data></array>"))
}

fn record(members: &[(&str, &str)]) -> String {
    let member = |(name, value): &(&str, &str)| format!("<member><name>{name}</name><value>{value}</value></member>");
    let members: String = members.iter().map(member).collect();
    format!("<struct>{members}</struct>")
}

/// A server with a system and its endpoint, whose answer to a method can be another, and what it is asked.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    other: BTreeMap<String, Answer>,
    asked: Vec<String>,
    logins: u32,
    /// Tokens before this one are good no longer.
    first: u32,
}

impl Server {
    fn new(world: &World) -> Self {
        let server = Self::default();
        let answering = server.clone();
        world.http.serve("https://u:hunter2@uyuni.example/", move |request| {
            answering.answer(&String::from_utf8_lossy(&request.body))
        });
        server
    }

    fn answer(&self, call: &str) -> Answer {
        let mut state = self.0.lock().expect("nobody panics");
        let (_, rest) = call.split_once("<methodName>").expect("a call");
        let method = rest.split('<').next().expect("a method").to_owned();
        state.asked.push(method.clone());
        if let Some(answer) = state.other.get(&method) {
            return answer.clone();
        }
        if method == "auth.login" {
            assert!(call.contains("<string>admin</string>") && call.contains("<string>hunter2</string>"));
            assert!(call.contains("<int>600</int>"), "{call}");
            state.logins += 1;
            return gives(&format!("<string>token-{}</string>", state.logins));
        }
        let number: Option<u32> = call
            .split_once("<string>token-")
            .and_then(|(_, rest)| rest.split('<').next()?.parse().ok());
        if number.is_none_or(|number| number < state.first) {
            let code = record(&[
                ("faultCode", "<int>-1</int>"),
                ("faultString", "Could not find session"),
            ]);
            let fault = format!("<fault><value>{code}</value></fault>");
            return Answer::new(200).body(format!("<methodResponse>{fault}</methodResponse>"));
        }
        let id = "<i4>7</i4>";
        match method.as_str() {
            SYSTEMS => list(&[&record(&[("id", id), ("system_groups", "<array><data/></array>")])]),
            "system.monitoring.listEndpoints" => list(&[&record(&[
                ("system_id", id),
                ("port", "<int>9100</int>"),
                ("endpoint_name", "n"),
            ])]),
            _ => list(&[&record(&[("system_id", id), ("hostname", "a.example")])]),
        }
    }

    /// From now on a method is answered like this.
    fn set(&self, method: &str, answer: Answer) {
        let mut state = self.0.lock().expect("nobody panics");
        state.other.insert(method.to_owned(), answer);
    }

    /// All tokens that were given are good no longer.
    fn withdraw(&self) {
        let mut state = self.0.lock().expect("nobody panics");
        state.first = state.logins + 1;
    }

    fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics").asked)
    }
}

#[test]
fn targets_are_those_of_prometheus() {
    let golden = golden!("uyuni");
    assert_eq!(golden.found(), golden.expected());
    assert_eq!(golden.expected()["uyuni"].len(), 3);
}

#[test]
fn the_source_holds_no_password() {
    let mut world = World::new();
    Server::new(&world);
    start::<UyuniSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.sources(), [URL]);
}

#[test]
fn what_is_missing_costs_a_label_and_what_has_no_address_is_counted() {
    let mut world = World::new();
    let server = Server::new(&world);
    let id = |number| format!("<int>{number}</int>");
    let system = |number| record(&[("id", &id(number))]);
    let groups = format!(
        "<array><data><value>{}</value></data></array>",
        record(&[("name", "g")])
    );
    let grouped = record(&[("id", &id(7)), ("system_groups", &groups)]);
    server.set(
        SYSTEMS,
        list(&[&grouped, &system(8), &system(9), "text", &record(&[("id", "x")])]),
    );
    let endpoint = |number, port: &str| record(&[("system_id", &id(number)), ("port", port), ("tls_enabled", "yes")]);
    server.set(
        "system.monitoring.listEndpoints",
        list(&[
            &endpoint(7, "<int>1</int>"),
            &endpoint(7, "<int>0</int>"),
            &endpoint(7, "1"),
            &endpoint(8, "<int>2</int>"),
            &endpoint(10, "<int>2</int>"),
            "text",
        ]),
    );
    server.set(
        "system.getNetworkForSystems",
        list(&[
            &record(&[("system_id", &id(7)), ("hostname", "a")]),
            &record(&[("system_id", &id(8))]),
            "text",
        ]),
    );
    start::<UyuniSd>(&mut world, ENTRY);
    let only = labels(&[
        ("__address__", "a:1"),
        ("__meta_uyuni_groups", "g"),
        ("__meta_uyuni_minion_hostname", "a"),
        ("__meta_uyuni_scheme", "http"),
        ("__meta_uyuni_system_id", "7"),
    ]);
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from([only]), 7.0)
    );
    let body = world.http.take_requests().swap_remove(2).request.body;
    let asked = String::from_utf8_lossy(&body).into_owned();
    let ids = "<value><int>7</int></value><value><int>8</int></value><value><int>9</int></value>";
    assert!(asked.contains(ids), "{asked}");
}

#[test]
fn a_token_is_shared_renewed_before_its_end_and_asked_for_anew_when_it_is_refused() {
    let mut world = World::new();
    let server = Server::new(&world);
    start::<UyuniSd>(&mut world, ENTRY);
    start::<UyuniSd>(&mut world, &ENTRY.replace('}', ", separator: ';'}"));
    let logins = |server: &Server| {
        server
            .take_asked()
            .iter()
            .filter(|method| *method == "auth.login")
            .count()
    };
    world.settle();
    assert_eq!(logins(&server), 1);
    world.run_for(MINUTE * 8);
    assert_eq!(logins(&server), 0);
    world.run_for(MINUTE * 3);
    assert_eq!(logins(&server), 1);
    server.withdraw();
    let received = world.run_for(MINUTE * 2);
    assert!(
        received.iter().all(|received| received.failure().is_none()),
        "{received:?}"
    );
    assert_eq!(logins(&server), 1);
}

#[test]
fn without_systems_nothing_more_is_asked() {
    let mut world = World::new();
    let server = Server::new(&world);
    server.set(SYSTEMS, list(&[]));
    start::<UyuniSd>(&mut world, ENTRY);
    assert_eq!(found(&mut world), BTreeSet::new());
    assert_eq!(server.take_asked(), ["auth.login", SYSTEMS]);
}

#[test]
fn a_call_that_fails_is_a_failure_and_all_targets_stay() {
    let fault = || {
        let code = record(&[("faultCode", "<int>2950</int>"), ("faultString", "no\nhunter2")]);
        let fault = format!("<fault><value>{code}</value></fault>");
        Answer::new(200).body(format!("<methodResponse>{fault}</methodResponse>"))
    };
    for (method, answer, expected) in [
        (SYSTEMS, Answer::new(401), "status 401"),
        (SYSTEMS, Answer::new(500), "status 500"),
        (SYSTEMS, Answer::new(503).header("retry-after", "40"), "status 503"),
        (SYSTEMS, Answer::hangs(), "no whole answer within"),
        (
            SYSTEMS,
            Answer::new(200).body("<html/>"),
            "it is a <html>, not a <methodResponse>",
        ),
        (
            SYSTEMS,
            Answer::new(200).body("<methodResponse><params>"),
            "it ends in the middle",
        ),
        (SYSTEMS, gives("text"), "the answer is no list"),
        (SYSTEMS, fault(), "the server says \"no\" (fault 2950)"),
        (SYSTEMS, list(&[]), "gave no targets any more"),
        ("system.monitoring.listEndpoints", Answer::new(500), "status 500"),
        ("system.getNetworkForSystems", fault(), "(fault 2950)"),
    ] {
        let mut world = World::new();
        let server = Server::new(&world);
        start::<UyuniSd>(&mut world, ENTRY);
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.addresses(), ["a.example:9100"]);
        server.set(method, answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(said.starts_with("asking Uyuni ") && said.contains(expected), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(collected, before);
    }
}

#[test]
fn that_nobody_can_log_in_is_a_failure_that_says_why() {
    for (answer, expected) in [
        (Answer::new(403), "the server lets nobody log in (status 403)"),
        (Answer::new(500), "status 500"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::new(200).body("<html/>"), "logging in: it is a <html>"),
        (gives("<int>1</int>"), "logging in gave no token"),
        (gives("<string></string>"), "logging in gave no token"),
    ] {
        let mut world = World::new();
        let server = Server::new(&world);
        server.set("auth.login", answer);
        start::<UyuniSd>(&mut world, ENTRY);
        let received = world.run_until_received(MINUTE * 2);
        let said = received[0].failure().expect("a failure");
        assert!(said.starts_with(&format!("asking Uyuni {URL}: ")), "{said}");
        assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
    }
}
