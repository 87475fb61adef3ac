//! Mechanisms that list machines with a few requests, each under everything that can happen to them.
//!
//! Each has a server of its own, which lists a machine for each host. **None of them knows of a fault**: those happen on
//! the way, and to the hosts that a server is shown.

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{
    Answer, BackendKind, Fault, FaultKind, Hosts, Outcome, Page, Ratio, Rehearsal, Scenario, Shown, ShownHost, Site,
    Span, SpanRange,
};
use serde_json::{Value, json};

use super::{configured, scenario};

/// As many machines as a page has.
const PAGE: usize = 7;

/// A mechanism, and what it asks.
#[derive(Clone, Copy)]
pub(super) struct Listed {
    pub(super) mechanism: &'static str,
    pub(super) entry: &'static str,
    /// How the URLs of the server begin.
    pub(super) server: &'static str,
    pub(super) answer: fn(&HttpRequest, &[ShownHost]) -> Page,
    /// The label with what changes of a host.
    pub(super) stamp: &'static str,
}

impl Site for Listed {
    fn answer(&mut self, request: &HttpRequest, shown: &Shown) -> Answer {
        Answer::Now((self.answer)(request, &shown.hosts))
    }

    fn reset(&mut self) {}
}

impl Listed {
    pub(super) fn survives(self) {
        survives(self, self, (10, Span::mins(3)));
    }

    /// First so many of a hundred requests fail, then there are minutes of trouble. All arrives within this time.
    pub(super) fn survives_with(self, percent: u32, within: Span) {
        survives(self, self, (percent, within));
    }
}

fn rehearsed(site: impl Site + Copy + 'static, listed: Listed, scenario: &Scenario, within: Span) -> Outcome {
    Rehearsal::new(scenario, 1)
        .expect("it makes sense")
        .site(listed.server, move || site)
        .discoverer("cmdb", move |_| configured(listed.mechanism, listed.entry))
        .expect("they are in the scenario")
        .stamped_by("cmdb", listed.stamp)
        .expect("they are real")
        .within(within)
        .run()
}

/// A mechanism survives all that can happen to the requests to this site: first so many of a hundred fail, then there are
/// minutes of trouble. All arrives within this time.
pub(super) fn survives(site: impl Site + Copy + 'static, listed: Listed, bound: (u32, Span)) {
    // Addresses that nobody takes for none.
    let hosts = Hosts::new(20).zones(3).first_address(0x0a00_0000);
    survives_in(&scenario(BackendKind::Http).hosts(hosts), site, listed, bound);
}

/// The same in this scenario.
pub(super) fn survives_in(
    scenario: &Scenario,
    site: impl Site + Copy + 'static,
    listed: Listed,
    (percent, within): (u32, Span),
) {
    let lasts = SpanRange::between(Span::secs(20), Span::mins(3));
    let ways: [&dyn Fn(FaultKind) -> Fault; 2] = [&|kind| Fault::new(kind).rate(Ratio::percent(percent)), &|kind| {
        Fault::new(kind).every(Span::mins(7)).lasts(lasts)
    }];
    for fault in ways {
        for kind in super::http_faults() {
            let outcome = rehearsed(site, listed, &scenario.clone().fault(fault(kind)), within);
            let name = listed.mechanism;
            assert!(outcome.is_clean(), "{name}, {kind:?}: {:?}", outcome.violations);
            let learned = outcome.metrics.changes_learned;
            assert!(learned > 20, "{name}, {kind:?}: {:?}", outcome.metrics);
        }
    }
}

/// The number of a parameter of a request.
pub(super) fn parameter(request: &HttpRequest, name: &str) -> Option<usize> {
    let (_, query) = request.url.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name)?.1.parse().ok()
}

pub(super) fn ip(host: &ShownHost) -> &str {
    host.address.split(':').next().unwrap_or_default()
}

