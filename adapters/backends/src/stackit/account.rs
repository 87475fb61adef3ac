//! Who asks STACKIT: a service account, by a token of its own or by a key.
//!
//! **What a key gives is a token for a while**, which all who have the same key share, and which is renewed before it
//! ends: <https://docs.stackit.cloud/platform/access-and-identity/service-accounts/how-tos/manage-service-account-keys/>.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpRequest, Token, TokenSlot};
use headcount_discoverer::rest::{Ask, ReadError};
use headcount_reader::{HttpClientSettings, Secret, SecretSource, join};
use serde_json::{Map, Value};

use super::assertion::{self, Claims};
use crate::answers::{TokenError, reveal};

/// Where tokens are, unless the environment says otherwise.
const TOKEN_URL: &str = "https://service-account.api.stackit.cloud/token";
/// The variable that says otherwise, as in STACKIT's own libraries.
const TOKEN_URL_VARIABLE: &str = "STACKIT_TOKEN_BASEURL";
/// The variable, and the field of a credentials file, with the path of a private key.
const PRIVATE_KEY_PATH: &str = "STACKIT_PRIVATE_KEY_PATH";
const KEY_PATH: &str = "STACKIT_SERVICE_ACCOUNT_KEY_PATH";
const TOKEN: &str = "STACKIT_SERVICE_ACCOUNT_TOKEN";

/// What an entry says of who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Account {
    /// The key of a service account, JSON.
    pub(super) key: Option<SecretSource>,
    /// Its private key, PEM.
    pub(super) private_key: Option<SecretSource>,
    pub(super) credentials_file: Option<PathBuf>,
    /// Whether the key or token of that file counts.
    pub(super) may_borrow: bool,
}

/// As whom is asked.
pub(super) enum Access {
    /// As the settings of the HTTP client say.
    Nobody,
    Token(Secret),
    Key(Key),
}

/// A key of a service account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    token_url: String,
    claims: Claims,
    private_key: Secret,
}

/// A key, and the place of its token.
#[derive(Clone)]
pub(super) struct Held {
    key: Key,
    slot: Arc<TokenSlot<TokenError>>,
}

impl Account {
    /// As whom is asked now.
    pub(super) async fn access(&self, env: &Env) -> Result<Access, ReadError> {
        let credentials = self.credentials(env).await?;
        let text = |name: &str| {
            credentials
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let folder = self
            .credentials_file
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""));
        let file = |path: &str| SecretSource::File(join(folder, path));
        let borrowed = text(KEY_PATH).filter(|_| self.may_borrow).map(file);
        let Some(key) = self.key.clone().or(borrowed) else {
            let token = text(TOKEN).filter(|_| self.may_borrow);
            return Ok(token.map_or(Access::Nobody, |token| Access::Token(Secret::new(token))));
        };
        let key = reveal(env, &key, TOKEN_URL).await?;
        let key: Value = serde_json::from_str(key.reveal()).map_err(|error| {
            // Not where: the text beside it is secret.
            ReadError::answer(
                TOKEN_URL,
                format!("the service account's key is no JSON ({:?})", error.classify()),
            )
        })?;
        let inside = field(&key, "credentials").cloned().unwrap_or_default();
        let claim = |name: &str| {
            field(&inside, name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let claims = Claims {
            issuer: claim("iss"),
            subject: claim("sub"),
            audience: claim("aud"),
            key_id: claim("kid"),
        };
        let environment = env.variables.get(PRIVATE_KEY_PATH).filter(|path| !path.is_empty());
        let elsewhere = environment.map(|path| SecretSource::File(path.into()));
        let private_key = self
            .private_key
            .clone()
            .or(elsewhere)
            .or(text(PRIVATE_KEY_PATH).map(file));
        let private_key = match private_key {
            Some(source) => reveal(env, &source, TOKEN_URL).await?,
            None => Secret::new(claim("privateKey")),
        };
        let token_url = env.variables.get(TOKEN_URL_VARIABLE).filter(|url| !url.is_empty());
        Ok(Access::Key(Key {
            token_url: token_url.unwrap_or_else(|| TOKEN_URL.to_owned()),
            claims,
            private_key,
        }))
    }

    /// What the credentials file says, if there is one.
    async fn credentials(&self, env: &Env) -> Result<Map<String, Value>, ReadError> {
        let Some(path) = &self.credentials_file else {
            return Ok(Map::new());
        };
        let text = reveal(env, &SecretSource::File(path.clone()), TOKEN_URL).await?;
        serde_json::from_str(text.reveal()).map_err(|_| {
            let wrong = format!("the credentials file is no JSON object: {}", path.display());
            ReadError::answer(TOKEN_URL, wrong)
        })
    }
}

/// A field of an object, whatever the case of its letters, as in Go.
fn field<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    let fields = object.as_object()?;
    let exact = fields.get(name);
    exact.or_else(|| {
        fields
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

impl Held {
    /// The place of a key's token: the one that is held, if it is of this key.
    pub(super) fn of(env: &Env, key: Key, client: &HttpClientSettings, held: &Mutex<Option<Self>>) -> Self {
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = held.as_ref().filter(|held| held.key == key) {
            return known.clone();
        }
        let slot = env.tokens.slot((key.clone(), client.clone()));
        held.insert(Self { key, slot }).clone()
    }

    /// A token that is good.
    pub(super) async fn token(&self, ask: &Ask<'_>) -> Result<Secret, ReadError> {
        let clock = ask.env().clock.as_ref();
        Ok(self.slot.get(clock, || fetch(ask, &self.key)).await?)
    }

    /// Forgets a token that was refused.
    pub(super) fn forget(&self, token: &Secret) {
        self.slot.forget(token);
    }
}

async fn fetch(ask: &Ask<'_>, key: &Key) -> Result<Token, TokenError> {
    let (env, url) = (ask.env(), &key.token_url);
    let assertion = assertion::sign(env, &key.claims, &key.private_key);
    let assertion = assertion.map_err(|error| TokenError::new(url, error.to_string()))?;
    let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
    // Of an assertion nothing has to be escaped.
    let form = format!("assertion={assertion}&grant_type={grant}");
    let request =
        HttpRequest::post(url, "application/x-www-form-urlencoded", form).header("Accept", "application/json");
    let answer = ask
        .send(request)
        .await
        .map_err(|error| TokenError::unanswered(url, &error))?;
    if answer.status != 200 {
        let refused = "the service account's key is refused; is it active, and still valid?";
        return Err(TokenError::status(env, url, &answer, refused));
    }
    let found: Value = crate::json::from_slice(&answer.body).unwrap_or_default();
    let Some(token) = found["access_token"].as_str().filter(|token| !token.is_empty()) else {
        return Err(TokenError::new(url, "the answer has no access_token"));
    };
    let now = env.clock.unix_time();
    let by_claim = || Some(Duration::from_secs(assertion::end(token)?).saturating_sub(now));
    let lifetime = found["expires_in"].as_u64().map(Duration::from_secs).or_else(by_claim);
    Ok(Token::new(token, lifetime))
}
