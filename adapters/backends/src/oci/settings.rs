//! What an entry of `oci_sd_configs` says.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_discoverer::{Discoverer, Env, Updates, rest};
use headcount_reader::{Fields, Given, HttpClientSettings, Mentioned, ProblemKind, SecretSource, Ways, join};

use super::{Oci, SKIPPED};
use crate::answers::Common;

/// What decrypts the key.
const PASSPHRASE: Ways = Ways {
    inline: "key_passphrase",
    file: "key_passphrase_file",
    reference: "key_passphrase_ref",
    all: "key_passphrase and key_passphrase_file",
};

/// One entry of `oci_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OciSd {
    pub(super) auth: Auth,
    pub(super) region: String,
    /// Sorted, each once. Empty for all that can be seen.
    pub(super) compartments: Vec<String>,
    pub(super) common: Common,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Auth {
    /// A user with a key.
    ApiKey {
        tenancy: String,
        user: String,
        fingerprint: String,
        key_file: PathBuf,
        passphrase: Option<SecretSource>,
    },
    /// The instance on which this runs.
    InstancePrincipal,
}

impl Mechanism for OciSd {
    const NAME: &'static str = "oci";
    const SUMMARY: &'static str = "the compute instances of Oracle Cloud Infrastructure";
    const METRICS: &'static [Definition] = &[SKIPPED];

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let region = read_region(fields);
        let auth = read_auth(fields, place);
        let mut compartments = Vec::new();
        if let Some(at) = fields.take("compartments") {
            for (id, position) in at.texts().unwrap_or_default() {
                if id.is_empty() {
                    at.report_at(position, "", ProblemKind::EmptyEntry);
                }
                compartments.push(id);
            }
        }
        compartments.sort();
        compartments.dedup();
        let common = Common::read(fields, place);
        Some(Self {
            auth: auth?,
            region: region?,
            compartments,
            common: Common {
                // The signature says who asks, as in Prometheus; nobody else is to hear what else is written.
                client: HttpClientSettings {
                    basic_auth: None,
                    authorization: None,
                    oauth2: None,
                    ..common.client
                },
                ..common
            },
        })
    }

    fn describe(&self) -> String {
        let region = &self.region;
        match (&self.auth, self.compartments.as_slice()) {
            (Auth::ApiKey { tenancy, .. }, []) => format!("instances of {tenancy} in {region}"),
            (Auth::InstancePrincipal, []) => format!("instances of this one's tenancy in {region}"),
            (_, [only]) => format!("instances of {only} in {region}"),
            (_, [first, rest @ ..]) => format!("instances of {first} and {} more in {region}", rest.len()),
        }
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.common.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(async move |env: Env, updates: Updates| {
            env.metrics.add(SKIPPED, &[], 0.0);
            let interval = self.common.refresh_interval;
            rest::run(interval, Arc::new(Oci::new(self)), env, updates).await;
        })
    }
}

/// The region, which becomes a part of hosts' names.
fn read_region(fields: &mut Fields<'_>) -> Option<String> {
    let Some(at) = fields.take_some("region") else {
        fields.at().report(ProblemKind::Missing { field: "region" });
        return None;
    };
    let region = at.text()?.to_ascii_lowercase();
    if region.is_empty() {
        fields.at().report(ProblemKind::Missing { field: "region" });
        return None;
    }
    if !region
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
    {
        at.report(ProblemKind::Rule(
            "a region has letters, digits and - only, such as eu-frankfurt-1",
        ));
        return None;
    }
    Some(region)
}

fn read_auth(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Auth> {
    let method = match fields.take_some("auth") {
        None => "api_key".to_owned(),
        Some(at) => {
            let method = at.text()?;
            if !matches!(method.as_str(), "api_key" | "instance_principal") {
                at.report(ProblemKind::NotOneOf {
                    found: method,
                    allowed: "api_key, instance_principal",
                });
                return None;
            }
            method
        }
    };
    if method == "instance_principal" {
        for name in [
            "tenancy",
            "user",
            "fingerprint",
            "key_file",
            "key_passphrase",
            "key_passphrase_file",
        ] {
            let at = fields.take_some(name);
            if let Some(at) = at.filter(|at| at.text().is_some_and(|text| !text.is_empty())) {
                let other = "auth: instance_principal";
                at.report(ProblemKind::Excludes { other });
            }
        }
        return Some(Auth::InstancePrincipal);
    }
    let mut some = |field| {
        let text = fields.some_text(field);
        if text.is_none() {
            fields.at().report(ProblemKind::Missing { field });
        }
        text
    };
    let (tenancy, user, fingerprint) = (some("tenancy"), some("user"), some("fingerprint"));
    let key_at = fields.take_some("key_file");
    let key_file = key_at.as_ref().and_then(|at| at.text()).filter(|path| !path.is_empty());
    if key_file.is_none() {
        fields.at().report(ProblemKind::Missing { field: "key_file" });
    }
    let key_file = key_file.map(|path| join(place.folder, &path));
    if let (Some(at), Some(path)) = (&key_at, &key_file) {
        at.mention(Mentioned::File(path.clone()));
    }
    let passphrase = Given::read(fields, place.folder, PASSPHRASE).map(Given::into_secret);
    Some(Auth::ApiKey {
        tenancy: tenancy?,
        user: user?,
        fingerprint: fingerprint?,
        key_file: key_file?,
        passphrase,
    })
}
