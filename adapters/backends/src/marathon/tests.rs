use std::collections::BTreeSet;

use headcount_discoverer::testing::{Answer, Collected, World};
use serde_json::{Value, json};

use super::*;
use crate::golden::{counted, found, golden, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const PATH: &str = "/v2/apps/?embed=apps.tasks";
const ENTRY: &str = "{servers: ['http://u:hunter2@a.example/']}";

fn apps(apps: &Value) -> Answer {
    Answer::json(json!({ "apps": apps }).to_string())
}

/// An application with a task.
fn app(id: &str, host: &str) -> Value {
    json!({"id": id, "tasks": [{"id": "t", "host": host, "ports": [80]}]})
}

fn serve(world: &World, answer: Answer) {
    world.http.at(&format!("http://u:hunter2@a.example{PATH}")).now(answer);
}

#[test]
fn targets_are_those_of_prometheus() {
    let golden = golden!("marathon");
    let mut expected = golden.expected();
    // Ports that nobody knows.
    let targets = expected.get_mut("marathon").expect("a job");
    let before = targets.len();
    targets.retain(|labels| !labels["__address__"].ends_with(":0"));
    assert_eq!((before, targets.len()), (14, 12));
    assert_eq!(golden.found(), expected);
}

#[test]
fn each_application_is_a_group_and_one_that_is_gone_is_gone() {
    let mut world = World::new();
    serve(
        &world,
        apps(&json!([app("/a", "h1"), app("/b", "h2"), {"id": "/c", "tasks": []}])),
    );
    start::<MarathonSd>(&mut world, ENTRY);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(
        (collected.sources(), collected.addresses()),
        (vec!["/a", "/b"], vec!["h1:80", "h2:80"])
    );
    serve(&world, apps(&json!([app("/b", "h3")])));
    collected.receive(&world.run_for(MINUTE));
    assert_eq!(
        (collected.sources(), collected.addresses()),
        (vec!["/b"], vec!["h3:80"])
    );
}

#[test]
fn each_task_has_its_own_ports_and_what_is_not_known_is_skipped_and_counted() {
    let mut world = World::new();
    let some = json!([
        {"id": "/a", "labels": {"x": 5}, "tasks": [
            {"id": "t1", "host": "h", "ports": [1, 2]}, {"id": "t2", "host": "h", "ports": [3]}, {"id": "t3", "ports": [4]},
            {"id": "t4", "host": "h", "ports": ["5"]}, {"id": "t5", "host": "h", "ports": null}, null, 5]},
        {"id": "/b", "portDefinitions": [null, {"port": "x", "labels": null}], "tasks": [{"host": "h", "ports": [6, 0]}]},
        {"id": "/c", "container": {"portMappings": [{"containerPort": 7}], "docker": null}, "networks": [{"mode": "container"}],
         "tasks": [{"host": "h", "ipAddresses": [{"ipAddress": ""}]}, {"ipAddresses": [{"ipAddress": "fd00::1"}]}]},
        null,
    ]);
    serve(&world, apps(&some));
    start::<MarathonSd>(&mut world, ENTRY);
    let target = |address: &str, app: &str, task: &str, index: &str| {
        let mut all = vec![
            ("__address__", address),
            ("__meta_marathon_app", app),
            ("__meta_marathon_port_index", index),
        ];
        all.extend((!task.is_empty()).then_some(("__meta_marathon_task", task)));
        labels(&all)
    };
    let all = [
        target("h:1", "/a", "t1", "0"),
        target("h:2", "/a", "t1", "1"),
        target("h:3", "/a", "t2", "0"),
        target("h:6", "/b", "", "0"),
        target("h:7", "/c", "", "0"),
        target("[fd00::1]:7", "/c", "", "0"),
    ];
    assert_eq!(
        (found(&mut world), counted(&world, SKIPPED)),
        (BTreeSet::from(all), 6.0)
    );
}

/// As <https://docs.mesosphere.com/1.11/security/ent/iam-api/#passing-an-authentication-token> has it.
#[test]
fn a_token_is_sent_as_dcos_wants_it() {
    let sent = |world: &World| {
        let sent = world.http.take_requests().swap_remove(0);
        sent.header("authorization").map(str::to_owned)
    };
    let mut world = World::new();
    start::<MarathonSd>(&mut world, "{servers: ['http://a.example'], auth_token: t0ken}");
    world.settle();
    assert_eq!(sent(&world).as_deref(), Some("token=t0ken"));
    let mut world = World::new();
    start::<MarathonSd>(&mut world, "{servers: ['http://a.example'], auth_token_file: token}");
    let said = world.settle();
    let said = said[0].failure().expect("a failure");
    assert!(said.contains("reading a secret: /etc/token: no such file"), "{said}");
    for token in ["one", "two"] {
        world.files.write("/etc/token", format!("{token}\n"));
        world.run_for(MINUTE);
        assert_eq!(sent(&world), Some(format!("token={token}")));
    }
}

#[test]
fn when_one_server_does_not_answer_the_others_are_asked() {
    for wrong in [Answer::new(503), Answer::hangs(), Answer::json("{}")] {
        let mut asked = BTreeSet::new();
        for seed in 0..8 {
            let mut world = World::with_seed(seed);
            let good = |name: &str| format!("http://{name}.example{PATH}");
            world.http.at(&good("a")).then(wrong.clone());
            world.http.at(&good("b")).then(apps(&json!([app("/a", "h")])));
            let servers = "['http://a.example', 'http://b.example']";
            start::<MarathonSd>(&mut world, &format!("{{servers: {servers}}}"));
            let received = world.run_until_received(MINUTE);
            assert!(received[0].failure().is_none(), "{received:?}");
            asked.insert(world.http.take_requests()[0].request.url.clone());
        }
        assert_eq!(asked.len(), 2, "who is asked first is drawn");
    }
}

#[test]
fn an_answer_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    for (answer, expected) in [
        (Answer::new(401), "status 401"),
        (Answer::new(429).header("retry-after", "40"), "status 429"),
        (Answer::new(500), "status 500"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::json("{}"), "missing field `apps`"),
        (Answer::json(r#"{"apps": null}"#), "invalid type: null"),
        (Answer::json(r#"{"apps": [{"id""#), "EOF while parsing"),
        (Answer::json(r#"{"apps": []}"#), "gave no targets any more"),
        (apps(&json!([{"id": "/a", "tasks": []}])), "gave no targets any more"),
    ] {
        let mut world = World::new();
        serve(&world, apps(&json!([app("/a", "h1"), app("/b", "h2")])));
        start::<MarathonSd>(&mut world, ENTRY);
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let before = collected.clone();
        assert_eq!(before.addresses().len(), 2);
        serve(&world, answer);
        let received = world.run_until_received(MINUTE * 4);
        collected.receive(&received);
        let said = received[0].failure().expect("a failure");
        assert!(
            said.starts_with("asking Marathon ") && said.contains(expected),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(collected, before);
    }
}
