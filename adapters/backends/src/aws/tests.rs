use crate::aws_api::testing::{KEYS, Site, discoverer, failures, good};

/// Each role finds here what its own mechanism finds.
#[test]
fn a_role_is_its_own_mechanism() {
    let instances = include_str!("../ec2/testdata/instances.xml");
    let entry = format!("{{{KEYS}}}");
    let mut own = Site::of("ec2", &entry);
    let mut role = Site::of("aws", &format!("{{role: ec2, {KEYS}, port: 0, refresh_interval: 0s}}"));
    for site in [&mut own, &mut role] {
        site.world
            .http
            .at("https://ec2.eu-west-1.amazonaws.com")
            .now(good(instances));
        assert_eq!(failures(&site.ask()), [""; 0]);
    }
    assert_eq!(own.targets(), role.targets());
    assert_eq!(own.found.sources(), role.found.sources());
    assert_eq!(role.counted("headcount_sd_aws_skipped_total"), Some(1.0));
    assert_eq!(role.counted("headcount_sd_ec2_skipped_total"), None);
}

#[test]
fn each_role_asks_its_own_service() {
    for (role, host) in [
        ("ec2", "ec2"),
        ("ecs", "ecs"),
        ("elasticache", "elasticache"),
        ("lightsail", "lightsail"),
        ("msk", "kafka"),
        ("rds", "rds"),
    ] {
        let mut site = Site::empty();
        site.world.http.answer(500, &[], "");
        site.world.start(discoverer(
            "aws",
            &format!("{{role: {role}, {KEYS}, filters: [], clusters: []}}"),
        ));
        site.ask();
        let requests = site.world.http.take_requests();
        let start = format!("https://{host}.eu-west-1.amazonaws.com/");
        assert!(!requests.is_empty(), "{role}");
        assert!(
            requests.iter().all(|sent| sent.request.url.starts_with(&start)),
            "{role}"
        );
    }
}
