//! Answers that are none.

use std::time::Duration;

use headcount_discoverer::BODY_KNOB;
use headcount_discoverer::env::{HttpError, HttpResponse};

/// The header that says whether the server knows a leader.
pub(crate) const LEADER_HEADER: &str = "x-consul-knownleader";

/// How much of an answer's text is told.
const TOLD: usize = 200;

/// Why there is no answer that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// The server can't answer anything now; with the time that it wants to be left alone.
    Server(Option<Duration>, String),
    /// Too many connections or requests.
    TooMany(Option<Duration>, String),
    /// It does not answer this.
    Question(String),
}

impl Rejected {
    /// What an answer of another status than the one that was expected means; `unix_time` is the time now.
    pub(crate) fn by_status(answer: &HttpResponse, unix_time: Duration) -> Self {
        let after = answer.retry_after(unix_time);
        let reason = reason(answer);
        match answer.status {
            429 => Self::TooMany(after, reason),
            408 | 500..=599 => Self::Server(after, reason),
            _ => Self::Question(reason),
        }
    }

    /// What was wrong.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Server(_, reason) | Self::TooMany(_, reason) | Self::Question(reason) => reason,
        }
    }

    /// What it means that there was no answer at all.
    pub(crate) fn by_error(error: &HttpError) -> Self {
        match error {
            HttpError::BodyTooLarge { .. } => Self::Question(format!("{error}; {BODY_KNOB}")),
            HttpError::TooManyRedirects { .. } | HttpError::Url { .. } => Self::Question(error.to_string()),
            _ => Self::Server(None, error.to_string()),
        }
    }
}

/// An empty answer that says itself why it may be empty, although there is something: there is no leader, and so the
/// server may know less than before, or the token may not see what there is.
pub(crate) fn doubtful(answer: &HttpResponse) -> Option<Rejected> {
    let says = |header, text| {
        answer
            .header(header)
            .is_some_and(|value| value.trim().eq_ignore_ascii_case(text))
    };
    if says(LEADER_HEADER, "false") {
        let reason = "the server knows no leader, so that its empty answer may be old";
        return Some(Rejected::Server(None, reason.to_owned()));
    }
    if says("x-consul-results-filtered-by-acls", "true") {
        let reason = "the answer is empty because the token may not see what there is; \
                      give it service:read and node:read";
        return Some(Rejected::Question(reason.to_owned()));
    }
    None
}

/// The status, and the first line of what the server says about it.
fn reason(answer: &HttpResponse) -> String {
    let status = answer.status;
    let start = answer.body.get(..TOLD).unwrap_or(&answer.body);
    let text = String::from_utf8_lossy(start);
    match text.lines().next().map(str::trim).filter(|line| !line.is_empty()) {
        Some(line) => format!("the server answered with status {status}: {}", line.escape_debug()),
        None => format!("the server answered with status {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(784_111_777);

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> HttpResponse {
        HttpResponse {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.into(),
        }
    }

    #[test]
    fn the_status_says_whose_trouble_it_is_and_the_text_what_it_is() {
        let rejected = |status| {
            Rejected::by_status(
                &answer(status, &[("retry-after", "7")], "No cluster leader\n\u{1b}x"),
                NOW,
            )
        };
        let said = |status| format!("the server answered with status {status}: No cluster leader");
        let after = Some(Duration::from_secs(7));
        assert_eq!(rejected(500), Rejected::Server(after, said(500)));
        assert_eq!(rejected(429), Rejected::TooMany(after, said(429)));
        let date = [("retry-after", "Sun, 06 Nov 1994 08:49:57 GMT")];
        let dated = Rejected::by_status(&answer(503, &date, ""), NOW);
        let after = Some(Duration::from_secs(20));
        assert_eq!(
            dated,
            Rejected::Server(after, "the server answered with status 503".to_owned())
        );
        assert_eq!(rejected(403), Rejected::Question(said(403)));
        let silent = Rejected::by_status(&answer(404, &[], ""), NOW);
        assert_eq!(
            silent,
            Rejected::Question("the server answered with status 404".to_owned())
        );
        let Rejected::Question(long) = Rejected::by_status(&answer(400, &[], &"ä".repeat(9999)), NOW) else {
            panic!("a question");
        };
        assert!(long.len() < 2 * TOLD);
    }

    #[test]
    fn an_empty_answer_is_doubted_if_it_says_why_it_may_be_empty() {
        assert_eq!(doubtful(&answer(200, &[("x-consul-knownleader", "true")], "")), None);
        let no_leader = doubtful(&answer(200, &[("x-consul-knownleader", "false")], ""));
        assert!(matches!(no_leader, Some(Rejected::Server(None, _))));
        let filtered = doubtful(&answer(200, &[("x-consul-results-filtered-by-acls", "true")], ""));
        assert!(matches!(filtered, Some(Rejected::Question(_))));
    }
}
