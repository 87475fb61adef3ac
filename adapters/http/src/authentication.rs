//! The `Authorization` header: from the URL, `basic_auth`, `authorization` or `oauth2`.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headcount_core::planted;
use headcount_discoverer::env::{Files, HttpError};
use headcount_reader::{Authorization, BasicAuth, HttpClientSettings};
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::Platform;
use crate::oauth2::Tokens;
use crate::secrets;

/// How a client says who it is.
pub(crate) struct Authentication {
    files: Arc<dyn Files>,
    basic: Option<BasicAuth>,
    authorization: Option<Authorization>,
    tokens: Option<Tokens>,
}

impl Authentication {
    pub(crate) fn new(platform: &Platform, settings: &HttpClientSettings) -> Result<Self, HttpError> {
        let tokens = settings
            .oauth2
            .as_deref()
            .map(|oauth2| Tokens::new(platform, oauth2))
            .transpose()?;
        Ok(Self {
            files: platform.files.clone(),
            basic: settings.basic_auth.clone(),
            authorization: settings.authorization.clone(),
            tokens,
        })
    }

    /// Adds `Authorization`. A header that the caller set stays, except under `oauth2`.
    pub(crate) async fn authorize(&self, headers: &mut HeaderMap) -> Result<(), HttpError> {
        let value = if let Some(tokens) = &self.tokens {
            tokens.authorization().await?
        } else if planted!(headers.contains_key(AUTHORIZATION), CallersHeaderIsReplaced, false) {
            return Ok(());
        } else if let Some(basic) = &self.basic {
            let username = secrets::text(&*self.files, &basic.username, "basic_auth username").await?;
            basic_value(&username, &self.password(basic).await?)
        } else if let Some(authorization) = &self.authorization {
            let credentials = match &authorization.credentials {
                Some(source) => secrets::secret(&*self.files, source, "authorization credentials").await?,
                None => String::new(),
            };
            format!("{} {credentials}", authorization.scheme)
        } else {
            return Ok(());
        };
        headers.insert(AUTHORIZATION, sensitive(&value)?);
        Ok(())
    }

    /// Forgets the token of a request that was refused, unless there is a newer one already; whether it had one, so
    /// that it is worth another try.
    pub(crate) fn forget_refused(&self, headers: &HeaderMap) -> bool {
        match (&self.tokens, headers.get(AUTHORIZATION)) {
            (Some(tokens), Some(sent)) => {
                tokens.forget(sent);
                true
            }
            _ => false,
        }
    }

    async fn password(&self, basic: &BasicAuth) -> Result<String, HttpError> {
        match &basic.password {
            Some(source) => secrets::secret(&*self.files, source, "basic_auth password").await,
            None => Ok(String::new()),
        }
    }
}

/// Adds the credentials of the URL itself, if it has some and no `Authorization` is there.
pub(crate) fn authorize_from_url(url: &Url, headers: &mut HeaderMap) -> Result<(), HttpError> {
    if let Some((user, password)) = url_credentials(url)
        && !headers.contains_key(AUTHORIZATION)
    {
        headers.insert(AUTHORIZATION, sensitive(&basic_value(&user, &password))?);
    }
    Ok(())
}

/// User and password of a URL.
pub(crate) fn url_credentials(url: &Url) -> Option<(String, String)> {
    let decoded = |text: &str| {
        planted!(
            percent_decode_str(text).decode_utf8_lossy().into_owned(),
            UrlCredentialsStayEncoded,
            text.to_owned()
        )
    };
    let (user, password) = (url.username(), url.password());
    (!user.is_empty() || password.is_some()).then(|| (decoded(user), decoded(password.unwrap_or_default())))
}

/// The value of a `Basic` header.
pub(crate) fn basic_value(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// A header value that debug output hides.
pub(crate) fn sensitive(value: &str) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| HttpError::Settings {
        setting: "credentials".to_owned(),
        cause: "they hold characters that an HTTP header can't, such as a line break".into(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}
