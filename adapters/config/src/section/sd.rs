//! Service discovery: every `*_sd_configs` list, and `static_configs`.

use std::path::Path;
use std::time::Duration;

use headcount_discoverer::settings::{FileSettings, HttpSettings, SdConfig, StaticSettings};

use super::{http_client, targets};
use crate::problem::ProblemKind;
use crate::surroundings::join;
use crate::value::Url;
use crate::yaml::{Cursor, Fields, redacted_entry};

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

/// Reads every list of a job or an Alertmanager, in Prometheus's order: by mechanism, then as
/// written, `static_configs` last and as one.
pub(super) fn read(fields: &mut Fields<'_>, folder: &Path, plain_hosts: bool) -> Vec<SdConfig> {
    let mut configs = Vec::new();
    for key in MECHANISMS {
        let mechanism = key.trim_end_matches("_sd_configs");
        for entry in fields.take(key).and_then(|at| at.list()).unwrap_or_default() {
            configs.extend(read_entry(&entry, mechanism, folder));
        }
    }
    let entries = fields
        .take("static_configs")
        .and_then(|at| at.list())
        .unwrap_or_default();
    let mut groups = Vec::with_capacity(entries.len());
    for entry in &entries {
        if entry.is_null() {
            entry.report(ProblemKind::EmptyEntry);
        }
        groups.extend(targets::read(entry, plain_hosts));
    }
    if !groups.is_empty() {
        configs.push(SdConfig::Static(StaticSettings { groups }));
    }
    configs
}

fn read_entry(at: &Cursor<'_>, mechanism: &str, folder: &Path) -> Option<SdConfig> {
    if at.is_null() {
        at.report(ProblemKind::EmptyEntry);
        return None;
    }
    let mut fields = at.fields()?;
    Some(match mechanism {
        "file" => {
            let settings = read_file(&mut fields, folder);
            fields.finish();
            SdConfig::File(settings)
        }
        "http" => {
            let settings = read_http(&mut fields, folder);
            fields.finish();
            SdConfig::Http(settings)
        }
        _ => SdConfig::Unsupported {
            mechanism: mechanism.to_owned(),
            entry: redacted_entry(at.node()),
        },
    })
}

fn read_file(fields: &mut Fields<'_>, folder: &Path) -> FileSettings {
    let files_at = fields.take("files");
    let files = files_at.as_ref().and_then(|at| at.texts()).unwrap_or_default();
    let at = files_at.unwrap_or_else(|| fields.at().clone());
    if files.is_empty() {
        at.report(ProblemKind::EmptyList { what: "path, in files" });
    }
    for (index, (pattern, position)) in files
        .iter()
        .enumerate()
        .filter(|(_, (pattern, _))| !is_file_pattern(pattern))
    {
        let reason = "it must end in .json, .yml or .yaml, and a * may stand in the last part of the path only";
        let kind = ProblemKind::Pattern {
            pattern: pattern.clone(),
            reason: reason.to_owned(),
        };
        at.report_at(*position, &format!("[{index}]"), kind);
    }
    FileSettings {
        files: files
            .iter()
            .map(|(pattern, _)| join(folder, pattern).display().to_string())
            .collect(),
        refresh_interval: refresh_interval(fields, Duration::from_secs(300)),
    }
}

fn read_http(fields: &mut Fields<'_>, folder: &Path) -> HttpSettings {
    let url_at = fields.take("url");
    let url = url_at.as_ref().and_then(|at| at.text()).unwrap_or_default();
    match &url_at {
        Some(at) if !url.is_empty() => {
            if let Err(error) = Url::parse(&url).and_then(|url| url.for_http()) {
                at.report(error);
            }
        }
        _ => fields.at().report(ProblemKind::Missing { field: "url" }),
    }
    HttpSettings {
        url,
        refresh_interval: refresh_interval(fields, Duration::from_secs(60)),
        client: http_client::read(fields, folder),
    }
}

/// Prometheus takes an interval of 0 and then stops with a panic; here it is an error.
fn refresh_interval(fields: &mut Fields<'_>, default: Duration) -> Duration {
    let Some(at) = fields.take("refresh_interval") else {
        return default;
    };
    let Some(interval) = at.duration() else { return default };
    if interval.is_zero() {
        at.report(ProblemKind::ZeroInterval);
    }
    interval
}

/// A known ending, and no slash after a `*`.
fn is_file_pattern(pattern: &str) -> bool {
    let ends = [".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"];
    let Some(stem) = ends.iter().find_map(|end| pattern.strip_suffix(end)) else {
        return false;
    };
    stem.split_once('*').is_none_or(|(_, after)| !after.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanisms_are_in_prometheus_order() {
        assert!(MECHANISMS.is_sorted());
    }

    #[test]
    fn file_patterns() {
        for pattern in ["a.json", "*.yml", "d/x*y*.yaml", "/a/b*.JSON", ".yml"] {
            assert!(is_file_pattern(pattern), "{pattern}");
        }
        for pattern in ["", "a", "a.Json", "*/a.json", "a.json.bak", "a*/b*.yml"] {
            assert!(!is_file_pattern(pattern), "{pattern}");
        }
    }
}
