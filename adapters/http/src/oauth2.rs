//! Tokens by OAuth 2.0's client-credentials and JWT bearer grants, shared by all clients with the same
//! `oauth2`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headcount_core::planted;
use headcount_discoverer::env::{Awaited, Cause, HttpError, HttpLimits, Token, TokenSlot};
use headcount_reader::{OAuth2, OAuth2Grant, Secret};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, StatusCode};
use serde_json::Value;
use url::Url;
use url::form_urlencoded::{self, byte_serialize};

use crate::Platform;
use crate::assertion;
use crate::authentication::{basic_value, sensitive};
use crate::body;
use crate::client::default_user_agent;
use crate::limits::within;
use crate::pool::Idle;
use crate::request::{Outgoing, host_and_port, parse_url, shown};
use crate::secrets;
use crate::transport::Transport;

/// Largest answer of a token endpoint.
const ANSWER_LIMIT: u64 = 1 << 20;
/// The longest that an endpoint may take: whoever waits for a token may have no limit of time of its own.
const LONGEST: Duration = Duration::from_secs(30);

/// A slot for each set of settings and what the secret was.
type Slot = TokenSlot<HttpError>;

/// The tokens of one client, which it shares with all that have the same settings.
pub(crate) struct Tokens {
    settings: OAuth2,
    url: Url,
    platform: Platform,
    transport: Transport,
    /// The client secret, or the key, that was read last, and the slot for it.
    slot: Mutex<Option<(Secret, Arc<Slot>)>>,
    /// Where the endpoint wants the client's id and secret, once it is known.
    style: Mutex<Option<Style>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Header,
    Parameters,
    /// Not at all: the assertion says who we are.
    Assertion,
}

impl Tokens {
    pub(crate) fn new(platform: &Platform, settings: &OAuth2) -> Result<Self, HttpError> {
        let url = parse_url(&settings.token_url)?;
        if !settings.scopes.is_empty() && settings.endpoint_params.iter().any(|(name, _)| name == "scope") {
            return Err(HttpError::Settings {
                setting: "oauth2".to_owned(),
                cause: "endpoint_params can't hold scope beside scopes; remove one of them".into(),
            });
        }
        // Without HTTP/2, as Prometheus's own.
        let transport = Transport::new(platform, &Idle::at_most(1), &settings.tls, &settings.proxy, false)?;
        Ok(Self {
            settings: settings.clone(),
            url,
            platform: platform.clone(),
            transport,
            slot: Mutex::default(),
            style: Mutex::default(),
        })
    }

    /// The value of `Authorization`, with a token that is valid for a while.
    pub(crate) async fn authorization(&self) -> Result<String, HttpError> {
        let (source, what) = match &self.settings.grant {
            OAuth2Grant::ClientCredentials => (&self.settings.client_secret, "oauth2 client_secret"),
            OAuth2Grant::JwtBearer(jwt) => (&jwt.key, "oauth2 client_certificate_key"),
        };
        let secret = match source {
            Some(source) => secrets::secret(&*self.platform.files, source, what).await?,
            None => String::new(),
        };
        let clock = &*self.platform.clock;
        let fetch = async || {
            let host = host_and_port(&self.url);
            within(clock, &host, Awaited::End, Some(LONGEST), self.fetch(&secret)).await
        };
        let token = self.slot(&secret).get(clock, fetch).await?;
        Ok(token.reveal().to_owned())
    }

    /// Forgets the token that a server refused, unless there is a newer one already.
    pub(crate) fn forget(&self, refused: &HeaderValue) {
        let slot = lock(&self.slot).as_ref().map(|(_, slot)| slot.clone());
        let refused = String::from_utf8_lossy(refused.as_bytes());
        slot.map(|slot| slot.forget(&Secret::new(refused)));
    }

    /// The slot for a secret: another one when its file has changed.
    fn slot(&self, secret: &str) -> Arc<Slot> {
        let mut last = lock(&self.slot);
        if let Some((_, slot)) = last.as_ref().filter(|(of, _)| of.reveal() == secret) {
            return slot.clone();
        }
        let secret = Secret::new(secret);
        let slot = self.platform.tokens.slot((self.settings.clone(), secret.clone()));
        *last = Some((secret, slot.clone()));
        slot
    }

    async fn fetch(&self, secret: &str) -> Result<Token, HttpError> {
        let style = match self.settings.grant {
            OAuth2Grant::JwtBearer(_) => Some(Style::Assertion),
            OAuth2Grant::ClientCredentials => *lock(&self.style),
        };
        let answer = match style {
            Some(style) => self.ask(style, secret).await?,
            // Endpoints differ in where they want the secret and don't say: try one, then the other.
            None => match self.ask(Style::Header, secret).await {
                Ok(answer) => {
                    *lock(&self.style) = Some(Style::Header);
                    answer
                }
                Err(_) => {
                    let answer = self.ask(Style::Parameters, secret).await?;
                    *lock(&self.style) = Some(Style::Parameters);
                    answer
                }
            },
        };
        Ok(Token::new(
            format!("{} {}", answer.scheme, answer.token),
            answer.lifetime,
        ))
    }

    async fn ask(&self, style: Style, secret: &str) -> Result<Answer, HttpError> {
        let failed = |cause: Cause| HttpError::Token {
            token_url: shown(&self.url),
            cause,
        };
        let request = self.request(style, secret)?;
        let answer = self
            .transport
            .send(&request)
            .await
            .map_err(|error| failed(Cause::new(error)))?;
        let (parts, body) = answer.into_parts();
        let host = request.host();
        let answer = body::read(body, &parts.headers, ANSWER_LIMIT, &host).await;
        let answer = answer.map_err(|error| failed(Cause::new(error)))?;
        Answer::read(parts.status, &parts.headers, &answer).map_err(|error| failed(Cause::new(error)))
    }

