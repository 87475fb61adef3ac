//! The signed assertion of OAuth 2.0's JWT bearer grant (RFC 7523).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headcount_reader::{JwtAlgorithm, JwtBearer, OAuth2};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Map, Value, json};

/// How long an assertion is valid: Prometheus's choice.
const VALID: Duration = Duration::from_secs(10 * 60);

/// Why there is no assertion. It never shows the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssertionError {
    #[error("client_certificate_key: it holds no private key in PEM")]
    NoKey,
    #[error("client_certificate_key: it is not a key that can be used")]
    UnusableKey,
    #[error("client_certificate_key: it is not an RSA key")]
    NotRsa,
    #[error("client_certificate_key: signing with it failed")]
    Signing(#[source] rustls::Error),
    #[error("the claim {name:?} is not JSON")]
    Claim {
        name: String,
        #[source]
        error: serde_json::Error,
    },
}

/// An assertion of now, signed with `key` (PEM).
pub(crate) fn sign(settings: &OAuth2, jwt: &JwtBearer, key: &str) -> Result<String, AssertionError> {
    let unix_time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let payload = Value::Object(claims(settings, jwt, unix_time)?);
    let (algorithm, scheme) = match jwt.algorithm {
        JwtAlgorithm::Rs256 => ("RS256", SignatureScheme::RSA_PKCS1_SHA256),
        JwtAlgorithm::Rs384 => ("RS384", SignatureScheme::RSA_PKCS1_SHA384),
        JwtAlgorithm::Rs512 => ("RS512", SignatureScheme::RSA_PKCS1_SHA512),
    };
    let mut header = json!({"alg": algorithm, "typ": "JWT"});
    if let (Some(header), false) = (header.as_object_mut(), jwt.key_id.is_empty()) {
        header.insert("kid".to_owned(), jwt.key_id.clone().into());
    }
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&header), part(&payload));
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| AssertionError::NoKey)?;
    let key = any_supported_type(&key).map_err(|_| AssertionError::UnusableKey)?;
    let signer = key.choose_scheme(&[scheme]).ok_or(AssertionError::NotRsa)?;
    let signature = signer.sign(signed.as_bytes()).map_err(AssertionError::Signing)?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn claims(settings: &OAuth2, jwt: &JwtBearer, now: Duration) -> Result<Map<String, Value>, AssertionError> {
    let or = |text: &str, other: &str| Value::from(if text.is_empty() { other } else { text });
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), or(&jwt.issuer, &settings.client_id));
    claims.insert("sub".to_owned(), settings.client_id.clone().into());
    claims.insert("aud".to_owned(), or(&jwt.audience, &settings.token_url));
    claims.insert("iat".to_owned(), now.as_secs().into());
    claims.insert("exp".to_owned(), now.saturating_add(VALID).as_secs().into());
    // Only has to differ each time.
    claims.insert("jti".to_owned(), format!("{:032x}", fastrand::u128(..)).into());
    if !settings.scopes.is_empty() {
        claims.insert("scope".to_owned(), settings.scopes.join(" ").into());
    }
    for (name, json) in &jwt.claims {
        let value = serde_json::from_str(json).map_err(|error| AssertionError::Claim {
            name: name.clone(),
            error,
        })?;
        claims.insert(name.clone(), value);
    }
    Ok(claims)
}