/// The hosts of a page, and where the next one begins.
pub(super) fn page(hosts: &[ShownHost], from: usize) -> (&[ShownHost], Option<usize>) {
    let rest = hosts.get(from..).unwrap_or_default();
    (
        rest.get(..PAGE).unwrap_or(rest),
        (rest.len() > PAGE).then_some(from + PAGE),
    )
}

#[test]
fn outscale() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let from = asked["NextPageToken"].as_str().and_then(|token| token.parse().ok());
        let (hosts, next) = page(hosts, from.unwrap_or_default());
        let vms = hosts.iter().map(|host| {
            json!({"VmId": host.host.to_string(), "PrivateIp": ip(host), "Tags": [{"Key": "stamp", "Value": host.stamp.to_string()}]})
        });
        let vms: Vec<Value> = vms.collect();
        Page::json(json!({"Vms": vms, "NextPageToken": next.map(|next| next.to_string())}).to_string())
    };
    let listed = Listed {
        mechanism: "outscale",
        entry: "{access_key: a, secret_key: s, port: 9100, refresh_interval: 15s}",
        server: "https://api.eu-west-2.outscale.com/",
        answer,
        stamp: "__meta_outscale_vm_tag_stamp",
    };
    listed.survives();
}

#[test]
fn ovhcloud() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let path = request.url.split_once("/1.0").map_or("", |(_, path)| path);
        let host = |name: &str| hosts.iter().find(|host| host.host.to_string() == name);
        let found = match path.trim_start_matches('/').split('/').collect::<Vec<_>>()[..] {
            ["auth", "time"] => Some(json!(1_764_417_600)),
            ["vps"] => Some(hosts.iter().map(|host| host.host.to_string()).collect()),
            ["vps", name] => host(name).map(|host| json!({"name": name, "displayName": host.stamp})),
            ["vps", name, "ips"] => host(name).map(|host| json!([ip(host)])),
            _ => None,
        };
        found.map_or(Page::text(404, "there is no such path\n"), |found| {
            Page::json(found.to_string())
        })
    };
    let listed = Listed {
        mechanism: "ovhcloud",
        entry: "{application_key: a, application_secret: s, consumer_key: c, service: vps, port: 9100, refresh_interval: 15s}",
        server: "https://eu.api.ovh.com/",
        answer,
        stamp: "__meta_ovhcloud_vps_display_name",
    };
    // There are forty requests in each refresh, and what never was there as a whole is waited for (B10).
    listed.survives_with(1, Span::mins(4));
}

#[test]
fn scaleway() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let number = request.url.split('&').find_map(|pair| pair.strip_prefix("page="));
        let number: usize = number.and_then(|number| number.parse().ok()).unwrap_or(1);
        // As if a page had no more.
        let (some, _) = page(hosts, (number - 1) * PAGE);
        let servers = some
            .iter()
            .map(|host| json!({"private_ip": ip(host), "name": host.stamp}));
        let servers = json!({"servers": servers.collect::<Vec<_>>()});
        Page::json(servers.to_string()).header("x-total-count", hosts.len().to_string())
    };
    let uuid = "11111111-1111-1111-1111-111111111111";
    let entry = format!(
        "{{role: instance, project_id: {uuid}, access_key: SCWXXXXXXXXXXXXXXXXX, secret_key: {uuid}, port: 9100, \
         refresh_interval: 15s}}"
    );
    let listed = Listed {
        mechanism: "scaleway",
        entry: entry.leak(),
        server: "https://api.scaleway.com/",
        answer,
        stamp: "__meta_scaleway_instance_name",
    };
    listed.survives();
}

#[test]
fn nomad() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        if request.url.contains("/v1/services") {
            return Page::json(r#"[{"Namespace": "default", "Services": [{"ServiceName": "web"}]}]"#);
        }
        let instances = hosts
            .iter()
            .map(|host| json!({"Address": ip(host), "Port": 9100, "ID": host.stamp}));
        Page::json(json!(instances.collect::<Vec<_>>()).to_string())
    };
    let listed = Listed {
        mechanism: "nomad",
        entry: "{refresh_interval: 15s}",
        server: "http://localhost:4646/",
        answer,
        stamp: "__meta_nomad_service_id",
    };
    listed.survives();
}

