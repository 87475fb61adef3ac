//! The signed statement of who asks (RFC 7523) that a token is given for.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headcount_discoverer::Env;
use headcount_reader::Secret;
use serde_json::{Value, json};

use crate::bearer::{JwtAlgorithm, RsaKey, SigningError};

/// How long it is valid: that of STACKIT's own libraries.
const VALID: Duration = Duration::from_secs(10 * 60);

/// What is stated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Claims {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) audience: String,
    pub(super) key_id: String,
}

/// Why it can't be. It never shows the key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AssertionError {
    #[error("the private key is missing: it stands neither in the service account's key nor elsewhere")]
    Missing,
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// A statement of now, signed with a private key (PEM).
pub(super) fn sign(env: &Env, claims: &Claims, private_key: &Secret) -> Result<String, AssertionError> {
    if private_key.reveal().trim().is_empty() {
        return Err(AssertionError::Missing);
    }
    let key = RsaKey::from_pem(private_key)?;
    let now = env.clock.unix_time();
    // Only has to differ each time.
    let [high, low] = [env.random.next_u64(), env.random.next_u64()];
    let payload = json!({
        "iss": claims.issuer, "sub": claims.subject, "aud": claims.audience,
        "jti": format!("{high:016x}{low:016x}"),
        "iat": now.as_secs(), "exp": now.saturating_add(VALID).as_secs(),
    });
    Ok(key.jwt(JwtAlgorithm::Rs512, &claims.key_id, &payload)?)
}

/// When a token of this form ends, if it says so.
pub(super) fn end(token: &str) -> Option<u64> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let payload: Value = serde_json::from_slice(&payload).ok()?;
    payload["exp"].as_u64()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use headcount_discoverer::testing::World;
    use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA512, RsaKeyPair, UnparsedPublicKey};

    use super::*;

    const KEY: &str = include_str!("testdata/key.pem");

    fn claims() -> Claims {
        Claims {
            issuer: "a@sa.stackit.cloud".to_owned(),
            subject: "s".to_owned(),
            audience: "https://a.example".to_owned(),
            key_id: "k".to_owned(),
        }
    }

    #[test]
    fn a_statement_can_be_verified_and_says_when_it_ends() {
        let env = World::new().env();
        let statement = sign(&env, &claims(), &Secret::new(KEY)).expect("a key");
        let (signed, signature) = statement.rsplit_once('.').expect("a signature");
        let der: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
        let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(der).expect("base64")).expect("a key");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, key.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .expect("it is signed with this key");
        let part = |number| {
            let part = signed.split('.').nth(number).expect("a part");
            serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
        };
        assert_eq!(part(0), json!({"alg": "RS512", "typ": "JWT", "kid": "k"}));
        let (payload, now) = (part(1), env.clock.unix_time().as_secs());
        assert_eq!(
            (payload["iss"].as_str(), payload["sub"].as_str()),
            (Some("a@sa.stackit.cloud"), Some("s"))
        );
        assert_eq!((payload["iat"].as_u64(), end(&statement)), (Some(now), Some(now + 600)));
        let next = sign(&env, &claims(), &Secret::new(KEY));
        assert_ne!(next, Ok(statement), "each has a number of its own");
        assert_eq!((end("a.b.c"), end("")), (None, None));
    }

    #[test]
    fn a_key_that_is_missing_is_told_from_one_that_is_none() {
        let env = World::new().env();
        let error = |key: &str| sign(&env, &claims(), &Secret::new(key)).err();
        assert_eq!(error(" "), Some(AssertionError::Missing));
        assert_eq!(error("hunter2"), Some(SigningError::NotPem.into()));
    }
}
