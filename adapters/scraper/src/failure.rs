//! Why a scrape failed.

use std::io::{self, ErrorKind};

use headcount_core::planted;
use headcount_discoverer::env::{Cause, HttpError};
use headcount_reader::without_credentials;

use crate::ContentTypeError;
use crate::exposition::ExpositionError;

/// Why a scrape failed. In Prometheus's words, where it has some.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScrapeFailure {
    /// It was not tried: its job has too many targets.
    #[error("{0}")]
    Refused(String),
    /// There was no answer.
    #[error("Get {url:?}: {reason}")]
    NoAnswer {
        /// What was asked, without credentials.
        url: String,
        /// Why there was none.
        reason: String,
        /// Whether time was up.
        is_timeout: bool,
    },
    /// The answer broke off, or time was up before its end.
    #[error("{reason}")]
    BrokenAnswer {
        /// What happened.
        reason: String,
        /// Whether time was up.
        is_timeout: bool,
    },
    /// The answer's status is not 200.
    #[error("server returned HTTP status {0}")]
    Status(String),
    /// The body is larger than `body_size_limit`.
    #[error("body size limit exceeded")]
    BodySize,
    /// Its format can't be told.
    #[error(transparent)]
    ContentType(#[from] ContentTypeError),
    /// The body is malformed.
    #[error(transparent)]
    Exposition(#[from] ExpositionError),
    /// A sample is not fit to be stored.
    #[error(transparent)]
    Sample(#[from] SampleProblem),
    /// There is no more to be had of what the system lets this process have, which says nothing of the target.
    #[error("headcount has reached a limit of its own: {0}")]
    OwnLimit(String),
    /// A fault of ours.
    #[error("headcount panicked while it scraped this target; please report this")]
    Panicked,
}

/// Why a sample is not fit to be stored, which makes the whole scrape fail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SampleProblem {
    /// `sample_limit`.
    #[error("sample limit exceeded")]
    TooMany,
    /// `label_limit`.
    #[error("label_limit exceeded (metric: {metric}, number of labels: {count}, limit: {limit})")]
    Labels {
        /// The beginning of the metric's name.
        metric: String,
        /// Its labels.
        count: usize,
        /// The limit.
        limit: u64,
    },
    /// `label_name_length_limit`.
    #[error(
        "label_name_length_limit exceeded (metric: {metric}, label name: {label}, length: {length}, limit: {limit})"
    )]
    NameLength {
        /// The beginning of the metric's name.
        metric: String,
        /// The beginning of the label's name.
        label: String,
        /// Its length in bytes.
        length: usize,
        /// The limit.
        limit: u64,
    },
    /// `label_value_length_limit`.
    #[error(
        "label_value_length_limit exceeded (metric: {metric}, label name: {label}, value: {value:?}, length: {length}, limit: {limit})"
    )]
    ValueLength {
        /// The beginning of the metric's name.
        metric: String,
        /// The beginning of the label's name.
        label: String,
        /// The beginning of its value.
        value: String,
        /// The value's length in bytes.
        length: usize,
        /// The limit.
        limit: u64,
    },
    /// After relabelling it has no name.
    #[error("missing metric name (__name__ label)")]
    NoName,
    /// Its name or those of its labels are not allowed.
    #[error("invalid metric name or label names: {0}")]
    Names(String),
    /// Two of its labels have one name.
    #[error("label name {0:?} is not unique: invalid sample")]
    Repeated(String),
}

impl ScrapeFailure {
    /// The failure of a request to `url`. `has_begun`: its answer had begun.
    pub(crate) fn of_http(error: &HttpError, url: &str, has_begun: bool) -> Self {
        if let HttpError::Connect { cause, .. } | HttpError::Protocol { cause, .. } | HttpError::Tls { cause, .. } =
            error
            && is_own_limit(cause)
        {
            return Self::OwnLimit(cause.to_string());
        }
        let is_timeout = matches!(error, HttpError::Timeout { .. });
        let reason = match error {
            HttpError::BodyTooLarge { .. } => return Self::BodySize,
            HttpError::Timeout { .. } => "context deadline exceeded".to_owned(),
            HttpError::Connect { host, cause } => format!("dial tcp {host}: {}", in_go_words(cause)),
            HttpError::Tls { cause, .. } => format!("tls: {cause}"),
            HttpError::TooManyRedirects { count, .. } => format!("stopped after {count} redirects"),
            HttpError::Protocol { cause, .. } | HttpError::Url { cause, .. } => cause.to_string(),
            other => other.to_string(),
        };
        if has_begun {
            return Self::BrokenAnswer { reason, is_timeout };
        }
        Self::NoAnswer {
            url: planted!(
                without_credentials(url).into_owned(),
                ErrorShowsThePassword,
                url.to_owned()
            ),
            reason,
            is_timeout,
        }
    }

