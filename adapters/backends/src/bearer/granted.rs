//! Answers of token endpoints (RFC 6749, section 5.1).

use std::time::Duration;

use headcount_discoverer::env::{HttpResponse, Token};
use serde::Deserialize;

use super::LoginError;
use crate::answers::{Scalar, Text};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Granted {
    access_token: Text,
    /// Seconds; some write them as text.
    expires_in: Scalar,
    /// The same as a moment, since 1970; where it is alone.
    expires_on: Scalar,
}

/// The token that `from` gave at `unix_time`.
pub(crate) fn granted(from: &str, answer: &HttpResponse, unix_time: Duration) -> Result<Token, LoginError> {
    // The parser's message could repeat a secret.
    let granted: Option<Granted> = crate::json::from_slice(&answer.body).ok();
    let granted = granted.ok_or_else(|| LoginError::new(from, "the answer is no JSON, so there is no token in it"))?;
    if granted.access_token.as_str().is_empty() {
        return Err(LoginError::new(from, "the answer has no access_token"));
    }
    let seconds = |text: &Scalar| text.as_str().parse().ok().map(Duration::from_secs);
    let lifetime = match seconds(&granted.expires_in) {
        Some(lifetime) => Some(lifetime),
        None => seconds(&granted.expires_on).map(|end: Duration| end.saturating_sub(unix_time)),
    };
    Ok(Token::new(granted.access_token.0, lifetime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_a_number_a_text_or_a_moment() {
        let granted = |body: &str| {
            let body = body.as_bytes().to_vec();
            let answer = HttpResponse {
                status: 200,
                headers: Vec::new(),
                body,
            };
            granted("there", &answer, Duration::from_secs(1000))
        };
        let token = |seconds| Ok(Token::new("t", Duration::from_secs(seconds).into()));
        assert_eq!(granted(r#"{"access_token": "t", "expires_in": 3599}"#), token(3599));
        assert_eq!(
            granted(r#"{"access_token": "t", "expires_in": "3599", "expires_on": "9"}"#),
            token(3599)
        );
        assert_eq!(granted(r#"{"access_token": "t", "expires_on": "1060"}"#), token(60));
        assert_eq!(
            granted(r#"{"access_token": "t", "expires_in": -1}"#),
            Ok(Token::new("t", None))
        );
        for wrong in ["", "{}", r#"{"access_token": 7}"#, r#"{"access_token": "t""#] {
            let error = granted(wrong).expect_err(wrong).to_string();
            assert!(error.starts_with("there: the answer "), "{error}");
        }
    }
}
