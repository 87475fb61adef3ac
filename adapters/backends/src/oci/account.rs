//! Who asks, with the key that signs.

use std::sync::{Arc, Mutex, PoisonError};

use headcount_discoverer::Env;
use headcount_discoverer::env::{Token, TokenSlot};
use headcount_discoverer::rest::Ask;
use headcount_reader::{HttpClientSettings, Secret, SecretSource};

use super::decrypt::decrypted;
use super::principal::{self, Principal};
use super::settings::{Auth, OciSd};
use crate::bearer::{LoginError, RsaKey, SMALL};

type Slot = TokenSlot<LoginError>;

/// Who asks during one refresh.
pub(super) struct Account {
    pub(super) tenancy: String,
    pub(super) key_id: String,
    pub(super) key: Arc<RsaKey>,
}

/// What is kept from refresh to refresh.
#[derive(Default)]
pub(super) struct Keys {
    /// The key that was last read, and of what.
    read: Mutex<Option<(Secret, Arc<RsaKey>)>>,
    /// The instance's token, and as what it is kept.
    slot: Mutex<Option<(Arc<Slot>, Secret)>>,
}

/// What of the machine's token it depends on.
type SlotKey = (&'static str, HttpClientSettings);

impl Keys {
    /// Who asks for an entry now.
    pub(super) async fn account(&self, ask: &Ask<'_>, settings: &OciSd) -> Result<Account, LoginError> {
        match &settings.auth {
            Auth::ApiKey {
                tenancy,
                user,
                fingerprint,
                key_file,
                passphrase,
            } => {
                let contents = ask
                    .env()
                    .files
                    .read(key_file, SMALL)
                    .await
                    .map_err(|error| LoginError::file(&error))?;
                let passphrase = self.passphrase(ask.env(), passphrase.as_ref()).await?;
                let text = String::from_utf8_lossy(&contents.bytes);
                let key = self.key(&text, passphrase.reveal());
                let key = key.map_err(|said| LoginError::new(&key_file.to_string_lossy(), said))?;
                Ok(Account {
                    tenancy: tenancy.clone(),
                    key_id: format!("{tenancy}/{user}/{fingerprint}"),
                    key,
                })
            }
            Auth::InstancePrincipal => {
                let key: SlotKey = ("oci instance principal", settings.common.client.clone());
                let slot: Arc<Slot> = ask.env().tokens.slot(key);
                let fetch = || async { principal::token(ask).await as Result<Token, LoginError> };
                let kept = slot.get(ask.env().clock.as_ref(), fetch).await?;
                let opened = Principal::unpacked(&kept);
                let Principal { tenancy, key_id, key } =
                    opened.ok_or_else(|| LoginError::new("the instance's token", "it was not kept whole"))?;
                *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((slot, kept));
                Ok(Account {
                    tenancy,
                    key_id,
                    key: Arc::new(key),
                })
            }
        }
    }

    /// The last one was refused: a token is got anew. False where there is none.
    pub(super) fn were_refused(&self) -> bool {
        let slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().is_some_and(|(slot, kept)| {
            slot.forget(kept);
            true
        })
    }

    async fn passphrase(&self, env: &Env, source: Option<&SecretSource>) -> Result<Secret, LoginError> {
        match source {
            None => Ok(Secret::default()),
            Some(SecretSource::Inline(secret)) => Ok(secret.clone()),
            Some(SecretSource::Reference(name)) => Err(LoginError::new(
                name,
                "there is no secret manager to ask for this secret; use a file",
            )),
            Some(SecretSource::File(path)) => {
                let contents = env
                    .files
                    .read(path, SMALL)
                    .await
                    .map_err(|error| LoginError::file(&error))?;
                Ok(Secret::new(
                    String::from_utf8_lossy(&contents.bytes).trim_end_matches(['\r', '\n']),
                ))
            }
        }
    }

    /// Reads a key, unless it is the one that was read before: decrypting takes its time.
    fn key(&self, text: &str, passphrase: &str) -> Result<Arc<RsaKey>, String> {
        let written = Secret::new(format!("{passphrase}\n{text}"));
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = read.as_ref().filter(|(known, _)| *known == written) {
            return Ok(key.clone());
        }
        let pem = Secret::new(decrypted(text, passphrase).map_err(|error| error.to_string())?);
        let key = Arc::new(RsaKey::from_pem(&pem).map_err(|error| error.to_string())?);
        *read = Some((written, key.clone()));
        Ok(key)
    }
}
