//! Service discovery: every `*_sd_configs` list, and `static_configs`.

use headcount_core::planted;
use headcount_discoverer::mechanism::{Place, Registry, SdConfig, Unsupported};
use headcount_reader::{Cursor, FieldNames, Fields, ProblemKind};

use super::Reading;

/// Every field that Prometheus discovers targets with, apart from `static_configs`, sorted. The
/// mechanism's name is what stands before `_sd_configs`.
pub const MECHANISMS: [&str; 36] = [
    "aws_sd_configs",
    "azure_sd_configs",
    "consul_sd_configs",
    "digitalocean_sd_configs",
    "dns_sd_configs",
    "docker_sd_configs",
    "dockerswarm_sd_configs",
    "ec2_sd_configs",
    "ecs_sd_configs",
    "elasticache_sd_configs",
    "eureka_sd_configs",
    "file_sd_configs",
    "gce_sd_configs",
    "hetzner_sd_configs",
    "http_sd_configs",
    "ionos_sd_configs",
    "kubernetes_sd_configs",
    "kuma_sd_configs",
    "lightsail_sd_configs",
    "linode_sd_configs",
    "marathon_sd_configs",
    "msk_sd_configs",
    "nerve_sd_configs",
    "nomad_sd_configs",
    "oci_sd_configs",
    "openstack_sd_configs",
    "outscale_sd_configs",
    "ovhcloud_sd_configs",
    "puppetdb_sd_configs",
    "rds_sd_configs",
    "scaleway_sd_configs",
    "serverset_sd_configs",
    "stackit_sd_configs",
    "triton_sd_configs",
    "uyuni_sd_configs",
    "vultr_sd_configs",
];

/// Those that vmagent has and Prometheus lacks.
const OF_VMAGENT: [&str; 2] = ["consulagent_sd_configs", "yandexcloud_sd_configs"];

/// Which mechanisms there are, and what is made of those that there are not.
#[derive(Debug, Clone)]
pub(crate) struct Mechanisms {
    registry: Registry,
    /// The fields of Prometheus's mechanisms that the registry lacks.
    missing: FieldNames,
    /// Whether an entry of a missing mechanism is taken.
    allow_unsupported: bool,
}

impl Mechanisms {
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            missing: missing(&registry),
            registry,
            allow_unsupported: false,
        }
    }

    pub(crate) fn without(self, mechanism: &str) -> Self {
        let registry = self.registry.without(mechanism);
        Self {
            missing: missing(&registry),
            registry,
            ..self
        }
    }

    pub(crate) fn allow_unsupported(&mut self, allow: bool) {
        self.allow_unsupported = allow;
    }

    /// Reads every list of a job, an Alertmanager or the members, in Prometheus's order: by mechanism, then as written,
    /// `static_configs` last and as one.
    pub(crate) fn read(&self, fields: &mut Fields<'_>, reading: Reading<'_>, is_relabelled: bool) -> Vec<SdConfig> {
        let place = Place::new(reading.folder)
            .called(reading.called)
            .relabelled(is_relabelled)
            .shared(reading.is_shared);
        let known = fields.take_known(self.registry.fields());
        let missing = fields.take_known(&self.missing);
        let mut lists: Vec<(&str, Cursor<'_>)> = known.into_iter().chain(missing).collect();
        lists.sort_by_key(|(field, _)| {
            (
                planted!(
                    !field.ends_with("_sd_configs"),
                    StaticConfigsComeFirst,
                    field.ends_with("_sd_configs")
                ),
                *field,
            )
        });
        let mut configs = Vec::new();
        for (field, list) in lists {
            match self.registry.of_field(field) {
                Some(entry) => {
                    let is_own = field.ends_with("_sd_configs") && !MECHANISMS.contains(&field);
                    let is_vmagents = reading.dialect.is_vmagent() && OF_VMAGENT.contains(&field);
                    if is_own && reading.is_shared && !is_vmagents {
                        list.warn(ProblemKind::NotPrometheus);
                    }
                    configs.append(&mut entry.read(&list.for_discovery(), &place));
                }
                None => configs.append(&mut self.read_missing(field, &list)),
            }
        }
        configs
    }

    /// What nothing here can run: an error, or entries that count as failed when they are run (S11).
    fn read_missing(&self, field: &str, list: &Cursor<'_>) -> Vec<SdConfig> {
        let mechanism = field.trim_end_matches("_sd_configs");
        let entries = list.list().unwrap_or_default();
        if entries.is_empty() {
            return Vec::new();
        }
        let name = mechanism.to_owned();
        if self.allow_unsupported {
            planted!(
                list.warn(ProblemKind::MechanismLeftOut { mechanism: name }),
                LeftOutIsSilent,
                drop(name)
            );
        } else {
            list.report(ProblemKind::UnsupportedMechanism { mechanism: name });
        }
        let mut configs = Vec::new();
        for entry in entries {
            if entry.is_null() {
                entry.report(ProblemKind::EmptyEntry);
            } else if planted!(entry.fields().is_some(), LeftOutIsNothing, false) {
                configs.push(SdConfig::unsupported(Unsupported {
                    mechanism: mechanism.to_owned(),
                    entry: entry.redacted(),
                }));
            }
        }
        configs
    }
}

/// The fields of Prometheus's mechanisms that a registry lacks.
fn missing(registry: &Registry) -> FieldNames {
    let missing = MECHANISMS.iter().filter(|field| registry.of_field(field).is_none());
    FieldNames::new(missing.map(|field| (*field).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanisms_are_in_prometheus_order() {
        assert!(MECHANISMS.is_sorted());
    }
}
