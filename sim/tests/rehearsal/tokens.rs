//! Mechanisms whose servers want a token: listed as in `listed`, with a login before, under everything that can happen to both.
//!
//! **A token says in it when it was given**, so that a server needs to remember none. Each lasts for minutes, and some are
//! withdrawn long before their time: both have to be got anew in the middle of a run.

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{Answer, Page, Shown, ShownHost, Site, Span};
use serde_json::{Value, json};

use super::listed::{Listed, ip, page, parameter, survives};

/// For how long a token is good, as it says.
const SAID: Span = Span::mins(12);
/// For how long every other one is.
const WITHDRAWN_AFTER: Span = Span::secs(70);

/// The private key of a service account of STACKIT.
const KEY: &str = include_str!("../../../adapters/backends/src/stackit/testdata/key.pem");

/// A token that is given now.
struct Given {
    at: Span,
}

impl Given {
    fn text(&self) -> String {
        format!("token-{}", seconds(self.at))
    }

    /// As OAuth has it.
    fn oauth(&self) -> Page {
        Page::json(
            json!({"access_token": self.text(), "expires_in": seconds(SAID), "token_type": "Bearer"}).to_string(),
        )
    }

    /// Whether a token is good by now.
    fn is_good(token: &str, now: Span) -> bool {
        let given: Option<u64> = token.strip_prefix("token-").and_then(|given| given.parse().ok());
        given.is_some_and(|given| {
            let lasts = if given.is_multiple_of(2) { SAID } else { WITHDRAWN_AFTER };
            seconds(now) < given + seconds(lasts)
        })
    }
}

/// What is listed for those with a token alone.
#[derive(Clone, Copy)]
struct Guarded {
    listed: Listed,
    /// Answers who asks for a token.
    log_in: fn(&HttpRequest, &Given) -> Option<Page>,
}

impl Site for Guarded {
    fn answer(&mut self, request: &HttpRequest, shown: &Shown) -> Answer {
        if let Some(page) = (self.log_in)(request, &Given { at: shown.at }) {
            return Answer::Now(page);
        }
        let header = request.headers.iter().find(|(name, _)| name == "Authorization");
        let token = header.and_then(|(_, value)| value.strip_prefix("Bearer "));
        if token.is_some_and(|token| Given::is_good(token, shown.at)) {
            return self.listed.answer(request, shown);
        }
        Answer::Now(Page::text(401, "who are you?\n"))
    }
}

impl Listed {
    fn survives_with_logins(self, log_in: fn(&HttpRequest, &Given) -> Option<Page>) {
        survives(Guarded { listed: self, log_in }, self, (3, Span::mins(4)));
    }
}

pub(super) const fn seconds(span: Span) -> u64 {
    span.as_nanos() / 1_000_000_000
}

pub(super) fn no_such_path() -> Page {
    Page::text(404, "there is no such path\n")
}

/// Half of the hosts: in Azure those of a scale set, elsewhere those of a folder or compartment.
pub(super) fn half(hosts: &[ShownHost], remainder: u32) -> Vec<ShownHost> {
    hosts
        .iter()
        .filter(|host| host.host.0 % 2 == remainder)
        .cloned()
        .collect()
}

/// One half of the machines is in a scale set, and the other half on its own.
#[test]
fn azure() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let path = request
            .url
            .strip_prefix("https://management.azure.com/subscriptions/s/");
        let path = path.and_then(|path| path.split('?').next()).unwrap_or_default();
        let set = "resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/set";
        let interface = |host: &ShownHost| format!("/subscriptions/s/nics/{}", host.host);
        let machine = |host: &ShownHost| {
            let network = json!({"networkInterfaces": [{"id": interface(host)}]});
            json!({"id": format!("/x/{}", host.host), "tags": {"stamp": host.stamp}, "properties": {"networkProfile": network}})
        };
        let network_interface = |host: &ShownHost| {
            let configuration = json!({"properties": {"privateIPAddress": ip(host)}});
            json!({"id": interface(host), "properties": {"primary": true, "ipConfigurations": [configuration]}})
        };
        let is_of_set = path.starts_with(set);
        let hosts = half(hosts, u32::from(is_of_set));
        let kind = path.rsplit('/').next().unwrap_or_default();
        let (hosts, next) = page(&hosts, parameter(request, "skip").unwrap_or_default());
        let items: Vec<Value> = match kind {
            "virtualMachineScaleSets" => vec![json!({"id": format!("/subscriptions/s/{set}"), "name": "set"})],
            "virtualMachines" => hosts.iter().map(machine).collect(),
            "networkInterfaces" => hosts.iter().map(network_interface).collect(),
            _ => return no_such_path(),
        };
        let next = next.filter(|_| kind != "virtualMachineScaleSets");
        let first = request.url.split("&skip").next().unwrap_or_default();
        let next = next.map(|next| format!("{first}&skip={next}"));
        Page::json(json!({"value": items, "nextLink": next}).to_string())
    };
    let listed = Listed {
        mechanism: "azure",
        entry: "{subscription_id: s, tenant_id: t, client_id: c, client_secret: p, port: 9100, refresh_interval: 15s}",
        server: "https://",
        answer,
        stamp: "__meta_azure_machine_tag_stamp",
    };
    listed.survives_with_logins(|request, given| {
        (request.url == "https://login.microsoftonline.com/t/oauth2/v2.0/token").then(|| given.oauth())
    });
}