    /// One word for it, as it is counted.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "target_limit",
            Self::NoAnswer { is_timeout, .. } | Self::BrokenAnswer { is_timeout, .. }
                if planted!(*is_timeout, TimeoutIsNoAnswer, false) =>
            {
                "timeout"
            }
            Self::NoAnswer { .. } | Self::BrokenAnswer { .. } => "no_answer",
            Self::Status(_) => "status",
            Self::BodySize => "body_size_limit",
            Self::ContentType(_) => "content_type",
            Self::Exposition(_) => "malformed",
            Self::Sample(SampleProblem::TooMany) => "sample_limit",
            Self::Sample(
                SampleProblem::Labels { .. } | SampleProblem::NameLength { .. } | SampleProblem::ValueLength { .. },
            ) => "label_limit",
            Self::Sample(_) => "invalid_sample",
            Self::OwnLimit(_) => "own_limit",
            Self::Panicked => "panic",
        }
    }
}

/// Whether there are no more descriptors, of the process or of the system; or no more of its ports, or memory.
fn is_own_limit(cause: &Cause) -> bool {
    // ENFILE and EMFILE, the same on all platforms that have them.
    const NO_MORE_FILES: [i32; 2] = [23, 24];
    let number = cause.find::<io::Error>().and_then(io::Error::raw_os_error);
    cfg!(unix) && number.is_some_and(|number| NO_MORE_FILES.contains(&number))
        || matches!(cause.kind(), Some(ErrorKind::AddrNotAvailable | ErrorKind::OutOfMemory))
}

/// What the system says, as Go words it, so that one search finds both.
fn in_go_words(cause: &Cause) -> String {
    match cause.kind() {
        Some(ErrorKind::ConnectionRefused) => "connect: connection refused".to_owned(),
        Some(ErrorKind::HostUnreachable) => "connect: no route to host".to_owned(),
        Some(ErrorKind::NetworkUnreachable) => "connect: network is unreachable".to_owned(),
        Some(ErrorKind::TimedOut) => "i/o timeout".to_owned(),
        _ => cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use headcount_discoverer::env::Awaited;

    use super::*;

    #[test]
    fn failures_are_said_as_prometheus_says_them() {
        let refused = HttpError::Connect {
            host: "127.0.0.1:1".to_owned(),
            cause: ErrorKind::ConnectionRefused.into(),
        };
        let said = ScrapeFailure::of_http(&refused, "http://u:p@127.0.0.1:1/metrics?a=@", false).to_string();
        let expected = "Get \"http://127.0.0.1:1/metrics?a=@\": dial tcp 127.0.0.1:1: connect: connection refused";
        assert_eq!(said, expected);
        let late = HttpError::Timeout {
            host: "h:1".to_owned(),
            awaited: Awaited::End,
            limit: std::time::Duration::from_secs(1),
        };
        let said = |has_begun| ScrapeFailure::of_http(&late, "http://h:1/metrics", has_begun);
        assert_eq!(
            said(false).to_string(),
            "Get \"http://h:1/metrics\": context deadline exceeded"
        );
        assert_eq!(said(true).to_string(), "context deadline exceeded");
        assert_eq!((said(false).kind(), said(true).kind()), ("timeout", "timeout"));
    }

    #[cfg(unix)]
    #[test]
    fn a_limit_of_ours_is_no_fault_of_the_target() {
        let failed = |number| HttpError::Connect {
            host: "127.0.0.1:1".to_owned(),
            cause: io::Error::from_raw_os_error(number).into(),
        };
        let failure = |number| ScrapeFailure::of_http(&failed(number), "http://127.0.0.1:1/metrics", false);
        assert_eq!(failure(24).kind(), "own_limit");
        assert!(
            failure(24).to_string().contains("Too many open files"),
            "{}",
            failure(24)
        );
        assert_eq!(failure(23).kind(), "own_limit");
        assert_eq!(failure(13).kind(), "no_answer");
    }
}
