//! Clouds that list machines page by page, and a node's kubelet, under everything that can happen to them: as in `listed`.

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{Page, ShownHost};
use serde_json::{Value, json};

use super::listed::{Listed, ip, page};

/// The number of a parameter of a request.
fn parameter(request: &HttpRequest, name: &str) -> Option<usize> {
    let (_, query) = request.url.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name)?.1.parse().ok()
}

/// The hosts of the page that `page=` asks for, which counts from 1, and the number of the next.
fn numbered<'a>(request: &HttpRequest, hosts: &'a [ShownHost]) -> (&'a [ShownHost], Option<usize>) {
    let number = parameter(request, "page").unwrap_or(1);
    let (first, _) = page(hosts, 0);
    let (some, next) = page(hosts, first.len() * (number - 1));
    (some, next.map(|_| number + 1))
}

fn listed(hosts: &[ShownHost], machine: impl Fn(&ShownHost) -> Value) -> Vec<Value> {
    hosts.iter().map(machine).collect()
}

#[test]
fn digitalocean() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let (hosts, next) = numbered(request, hosts);
        let droplets = listed(
            hosts,
            |host| json!({"id": 1, "name": host.stamp, "networks": {"v4": [{"type": "public", "ip_address": ip(host)}]}}),
        );
        let pages = next.map_or(json!({}), |next| json!({"next": format!("https://x/?page={next}")}));
        Page::json(json!({"droplets": droplets, "links": {"pages": pages}}).to_string())
    };
    let listed = Listed {
        mechanism: "digitalocean",
        entry: "{port: 9100, refresh_interval: 15s}",
        server: "https://api.digitalocean.com/",
        answer,
        stamp: "__meta_digitalocean_droplet_name",
    };
    listed.survives();
}

#[test]
fn hetzner() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        if request.url.contains("/networks") {
            return Page::json(r#"{"networks": []}"#);
        }
        let (hosts, next) = numbered(request, hosts);
        let servers = listed(
            hosts,
            |host| json!({"id": 1, "name": host.stamp, "public_net": {"ipv4": {"ip": ip(host)}}}),
        );
        Page::json(json!({"servers": servers, "meta": {"pagination": {"next_page": next}}}).to_string())
    };
    let listed = Listed {
        mechanism: "hetzner",
        entry: "{role: hcloud, port: 9100, refresh_interval: 15s}",
        server: "https://api.hetzner.cloud/",
        answer,
        stamp: "__meta_hetzner_server_name",
    };
    listed.survives();
}

#[test]
fn ionos() {
    let answer = |_: &HttpRequest, hosts: &[ShownHost]| {
        let items = listed(hosts, |host| {
            let nic = json!({"properties": {"ips": [ip(host)]}});
            json!({"id": "s", "properties": {"name": host.stamp}, "entities": {"nics": {"items": [nic]}}})
        });
        Page::json(json!({"id": "d/servers", "items": items}).to_string())
    };
    let listed = Listed {
        mechanism: "ionos",
        entry: "{datacenter_id: d, port: 9100, refresh_interval: 15s}",
        server: "https://api.ionos.com/",
        answer,
        stamp: "__meta_ionos_server_name",
    };
    listed.survives();
}

#[test]
fn linode() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let data = if request.url.contains("/ips") {
            listed(hosts, |host| json!({"address": ip(host), "public": true}))
        } else if request.url.contains("/ranges") {
            Vec::new()
        } else {
            listed(hosts, |host| json!({"id": 1, "label": host.stamp, "ipv4": [ip(host)]}))
        };
        Page::json(json!({"data": data, "page": 1, "pages": 1}).to_string())
    };
    let listed = Listed {
        mechanism: "linode",
        entry: "{port: 9100, refresh_interval: 15s}",
        server: "https://api.linode.com/",
        answer,
        stamp: "__meta_linode_instance_label",
    };
    listed.survives();
}

#[test]
fn vultr() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let (hosts, next) = page(hosts, parameter(request, "cursor").unwrap_or_default());
        let instances = listed(
            hosts,
            |host| json!({"id": "i", "label": host.stamp, "main_ip": ip(host)}),
        );
        let next = next.map_or_else(String::new, |next| next.to_string());
        Page::json(json!({"instances": instances, "meta": {"links": {"next": next}}}).to_string())
    };
    let listed = Listed {
        mechanism: "vultr",
        entry: "{port: 9100, refresh_interval: 15s}",
        server: "https://api.vultr.com/",
        answer,
        stamp: "__meta_vultr_instance_label",
    };
    listed.survives();
}

#[test]
fn kubelet() {
    let answer = |_: &HttpRequest, hosts: &[ShownHost]| {
        let pods = listed(hosts, |host| {
            json!({
                "metadata": {"namespace": "n", "name": host.stamp, "uid": host.host.to_string()},
                "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 9100}]}]},
                "status": {"podIP": ip(host), "phase": "Running"},
            })
        });
        Page::json(json!({"kind": "PodList", "items": pods}).to_string())
    };
    let listed = Listed {
        mechanism: "kubelet",
        entry: "{url: 'http://kubelet.example', refresh_interval: 15s}",
        server: "http://kubelet.example/",
        answer,
        stamp: "__meta_kubernetes_pod_name",
    };
    listed.survives();
}
