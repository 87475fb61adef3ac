//! Clouds that list machines page by page, a cluster of Proxmox, and a node's kubelet, under everything that can happen to them: as in `listed`.

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{Page, ShownHost, Span};
use serde_json::{Value, json};

use super::listed::{Listed, ip, page, parameter};

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

/// One half of the guests are machines that say their addresses themselves, the other half containers with fixed ones.
#[test]
fn proxmox() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let path = request.url.strip_prefix("https://pve.example:8006/api2/json/");
        let path = path.and_then(|path| path.split('?').next()).unwrap_or_default();
        let kind = |host: &ShownHost| if host.host.0.is_multiple_of(2) { "qemu" } else { "lxc" };
        let host = |vmid: &str| hosts.iter().find(|host| host.host.0.to_string() == vmid);
        let data = match path.split('/').collect::<Vec<_>>()[..] {
            ["cluster", "resources"] => Some(json!(listed(hosts, |host| {
                let node = format!("pve{}", host.host.0 % 3);
                json!({"type": kind(host), "vmid": host.host.0, "name": host.stamp, "node": node, "status": "running"})
            }))),
            ["nodes", _, "qemu", vmid, "config"] => host(vmid).map(|_| json!({"agent": "1"})),
            ["nodes", _, "lxc", vmid, "config"] => {
                host(vmid).map(|host| json!({"net0": format!("name=eth0,ip={}/8", ip(host))}))
            }
            ["nodes", _, "lxc", vmid, "interfaces"] => host(vmid).map(|_| json!([])),
            ["nodes", _, "qemu", vmid, "agent", "network-get-interfaces"] => host(vmid).map(|host| {
                let addresses = json!([{"ip-address": ip(host)}]);
                json!({"result": [{"name": "eth0", "ip-addresses": addresses}]})
            }),
            _ => None,
        };
        data.map_or(Page::text(500, "there is no such guest\n"), |data| {
            Page::json(json!({"data": data}).to_string())
        })
    };
    let listed = Listed {
        mechanism: "proxmox",
        entry: "{servers: ['https://pve.example:8006'], token_id: 'a@pve!b', token_secret: s, port: 9100, refresh_interval: 15s}",
        server: "https://pve.example:8006/",
        answer,
        stamp: "__meta_proxmox_name",
    };
    // There are forty requests in each refresh.
    listed.survives_with(1, Span::mins(4));
}

#[test]
fn triton() {
    let answer = |_: &HttpRequest, hosts: &[ShownHost]| {
        let containers = listed(
            hosts,
            |host| json!({"vm_uuid": host.host.to_string(), "vm_alias": host.stamp}),
        );
        Page::json(json!({"containers": containers}).to_string())
    };
    let listed = Listed {
        mechanism: "triton",
        entry: "{account: a, dns_suffix: triton.example, endpoint: triton.example, refresh_interval: 15s}",
        server: "https://triton.example:9163/v1/discover",
        answer,
        stamp: "__meta_triton_machine_alias",
    };
    listed.survives();
}
