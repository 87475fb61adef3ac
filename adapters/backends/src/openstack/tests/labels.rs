//! What becomes of what a cloud has.

use super::*;

/// What a real Prometheus discovered of the real servers whose answers these are. It is older than some labels.
#[test]
fn targets_are_those_of_prometheus() {
    let expected: BTreeMap<String, BTreeSet<Labels>> =
        serde_json::from_str(include_str!("../testdata/golden/targets.json")).expect("JSON");
    let sink = Sink::new(std::path::Path::new("prometheus.yml").into());
    let document = read(include_str!("../testdata/golden/prometheus.yml"), &sink).expect("YAML");
    let mut root = document.root(&sink).and_then(|root| root.fields()).expect("a mapping");
    let jobs = root
        .take("scrape_configs")
        .and_then(|jobs| jobs.list())
        .expect("a list");
    let mut found = BTreeMap::new();
    for job in jobs {
        let mut fields = job.fields().expect("a mapping");
        let name = fields.text("job_name").expect("a name");
        let entry = fields
            .take("openstack_sd_configs")
            .and_then(|at| at.list())
            .expect("a list")
            .remove(0);
        let mut world = World::new();
        let _cloud = Cloud::new(&world);
        world.start(Arc::new(settings(&entry)).discoverer());
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        assert_eq!(collected.sources(), ["OS_RegionOne"], "{name}");
        let mut targets = targets(&collected).into_iter().collect::<Vec<_>>();
        let images: Vec<_> = targets
            .iter_mut()
            .map(|labels| labels.remove("__meta_openstack_instance_image"))
            .collect();
        let image = Some("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa".to_owned());
        if name == "instance" {
            // One has none; of the others one has two addresses.
            assert_eq!(images.iter().filter(|known| **known == image).count(), 2, "{images:?}");
            assert_eq!(skipped(&world), 1.0, "one has no address");
        }
        found.insert(name, BTreeSet::from_iter(targets));
    }
    assert_eq!(sink.finish().problems, []);
    assert_eq!(found, expected);
}

/// By Prometheus's documentation: this role is newer than any Prometheus that there is a package of.
#[test]
fn load_balancers_with_a_listener_for_prometheus_are_targets() {
    let (mut world, _cloud) = world("loadbalancer");
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let front = labels(&[
        ("__address__", "10.0.0.20:8088"),
        ("__meta_openstack_loadbalancer_availability_zone", "nova"),
        ("__meta_openstack_loadbalancer_floating_ip", "127.8.0.7"),
        ("__meta_openstack_loadbalancer_id", "lb1"),
        ("__meta_openstack_loadbalancer_name", "front"),
        ("__meta_openstack_loadbalancer_operating_status", "ONLINE"),
        ("__meta_openstack_loadbalancer_provider", "amphora"),
        ("__meta_openstack_loadbalancer_provisioning_status", "ACTIVE"),
        ("__meta_openstack_loadbalancer_tags", "a,b"),
        ("__meta_openstack_loadbalancer_vip", "10.0.0.20"),
        ("__meta_openstack_project_id", "proj1"),
    ]);
    let other = labels(&[
        ("__address__", "[fd00:2::1]:9101"),
        ("__meta_openstack_loadbalancer_id", "lb2"),
        ("__meta_openstack_loadbalancer_operating_status", "OFFLINE"),
        ("__meta_openstack_loadbalancer_provider", "ovn"),
        ("__meta_openstack_loadbalancer_provisioning_status", "ACTIVE"),
        ("__meta_openstack_loadbalancer_vip", "fd00:2::1"),
        ("__meta_openstack_project_id", "proj1"),
    ]);
    assert_eq!(targets(&collected), BTreeSet::from([front, other]));
    assert_eq!(
        skipped(&world),
        0.0,
        "one without such a listener is none that anybody wants"
    );
}