    fn request(&self, style: Style, secret: &str) -> Result<Outgoing, HttpError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let parameters = &self.settings.endpoint_params;
        let grant = match &self.settings.grant {
            OAuth2Grant::ClientCredentials => "client_credentials",
            OAuth2Grant::JwtBearer(jwt) => {
                let failed = |error| HttpError::Settings {
                    setting: "oauth2".to_owned(),
                    cause: Cause::new(error),
                };
                form.append_pair(
                    "assertion",
                    &assertion::sign(&self.settings, jwt, secret).map_err(failed)?,
                );
                "urn:ietf:params:oauth:grant-type:jwt-bearer"
            }
        };
        // Some endpoints want another word, so the parameters may replace it.
        if !parameters.iter().any(|(name, _)| name == "grant_type") {
            form.append_pair("grant_type", grant);
        }
        if !self.settings.scopes.is_empty() {
            form.append_pair(
                "scope",
                &self.settings.scopes.join(planted!(" ", ScopesAreOneWord, ",")),
            );
        }
        form.extend_pairs(parameters);
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, default_user_agent());
        let id = &self.settings.client_id;
        match style {
            Style::Header => {
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                headers.insert(AUTHORIZATION, sensitive(&basic_value(&encoded(id), &encoded(secret)))?);
            }
            Style::Parameters => {
                form.append_pair("client_id", id);
                if !secret.is_empty() {
                    form.append_pair("client_secret", secret);
                }
            }
            Style::Assertion => {}
        }
        Ok(Outgoing {
            method: Method::POST,
            url: self.url.clone(),
            headers,
            body: form.finish().into(),
            socket: None,
            limits: HttpLimits::default(),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why an answer of a token endpoint gives no token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum TokenError {
    #[error("the server answered {0}")]
    Refused(StatusCode),
    #[error("the server answered {status} {said}")]
    Said { status: StatusCode, said: String },
    #[error("the answer holds no access_token")]
    NoToken,
}

/// What a token endpoint said.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    scheme: String,
    token: String,
    lifetime: Option<Duration>,
}

impl Answer {
    fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Self, TokenError> {
        let fields = fields(headers, body);
        let text = |name: &str| fields.get(name).map(String::as_str).filter(|text| !text.is_empty());
        if !status.is_success() || planted!(text("error").is_some(), ErrorWith200IsAToken, false) {
            let said = [text("error"), text("error_description")]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(": ");
            let said: String = said.chars().take(200).collect();
            return Err(match said.is_empty() {
                true => TokenError::Refused(status),
                false => TokenError::Said { status, said },
            });
        }
        let token = text("access_token").ok_or(TokenError::NoToken)?.to_owned();
        let scheme = match text("token_type") {
            None => "Bearer",
            Some(scheme) if scheme.eq_ignore_ascii_case("bearer") => "Bearer",
            Some(scheme) => scheme,
        };
        let lifetime = text("expires_in")
            .and_then(|seconds| seconds.parse().ok())
            .filter(|seconds| planted!(*seconds > 0, TokenLivesForEver, false));
        Ok(Self {
            scheme: scheme.to_owned(),
            token,
            lifetime: lifetime.map(Duration::from_secs),
        })
    }
}

/// The answer's fields as text, from JSON or, as some endpoints send, from a form.
fn fields(headers: &HeaderMap, body: &[u8]) -> BTreeMap<String, String> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if matches!(essence, "application/x-www-form-urlencoded" | "text/plain") {
        return form_urlencoded::parse(body).into_owned().collect();
    }
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return BTreeMap::new();
    };
    let text = |value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    object
        .into_iter()
        .filter_map(|(name, value)| Some((name, text(value)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, content_type: &'static str, body: &str) -> Result<Answer, TokenError> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Answer::read(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
    }

    #[test]
    fn answers_in_all_shapes_are_read() {
        let json = r#"{"access_token":"t","token_type":"bearer","expires_in":3600}"#;
        let hour = Some(Duration::from_secs(3600));
        let expected = Answer {
            scheme: "Bearer".to_owned(),
            token: "t".to_owned(),
            lifetime: hour,
        };
        assert_eq!(read(200, "application/json", json), Ok(expected));
        let quoted = read(
            200,
            "application/json; charset=utf-8",
            r#"{"access_token":"t","expires_in":"3600"}"#,
        );
        assert_eq!(quoted.unwrap().lifetime, hour);
        let form = read(200, "text/plain", "access_token=a%20b&token_type=MAC");
        assert_eq!(
            form,
            Ok(Answer {
                scheme: "MAC".to_owned(),
                token: "a b".to_owned(),
                lifetime: None
            })
        );
    }

    #[test]
    fn refusals_say_what_the_server_said() {
        let json = r#"{"error":"invalid_client","error_description":"unknown"}"#;
        let reason = read(401, "application/json", json).unwrap_err();
        assert_eq!(
            reason.to_string(),
            "the server answered 401 Unauthorized invalid_client: unknown"
        );
        assert_eq!(
            read(500, "text/html", "<p>").unwrap_err().to_string(),
            "the server answered 500 Internal Server Error"
        );
        let refused = r#"{"error":"invalid_scope","access_token":"t"}"#;
        let refused = read(200, "application/json", refused).unwrap_err();
        assert_eq!(refused.to_string(), "the server answered 200 OK invalid_scope");
        assert_eq!(read(200, "application/json", "{}").unwrap_err(), TokenError::NoToken);
        assert_eq!(read(200, "application/json", "{").unwrap_err(), TokenError::NoToken);
    }
}
