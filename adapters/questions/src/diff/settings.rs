//! What a job says besides how it finds and relabels targets, before and after.
//!
//! The one rule: **no value is shown that may be a secret.** Of what holds credentials, it is only said
//! that it differs.

use std::num::NonZeroU64;

use headcount_config::ScrapeConfig;
use headcount_core::format_duration;
use serde::Serialize;

/// A field of a job that differs.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    /// Its values, where they can be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
}

/// The fields that differ, in the order of Prometheus's documentation.
pub(super) fn settings(old: &ScrapeConfig, new: &ScrapeConfig) -> Vec<Setting> {
    let both = [old, new];
    let shown = |name, show: fn(&ScrapeConfig) -> String| (name, both.map(show).map(Some));
    let limit = |name, limit: fn(&ScrapeConfig) -> Option<NonZeroU64>| {
        let show = |limit: Option<NonZeroU64>| limit.map_or("none".to_owned(), |limit| limit.to_string());
        (name, both.map(limit).map(show).map(Some))
    };
    let fields = [
        shown("scrape_interval", |job| format_duration(job.scrape_interval)),
        shown("scrape_timeout", |job| format_duration(job.scrape_timeout)),
        shown("metrics_path", |job| format!("{:?}", job.metrics_path)),
        shown("scheme", |job| job.scheme.clone()),
        shown("honor_labels", |job| job.honor_labels.to_string()),
        shown("honor_timestamps", |job| job.honor_timestamps.to_string()),
        shown("track_timestamps_staleness", |job| {
            job.track_timestamps_staleness.to_string()
        }),
        shown("scrape_native_histograms", |job| {
            job.scrape_native_histograms.to_string()
        }),
        shown("always_scrape_classic_histograms", |job| {
            job.always_scrape_classic_histograms.to_string()
        }),
        shown("convert_classic_histograms_to_nhcb", |job| {
            job.convert_classic_histograms_to_nhcb.to_string()
        }),
        shown("enable_compression", |job| job.enable_compression.to_string()),
        shown("extra_scrape_metrics", |job| job.extra_scrape_metrics.to_string()),
        shown("native_histogram_min_bucket_factor", |job| {
            job.native_histogram_min_bucket_factor.to_string()
        }),
        limit("native_histogram_bucket_limit", |job| job.native_histogram_bucket_limit),
        limit("body_size_limit", |job| job.limits.body_size),
        limit("sample_limit", |job| job.limits.samples),
        limit("target_limit", |job| job.limits.targets),
        limit("label_limit", |job| job.limits.labels),
        limit("label_name_length_limit", |job| job.limits.label_name_length),
        limit("label_value_length_limit", |job| job.limits.label_value_length),
        limit("keep_dropped_targets", |job| job.limits.kept_dropped_targets),
    ];
    let fields = fields.into_iter().filter(|(_, [before, after])| before != after);
    let mut settings: Vec<Setting> = fields
        .map(|(name, [before, after])| Setting { name, before, after })
        .collect();
    let unlike = [
        ("params", old.params != new.params),
        ("scrape_protocols", old.scrape_protocols != new.scrape_protocols),
        (
            "fallback_scrape_protocol",
            old.fallback_scrape_protocol != new.fallback_scrape_protocol,
        ),
        (
            "scrape_failure_log_file",
            old.scrape_failure_log_file != new.scrape_failure_log_file,
        ),
        (
            "metric_name_validation_scheme",
            old.name_validation != new.name_validation,
        ),
        ("metric_name_escaping_scheme", old.name_escaping != new.name_escaping),
        ("authentication, TLS or proxy", old.client != new.client),
        ("relabel_configs", old.relabel_configs != new.relabel_configs),
        (
            "metric_relabel_configs",
            old.metric_relabel_configs != new.metric_relabel_configs,
        ),
    ];
    let unlike = unlike.into_iter().filter(|(_, differs)| *differs);
    settings.extend(unlike.map(|(name, _)| Setting {
        name,
        before: None,
        after: None,
    }));
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount_config::Global;

    fn job(fields: &str) -> ScrapeConfig {
        let text = format!("scrape_configs: [{{job_name: a, {fields}}}]");
        let config = headcount_service::loader().parse(text.as_bytes(), "/p.yml".as_ref(), &headcount_config::Nowhere);
        config.expect("valid").scrape_configs.remove(0)
    }

    #[test]
    fn whatever_differs_is_named() {
        let plain = job("");
        for fields in [
            "scrape_interval: 2m",
            "scrape_timeout: 1s",
            "metrics_path: /m",
            "scheme: https",
            "honor_labels: true",
            "honor_timestamps: false",
            "track_timestamps_staleness: true",
            "scrape_native_histograms: true",
            "always_scrape_classic_histograms: true",
            "convert_classic_histograms_to_nhcb: true",
            "enable_compression: false",
            "native_histogram_min_bucket_factor: 2",
            "native_histogram_bucket_limit: 2",
            "body_size_limit: 1KB",
            "sample_limit: 2",
            "target_limit: 2",
            "label_limit: 2",
            "label_name_length_limit: 2",
            "label_value_length_limit: 2",
            "keep_dropped_targets: 2",
            "params: {a: [b]}",
            "scrape_protocols: [PrometheusProto]",
            "fallback_scrape_protocol: PrometheusProto",
            "scrape_failure_log_file: x",
            "metric_name_validation_scheme: legacy",
            "metric_name_escaping_scheme: dots",
            "basic_auth: {username: u, password: hidden}",
            "relabel_configs: [{action: labeldrop, regex: a}]",
            "metric_relabel_configs: [{action: labeldrop, regex: a}]",
        ] {
            let other = job(fields);
            let named = settings(&plain, &other);
            assert!(!named.is_empty(), "{fields}");
            assert!(!format!("{named:?}").contains("hidden"), "{named:?}");
            assert_eq!(settings(&other, &other), [], "{fields}");
        }
    }

    #[test]
    fn nothing_but_the_place_differs() {
        let mut other = ScrapeConfig::new("a", Vec::new(), &Global::default());
        other.position.line += 1;
        assert_eq!(settings(&job(""), &other), []);
    }
}