#[test]
fn what_is_missing_costs_a_label_and_what_makes_no_sense_is_skipped_and_counted() {
    let address = |address: Value| json!({"pool": [address]});
    let (mut world, cloud) = world("instance");
    let servers = json!([
        {"id": "a", "addresses": address(json!({"addr": "10.0.0.1"}))},
        {"id": 5, "flavor": {"id": "old", "original_name": "new"}, "metadata": {"a.b": "1", "a-b": "2", "c": 3, "d": null},
         "image": null, "status": {}, "addresses": {"one": [{"addr": "10.0.0.2"}, {"addr": null}, 7], "two": null}},
        {"id": "without"}, {"addresses": {"pool": []}}, {"addresses": []}, null, "server",
    ]);
    cloud.set_list(SERVERS, "servers", servers);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let found = targets(&collected);
    let plain = labels(&[
        ("__address__", "10.0.0.1:80"),
        ("__meta_openstack_address_pool", "pool"),
        ("__meta_openstack_instance_id", "a"),
        ("__meta_openstack_private_ip", "10.0.0.1"),
    ]);
    let other = labels(&[
        ("__address__", "10.0.0.2:80"),
        ("__meta_openstack_address_pool", "one"),
        ("__meta_openstack_instance_flavor", "new"),
        ("__meta_openstack_private_ip", "10.0.0.2"),
        // `a-b` comes before `a.b`, and the last one counts.
        ("__meta_openstack_tag_a_b", "1"),
    ]);
    assert_eq!(found, BTreeSet::from([plain, other]));
    assert_eq!(skipped(&world), 8.0);

    let (mut world, cloud) = self::world("hypervisor");
    let hypervisors = json!([
        {"id": "c8a0", "host_ip": "fd00::7", "hypervisor_version": "x", "state": 1},
        {"id": 2, "host_ip": null}, {"id": 3, "host_ip": ""}, [],
    ]);
    cloud.set_list(HYPERVISORS, "hypervisors", hypervisors);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    let expected = labels(&[
        ("__address__", "[fd00::7]:80"),
        ("__meta_openstack_hypervisor_host_ip", "fd00::7"),
        ("__meta_openstack_hypervisor_id", "c8a0"),
    ]);
    assert_eq!(
        (targets(&collected), skipped(&world)),
        (BTreeSet::from([expected]), 3.0)
    );

    let (mut world, cloud) = self::world("loadbalancer");
    let listener = |owner: &str, port: Value| json!({"protocol": "PROMETHEUS", "protocol_port": port, "loadbalancers": [{"id": owner}, null]});
    let listeners = json!([
        listener("a", json!(9000)),
        listener("a", json!(9001)),
        listener("b", json!(null)),
        listener("c", json!(1)),
        {"protocol": "PROMETHEUS", "protocol_port": 1, "loadbalancers": []},
        {"loadbalancers": [{"id": "d"}]},
        {"protocol": "SOME_7", "loadbalancers": [{"id": "d"}]},
        {"protocol": 5, "loadbalancers": [{"id": "d"}]},
        {"protocol": "a word", "loadbalancers": [{"id": "d"}]},
        4
    ]);
    cloud.set_list(LISTENERS, "listeners", listeners);
    let vip = |id: &str, vip: Value| json!({"id": id, "vip_address": vip, "tags": null});
    let balancers = json!([
        vip("a", json!("10.0.0.1")),
        vip("b", json!("10.0.0.2")),
        vip("c", json!(null)),
        vip("d", json!("10.0.0.3")),
        {"vip_address": "10.0.0.4"},
        null
    ]);
    cloud.set_list(BALANCERS, "loadbalancers", balancers);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.addresses(), ["10.0.0.1:9000"]);
    assert_eq!(
        skipped(&world),
        9.0,
        "of load balancers one without a port, one without an address, one without an id, and nothing; of listeners one \
         that is nobody's, three that do not say what they speak, and what is none"
    );
}

#[test]
fn ports_are_asked_for_only_if_floating_addresses_do_not_say_whose_they_are() {
    let details = json!({"device_id": "11111111-1111-4111-8111-111111111111"});
    let floating = |details: &Value| json!({"port_id": "p-web", "fixed_ip_address": "10.0.0.5", "floating_ip_address": "127.8.0.5", "port_details": details});
    let unused = json!({"port_id": null, "fixed_ip_address": null, "floating_ip_address": "127.8.0.9"});
    for (details, asks) in [(details, false), (Value::Null, true)] {
        let (mut world, cloud) = world("instance");
        cloud.set_list(FLOATING, "floatingips", json!([floating(&details), unused]));
        let mut collected = Collected::default();
        collected.receive(&world.settle());
        let found = targets(&collected);
        let public: Vec<_> = found
            .iter()
            .filter_map(|labels| labels.get("__meta_openstack_public_ip"))
            .collect();
        assert_eq!(public, ["127.8.0.5"], "{asks}");
        assert_eq!(found.len(), 3, "the floating address itself is none");
        let asked = cloud.take_asked();
        assert_eq!(
            asked.iter().any(|request| request.starts_with(PORTS)),
            asks,
            "{asked:?}"
        );
    }
}

/// Behind a proxy links often name the wrong scheme or host: neither they nor anybody else gets the token.
#[test]
fn links_to_other_pages_say_which_page_and_nothing_else() {
    let (mut world, cloud) = world("hypervisor");
    let page = |id: u32, links: Value| {
        let hypervisors = json!([{"id": id, "host_ip": format!("10.0.0.{id}")}]);
        Answer::json(json!({"hypervisors": hypervisors, "hypervisors_links": links}).to_string())
    };
    let links = json!([{"rel": "previous", "href": "x"}, {"rel": "next", "href": "https://evil.example/other?marker=1&limit=1"}]);
    cloud.set(HYPERVISORS, page(1, links));
    cloud.set(&format!("{HYPERVISORS}?marker=1&limit=1"), page(2, Value::Null));
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.addresses(), ["10.0.0.1:80", "10.0.0.2:80"]);
    // A list without an end is none.
    cloud.set(
        &format!("{HYPERVISORS}?marker=1&limit=1"),
        page(2, json!([{"rel": "next", "href": "/x?marker=1&limit=1"}])),
    );
    let said = world.run_until_received(MINUTE * 2);
    assert!(only_failure(&said).contains("comes a second time"), "{said:?}");
}