#[test]
fn eureka() {
    let answer = |_: &HttpRequest, hosts: &[ShownHost]| {
        let instances = hosts.iter().map(|host| {
            format!(
                "<instance><instanceId>{}</instanceId><hostName>{}</hostName><port enabled=\"true\">9100</port></instance>",
                host.stamp,
                ip(host)
            )
        });
        let app: String = instances.collect();
        let page = format!("<applications><application><name>A</name>{app}</application></applications>");
        Page::text(200, page)
    };
    let listed = Listed {
        mechanism: "eureka",
        entry: "{server: 'http://eureka.example', refresh_interval: 15s}",
        server: "http://eureka.example/",
        answer,
        stamp: "__meta_eureka_app_instance_id",
    };
    listed.survives();
}

#[test]
fn kuma() {
    // As if no version were the last one, so that nothing is waited for.
    let answer = |_: &HttpRequest, hosts: &[ShownHost]| {
        let kind = "type.googleapis.com/kuma.observability.v1.MonitoringAssignment";
        let targets = hosts
            .iter()
            .map(|host| json!({"name": host.stamp, "address": host.address}));
        let assignment = json!({"@type": kind, "targets": targets.collect::<Vec<_>>()});
        Page::json(json!({"version_info": "v", "type_url": kind, "resources": [assignment]}).to_string())
    };
    let listed = Listed {
        mechanism: "kuma",
        entry: "{server: 'http://kuma.example', client_id: c, refresh_interval: 15s, fetch_timeout: 15s}",
        server: "http://kuma.example/",
        answer,
        stamp: "__meta_kuma_dataplane",
    };
    listed.survives();
}

#[test]
fn uyuni() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let asked = String::from_utf8_lossy(&request.body);
        let list = |of: &dyn Fn(&ShownHost) -> String| {
            let values: String = hosts
                .iter()
                .map(|host| format!("<value><struct>{}</struct></value>", of(host)))
                .collect();
            format!("<array><data>{values}</data></array>")
        };
        let member = |name: &str, value: &str| format!("<member><name>{name}</name><value>{value}</value></member>");
        let id = |host: &ShownHost| format!("<int>{}</int>", host.host.to_string().trim_start_matches('h'));
        let value = if asked.contains("auth.login") {
            "<string>token</string>".to_owned()
        } else if asked.contains("listSystemGroups") {
            list(&|host| member("id", &id(host)))
        } else if asked.contains("listEndpoints") {
            list(&|host| {
                let port = member("port", "<int>9100</int>");
                member("system_id", &id(host)) + &port + &member("endpoint_name", &host.stamp)
            })
        } else {
            list(&|host| member("system_id", &id(host)) + &member("hostname", ip(host)))
        };
        let params = format!("<params><param><value>{value}</value></param></params>");
        Page::text(200, format!("<methodResponse>{params}</methodResponse>"))
    };
    let listed = Listed {
        mechanism: "uyuni",
        entry: "{server: 'http://uyuni.example', username: u, password: p, refresh_interval: 15s}",
        server: "http://uyuni.example/",
        answer,
        stamp: "__meta_uyuni_endpoint_name",
    };
    listed.survives();
}

#[test]
fn marathon() {
    let answer = |_: &HttpRequest, hosts: &[ShownHost]| {
        let tasks = hosts
            .iter()
            .map(|host| json!({"id": host.stamp, "host": ip(host), "ports": [9100]}));
        Page::json(json!({"apps": [{"id": "/web", "tasks": tasks.collect::<Vec<_>>()}]}).to_string())
    };
    let listed = Listed {
        mechanism: "marathon",
        entry: "{servers: ['http://marathon.example'], refresh_interval: 15s}",
        server: "http://marathon.example/",
        answer,
        stamp: "__meta_marathon_task",
    };
    listed.survives();
}
