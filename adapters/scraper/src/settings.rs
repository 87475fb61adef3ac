//! How the targets of a job are scraped.

use std::num::NonZeroU64;

use headcount_core::relabel::Relabeling;
use headcount_reader::{HttpClientSettings, NameEscaping, ScrapeProtocol};

/// What a job says about scraping. The default is Prometheus's.
#[derive(Debug, Clone)]
pub struct ScrapeSettings {
    /// How requests are sent.
    pub client: HttpClientSettings,
    /// `scrape_protocols`, best first.
    pub protocols: Vec<ScrapeProtocol>,
    /// `fallback_scrape_protocol`.
    pub fallback: Option<ScrapeProtocol>,
    /// `metric_name_escaping_scheme`.
    pub escaping: NameEscaping,
    /// Whether `metric_name_validation_scheme` is `legacy`.
    pub legacy_names: bool,
    /// `enable_compression`.
    pub enable_compression: bool,
    /// `honor_labels`: which of two labels with one name stays. It decides how many there are.
    pub honor_labels: bool,
    /// `body_size_limit`, in bytes without compression. A body of just this size is over it.
    pub body_size_limit: Option<NonZeroU64>,
    /// What samples may be.
    pub limits: SampleLimits,
    /// `metric_relabel_configs`. What they drop does not count against `sample_limit`.
    pub metric_relabeling: Relabeling,
}

impl Default for ScrapeSettings {
    fn default() -> Self {
        Self {
            client: HttpClientSettings::default(),
            protocols: ScrapeProtocol::defaults(false),
            fallback: None,
            escaping: NameEscaping::AllowUtf8,
            legacy_names: false,
            enable_compression: true,
            honor_labels: false,
            body_size_limit: None,
            limits: SampleLimits::default(),
            metric_relabeling: Relabeling::default(),
        }
    }
}

impl ScrapeSettings {
    /// Whether what is checked of samples depends on their target's labels.
    pub(crate) fn wants_target_labels(&self) -> bool {
        !self.metric_relabeling.is_empty() || self.limits.are_about_labels()
    }
}

/// Limits of a scrape's samples. Absent is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SampleLimits {
    /// `sample_limit`.
    pub samples: Option<NonZeroU64>,
    /// `label_limit`, the target's labels and the metric's name included.
    pub labels: Option<NonZeroU64>,
    /// `label_name_length_limit`, in bytes.
    pub label_name_length: Option<NonZeroU64>,
    /// `label_value_length_limit`, in bytes.
    pub label_value_length: Option<NonZeroU64>,
}

impl SampleLimits {
    pub(crate) fn are_about_labels(&self) -> bool {
        self.labels.is_some() || self.label_name_length.is_some() || self.label_value_length.is_some()
    }
}

/// What is scraped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeTarget {
    /// The whole URL.
    pub url: String,
    /// The target's final labels, sorted by name.
    pub labels: Vec<(String, String)>,
}
