//! The Security Token Service: roles that are taken on for a while.

use std::path::Path;
use std::time::Duration;

use headcount_discoverer::env::{HttpResponse, Token};
use headcount_reader::Secret;

use super::super::aws::STS;
use super::super::failure::Failure;
use super::super::query::Query;
use super::metadata::TOKEN_LIMIT;
use super::plan::Role;
use super::{CredentialsError, Lender, packed};
use crate::sigv4::{Keys, Scope, sign};
use crate::time::seconds_since_1970;
use crate::xml::Element;

impl Lender<'_> {
    /// Takes on a role with these keys.
    pub(super) async fn assume(&self, role: &Role, keys: &Keys) -> Result<Token, CredentialsError> {
        let mut query = Query::new("AssumeRole", "2011-06-15")
            .with("RoleArn", &role.arn)
            .with("RoleSessionName", &role.session_name)
            .with("DurationSeconds", &role.duration.as_secs().to_string());
        if !role.external_id.is_empty() {
            query = query.with("ExternalId", &role.external_id);
        }
        let scope = Scope {
            service: STS.signing_name,
            region: self.region,
        };
        let request = sign(query.request(&self.sts), scope, keys, self.ask.env().clock.unix_time());
        self.taken_on(role, self.ask.send(request).await)
    }

    /// Takes on a role with the token in a file.
    pub(super) async fn web_identity(&self, token_file: &Path, role: &Role) -> Result<Token, CredentialsError> {
        let contents = self.ask.env().files.read(token_file, TOKEN_LIMIT).await?;
        let token = Secret::new(String::from_utf8_lossy(&contents.bytes).trim());
        let mut query = Query::new("AssumeRoleWithWebIdentity", "2011-06-15")
            .with("RoleArn", &role.arn)
            .with("RoleSessionName", &role.session_name)
            .with("WebIdentityToken", token.reveal());
        if !role.duration.is_zero() {
            query = query.with("DurationSeconds", &role.duration.as_secs().to_string());
        }
        self.taken_on(role, self.ask.send(query.request(&self.sts)).await)
    }

    fn taken_on(
        &self,
        role: &Role,
        answer: Result<HttpResponse, headcount_discoverer::rest::ReadError>,
    ) -> Result<Token, CredentialsError> {
        let refused = |said: String, wait: Option<Duration>| CredentialsError::Answer {
            what: format!("taking on the role {}", role.arn),
            said,
            wait,
        };
        let wrong = |said: String| refused(said, None);
        let answer = answer.map_err(|error| wrong(error.to_string()))?;
        if answer.status != 200 {
            let wait = answer.retry_after(self.ask.env().clock.unix_time());
            return Err(refused(Failure::of(&answer).to_string(), wait));
        }
        let answer = Element::of(&answer.body);
        let credentials = answer.as_ref().and_then(|answer| answer.find("Credentials"));
        let value = |name: &str| credentials.and_then(|credentials| credentials.at(name));
        let (Some(access_key), Some(secret_key)) = (value("AccessKeyId"), value("SecretAccessKey")) else {
            return Err(wrong("the answer has no keys".to_owned()));
        };
        let keys = Keys {
            access_key: access_key.to_owned(),
            secret_key: Secret::new(secret_key),
            session_token: value("SessionToken").map(Secret::new),
        };
        let expires = value("Expiration").and_then(seconds_since_1970);
        let now = self.ask.env().clock.unix_time();
        Ok(packed(&keys, expires.map(|at| at.saturating_sub(now))))
    }
}
