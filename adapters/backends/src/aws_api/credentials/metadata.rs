//! What the machine itself lends: the metadata service of an EC2 instance (IMDS), and the server beside a container.
//!
//! They are asked directly, whatever the entry says of proxies: what they lend is this machine's, and an answer through a
//! proxy would be the proxy's.

use std::time::Duration;

use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpLimits, HttpRequest, HttpResponse, Token};
use headcount_reader::{HttpClientSettings, Secret};
use serde::Deserialize;

use super::super::place::{is_true, some};
use super::{CredentialsError, packed};
use crate::sigv4::{Keys, escape};
use crate::time::seconds_since_1970;

/// More than any answer or token has.
pub(super) const TOKEN_LIMIT: u64 = 1 << 20;
/// Where nobody answers there is no instance; that is known soon.
const LIMITS: HttpLimits = HttpLimits {
    connect: Some(Duration::from_secs(1)),
    head: Some(Duration::from_secs(5)),
    idle: Some(Duration::from_secs(5)),
    total: Some(Duration::from_secs(10)),
    body: TOKEN_LIMIT,
};
/// How long a session with the instance may last; it is used for a moment.
const SESSION_SECONDS: &str = "300";

/// The metadata service of the instance.
pub(crate) struct Metadata<'e> {
    env: &'e Env,
}

/// What credentials look like; the names of an instance's and a container's are the same.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Lent {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    access_key_id: Option<String>,
    #[serde(default)]
    secret_access_key: Option<Hidden>,
    #[serde(default)]
    token: Option<Hidden>,
    #[serde(default)]
    expiration: Option<String>,
}

/// Text that no debug output and no error shows.
#[derive(Deserialize)]
#[serde(transparent)]
struct Hidden(String);

#[derive(Deserialize)]
struct Document {
    region: String,
}

impl<'e> Metadata<'e> {
    pub(crate) fn new(env: &'e Env) -> Self {
        Self { env }
    }

    /// The region in which the instance is.
    pub(crate) async fn region(&self) -> Result<String, CredentialsError> {
        let session = self.session().await?;
        let path = "/latest/dynamic/instance-identity/document";
        let answer = self.get(path, session.as_ref()).await?;
        let document: Option<Document> = crate::json::from_slice(&answer.body).ok();
        document
            .map(|document| document.region)
            .filter(|region| !region.is_empty())
            .ok_or_else(|| wrong("the document that says what the instance is", "it says no region"))
    }

    /// The credentials of the instance's role.
    pub(super) async fn credentials(&self) -> Result<Token, CredentialsError> {
        let session = self.session().await?;
        let folder = "/latest/meta-data/iam/security-credentials/";
        let roles = self.get(folder, session.as_ref()).await?;
        let roles = String::from_utf8_lossy(&roles.body).into_owned();
        let role = roles.lines().map(str::trim).find(|line| !line.is_empty());
        let role = role.ok_or_else(|| wrong("the instance's role", "the instance has none"))?;
        let answer = self.get(&format!("{folder}{}", escape(role)), session.as_ref()).await?;
        lent(self.env, "the credentials of the instance's role", &answer)
    }

    /// A token without which newer instances say nothing. Services that imitate an instance may have none, and are then
    /// asked without, unless that is forbidden.
    async fn session(&self) -> Result<Option<Secret>, CredentialsError> {
        let variables = self.env.variables.as_ref();
        let is_on = |name: &str| some(variables, name).is_some_and(|text| is_true(&text));
        if is_on("AWS_EC2_METADATA_DISABLED") {
            return Err(wrong(
                "the instance's metadata",
                "AWS_EC2_METADATA_DISABLED says not to ask for it",
            ));
        }
        let request = HttpRequest {
            method: "PUT".to_owned(),
            ..HttpRequest::get(format!("{}/latest/api/token", self.base()))
        };
        let request = request.header("X-aws-ec2-metadata-token-ttl-seconds", SESSION_SECONDS);
        let answer = send(self.env, "a session with the instance's metadata", request).await?;
        match answer.status {
            200 => Ok(Some(Secret::new(String::from_utf8_lossy(&answer.body).trim()))),
            403..=405 if !is_on("AWS_EC2_METADATA_V1_DISABLED") => Ok(None),
            _ => Err(refused(self.env, "a session with the instance's metadata", &answer)),
        }
    }

