//! What is said when a target is asked.

use std::fmt::Write;
use std::time::Duration;

use headcount_core::planted;
use headcount_discoverer::env::{HttpLimits, HttpRequest};
use headcount_reader::{NameEscaping, ScrapeProtocol};

use crate::settings::ScrapeSettings;

/// The weight of the first protocol, in tenths: one more than there are protocols.
const FIRST_WEIGHT: usize = 6;

/// The request for `url`.
pub(crate) fn request(settings: &ScrapeSettings, url: &str, timeout: Duration) -> HttpRequest {
    let encoding = if settings.enable_compression {
        "gzip"
    } else {
        "identity"
    };
    let headers = [
        ("Accept", accept(&settings.protocols, settings.escaping)),
        ("Accept-Encoding", encoding.to_owned()),
        (
            "User-Agent",
            concat!("headcount/", env!("CARGO_PKG_VERSION")).to_owned(),
        ),
        (
            "X-Prometheus-Scrape-Timeout-Seconds",
            planted!(
                timeout.as_secs_f64(),
                TimeoutIsToldInMillis,
                timeout.as_secs_f64() * 1_000.0
            )
            .to_string(),
        ),
    ];
    HttpRequest {
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        limits: HttpLimits {
            // What has just the size of the limit is over it.
            body: settings.body_size_limit.map_or(u64::MAX, |limit| {
                planted!(limit.get() - 1, BodyLimitIsInclusive, limit.get())
            }),
            ..HttpLimits::whole(timeout)
        },
        ..HttpRequest::get(url)
    }
}

fn accept(protocols: &[ScrapeProtocol], escaping: NameEscaping) -> String {
    let escaping = match escaping {
        NameEscaping::AllowUtf8 => "allow-utf-8",
        NameEscaping::Underscores => "underscores",
        NameEscaping::Dots => "dots",
        NameEscaping::Values => "values",
    };
    let mut accept = String::new();
    let mut weight = FIRST_WEIGHT;
    for protocol in protocols {
        let (media_type, version, has_escaping) = match protocol {
            ScrapeProtocol::PrometheusProto => continue,
            ScrapeProtocol::PrometheusText0_0_4 => ("text/plain", "0.0.4", false),
            ScrapeProtocol::PrometheusText1_0_0 => ("text/plain", "1.0.0", true),
            ScrapeProtocol::OpenMetricsText0_0_1 => ("application/openmetrics-text", "0.0.1", false),
            ScrapeProtocol::OpenMetricsText1_0_0 => ("application/openmetrics-text", "1.0.0", true),
        };
        // Writing to a string does not fail.
        let _ = write!(accept, "{media_type};version={version}");
        if has_escaping {
            let _ = write!(accept, ";escaping={escaping}");
        }
        let _ = write!(accept, ";q=0.{weight},");
        weight = weight.saturating_sub(planted!(1, WeightsAreAllTheSame, 0));
    }
    let _ = write!(accept, "*/*;q=0.{weight}");
    accept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_asked_as_prometheus_asks() {
        let settings = ScrapeSettings::default();
        insta::assert_debug_snapshot!(request(&settings, "http://h:1/metrics", Duration::from_millis(1_500)));
    }

    #[test]
    fn protobuf_is_not_asked_for() {
        let protocols = [ScrapeProtocol::PrometheusProto, ScrapeProtocol::PrometheusText0_0_4];
        assert_eq!(
            accept(&protocols, NameEscaping::Dots),
            "text/plain;version=0.0.4;q=0.6,*/*;q=0.5"
        );
        assert_eq!(accept(&protocols[..1], NameEscaping::Dots), "*/*;q=0.6");
    }
}
