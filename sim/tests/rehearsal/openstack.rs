//! `openstack`, under everything that can happen to its requests: a login, floating addresses, ports, and servers in pages;
//! hypervisors; load balancers and their listeners.

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{
    Answer, BackendKind, Fault, FaultKind, Outcome, Page, Ratio, Rehearsal, Scenario, Shown, ShownHost, Site, Span,
    SpanRange,
};
use serde_json::{Value, json};

use super::{configured, scenario};

const CLOUD: &str = "http://cloud.example";
/// As many servers as a page has.
const PAGE: usize = 7;

/// A cloud with a server, a hypervisor and a load balancer for each host. Its tokens are good until it starts again.
#[derive(Default)]
struct Cloud {
    lives: u32,
}

impl Cloud {
    fn token(&self) -> String {
        format!("token-{}", self.lives)
    }

    fn log_in(&self) -> Page {
        let place = |path: &str| json!([{"interface": "public", "region": "sim", "url": format!("{CLOUD}/{path}")}]);
        let catalog = json!([
            {"type": "compute", "endpoints": place("compute")},
            {"type": "network", "endpoints": place("network")},
            {"type": "load-balancer", "endpoints": place("balancers")},
        ]);
        let token = json!({"token": {"catalog": catalog, "expires_at": "2100-01-01T00:00:00Z"}});
        Page::json(token.to_string()).header("x-subject-token", self.token())
    }
}

