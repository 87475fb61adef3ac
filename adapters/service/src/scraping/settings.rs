//! What a job's configuration says about scraping.

use headcount_config::{NameEscaping, ScrapeConfig, ScrapeProtocol};
use headcount_scraper as scraper;
use headcount_scraper::{SampleLimits, ScrapeSettings};

/// The settings of a job.
pub(super) fn of(job: &ScrapeConfig) -> ScrapeSettings {
    ScrapeSettings {
        client: job.client.clone(),
        protocols: job.scrape_protocols.iter().copied().map(protocol).collect(),
        fallback: job.fallback_scrape_protocol.map(protocol),
        escaping: match job.name_escaping {
            NameEscaping::AllowUtf8 => scraper::NameEscaping::AllowUtf8,
            NameEscaping::Underscores => scraper::NameEscaping::Underscores,
            NameEscaping::Dots => scraper::NameEscaping::Dots,
            NameEscaping::Values => scraper::NameEscaping::Values,
        },
        legacy_names: job.name_validation.is_legacy(),
        enable_compression: job.enable_compression,
        honor_labels: job.honor_labels,
        body_size_limit: job.limits.body_size,
        limits: SampleLimits {
            samples: job.limits.samples,
            labels: job.limits.labels,
            label_name_length: job.limits.label_name_length,
            label_value_length: job.limits.label_value_length,
        },
        metric_relabeling: job.metric_relabel_configs.clone(),
    }
}

fn protocol(protocol: ScrapeProtocol) -> scraper::ScrapeProtocol {
    match protocol {
        ScrapeProtocol::PrometheusProto => scraper::ScrapeProtocol::PrometheusProto,
        ScrapeProtocol::PrometheusText0_0_4 => scraper::ScrapeProtocol::PrometheusText0_0_4,
        ScrapeProtocol::PrometheusText1_0_0 => scraper::ScrapeProtocol::PrometheusText1_0_0,
        ScrapeProtocol::OpenMetricsText0_0_1 => scraper::ScrapeProtocol::OpenMetricsText0_0_1,
        ScrapeProtocol::OpenMetricsText1_0_0 => scraper::ScrapeProtocol::OpenMetricsText1_0_0,
    }
}
