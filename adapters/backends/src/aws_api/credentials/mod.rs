//! Who asks AWS: credentials from wherever they come, shared and renewed.
//!
//! The one rule: **what is borrowed is borrowed once**. A role that a hundred entries take on is taken on once, and again
//! before its end, by one of them; so is what the instance or the container lends.

mod metadata;
mod plan;
mod profile;
mod sts;

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::BoxFuture;
use headcount_discoverer::env::{FileError, HttpError, Token, TokenSlot};
use headcount_discoverer::rest::Ask;
use headcount_reader::{HttpClientSettings, Secret};

use super::account::Account;
use crate::sigv4::Keys;
use plan::{ContainerAuthorization, Plan};

pub(crate) use metadata::Metadata;
pub(crate) use profile::Files;

/// Why there are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// What is written makes no sense.
    #[error("{0}")]
    Written(String),
    #[error("{0}")]
    File(#[from] FileError),
    /// Nobody answered.
    #[error("{what}: {source}")]
    Http { what: String, source: HttpError },
    /// The answer is no, or makes no sense.
    #[error("{what}: {said}")]
    Answer {
        what: String,
        said: String,
        /// How long whoever answered wants to be left alone.
        wait: Option<Duration>,
    },
    /// There was nothing left to ask.
    #[error(
        "there are no credentials: none in the entry, the environment, the shared files or beside the container; the last \
         to be asked was the instance: {reason}"
    )]
    Nowhere { reason: Box<CredentialsError> },
}

impl CredentialsError {
    /// How long whoever was asked last wants to be left alone.
    pub(crate) fn wait(&self) -> Option<Duration> {
        match self {
            Self::Answer { wait, .. } => *wait,
            Self::Nowhere { reason } => reason.wait(),
            Self::Written(_) | Self::File(_) | Self::Http { .. } => None,
        }
    }
}

type Slot = TokenSlot<CredentialsError>;

/// Credentials, as long as somebody uses them.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) keys: Keys,
    /// Where they are kept, and as what, if they are borrowed.
    kept: Option<(Arc<Slot>, Secret)>,
    /// What they were borrowed with is kept as long.
    _below: Vec<Arc<Slot>>,
}

impl Held {
    /// AWS does not take them: the next to ask borrows new ones.
    pub(crate) fn were_refused(&self) {
        if let Some((slot, used)) = &self.kept {
            slot.forget(used);
        }
    }
}

/// What borrows credentials.
pub(crate) struct Lender<'a> {
    pub(crate) account: &'a Account,
    /// The part of the world that it may touch, and the entry's own HTTP client.
    pub(crate) ask: &'a Ask<'a>,
    /// Where STS is asked, and for which region.
    pub(crate) sts: String,
    pub(crate) region: &'a str,
}

/// All that borrowed credentials depend on.
#[derive(PartialEq, Eq, Hash)]
struct SlotKey {
    plan: Plan,
    sts: String,
    client: HttpClientSettings,
}

impl Lender<'_> {
    /// The credentials that are to be used now.
    pub(crate) async fn credentials(&self, files: &Files) -> Result<Held, CredentialsError> {
        let plan = Plan::of(self.account, self.ask.env().variables.as_ref(), files)?;
        let held = self.held(&plan).await;
        held.map_err(|error| match plan {
            Plan::Instance => CredentialsError::Nowhere {
                reason: Box::new(error),
            },
            _ => error,
        })
    }

    fn held<'s>(&'s self, plan: &'s Plan) -> BoxFuture<'s, Result<Held, CredentialsError>> {
        Box::pin(async move {
            if let Plan::Keys(keys) = plan {
                return Ok(Held {
                    keys: keys.clone(),
                    kept: None,
                    _below: Vec::new(),
                });
            }
            let slot = self.slot(plan);
            let clock = self.ask.env().clock.as_ref();
            let kept = slot.get(clock, || self.borrow(plan)).await?;
            let mut below = Vec::new();
            let mut next = plan;
            while let Plan::Assume { of, .. } = next {
                below.push(self.slot(of));
                next = of;
            }
            Ok(Held {
                keys: unpacked(&kept).ok_or_else(|| CredentialsError::Written("no keys were kept".to_owned()))?,
                kept: Some((slot, kept)),
                _below: below,
            })
        })
    }

    fn slot(&self, plan: &Plan) -> Arc<Slot> {
        // What the machine lends depends on nothing else.
        let is_of_machine = matches!(plan, Plan::Instance | Plan::Container { .. });
        let (sts, client) = match is_of_machine {
            true => (String::new(), HttpClientSettings::default()),
            false => (self.sts.clone(), self.account.client.clone()),
        };
        self.ask.env().tokens.slot(SlotKey {
            plan: plan.clone(),
            sts,
            client,
        })
    }

    async fn borrow(&self, plan: &Plan) -> Result<Token, CredentialsError> {
        match plan {
            Plan::Keys(keys) => Ok(packed(keys, None)),
            Plan::Instance => Metadata::new(self.ask.env()).credentials().await,
            Plan::Container { url, authorization } => self.container(url, authorization).await,
            Plan::WebIdentity { token_file, role } => self.web_identity(token_file, role).await,
            Plan::Assume { role, of } => {
                let base = self.held(of).await?;
                let assumed = self.assume(role, &base.keys).await;
                if matches!(assumed, Err(CredentialsError::Answer { .. })) {
                    base.were_refused();
                }
                assumed
            }
        }
    }

    async fn container(&self, url: &str, authorization: &ContainerAuthorization) -> Result<Token, CredentialsError> {
        let env = self.ask.env();
        let authorization = match authorization {
            ContainerAuthorization::None => None,
            ContainerAuthorization::Token(token) => Some(token.clone()),
            ContainerAuthorization::File(path) => {
                let contents = env.files.read(path, metadata::TOKEN_LIMIT).await?;
                Some(Secret::new(String::from_utf8_lossy(&contents.bytes).trim()))
            }
        };
        metadata::container(env, url, authorization).await
    }
}

/// Credentials as text that is kept.
fn packed(keys: &Keys, lifetime: Option<Duration>) -> Token {
    let token = keys.session_token.as_ref().map_or("", Secret::reveal);
    let text = format!("{}\n{}\n{token}", keys.access_key, keys.secret_key.reveal());
    Token::new(text, lifetime)
}

fn unpacked(kept: &Secret) -> Option<Keys> {
    let mut lines = kept.reveal().splitn(3, '\n');
    Some(Keys {
        access_key: lines.next()?.to_owned(),
        secret_key: Secret::new(lines.next()?),
        session_token: lines.next().filter(|token| !token.is_empty()).map(Secret::new),
    })
}

#[cfg(test)]
mod tests;
