//! How it is said who asks, and how long a token is used.

use super::*;

/// What is sent to the identity service for an entry with these fields.
fn login(fields: &str) -> Value {
    let mut world = World::new();
    let cloud = Cloud::new(&world);
    let endpoint = "identity_endpoint: 'http://keystone.example/v3'";
    start(
        &mut world,
        &format!("role: hypervisor, region: RegionOne, {endpoint}, {fields}"),
    );
    let received = world.settle();
    assert!(received[0].update().is_some(), "{received:?}");
    cloud.take_logins().remove(0)
}

#[test]
fn accounts_are_named_as_the_identity_service_wants_it() {
    let by_password = |user: Value| json!({"methods": ["password"], "password": {"user": user}});
    let by_credential =
        |credential: Value| json!({"methods": ["application_credential"], "application_credential": credential});
    let named = |domain: Value| json!({"name": "u", "domain": domain, "password": "p"});
    let default = json!({"id": "default"});
    for (fields, identity, scope) in [
        (
            "username: u, password: p, domain_id: default",
            by_password(named(default.clone())),
            Value::Null,
        ),
        (
            "username: u, password: p, domain_name: D, project_name: P",
            by_password(named(json!({"name": "D"}))),
            json!({"project": {"name": "P", "domain": {"name": "D"}}}),
        ),
        (
            "username: u, password: p, domain_name: D, project_name: P, project_id: i",
            by_password(named(json!({"name": "D"}))),
            json!({"project": {"id": "i"}}),
        ),
        (
            "userid: i, password: p, project_name: P, domain_id: default",
            by_password(json!({"id": "i", "password": "p"})),
            json!({"project": {"name": "P", "domain": default}}),
        ),
        (
            "application_credential_id: i, application_credential_secret: s, project_name: P",
            by_credential(json!({"id": "i", "secret": "s"})),
            Value::Null,
        ),
        (
            "application_credential_name: n, application_credential_secret: s, userid: u",
            by_credential(json!({"name": "n", "secret": "s", "user": {"id": "u"}})),
            Value::Null,
        ),
        (
            "application_credential_name: n, application_credential_secret: s, username: u, domain_id: default",
            by_credential(json!({"name": "n", "secret": "s", "user": {"name": "u", "domain": default}})),
            Value::Null,
        ),
    ] {
        let mut expected = json!({"auth": {"identity": identity}});
        if scope != Value::Null {
            expected["auth"]["scope"] = scope;
        }
        assert_eq!(login(fields), expected, "{fields}");
    }
}

#[test]
fn an_account_that_makes_no_sense_is_a_failure_that_says_what_to_do() {
    for (fields, expected) in [
        (
            "username: u",
            "there is neither a password nor an application credential",
        ),
        ("password: p", "nobody is named; set username or userid"),
        (
            "username: u, password: p",
            "a username needs exactly one of domain_id and domain_name",
        ),
        (
            "username: u, password: p, domain_id: a, domain_name: b",
            "a username needs exactly one of",
        ),
        (
            "username: u, userid: v, password: p",
            "both a username and a userid are set",
        ),
        (
            "userid: u, password: p, project_name: P",
            "a project_name needs one of domain_id and domain_name",
        ),
        (
            "application_credential_id: i",
            "the application credential has no secret",
        ),
        (
            "application_credential_name: n, application_credential_secret: s",
            "nobody is named",
        ),
    ] {
        let mut world = World::new();
        let cloud = Cloud::new(&world);
        let endpoint = "identity_endpoint: 'http://keystone.example/v3'";
        start(
            &mut world,
            &format!("role: hypervisor, region: RegionOne, {endpoint}, {fields}"),
        );
        let received = world.settle();
        assert!(only_failure(&received).contains(expected), "{fields}: {received:?}");
        assert_eq!(cloud.take_asked(), Vec::<String>::new(), "nobody is asked");
    }
}

#[test]
fn without_an_endpoint_the_account_is_that_of_the_environment() {
    let mut world = World::new();
    let cloud = Cloud::new(&world);
    start(&mut world, "role: hypervisor, region: RegionOne, username: nobody");
    let received = world.settle();
    let said = only_failure(&received);
    assert!(
        said.contains("identity_endpoint is not set, and neither is the environment variable OS_AUTH_URL"),
        "{said}"
    );
    for (name, value) in [
        ("OS_AUTH_URL", "http://keystone.example"),
        ("OS_USERNAME", "scout"),
        ("OS_PASSWORD", "secret"),
        ("OS_DOMAIN_NAME", "Default"),
        ("OS_TENANT_NAME", "old"),
        ("OS_PROJECT_NAME", "new"),
    ] {
        world.variables.set(name, value);
    }
    let mut collected = Collected::default();
    collected.receive(&world.run_for(MINUTE * 2));
    assert_eq!(collected.addresses(), ["127.0.5.1:80"]);
    let login = &cloud.take_logins()[0]["auth"];
    assert_eq!(login["identity"]["password"]["user"]["name"], "scout");
    assert_eq!(login["scope"]["project"]["name"], "new");
}

