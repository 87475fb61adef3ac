//! `oci`, under everything that can happen to its requests: compartments, and in each the instances, their attachments, and
//! the interfaces one by one. Once with the key of a user, once as the instance on which it runs.

use headcount_discoverer::env::HttpRequest;
use headcount_sim::{
    Answer, BackendKind, Fault, FaultKind, Hosts, Outcome, Page, Ratio, Rehearsal, Shown, ShownHost, Site, Span,
    SpanRange,
};
use serde_json::{Value, json};

use super::listed::{ip, page, parameter};
use super::tokens::{half, no_such_path, seconds};
use super::{configured, http_faults, scenario};

const KEY: &str = include_str!("../../../adapters/backends/src/bearer/testdata/rsa.pem");
const LEAF: &str = include_str!("../../../adapters/backends/src/oci/testdata/leaf.pem");
const COMPUTE: &str = "https://iaas.eu-frankfurt-1.oraclecloud.com/20160918/";
/// The tenancy that the certificate names.
const TENANCY: &str = "ocid1.tenancy.oc1..tttt";
const USER: &str = "{region: eu-frankfurt-1, tenancy: ocid1.tenancy.oc1..tttt, user: u, fingerprint: 'aa:bb', key_file: /key.pem, \
                    port: 9100, refresh_interval: 60s}";
const PRINCIPAL: &str = "{region: eu-frankfurt-1, auth: instance_principal, port: 9100, refresh_interval: 60s}";

/// The seconds since 1970 at which a virtual world begins.
const BEGINNING: u64 = 1_767_225_600;
/// How long tokens last, and how long they say that they do.
const LASTS: Span = Span::mins(9);
const SAYS: Span = Span::mins(25);

/// A tenancy: half of the hosts are in itself, the others in a compartment.
#[derive(Clone, Copy)]
struct Tenancy {
    entry: &'static str,
}

impl Site for Tenancy {
    fn answer(&mut self, request: &HttpRequest, shown: &Shown) -> Answer {
        let url = request.url.as_str();
        Answer::Now(match url {
            "http://169.254.169.254/opc/v2/instance/region" => Page::text(200, "fra"),
            "http://169.254.169.254/opc/v2/identity/key.pem" => Page::text(200, KEY),
            "http://169.254.169.254/opc/v2/identity/cert.pem"
            | "http://169.254.169.254/opc/v2/identity/intermediate.pem" => Page::text(200, LEAF),
            "https://auth.eu-frankfurt-1.oraclecloud.com/v1/x509" => {
                Page::json(json!({"token": token(shown.at)}).to_string())
            }
            _ if !self.knows(request, shown.at) => Page::text(401, "who are you?\n"),
            _ if url.starts_with("https://identity.eu-frankfurt-1.oci.oraclecloud.com/20160918/compartments?") => {
                Page::json(json!([{"id": "c", "lifecycleState": "ACTIVE"}]).to_string())
            }
            _ => url.strip_prefix(COMPUTE).map_or_else(no_such_path, |path| {
                let hosts = half(&shown.hosts, u32::from(path.contains("compartmentId=c&")));
                resource(request, path, &shown.hosts, &hosts)
            }),
        })
    }
}

impl Tenancy {
    /// Whether a request is signed by whom it says. How is tested where it is done.
    fn knows(self, request: &HttpRequest, now: Span) -> bool {
        let header = request.headers.iter().find(|(name, _)| name == "Authorization");
        let key = header.and_then(|(_, value)| value.split("keyId=\"").nth(1)?.split('"').next());
        let key = key.unwrap_or_default();
        match self.entry {
            USER => key == format!("{TENANCY}/u/aa:bb"),
            _ => {
                let given = key.rsplit('-').next().and_then(|given| given.parse::<u64>().ok());
                given.is_some_and(|given| seconds(now) < given + seconds(LASTS))
            }
        }
    }

