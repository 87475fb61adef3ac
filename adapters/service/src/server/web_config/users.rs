//! `basic_auth_users`: passwords, of which only bcrypt's hashes are known.
//!
//! A hash is made to be slow, so **what was worked out once is remembered**, as a keyed digest from which nobody gets the
//! password back; and only one is worked out at a time, so that whoever guesses takes at most one core. A user that does
//! not exist takes as long as one that does.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blocking::unblock;
use headcount_core::planted;
use headcount_reader::Secret;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use ring::hmac;
use ring::rand::SystemRandom;

/// Verdicts that are remembered; then all are forgotten.
const MOST_KNOWN: usize = 1_000;

/// The users, by name, with their hashes.
pub(crate) type Users = BTreeMap<String, Secret>;

/// Whether a text is one of bcrypt's hashes.
pub(super) fn is_hash(text: &str) -> bool {
    text.parse::<bcrypt::HashParts>().is_ok()
}

/// Who a request says it is, with the password.
pub(in crate::server) fn credentials(headers: &HeaderMap) -> Option<(String, Secret)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    let password = Secret::new(planted!(password, PasswordEndsAtAColon, password.split(':').next()?));
    Some((name.to_owned(), password))
}

/// What was worked out.
pub(super) struct Verdicts {
    /// `None` where the system gives no random numbers; then nothing is remembered.
    key: Option<hmac::Key>,
    known: Mutex<HashMap<Vec<u8>, bool>>,
    turn: smol::lock::Mutex<()>,
}

impl Verdicts {
    pub(super) fn new() -> Self {
        Self {
            key: hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok(),
            known: Mutex::default(),
            turn: smol::lock::Mutex::new(()),
        }
    }

    /// Whether one of the users has this name and this password.
    pub(super) async fn allow(&self, users: &Users, name: &str, password: &Secret) -> bool {
        // For a user that does not exist, as much work as for another.
        let Some(hash) = users.get(name).or_else(|| users.values().next()).map(Secret::reveal) else {
            return false;
        };
        let digest = self.digest(name, hash, password);
        if let Some(verdict) = self.known(digest.as_deref()) {
            return verdict;
        }
        let _turn = self.turn.lock().await;
        // Somebody before may have asked the same.
        if let Some(verdict) = self.known(digest.as_deref()) {
            return verdict;
        }
        let (hash, password) = (hash.to_owned(), password.clone());
        let fits = unblock(move || bcrypt::verify(password.reveal(), &hash).unwrap_or(false)).await;
        let verdict = fits && planted!(users.contains_key(name), AnyPasswordOfAnother, true);
        if let Some(digest) = digest {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST_KNOWN {
                known.clear();
            }
            known.insert(digest, verdict);
        }
        verdict
    }

    fn known(&self, digest: Option<&[u8]>) -> Option<bool> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(digest?).copied()
    }

    fn digest(&self, name: &str, hash: &str, password: &Secret) -> Option<Vec<u8>> {
        let mut context = hmac::Context::with_key(self.key.as_ref()?);
        for part in [name, hash, password.reveal()] {
            context.update(&part.len().to_le_bytes());
            context.update(part.as_bytes());
        }
        Some(context.sign().as_ref().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn who_has_the_password_is_let_in_and_asked_only_once() {
        let hash = bcrypt::hash("right", 4).expect("a hash");
        assert!(is_hash(&hash) && !is_hash("right"));
        let users = Users::from([("ann".to_owned(), Secret::new(hash))]);
        let verdicts = Verdicts::new();
        let allow = |name: &str, password: &str| smol::block_on(verdicts.allow(&users, name, &Secret::new(password)));
        let count = || verdicts.known.lock().expect("not poisoned").len();
        assert!(allow("ann", "right") && allow("ann", "right"));
        assert_eq!(count(), 1);
        assert!(!allow("ann", "wrong") && !allow("bob", "right") && !allow("", ""));
        assert_eq!(count(), 4);
        let none = Users::new();
        assert!(
            !smol::block_on(verdicts.allow(&none, "ann", &Secret::new("right"))),
            "she was taken out"
        );
    }

    #[test]
    fn credentials_are_those_of_basic_authentication() {
        let of = |value: &'static str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
            credentials(&headers).map(|(name, password)| format!("{name} {}", password.reveal()))
        };
        assert_eq!(of("Basic YW5uOnJpOmdodA==").as_deref(), Some("ann ri:ght"));
        assert_eq!(of("basic YW5uOg==").as_deref(), Some("ann "));
        for wrong in [
            "",
            "Basic",
            "Basic %",
            "Basic YW5u",
            "Bearer YW5uOnJpZ2h0",
            "Basic /w==",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(credentials(&HeaderMap::new()).map(|(name, _)| name), None);
    }
}
