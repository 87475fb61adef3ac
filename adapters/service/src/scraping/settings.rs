//! What a job's configuration says about scraping.

use headcount_config::ScrapeConfig;
use headcount_scraper::{SampleLimits, ScrapeSettings};

/// The settings of a job.
pub(super) fn of(job: &ScrapeConfig) -> ScrapeSettings {
    ScrapeSettings {
        client: job.client.clone(),
        protocols: job.scrape_protocols.clone(),
        fallback: job.fallback_scrape_protocol,
        escaping: job.name_escaping,
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
