//! How a target is asked and may answer, as a job says it and a scraper does it.

use headcount_core::relabel::NameValidation;

/// A format in which a target may answer: one of `scrape_protocols`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScrapeProtocol {
    /// `PrometheusProto`, which headcount does not read: it is left out when targets are asked.
    PrometheusProto,
    /// `PrometheusText0.0.4`.
    PrometheusText0_0_4,
    /// `PrometheusText1.0.0`.
    PrometheusText1_0_0,
    /// `OpenMetricsText0.0.1`.
    OpenMetricsText0_0_1,
    /// `OpenMetricsText1.0.0`.
    OpenMetricsText1_0_0,
}

impl ScrapeProtocol {
    /// Their names, for messages.
    pub const NAMES: &'static str =
        "OpenMetricsText0.0.1, OpenMetricsText1.0.0, PrometheusProto, PrometheusText0.0.4, PrometheusText1.0.0";

    /// What Prometheus asks for, best first, when nothing is said. With `native_histograms` the
    /// one format that has them comes first.
    pub fn defaults(native_histograms: bool) -> Vec<Self> {
        let proto = native_histograms.then_some(Self::PrometheusProto);
        let text = [
            Self::OpenMetricsText1_0_0,
            Self::OpenMetricsText0_0_1,
            Self::PrometheusText1_0_0,
            Self::PrometheusText0_0_4,
        ];
        proto.into_iter().chain(text).collect()
    }

    /// Its name in a configuration.
    ///
    /// ```
    /// # use headcount_reader::ScrapeProtocol;
    /// assert_eq!(ScrapeProtocol::PrometheusText0_0_4.name(), "PrometheusText0.0.4");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::PrometheusProto => "PrometheusProto",
            Self::PrometheusText0_0_4 => "PrometheusText0.0.4",
            Self::PrometheusText1_0_0 => "PrometheusText1.0.0",
            Self::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            Self::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
        }
    }

    /// The protocol of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "PrometheusProto" => Self::PrometheusProto,
            "PrometheusText0.0.4" => Self::PrometheusText0_0_4,
            "PrometheusText1.0.0" => Self::PrometheusText1_0_0,
            "OpenMetricsText0.0.1" => Self::OpenMetricsText0_0_1,
            "OpenMetricsText1.0.0" => Self::OpenMetricsText1_0_0,
            _ => return None,
        })
    }
}

/// `metric_name_escaping_scheme`: how a target is asked to write names that need quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NameEscaping {
    /// `allow-utf-8`: as they are.
    #[default]
    AllowUtf8,
    /// `underscores`.
    Underscores,
    /// `dots`.
    Dots,
    /// `values`.
    Values,
}

impl NameEscaping {
    /// What holds when only the validation is said.
    pub fn suited_to(validation: NameValidation) -> Self {
        match validation {
            NameValidation::Utf8 => Self::AllowUtf8,
            NameValidation::Legacy => Self::Underscores,
        }
    }
}