#[test]
fn one_token_does_for_all_who_have_the_same_account_until_its_end_is_near() {
    let mut world = World::new();
    let cloud = Cloud::new(&world);
    let services = [
        ("compute", "http://nova.example/v2.1"),
        ("network", "http://neutron.example"),
        ("load-balancer", "http://neutron.example/load-balancer/v2.0"),
    ];
    cloud.set_catalog("RegionOne", &services, "2026-01-01T01:00:00.000000Z");
    for role in ["instance", "hypervisor", "loadbalancer"] {
        start(&mut world, &format!("role: {role}, {ACCOUNT}"));
    }
    let received = world.run_for(MINUTE * 50);
    assert!(received.len() > 100 && received.iter().all(|received| received.failure().is_none()));
    assert_eq!(cloud.take_logins().len(), 1);
    // It is good for an hour, and renewed in the last minutes of it.
    cloud.set_catalog("RegionOne", &services, "2026-01-01T02:00:00.000000Z");
    let received = world.run_for(MINUTE * 10);
    assert!(received.iter().all(|received| received.failure().is_none()));
    assert_eq!(cloud.take_logins().len(), 1);
    // Another account has another token.
    start(
        &mut world,
        &format!("role: hypervisor, {}", ACCOUNT.replace("hunter2", "other")),
    );
    world.settle();
    assert_eq!(cloud.take_logins().len(), 1);
}

/// The versions that an identity service without one in its endpoint offers, and what is asked of it then.
#[test]
fn the_version_is_the_best_of_those_that_are_offered() {
    let offered = |versions: &[(&str, &str)]| {
        let versions = versions.iter().map(|(id, status)| json!({"id": id, "status": status}));
        let values: Vec<Value> = versions.collect();
        Answer::new(300).body(json!({"versions": {"values": values}}).to_string())
    };
    let old = json!({"access": {
        "token": {"id": "token-1", "expires": "2026-01-01T01:00:00Z"},
        "serviceCatalog": [{"type": "compute", "endpoints": [{"region": "RegionOne", "publicURL": "http://nova.example/v2.1"}]}],
    }});
    for (versions, endpoint, expected) in [
        (
            &[("v2.0", "stable"), ("v3.14", "stable")][..],
            "http://keystone.example",
            Some("v3/auth/tokens"),
        ),
        (
            &[("v3.14", "CURRENT")],
            "http://keystone.example/v3.14/",
            Some("v3/auth/tokens"),
        ),
        (
            &[("v2.0", "SUPPORTED"), ("v3.0", "experimental")],
            "http://keystone.example/",
            Some("v2.0/tokens"),
        ),
        (&[("v4.0", "CURRENT")], "http://keystone.example/", None),
        // Nobody is asked.
        (&[], "http://keystone.example/v2.0/", Some("v2.0/tokens")),
    ] {
        let mut world = World::new();
        let cloud = Cloud::new(&world);
        cloud.set("GET http://keystone.example/", offered(versions));
        cloud.set(
            "POST http://keystone.example/v2.0/tokens",
            Answer::json(old.to_string()),
        );
        let account = ACCOUNT.replace("http://keystone.example/v3", endpoint);
        start(&mut world, &format!("role: hypervisor, {account}"));
        let received = world.settle();
        let asked = cloud.take_asked();
        match expected {
            Some(path) => {
                assert!(received[0].update().is_some(), "{received:?}");
                assert!(
                    asked.contains(&format!("POST http://keystone.example/{path}")),
                    "{asked:?}"
                );
                assert_eq!(
                    asked.iter().any(|request| request == "GET http://keystone.example/"),
                    !versions.is_empty()
                );
            }
            None => assert!(only_failure(&received).contains("offers neither its version 3 nor 2.0")),
        }
        if expected == Some("v2.0/tokens") {
            let sent = json!({"auth": {"passwordCredentials": {"username": "admin", "password": "hunter2"}, "tenantName": "admin"}});
            assert_eq!(cloud.take_logins(), [sent]);
        }
    }
}
