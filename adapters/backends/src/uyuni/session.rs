//! Who asks Uyuni, and how it says so.
//!
//! **A token is asked for when there is none that is good**, by one of all who have the same account, and is good for
//! ten minutes. The password goes nowhere else.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpLimits, HttpRequest, Token, TokenSlot};
use headcount_discoverer::rest::{Ask, ReadError};
use headcount_reader::{HttpClientSettings, Secret};

use super::rpc::{self, Argument, RpcError, Value};
use crate::answers::{ServerUrl, TokenError};

/// For how long a token is asked for; Prometheus's.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Where all calls go.
const PATH: &str = "/rpc/api";

/// What an entry says of who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Account {
    pub(super) server: ServerUrl,
    pub(super) username: String,
    pub(super) password: Secret,
}

/// What one account has.
pub(super) struct Session {
    account: Account,
    slot: Arc<TokenSlot<TokenError>>,
}

/// Why a call gave nothing.
pub(super) enum CallError {
    Read(ReadError),
    /// The server says so itself, and perhaps for want of a good token.
    Fault(ReadError),
}

impl From<CallError> for ReadError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Read(error) | CallError::Fault(error) => error,
        }
    }
}

impl Session {
    pub(super) fn new(env: &Env, account: Account, client: HttpClientSettings) -> Self {
        let slot = env.tokens.slot((account.clone(), client));
        Self { account, slot }
    }

    /// A token that is good.
    pub(super) async fn token(&self, ask: &Ask<'_>) -> Result<Secret, ReadError> {
        let clock = ask.env().clock.as_ref();
        Ok(self.slot.get(clock, || self.log_in(ask)).await?)
    }

    /// Forgets a token that did not lead to an answer.
    pub(super) fn forget(&self, token: &Secret) {
        self.slot.forget(token);
    }

    /// Calls a method, whose first argument is the token, and which gives a list.
    pub(super) async fn list(
        &self,
        ask: &Ask<'_>,
        token: &Secret,
        method: &str,
        argument: Argument<'_>,
    ) -> Result<Vec<Value>, CallError> {
        let arguments = [Argument::Text(token.reveal()), argument];
        let url = format!("{} ({method})", self.url());
        let answer = ask
            .get(self.request(ask, &rpc::call(method, &arguments)))
            .await
            .map_err(CallError::Read)?;
        match rpc::answer(&answer.body) {
            Ok(Value::List(list)) => Ok(list),
            Ok(_) => Err(CallError::Read(ReadError::answer(&url, "the answer is no list"))),
            Err(error @ RpcError::Fault { .. }) => Err(CallError::Fault(ReadError::answer(&url, error))),
            Err(error) => Err(CallError::Read(ReadError::answer(&url, error))),
        }
    }

    async fn log_in(&self, ask: &Ask<'_>) -> Result<Token, TokenError> {
        let url = self.url();
        let arguments = [
            Argument::Text(&self.account.username),
            Argument::Text(self.account.password.reveal()),
            Argument::Number(LIFETIME.as_secs().cast_signed()),
        ];
        let request = self.request(ask, &rpc::call("auth.login", &arguments));
        let answer = ask
            .send(request)
            .await
            .map_err(|error| TokenError::unanswered(&url, &error))?;
        if answer.status != 200 {
            return Err(TokenError::status(
                ask.env(),
                &url,
                &answer,
                "the server lets nobody log in",
            ));
        }
        match rpc::answer(&answer.body) {
            Ok(Value::Text(token)) if !token.is_empty() => Ok(Token::new(token, Some(LIFETIME))),
            Ok(_) => Err(TokenError::new(&url, "logging in gave no token")),
            Err(error) => Err(TokenError::new(&url, format!("logging in: {error}"))),
        }
    }

    fn request(&self, ask: &Ask<'_>, call: &str) -> HttpRequest {
        HttpRequest::post(self.account.server.join(PATH), "text/xml", call).limits(HttpLimits {
            body: ask.env().limits.body,
            ..HttpLimits::default()
        })
    }

    /// The URL as it may be shown.
    pub(super) fn url(&self) -> String {
        format!("{}{PATH}", self.account.server.shown())
    }
}