impl Site for Cloud {
    fn answer(&mut self, request: &HttpRequest, shown: &Shown) -> Answer {
        let (path, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
        let path = path.strip_prefix(CLOUD).unwrap_or(path);
        if path == "/identity/v3/auth/tokens" {
            return Answer::Now(self.log_in());
        }
        let token = request.headers.iter().find(|(name, _)| name == "X-Auth-Token");
        if token.map(|(_, token)| token) != Some(&self.token()) {
            return Answer::Now(Page::text(401, "who are you?\n"));
        }
        Answer::Now(match path {
            "/network/v2.0/floatingips" => Page::json(floating(&shown.hosts).to_string()),
            "/network/v2.0/ports" => Page::json(ports(&shown.hosts).to_string()),
            "/compute/servers/detail" => Page::json(servers(&shown.hosts, query).to_string()),
            "/compute/os-hypervisors/detail" => Page::json(hypervisors(&shown.hosts).to_string()),
            "/balancers/v2.0/lbaas/loadbalancers" => Page::json(balancers(&shown.hosts).to_string()),
            "/balancers/v2.0/lbaas/listeners" => Page::json(listeners(&shown.hosts).to_string()),
            _ => Page::text(404, "there is no such path\n"),
        })
    }

    fn reset(&mut self) {
        self.lives += 1;
    }
}

fn ip(host: &ShownHost) -> &str {
    host.address.split(':').next().unwrap_or_default()
}

/// Every other host can be reached from outside.
fn floating(hosts: &[ShownHost]) -> Value {
    let addresses = hosts.iter().step_by(2).map(|host| {
        let port = format!("port-{}", host.host);
        json!({"port_id": port, "fixed_ip_address": ip(host), "floating_ip_address": format!("192.0.2.{}", host.looks.zone)})
    });
    json!({"floatingips": addresses.collect::<Vec<_>>()})
}

fn ports(hosts: &[ShownHost]) -> Value {
    let ports = hosts
        .iter()
        .map(|host| json!({"id": format!("port-{}", host.host), "device_id": host.host.to_string()}));
    json!({"ports": ports.collect::<Vec<_>>()})
}

/// Those that come after the marker.
fn servers(hosts: &[ShownHost], query: &str) -> Value {
    let marker = query.split('&').find_map(|pair| pair.strip_prefix("marker="));
    let start = marker.and_then(|marker| hosts.iter().position(|host| host.host.to_string() == marker));
    let rest = hosts.get(start.map_or(0, |start| start + 1)..).unwrap_or_default();
    let page = rest.get(..PAGE).unwrap_or(rest);
    let links = page.last().filter(|_| rest.len() > PAGE).map(|last| {
        json!([{"rel": "next", "href": format!("https://elsewhere.example/servers/detail?marker={}", last.host)}])
    });
    let servers = page.iter().map(|host| {
        let addresses = json!({"private": [{"addr": ip(host)}]});
        json!({"id": host.host.to_string(), "metadata": {"stamp": host.stamp}, "addresses": addresses})
    });
    json!({"servers": servers.collect::<Vec<_>>(), "servers_links": links})
}

fn hypervisors(hosts: &[ShownHost]) -> Value {
    let hypervisors = hosts.iter().map(
        |host| json!({"id": host.host.to_string(), "host_ip": ip(host), "hypervisor_hostname": host.stamp.to_string()}),
    );
    json!({"hypervisors": hypervisors.collect::<Vec<_>>()})
}

fn balancers(hosts: &[ShownHost]) -> Value {
    let balancers = hosts
        .iter()
        .map(|host| json!({"id": host.host.to_string(), "name": host.stamp.to_string(), "vip_address": ip(host)}));
    json!({"loadbalancers": balancers.collect::<Vec<_>>()})
}

fn listeners(hosts: &[ShownHost]) -> Value {
    let listeners = hosts.iter().map(|host| {
        let owner = json!([{"id": host.host.to_string()}]);
        json!({"protocol": "PROMETHEUS", "protocol_port": 9100, "loadbalancers": owner})
    });
    json!({"listeners": listeners.collect::<Vec<_>>()})
}

/// A role, and the label with the stamp.
const INSTANCE: (&str, &str) = ("instance", "__meta_openstack_tag_stamp");
const HYPERVISOR: (&str, &str) = ("hypervisor", "__meta_openstack_hypervisor_hostname");
const BALANCER: (&str, &str) = ("loadbalancer", "__meta_openstack_loadbalancer_name");

fn rehearsed((role, stamp): (&str, &'static str), scenario: &Scenario, seed: u64) -> Outcome {
    let entry = format!(
        "{{role: {role}, region: sim, identity_endpoint: '{CLOUD}/identity/v3', username: u, domain_id: d, \
         password: p, port: 9100, refresh_interval: 15s}}"
    );
    Rehearsal::new(scenario, seed)
        .expect("it makes sense")
        .site(format!("{CLOUD}/"), Cloud::default)
        .discoverer("cmdb", move |_| configured("openstack", &entry))
        .expect("they are in the scenario")
        .stamped_by("cmdb", stamp)
        .expect("they are real")
        .within(Span::mins(3))
        .run()
}

fn check(role: (&str, &'static str), fault: impl Fn(FaultKind) -> Fault) {
    for kind in super::http_faults() {
        let outcome = rehearsed(role, &scenario(BackendKind::Http).fault(fault(kind)), 1);
        let role = role.0;
        assert!(outcome.is_clean(), "{role}, {kind:?}: {:?}", outcome.violations);
        assert!(
            outcome.metrics.changes_learned > 20,
            "{role}, {kind:?}: {:?}",
            outcome.metrics
        );
    }
}

fn any_request_may_fail(role: (&str, &'static str)) {
    check(role, |kind| Fault::new(kind).rate(Ratio::percent(10)));
}

fn it_survives_minutes_of_trouble(role: (&str, &'static str)) {
    let lasts = SpanRange::between(Span::secs(20), Span::mins(3));
    check(role, |kind| Fault::new(kind).every(Span::mins(7)).lasts(lasts));
}

#[test]
fn of_instances_any_request_may_fail() {
    any_request_may_fail(INSTANCE);
}

#[test]
fn instances_survive_minutes_of_trouble() {
    it_survives_minutes_of_trouble(INSTANCE);
}

#[test]
fn of_hypervisors_any_request_may_fail() {
    any_request_may_fail(HYPERVISOR);
}

#[test]
fn hypervisors_survive_minutes_of_trouble() {
    it_survives_minutes_of_trouble(HYPERVISOR);
}

#[test]
fn of_load_balancers_any_request_may_fail() {
    any_request_may_fail(BALANCER);
}

#[test]
fn load_balancers_survive_minutes_of_trouble() {
    it_survives_minutes_of_trouble(BALANCER);
}
