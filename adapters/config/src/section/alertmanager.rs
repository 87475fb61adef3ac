//! `alerting.alertmanagers`: where alerts are sent, and how those places are discovered.

use std::time::Duration;

use headcount_core::relabel::{NameValidation, RelabelRule, Relabeling};
use headcount_discoverer::mechanism::SdConfig;
use headcount_reader::{Fields, HttpClientSettings, ProblemKind};

use super::Reading;
use super::other::check_sigv4;
use super::relabel::{RelabelRules, Subject};

/// One entry of `alerting.alertmanagers`.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertmanagerConfig {
    /// `scheme`; `http` unless said otherwise.
    pub scheme: String,
    /// `path_prefix`.
    pub path_prefix: String,
    /// `timeout`; ten seconds unless said otherwise.
    pub timeout: Duration,
    /// How requests are sent.
    pub client: HttpClientSettings,
    /// How Alertmanagers are discovered, in Prometheus's order.
    pub sd: Vec<SdConfig>,
    /// `relabel_configs`.
    pub relabel_configs: Relabeling,
    /// `alert_relabel_configs`.
    pub alert_relabel_configs: Vec<RelabelRule>,
}

impl AlertmanagerConfig {
    pub(crate) fn read(fields: &mut Fields<'_>, names: NameValidation, reading: Reading<'_>) -> Self {
        if let Some(at) = fields.take_some("api_version")
            && let Some(version) = at.text()
            && version != "v2"
        {
            at.report(ProblemKind::NotOneOf {
                found: version,
                allowed: "v2",
            });
        }
        let client = HttpClientSettings::read(fields, reading.folder);
        if let Some(at) = fields.take_some("sigv4") {
            if client.authenticates() {
                at.report(ProblemKind::Conflict {
                    fields: "basic_auth, authorization, oauth2 and sigv4",
                });
            }
            // headcount sends no alerts, so this is checked and forgotten.
            if let Some(mut inside) = at.fields() {
                check_sigv4(&mut inside);
                inside.finish();
            }
        }
        let relabel = RelabelRules::of(fields, "relabel_configs", reading.dialect);
        let alert_relabel = RelabelRules::of(fields, "alert_relabel_configs", reading.dialect);
        Self {
            scheme: fields.text("scheme").unwrap_or_else(|| "http".to_owned()),
            path_prefix: fields.text("path_prefix").unwrap_or_default(),
            timeout: fields.duration("timeout").unwrap_or(Duration::from_secs(10)),
            client,
            sd: reading.mechanisms.read(fields, reading, !relabel.is_empty()),
            relabel_configs: relabel.compile(names, Subject::Targets),
            alert_relabel_configs: alert_relabel.check(names, Subject::Metrics),
        }
    }
}
