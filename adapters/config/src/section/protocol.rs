//! `scrape_protocols`: in which formats targets may answer.

use headcount_reader::{Cursor, ProblemKind};

/// A format in which a target may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScrapeProtocol {
    /// `PrometheusProto`.
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

const ALLOWED: &str =
    "OpenMetricsText0.0.1, OpenMetricsText1.0.0, PrometheusProto, PrometheusText0.0.4, PrometheusText1.0.0";

impl ScrapeProtocol {
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

    fn parse(text: &str) -> Option<Self> {
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

/// A list of protocols; `None` when it is null.
pub(super) fn read_list(at: &Cursor<'_>) -> Option<Vec<ScrapeProtocol>> {
    let texts = at.texts()?;
    if texts.is_empty() {
        at.report(ProblemKind::EmptyList { what: "protocol" });
    }
    let mut protocols = Vec::new();
    for (index, (text, position)) in texts.into_iter().enumerate() {
        let suffix = format!("[{index}]");
        match ScrapeProtocol::parse(&text) {
            Some(protocol) if protocols.contains(&protocol) => {
                at.report_at(position, &suffix, ProblemKind::ListedTwice { found: text });
            }
            Some(protocol) => protocols.push(protocol),
            None => at.report_at(
                position,
                &suffix,
                ProblemKind::NotOneOf {
                    found: text,
                    allowed: ALLOWED,
                },
            ),
        }
    }
    Some(protocols)
}

/// A single protocol; `None` when it is empty.
pub(super) fn read_one(at: &Cursor<'_>) -> Option<ScrapeProtocol> {
    let text = at.text().filter(|text| !text.is_empty())?;
    let protocol = ScrapeProtocol::parse(&text);
    if protocol.is_none() {
        at.report(ProblemKind::NotOneOf {
            found: text,
            allowed: ALLOWED,
        });
    }
    protocol
}
