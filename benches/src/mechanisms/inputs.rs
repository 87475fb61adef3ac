//! What is decoded: fixed inputs, made anew from nothing but their size.

use std::collections::BTreeSet;

use super::{Body, Input, Kind, clouds, pods};

/// Instances of a Consul service: so many that each service is watched at once.
const OF_SERVICE: usize = 1_000;
/// Pods on a page, which is what is asked for.
const OF_PAGE: usize = 500;
/// What lends a token for years.
const TOKEN: &str = r#"{"access_token": "t", "expires_in": 99999999, "token_type": "Bearer"}"#;

/// All inputs, of so many machines each; half as many EC2 instances, and a quarter more pods. The goals are for 4,000.
pub fn inputs(machines: usize) -> Vec<Input> {
    vec![
        pod_list(machines / 4 * 5),
        ec2(machines / 2),
        consul(machines),
        hetzner(machines),
        azure(machines),
        gce(machines),
    ]
}

fn machines(count: usize, port: u16) -> BTreeSet<(String, String)> {
    (0..count)
        .map(|number| (format!("{}:{port}", clouds::ip(number)), clouds::name(number)))
        .collect()
}

fn pod_list(count: usize) -> Input {
    let pages = pods::lists(count, OF_PAGE, true);
    let pages = pages
        .into_iter()
        .map(|page| Body::new("/api/v1/pods?limit=", Kind::Pods, page));
    Input {
        name: "pods",
        what: "5,000 pods, JSON",
        goal: "<= 60 ms",
        mechanism: "kubernetes",
        entry: pods::ENTRY.to_owned(),
        answers: pages.collect(),
        label: "__meta_kubernetes_pod_name",
        expected: (0..count)
            .map(|number| (format!("{}:8080", pods::address(number)), pods::name(number)))
            .collect(),
    }
}

fn ec2(count: usize) -> Input {
    let zones = "<DescribeAvailabilityZonesResponse><availabilityZoneInfo/></DescribeAvailabilityZonesResponse>";
    Input {
        name: "ec2",
        what: "2,000 EC2 instances, XML",
        goal: "",
        mechanism: "ec2",
        entry: "{region: eu-west-1, access_key: a, secret_key: s}".to_owned(),
        answers: vec![
            Body::new("DescribeInstances", Kind::Ec2, clouds::ec2(count)),
            Body::new("DescribeAvailabilityZones", None, zones.to_owned()),
        ],
        label: "__meta_ec2_tag_Name",
        expected: machines(count, 80),
    }
}

fn consul(count: usize) -> Input {
    let services = count.div_ceil(OF_SERVICE);
    let names: Vec<String> = (0..services).map(|service| format!("service-{service}")).collect();
    let of_service = |service: usize| {
        let of_it = service * OF_SERVICE..count.min((service + 1) * OF_SERVICE);
        // Each is asked for under its own name.
        let to: &'static str = format!("/v1/health/service/service-{service}?").leak();
        Body::new(to, Kind::Consul, clouds::consul(service, of_it))
    };
    Input {
        name: "consul",
        what: "4,000 Consul services, JSON",
        goal: "<= 50 ms",
        mechanism: "consul",
        entry: format!(
            "{{server: 'consul.example:8500', datacenter: dc1, services: [{}]}}",
            names.join(", ")
        ),
        answers: (0..services).map(of_service).collect(),
        label: "__meta_consul_node",
        expected: machines(count, 8080),
    }
}

fn hetzner(count: usize) -> Input {
    Input {
        name: "hetzner",
        what: "4,000 servers of Hetzner, JSON",
        goal: "<= 50 ms",
        mechanism: "hetzner",
        entry: "{role: hcloud}".to_owned(),
        answers: vec![
            Body::new("/v1/servers", Kind::Hetzner, clouds::hetzner(count)),
            Body::new("/v1/networks", None, r#"{"networks": []}"#.to_owned()),
        ],
        label: "__meta_hetzner_server_name",
        expected: machines(count, 80),
    }
}

fn azure(count: usize) -> Input {
    Input {
        name: "azure",
        what: "4,000 machines of Azure, JSON",
        goal: "<= 50 ms",
        mechanism: "azure",
        entry: "{subscription_id: s, tenant_id: t, client_id: c, client_secret: p}".to_owned(),
        answers: vec![
            Body::new("/oauth2/v2.0/token", None, TOKEN.to_owned()),
            Body::new("/virtualMachineScaleSets", None, r#"{"value": []}"#.to_owned()),
            Body::new("/virtualMachines?", Kind::AzureMachines, clouds::azure_machines(count)),
            Body::new(
                "/networkInterfaces?",
                Kind::AzureInterfaces,
                clouds::azure_interfaces(count),
            ),
        ],
        label: "__meta_azure_machine_name",
        expected: machines(count, 80),
    }
}

fn gce(count: usize) -> Input {
    Input {
        name: "gce",
        what: "4,000 instances of GCE, JSON",
        goal: "<= 50 ms",
        mechanism: "gce",
        entry: "{project: p, zone: z}".to_owned(),
        answers: vec![
            Body::new("/computeMetadata/", None, TOKEN.to_owned()),
            Body::new("/instances?", Kind::Gce, clouds::gce(count)),
        ],
        label: "__meta_gce_instance_name",
        expected: machines(count, 80),
    }
}
