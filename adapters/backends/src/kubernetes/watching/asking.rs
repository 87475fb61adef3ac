//! Asking the server for a subject, and what it means when it answers something else.

use std::fmt::Write;

use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpLimits, HttpResponse, HttpStream};
use headcount_discoverer::refresh::RefreshError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::super::access::Api;
use super::Subject;

/// How much of what a server says of an error is read.
const ERROR_BYTES: usize = 4_096;

/// All but the characters that mean themselves everywhere in a URL.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Who asks for a subject.
pub(super) struct Asking {
    pub(super) subject: Subject,
    env: Env,
    /// The last one that was asked: what it has got, such as a token, is kept as long as it is.
    api: Option<Api>,
}

/// Why something was not answered.
pub(super) enum Refused {
    /// The server no longer knows the version, or does not have it yet.
    Gone,
    /// The server does not know, or does not take, what it was asked.
    Invalid(RefreshError),
    Failed(RefreshError),
}

impl From<RefreshError> for Refused {
    fn from(error: RefreshError) -> Self {
        Self::Failed(error)
    }
}

/// What a server says of an error.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ErrorBody {
    pub(super) code: Option<u16>,
    pub(super) message: Option<String>,
    pub(super) reason: Option<String>,
}

impl Asking {
    pub(super) fn new(subject: Subject, env: Env) -> Self {
        Self {
            subject,
            env,
            api: None,
        }
    }

    /// Asks for the subject, with its selectors and these parameters; what is empty is left out.
    pub(super) async fn ask(&mut self, parameters: &[(&str, &str)], limits: HttpLimits) -> Result<HttpStream, Refused> {
        let query = self.query(parameters);
        // One after the other, so that what both have in common is not got anew.
        let api = self.subject.access.connect(&self.env).await?;
        let api = self.api.insert(api);
        let kind = self.subject.kind;
        let path = match &self.subject.namespace {
            Some(namespace) => format!("{}/namespaces/{namespace}/{}", kind.group(), kind.plural()),
            None => format!("{}/{}", kind.group(), kind.plural()),
        };
        let mut answer = api.ask(&self.env, &path, &query, limits).await?;
        if answer.status == 200 {
            return Ok(answer);
        }
        let mut body = Vec::new();
        while body.len() < ERROR_BYTES
            && let Ok(Some(piece)) = answer.next_piece().await
        {
            body.extend_from_slice(piece);
        }
        let error: ErrorBody = serde_json::from_slice(&body).unwrap_or_default();
        Err(self.refused(answer, error, &body))
    }

    /// What it means that the server answers something else than what it was asked for.
    fn refused(&self, answer: HttpStream, error: ErrorBody, body: &[u8]) -> Refused {
        let status = answer.status;
        if status == 410 {
            return Refused::Gone;
        }
        let (kind, group) = (self.subject.kind, self.subject.kind.group());
        let text = error.message.unwrap_or_else(|| {
            let text = String::from_utf8_lossy(body);
            text.lines().next().unwrap_or_default().chars().take(200).collect()
        });
        let text = text.trim().escape_debug().to_string();
        let text = if text.is_empty() { text } else { format!(": {text}") };
        let advice = match status {
            401 => "; it does not know who asks: check the token or the certificate".to_owned(),
            403 => format!("; allow list and watch of {} to who asks", kind.plural()),
            404 => format!("; this server has no {group}/{}", kind.plural()),
            _ => String::new(),
        };
        let message = format!("the server answered with status {status}{text}{advice}");
        let headers = HttpResponse {
            status,
            headers: answer.headers.clone(),
            body: Vec::new(),
        };
        let error = match status {
            408 | 429 | 500..=599 => RefreshError::soon(message),
            _ => RefreshError::at_interval(message),
        };
        if matches!(status, 400 | 405 | 422 | 501) {
            return Refused::Invalid(error);
        }
        match headers.retry_after(self.env.clock.unix_time()) {
            Some(wait) if matches!(status, 429 | 503) => error.after(wait).into(),
            _ => error.into(),
        }
    }

    /// The query with the selectors and what else is said.
    fn query(&self, parameters: &[(&str, &str)]) -> String {
        let selector = &self.subject.selector;
        let selectors = [
            ("labelSelector", selector.label.as_str()),
            ("fieldSelector", selector.field.as_str()),
        ];
        let mut query = String::new();
        for (name, value) in parameters
            .iter()
            .chain(&selectors)
            .filter(|(_, value)| !value.is_empty())
        {
            let mark = if query.is_empty() { '?' } else { '&' };
            // Writing into memory does not fail.
            write!(query, "{mark}{name}={}", utf8_percent_encode(value, ESCAPED)).ok();
        }
        query
    }
}
