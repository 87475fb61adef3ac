//! What a cloud does wrong takes nothing away.

use super::*;

/// What is found while all is well, and the world goes on.
fn settled(role: &str) -> (World, Cloud, Collected) {
    let (mut world, cloud) = world(role);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert!(!collected.addresses().is_empty());
    (world, cloud, collected)
}

#[test]
fn a_list_that_cannot_be_had_is_a_failure_and_all_targets_stay() {
    let lists = [
        ("instance", FLOATING, "floatingips"),
        ("instance", PORTS, "ports"),
        ("instance", SERVERS, "servers"),
        ("hypervisor", HYPERVISORS, "hypervisors"),
        ("loadbalancer", BALANCERS, "loadbalancers"),
        ("loadbalancer", LISTENERS, "listeners"),
        ("loadbalancer", FLOATING, "floatingips"),
    ];
    for (role, request, list) in lists {
        let answers = [
            (Answer::new(500), "status 500".to_owned()),
            (Answer::new(403), "status 403".to_owned()),
            (Answer::new(404), "status 404".to_owned()),
            (Answer::new(429).header("retry-after", "40"), "status 429".to_owned()),
            (Answer::hangs(), "no whole answer within".to_owned()),
            (Answer::json("{}"), format!("the answer has no list {list:?}")),
            (Answer::json("[]"), format!("the answer is no list of {list}")),
            (
                Answer::json(format!("{{\"{list}\": null}}")),
                format!("the answer is no list of {list}"),
            ),
            (
                Answer::json(format!("{{\"{list}\": [], \"{list}_links\": 5}}")),
                format!("the answer is no list of {list}"),
            ),
            (
                Answer::json(format!(
                    "{{\"{list}\": [], \"{list}_links\": [{{\"rel\": null, \"href\": \"/\"}}]}}"
                )),
                format!("the answer is no list of {list}"),
            ),
            (
                Answer::json(format!("{{\"{list}\": [{{\"id\": \"a\"")),
                format!("the answer is no list of {list}"),
            ),
            (
                Answer::new(200).body("<html>"),
                format!("the answer is no list of {list}"),
            ),
        ];
        for (answer, expected) in answers {
            let (mut world, cloud, mut collected) = settled(role);
            let before = collected.clone();
            cloud.with(|state| state.answers.retain(|known, _| !known.starts_with(request)));
            cloud.set(request, answer);
            let received = world.run_until_received(MINUTE * 4);
            collected.receive(&received);
            let said = only_failure(&received);
            assert!(
                said.starts_with("asking OpenStack http://") && said.contains(&expected),
                "{list}: {said}"
            );
            assert!(!said.contains("hunter2") && !said.contains("token-1"), "{said}");
            assert_eq!(collected, before, "{list}");
        }
    }
}

#[test]
fn a_token_that_was_withdrawn_is_asked_for_anew_within_the_refresh() {
    let (mut world, cloud, mut collected) = settled("instance");
    let before = collected.clone();
    cloud.withdraw("token-2");
    let received = world.run_for(MINUTE * 3);
    collected.receive(&received);
    assert!(
        received.iter().all(|received| received.failure().is_none()),
        "{received:?}"
    );
    assert_eq!((collected, cloud.take_logins().len()), (before, 2));
    // Where none is ever good, it is asked for once more each time.
    cloud.set(SERVERS, Answer::new(401));
    cloud.set(&format!("{SERVERS}?all_tenants=true"), Answer::new(401));
    cloud.take_asked();
    let received = world.run_until_received(MINUTE * 2);
    assert!(only_failure(&received).contains("status 401"), "{received:?}");
    let logins = cloud
        .take_asked()
        .iter()
        .filter(|request| request.starts_with(LOGIN))
        .count();
    assert_eq!(logins, 1);
}

#[test]
fn an_identity_service_that_fails_is_a_failure_with_its_reason() {
    let refusals = "the identity service refuses this account (status 401)";
    let no_token = json!({"token": null}).to_string();
    let answers = [
        (Answer::new(401), refusals),
        (Answer::new(503), "the server answered with status 503"),
        (Answer::hangs(), "no whole answer within"),
        (Answer::new(201).body("<html>"), "this is no token: expected value"),
        (Answer::new(201).body(no_token), "the answer has no token"),
    ];
    for (answer, expected) in answers {
        let (mut world, cloud) = world("instance");
        cloud.set(LOGIN, answer);
        let received = world.run_until_received(MINUTE * 2);
        let said = only_failure(&received);
        assert!(said.contains(expected), "{said}");
        assert!(
            said.contains("http://keystone.example/v3/auth/tokens") && !said.contains("hunter2"),
            "{said}"
        );
        // What was found before an outage of it stays, and a token that is good is used meanwhile.
        let (mut world, cloud, mut collected) = settled("instance");
        let before = collected.clone();
        cloud.set(LOGIN, Answer::new(500));
        let received = world.run_for(MINUTE * 5);
        collected.receive(&received);
        assert!(received.iter().all(|received| received.failure().is_none()));
        assert_eq!(collected, before);
    }
}

#[test]
fn a_catalogue_that_lacks_the_service_says_what_it_has() {
    let (mut world, cloud) = world("instance");
    cloud.set_catalog(
        "RegionTwo",
        &[
            ("compute", "http://nova.example/v2.1"),
            ("network", "http://neutron.example"),
        ],
        "",
    );
    let received = world.settle();
    let said = only_failure(&received);
    assert!(
        said.ends_with("the catalogue has no public endpoint of a compute service in the region \"RegionOne\"; it has some of RegionTwo"),
        "{said}"
    );
    // The catalogue is asked for again each time, because it may be mended.
    let services = [
        ("compute", "http://nova.example/v2.1/"),
        ("network", "http://neutron.example/v2.0/"),
    ];
    cloud.set_catalog("RegionOne", &services, "");
    let mut collected = Collected::default();
    collected.receive(&world.run_for(MINUTE * 2));
    assert_eq!(collected.addresses().len(), 3);
}

/// B11: a cloud whose database was made anew answers the same as one without machines.
#[test]
fn b11_that_everything_is_gone_counts_when_it_is_said_twice() {
    let (mut world, cloud, mut collected) = settled("instance");
    cloud.set_list(SERVERS, "servers", json!([]));
    let received = world.run_until_received(MINUTE * 2);
    collected.receive(&received);
    assert!(only_failure(&received).contains("of 3 before"), "{received:?}");
    assert_eq!(collected.addresses().len(), 3);
    collected.receive(&world.run_until_received(MINUTE * 2));
    assert_eq!(collected.addresses(), Vec::<&str>::new());
}
