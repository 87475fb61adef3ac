//! The signed statement of who asks (RFC 7523) that a token is given for.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use headcount_discoverer::Env;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA512, RsaKeyPair};
use serde_json::{Value, json};

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
    #[error("the private key is no PEM of an RSA key")]
    Pem,
    #[error("the private key can't be used: {0}")]
    Key(String),
    #[error("signing failed")]
    Signing,
}

/// A statement of now, signed with a private key (PEM).
pub(super) fn sign(env: &Env, claims: &Claims, private_key: &str) -> Result<String, AssertionError> {
    let key = key_pair(private_key)?;
    let now = env.clock.unix_time();
    // Only has to differ each time.
    let [high, low] = [env.random.next_u64(), env.random.next_u64()];
    let header = json!({"alg": "RS512", "typ": "JWT", "kid": claims.key_id});
    let payload = json!({
        "iss": claims.issuer, "sub": claims.subject, "aud": claims.audience,
        "jti": format!("{high:016x}{low:016x}"),
        "iat": now.as_secs(), "exp": now.saturating_add(VALID).as_secs(),
    });
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&header), part(&payload));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA512,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .map_err(|_| AssertionError::Signing)?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// A key in PEM, be it of PKCS #8 or of PKCS #1.
fn key_pair(pem: &str) -> Result<RsaKeyPair, AssertionError> {
    if pem.trim().is_empty() {
        return Err(AssertionError::Missing);
    }
    let (_, rest) = pem.split_once("-----BEGIN ").ok_or(AssertionError::Pem)?;
    let (name, rest) = rest.split_once("-----").ok_or(AssertionError::Pem)?;
    let (body, _) = rest.split_once("-----END ").ok_or(AssertionError::Pem)?;
    let body: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(body).map_err(|_| AssertionError::Pem)?;
    let key = match name {
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der),
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der),
        _ => return Err(AssertionError::Pem),
    };
    key.map_err(|error| AssertionError::Key(error.to_string()))
}

/// When a token of this form ends, if it says so.
pub(super) fn end(token: &str) -> Option<u64> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let payload: Value = serde_json::from_slice(&payload).ok()?;
    payload["exp"].as_u64()
}

#[cfg(test)]
mod tests {
    use headcount_discoverer::testing::World;
    use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey};

    use super::*;

    const PKCS8: &str = include_str!("testdata/key.pem");

    #[test]
    fn a_statement_can_be_verified_and_says_when_it_ends() {
        let env = World::new().env();
        let claims = Claims {
            issuer: "a@sa.stackit.cloud".to_owned(),
            subject: "s".to_owned(),
            audience: "https://a.example".to_owned(),
            key_id: "k".to_owned(),
        };
        let statement = sign(&env, &claims, PKCS8).expect("a key");
        let (signed, signature) = statement.rsplit_once('.').expect("a signature");
        let key = key_pair(PKCS8).expect("a key");
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
        assert_ne!(
            sign(&env, &claims, PKCS8),
            Ok(statement),
            "each has a number of its own"
        );
    }

    #[test]
    fn what_is_no_key_is_told_and_not_shown() {
        for (key, wrong) in [
            ("", AssertionError::Missing),
            ("hunter2", AssertionError::Pem),
            (
                "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----",
                AssertionError::Pem,
            ),
            (
                "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----",
                AssertionError::Pem,
            ),
        ] {
            assert_eq!(key_pair(key).err(), Some(wrong));
        }
        let broken = PKCS8.replacen("MII", "MIJ", 1);
        let error = key_pair(&broken).expect_err("it is broken").to_string();
        assert!(error.starts_with("the private key can't be used: "), "{error}");
        let der = STANDARD
            .decode(PKCS8.lines().filter(|line| !line.starts_with('-')).collect::<String>())
            .expect("base64");
        // What is inside of PKCS #8 is PKCS #1.
        let inner = STANDARD.encode(&der[26..]);
        let pkcs1 = format!("-----BEGIN RSA PRIVATE KEY-----\n{inner}\n-----END RSA PRIVATE KEY-----\n");
        assert!(key_pair(&pkcs1).is_ok());
        assert_eq!((end("a.b.c"), end("")), (None, None));
    }
}