    async fn get(&self, path: &str, session: Option<&Secret>) -> Result<HttpResponse, CredentialsError> {
        let mut request = HttpRequest::get(format!("{}{path}", self.base()));
        if let Some(session) = session {
            request = request.header("X-aws-ec2-metadata-token", session.reveal());
        }
        let what = format!("the instance's metadata {path}");
        let answer = send(self.env, &what, request).await?;
        match answer.status {
            200 => Ok(answer),
            _ => Err(refused(self.env, &what, &answer)),
        }
    }

    fn base(&self) -> String {
        let variables = self.env.variables.as_ref();
        if let Some(own) = some(variables, "AWS_EC2_METADATA_SERVICE_ENDPOINT") {
            return own.trim_end_matches('/').to_owned();
        }
        let mode = some(variables, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
        match mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6")) {
            true => "http://[fd00:ec2::254]".to_owned(),
            false => "http://169.254.169.254".to_owned(),
        }
    }
}

/// The credentials that the server beside the container lends.
pub(super) async fn container(env: &Env, url: &str, authorization: Option<Secret>) -> Result<Token, CredentialsError> {
    let what = "the container's credentials";
    let mut request = HttpRequest::get(url).header("Accept", "application/json");
    if let Some(authorization) = authorization {
        request = request.header("Authorization", authorization.reveal());
    }
    let answer = send(env, what, request).await?;
    match answer.status {
        200 => lent(env, what, &answer),
        _ => Err(refused(env, what, &answer)),
    }
}

fn lent(env: &Env, what: &str, answer: &HttpResponse) -> Result<Token, CredentialsError> {
    // The parser's message could repeat a secret.
    let lent: Option<Lent> = crate::json::from_slice(&answer.body).ok();
    let lent = lent.ok_or_else(|| wrong(what, "the answer can't be understood"))?;
    if let Some(code) = lent.code.filter(|code| code != "Success") {
        let message = lent.message.unwrap_or_default();
        return Err(wrong(what, format!("{code} {message}").trim()));
    }
    let (Some(access_key), Some(secret_key)) = (lent.access_key_id, lent.secret_access_key) else {
        return Err(wrong(what, "the answer has no keys"));
    };
    let keys = Keys {
        access_key,
        secret_key: Secret::new(secret_key.0),
        session_token: lent.token.map(|token| Secret::new(token.0)),
    };
    let expires = lent.expiration.as_deref().and_then(seconds_since_1970);
    let lifetime = expires.map(|at| at.saturating_sub(env.clock.unix_time()));
    Ok(packed(&keys, lifetime))
}

async fn send(env: &Env, what: &str, request: HttpRequest) -> Result<HttpResponse, CredentialsError> {
    let failed = |source| CredentialsError::Http {
        what: what.to_owned(),
        source,
    };
    let settings = HttpClientSettings {
        follow_redirects: false,
        ..HttpClientSettings::default()
    };
    let client = env.http.client(&settings).map_err(failed)?;
    client.send(request.limits(LIMITS)).await.map_err(failed)
}

fn wrong(what: &str, said: &str) -> CredentialsError {
    CredentialsError::Answer {
        what: what.to_owned(),
        said: said.to_owned(),
        wait: None,
    }
}

/// An answer of another status.
fn refused(env: &Env, what: &str, answer: &HttpResponse) -> CredentialsError {
    CredentialsError::Answer {
        what: what.to_owned(),
        said: format!("status {}", answer.status),
        wait: answer.retry_after(env.clock.unix_time()),
    }
}
