//! What an entry of `scaleway_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, ProblemKind, SecretSource};

use super::{SKIPPED, Scaleway};
use crate::answers::{Common, ServerUrl, Ways, read_secret, warn_of_own};

/// Where Scaleway is asked if the entry says nothing; Prometheus's.
const DEFAULT_URL: &str = "https://api.scaleway.com";
/// The zone if the entry says nothing; Prometheus's.
const DEFAULT_ZONE: &str = "fr-par-1";
const SECRET_KEY: Ways = Ways {
    inline: "secret_key",
    file: "secret_key_file",
    both: "secret_key and secret_key_file",
};

/// One entry of `scaleway_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScalewaySd {
    pub(super) role: Role,
    pub(super) project: String,
    /// Headcount's own: whether only the project's servers are listed.
    pub(super) is_of_project: bool,
    pub(super) zone: String,
    pub(super) url: ServerUrl,
    pub(super) secret_key: SecretSource,
    /// Empty for none.
    pub(super) name: String,
    pub(super) tags: Vec<String>,
    pub(super) common: Common,
}

/// What is discovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    Instance,
    Baremetal,
}

impl Mechanism for ScalewaySd {
    const NAME: &'static str = "scaleway";
    const SUMMARY: &'static str = "instances and bare-metal servers of Scaleway";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let role = read_role(fields);
        let project = read_shaped(fields, "project_id", is_uuid, "the project's id is a UUID");
        let access_key = read_shaped(
            fields,
            "access_key",
            is_access_key,
            "the access key is SCW and 17 capital letters or digits",
        );
        let secret_key = read_secret_key(fields, place);
        let zone = read_zone(fields);
        let url = read_url(fields);
        let own_at = fields.take("filter_by_project");
        if let Some(at) = &own_at {
            warn_of_own(at, place);
        }
        let is_of_project = own_at.and_then(|at| at.flag()).unwrap_or_default();
        let name = fields.text("name_filter").unwrap_or_default();
        let tags = fields.texts("tags_filter").unwrap_or_default();
        let common = Common::read(fields, place);
        // Who asks is known by the secret key alone.
        access_key?;
        Some(Self {
            role: role?,
            project: project?,
            is_of_project,
            zone: zone?,
            url: url?,
            secret_key: secret_key?,
            name,
            tags: tags.into_iter().map(|(tag, _)| tag).collect(),
            common,
        })
    }

    fn describe(&self) -> String {
        let what = match self.role {
            Role::Instance => "instances",
            Role::Baremetal => "bare-metal servers",
        };
        format!("{what} of {}", self.zone)
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.common.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            let interval = self.common.refresh_interval;
            rest::run(interval, Arc::new(Scaleway::new(self)), env, updates).await;
        })
    }
}

fn read_role(fields: &mut Fields<'_>) -> Option<Role> {
    let Some(at) = fields.take_some("role") else {
        fields.at().report(ProblemKind::Missing { field: "role" });
        return None;
    };
    match at.text()?.as_str() {
        "instance" => Some(Role::Instance),
        "baremetal" => Some(Role::Baremetal),
        found => {
            at.report(ProblemKind::NotOneOf {
                found: found.to_owned(),
                allowed: "instance, baremetal",
            });
            None
        }
    }
}

/// A text that has to be there, in a shape that Scaleway's own library demands.
fn read_shaped(
    fields: &mut Fields<'_>,
    name: &'static str,
    has_shape: fn(&str) -> bool,
    rule: &'static str,
) -> Option<String> {
    let at = fields.take(name);
    let text = at.as_ref().and_then(|at| at.text()).filter(|text| !text.is_empty());
    let (Some(at), Some(text)) = (at, text) else {
        fields.at().report(ProblemKind::Missing { field: name });
        return None;
    };
    if !has_shape(&text) {
        at.report(ProblemKind::Rule(rule));
        return None;
    }
    Some(text)
}

fn read_secret_key(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<SecretSource> {
    let secret = read_secret(fields, place, SECRET_KEY)?;
    match &secret {
        None => fields.at().report(ProblemKind::Missing { field: "secret_key" }),
        Some(SecretSource::Inline(secret)) if !is_uuid(secret.reveal()) => {
            fields.at().report(ProblemKind::Rule("the secret key is a UUID"));
            return None;
        }
        Some(_) => {}
    }
    secret
}

fn read_zone(fields: &mut Fields<'_>) -> Option<String> {
    let Some(at) = fields.take("zone") else {
        return Some(DEFAULT_ZONE.to_owned());
    };
    let zone = at.text()?;
    if !is_zone(&zone) {
        at.report(ProblemKind::Rule("a zone is a region and a number, such as fr-par-1"));
        return None;
    }
    Some(zone)
}

fn read_url(fields: &mut Fields<'_>) -> Option<ServerUrl> {
    let Some(at) = fields.take("api_url") else {
        return Some(ServerUrl::new(DEFAULT_URL));
    };
    let text = at.text()?;
    if text.ends_with('/') {
        at.report(ProblemKind::Rule("the URL must not end in a slash"));
        return None;
    }
    ServerUrl::read(&at, &text)
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn is_access_key(text: &str) -> bool {
    let rest = text.strip_prefix("SCW").unwrap_or_default();
    rest.len() == 17
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// `fr-par-1`
fn is_zone(text: &str) -> bool {
    let is_of = |part: &str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_lowercase());
    match text.split('-').collect::<Vec<_>>()[..] {
        [country, city, number] => {
            let is_number = number.len() == 1 && number.bytes().all(|byte| matches!(byte, b'1'..=b'9'));
            is_of(country, 2) && is_of(city, 3) && is_number
        }
        _ => false,
    }
}
