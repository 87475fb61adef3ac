//! What AWS says when it does not do what it is asked to do.

use std::fmt;

use headcount_core::one_line;
use headcount_discoverer::env::HttpResponse;
use serde::Deserialize;

use crate::xml::Element;

/// Longer messages are cut.
const LONGEST: usize = 300;

/// Codes of requests that are too many. 429 and 503 say it as well.
const THROTTLED: [&str; 14] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Codes of credentials that are no longer good, or may not do what was asked.
const REFUSED: [&str; 13] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
];

/// An answer that says why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    status: u16,
    code: String,
    message: String,
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default, rename = "__type")]
    kind: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default, alias = "Message")]
    message: Option<String>,
}

impl Failure {
    /// What an answer says, be it XML or JSON.
    pub(crate) fn of(answer: &HttpResponse) -> Self {
        let kind = answer.header("x-amzn-errortype").map(str::to_owned);
        let (code, message) = match Element::of(&answer.body) {
            Some(said) => {
                let value = |name: &str| said.find(name).map(|element| element.text().to_owned());
                (value("Code"), value("Message"))
            }
            None => match crate::json::from_slice::<ErrorBody>(&answer.body) {
                Ok(said) => (kind.or(said.kind).or(said.code), said.message),
                Err(_) => (kind, None),
            },
        };
        Self {
            status: answer.status,
            code: code.as_deref().map(bare).unwrap_or_default(),
            message: message.as_deref().map(cut).unwrap_or_default(),
        }
    }

    /// Whether there were too many requests, or too few servers.
    pub(crate) fn is_throttled(&self) -> bool {
        matches!(self.status, 429 | 503) || THROTTLED.contains(&self.code.as_str())
    }

    /// Whether other credentials may help.
    pub(crate) fn is_of_credentials(&self) -> bool {
        REFUSED.contains(&self.code.as_str())
    }

    /// Whether what was asked for is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        ["NotFound", "NotFoundFault", "NotFoundException"]
            .iter()
            .any(|end| self.code.ends_with(end))
    }

    /// Whether what was asked for is in a state in which it can't be asked about: it is made, changed or deleted.
    pub(crate) fn is_of_its_state(&self) -> bool {
        self.code.starts_with("Invalid") && self.code.trim_end_matches("Fault").ends_with("State")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.as_str(), self.message.as_str()) {
            ("", "") => write!(f, "status {}", self.status),
            ("", message) => write!(f, "{message} (status {})", self.status),
            (code, "") => write!(f, "{code} (status {})", self.status),
            (code, message) => write!(f, "{code}: {message} (status {})", self.status),
        }
    }
}

/// A code without the name space before it and the URL after it.
fn bare(code: &str) -> String {
    let code = code.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    cut(code)
}

/// The first line of a message. What follows may repeat the request, with its session token.
fn cut(message: &str) -> String {
    let line = message.trim().lines().next().unwrap_or_default().trim();
    let short: String = line.chars().take(LONGEST).collect();
    one_line(&short).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Failure {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Failure::of(&HttpResponse {
            status,
            headers: headers.iter().map(owned).collect(),
            body: body.as_bytes().to_vec(),
        })
    }

    #[test]
    fn each_protocol_says_it_in_its_own_way() {
        let ec2 = "<?xml version=\"1.0\"?><Response><Errors><Error><Code>RequestLimitExceeded</Code>\
                   <Message>Request limit exceeded.</Message></Error></Errors><RequestID>1</RequestID></Response>";
        let failure = answer(503, &[], ec2);
        assert_eq!(
            failure.to_string(),
            "RequestLimitExceeded: Request limit exceeded. (status 503)"
        );
        assert!(failure.is_throttled() && !failure.is_of_credentials());
        let rds = "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate \
                   exceeded</Message></Error></ErrorResponse>";
        assert!(answer(400, &[], rds).is_throttled());
        let ecs = r#"{"__type":"com.amazonaws.ecs#ThrottlingException","message":"Rate exceeded"}"#;
        assert_eq!(
            answer(400, &[], ecs).to_string(),
            "ThrottlingException: Rate exceeded (status 400)"
        );
        let kind = [("x-amzn-errortype", "AccessDeniedException:http://internal.amazon.com/")];
        let denied = answer(403, &kind, r#"{"Message":"User is not authorized"}"#);
        assert_eq!(
            denied.to_string(),
            "AccessDeniedException: User is not authorized (status 403)"
        );
        assert!(denied.is_of_credentials() && !denied.is_throttled());
        assert_eq!(answer(500, &[], "oops").to_string(), "status 500");
        assert!(answer(404, &[], "<E><Code>CacheClusterNotFound</Code></E>").is_not_found());
        for (code, expected) in [
            ("InvalidCacheClusterState", true),
            ("InvalidServerlessCacheStateFault", true),
            ("InvalidARN", false),
            ("CacheClusterNotFound", false),
        ] {
            let failure = answer(400, &[], &format!("<E><Code>{code}</Code></E>"));
            assert_eq!(failure.is_of_its_state(), expected, "{code}");
        }
    }

    #[test]
    fn a_message_that_repeats_the_request_is_cut() {
        let body = "<R><Code>SignatureDoesNotMatch</Code><Message>The signature does not match.\n\nThe canonical string \
                    was 'x-amz-security-token:hunter2'</Message></R>";
        assert_eq!(
            answer(403, &[], body).to_string(),
            "SignatureDoesNotMatch: The signature does not match. (status 403)"
        );
    }
}