    fn rehearsed(self, fault: Fault) -> Outcome {
        let hosts = Hosts::new(12).zones(3).first_address(0x0a00_0000);
        let scenario = scenario(BackendKind::Http).hosts(hosts).fault(fault);
        Rehearsal::new(&scenario, 1)
            .expect("it makes sense")
            .site("http", move || self)
            .file("/key.pem", |_| KEY.into())
            .discoverer("cmdb", move |_| configured("oci", self.entry))
            .expect("they are in the scenario")
            .stamped_by("cmdb", "__meta_oci_instance_name")
            .expect("they are real")
            .within(Span::mins(4))
            .run()
    }

    fn survives(self, fault: Fault) {
        let outcome = self.rehearsed(fault.clone());
        assert!(outcome.is_clean(), "{fault:?}: {:?}", outcome.violations);
        assert!(outcome.metrics.changes_learned > 20, "{fault:?}: {:?}", outcome.metrics);
    }
}

/// A JSON web token that says when it ends, and in its signature's place when it was given.
fn token(now: Span) -> String {
    let end = BEGINNING + seconds(now) + seconds(SAYS);
    format!("e30.{}.x-{}", base64(&json!({"exp": end}).to_string()), seconds(now))
}

/// As web tokens have it: of letters alone, without padding.
fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let of_three = |bytes: &[u8]| {
        let bits = bytes.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - bytes.len()));
        let letter = move |place: usize| char::from(LETTERS[(bits >> (18 - 6 * place)) as usize & 63]);
        (0..=bytes.len()).map(letter).collect::<String>()
    };
    text.as_bytes().chunks(3).map(of_three).collect()
}

fn resource(request: &HttpRequest, path: &str, all: &[ShownHost], hosts: &[ShownHost]) -> Page {
    if let Some(id) = path.strip_prefix("vnics/v") {
        let host = all.iter().find(|host| host.host.0.to_string() == id);
        return host.map_or_else(no_such_path, |host| {
            Page::json(json!({"id": "v", "isPrimary": true, "privateIp": ip(host)}).to_string())
        });
    }
    let (hosts, next) = page(hosts, parameter(request, "page").unwrap_or_default());
    let id = |host: &ShownHost| format!("i{}", host.host.0);
    let instance = |host: &ShownHost| json!({"id": id(host), "displayName": host.stamp, "lifecycleState": "RUNNING"});
    let attachment = |host: &ShownHost| json!({"instanceId": id(host), "vnicId": format!("v{}", host.host.0), "lifecycleState": "ATTACHED"});
    let items: Vec<Value> = match path.split('?').next() {
        Some("instances") => hosts.iter().map(instance).collect(),
        Some("vnicAttachments") => hosts.iter().map(attachment).collect(),
        _ => return no_such_path(),
    };
    let list = Page::json(json!(items).to_string());
    match next {
        Some(next) => list.header("opc-next-page", next.to_string()),
        None => list,
    }
}

#[test]
fn a_user_survives_single_failures_and_minutes_of_trouble() {
    let user = Tenancy { entry: USER };
    let lasts = SpanRange::between(Span::secs(20), Span::mins(3));
    for kind in http_faults() {
        user.survives(Fault::new(kind).rate(Ratio::percent(2)));
        user.survives(Fault::new(kind).every(Span::mins(7)).lasts(lasts));
    }
}

/// Faults that a login can meet as well. Each token needs a new key, which takes its time to make.
#[test]
fn an_instance_gets_itself_new_tokens_in_the_middle_of_trouble() {
    let status = |code| FaultKind::Status {
        code,
        retry_after: None,
    };
    let wall_jump = http_faults()
        .into_iter()
        .find(|kind| matches!(kind, FaultKind::WallJump { .. }));
    let kinds = [
        FaultKind::Drop,
        FaultKind::Truncated,
        FaultKind::Garbled,
        status(401),
        status(500),
    ];
    for kind in kinds.into_iter().chain(wall_jump) {
        let principal = Tenancy { entry: PRINCIPAL };
        principal.survives(
            Fault::new(kind)
                .every(Span::mins(10))
                .lasts(SpanRange::exactly(Span::mins(2))),
        );
    }
}