/// The instances of a zone.
pub(super) fn zone(request: &HttpRequest, hosts: &[ShownHost]) -> Page {
    if !request
        .url
        .starts_with("https://compute.googleapis.com/compute/v1/projects/p/zones/z/instances?")
    {
        return no_such_path();
    }
    let (hosts, next) = page(hosts, parameter(request, "pageToken").unwrap_or_default());
    let instances = hosts
        .iter()
        .map(|host| json!({"name": host.stamp, "networkInterfaces": [{"networkIP": ip(host)}]}));
    let mut list = json!({"kind": "compute#instanceList", "items": instances.collect::<Vec<_>>()});
    if let Some(next) = next {
        list["nextPageToken"] = next.to_string().into();
    }
    Page::json(list.to_string())
}

/// Asked as the machine on which this runs.
#[test]
fn gce() {
    let listed = Listed {
        mechanism: "gce",
        entry: "{project: p, zone: z, port: 9100, refresh_interval: 15s}",
        server: "http",
        answer: zone,
        stamp: "__meta_gce_instance_name",
    };
    listed.survives_with_logins(lent);
}

/// Folders are found by way of an organization and a cloud.
#[test]
fn yandexcloud() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        let path = request.url.split('?').next().unwrap_or_default();
        let list = match path {
            "https://sim.example:443/organization-manager/v1/organizations" => json!({"organizations": [{"id": "o"}]}),
            "https://sim.example:443/resource-manager/v1/clouds" => json!({"clouds": [{"id": "c"}]}),
            "https://sim.example:443/resource-manager/v1/folders" => json!({"folders": [{"id": "f0"}, {"id": "f1"}]}),
            "https://sim.example:443/compute/v1/instances" => {
                let hosts = half(hosts, u32::from(request.url.contains("folderId=f1")));
                let (hosts, next) = page(&hosts, parameter(request, "pageToken").unwrap_or_default());
                let instances = hosts
                    .iter()
                    .map(|host| json!({"name": host.stamp, "fqdn": format!("{}.internal", host.host)}));
                let instances: Vec<Value> = instances.collect();
                json!({"instances": instances, "nextPageToken": next.map(|next| next.to_string())})
            }
            _ => return no_such_path(),
        };
        Page::json(list.to_string())
    };
    let listed = Listed {
        mechanism: "yandexcloud",
        entry: "{service: compute, refresh_interval: 15s}",
        server: "http",
        answer,
        stamp: "__meta_yandexcloud_instance_name",
    };
    listed.survives_with_logins(|request, given| {
        if request.url == "https://api.cloud.yandex.net/endpoints" {
            let services = ["compute", "iam", "organization-manager", "resource-manager"];
            let services = services.map(|id| json!({"id": id, "address": "sim.example:443"}));
            return Some(Page::json(json!({"endpoints": services}).to_string()));
        }
        lent(request, given)
    });
}

/// As a service account, which signs a statement of itself for each token.
#[test]
fn stackit() {
    let answer = |request: &HttpRequest, hosts: &[ShownHost]| {
        if request.url != "https://iaas.api.eu01.stackit.cloud/v1/projects/p/servers?details=true" {
            return no_such_path();
        }
        let servers = hosts
            .iter()
            .map(|host| json!({"name": host.stamp, "nics": [{"ipv4": ip(host)}]}));
        Page::json(json!({"items": servers.collect::<Vec<_>>()}).to_string())
    };
    let account = json!({"credentials": {"kid": "k", "iss": "a", "sub": "s", "aud": "b", "privateKey": KEY}});
    let entry = format!("{{project: p, service_account_key: '{account}', port: 9100, refresh_interval: 15s}}");
    let listed = Listed {
        mechanism: "stackit",
        entry: entry.leak(),
        server: "https://",
        answer,
        stamp: "__meta_stackit_name",
    };
    listed.survives_with_logins(|request, given| {
        let is_statement = request.body.starts_with(b"assertion=ey");
        let asks = is_statement && request.url == "https://service-account.api.stackit.cloud/token";
        asks.then(|| given.oauth())
    });
}

/// The metadata service of Google's machines, and of Yandex's.
fn lent(request: &HttpRequest, given: &Given) -> Option<Page> {
    let lends = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token";
    request.url.starts_with(lends).then(|| given.oauth())
}
