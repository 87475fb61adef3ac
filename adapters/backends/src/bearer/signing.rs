//! RSA signatures, and the assertions that are signed with them (RFC 7515, RFC 7523).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use headcount_reader::Secret;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair};

/// Why nothing can be signed. Says nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SigningError {
    #[error("the private key is not in PEM form (-----BEGIN PRIVATE KEY-----)")]
    NotPem,
    #[error("the private key is encrypted; decrypt it with `openssl pkey`")]
    Encrypted,
    #[error("the private key is no RSA key of 2048 bits or more")]
    NotRsa,
    #[error("the private key can't sign")]
    Failed,
}

/// How a JSON web token is signed (RFC 7518, section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JwtAlgorithm {
    Rs256,
    Rs512,
}

impl JwtAlgorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs512 => "RS512",
        }
    }

    fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Rs256 => &RSA_PKCS1_SHA256,
            Self::Rs512 => &RSA_PKCS1_SHA512,
        }
    }
}

/// A private key.
pub(crate) struct RsaKey(RsaKeyPair);

impl RsaKey {
    /// The first private key in a text in PEM form, be it PKCS #8 or PKCS #1.
    pub(crate) fn from_pem(text: &Secret) -> Result<Self, SigningError> {
        let text = text.reveal();
        let (_, rest) = text.split_once("-----BEGIN ").ok_or(SigningError::NotPem)?;
        let (label, rest) = rest.split_once("-----").ok_or(SigningError::NotPem)?;
        let (body, _) = rest.split_once("-----END ").ok_or(SigningError::NotPem)?;
        if label.contains("ENCRYPTED") || body.contains("Proc-Type:") {
            return Err(SigningError::Encrypted);
        }
        let letters: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
        let der = STANDARD.decode(letters).map_err(|_| SigningError::NotPem)?;
        match label {
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).map(Self).map_err(|_| SigningError::NotRsa),
            _ => Self::from_pkcs8(&der),
        }
    }

    /// A private key as it stands in PKCS #8.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, SigningError> {
        RsaKeyPair::from_pkcs8(der).map(Self).map_err(|_| SigningError::NotRsa)
    }

    /// A signature by RSASSA-PKCS1-v1_5 with SHA-256. It is the same each time: chance only hides the key from who measures
    /// the time.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        self.sign_as(&RSA_PKCS1_SHA256, message)
    }

    fn sign_as(&self, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(encoding, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| SigningError::Failed)?;
        Ok(signature)
    }

    /// A JSON web token with these claims. An empty `key_id` is left out.
    pub(crate) fn jwt(
        &self,
        algorithm: JwtAlgorithm,
        key_id: &str,
        claims: &serde_json::Value,
    ) -> Result<String, SigningError> {
        let mut header = serde_json::json!({ "alg": algorithm.name(), "typ": "JWT" });
        if let (false, Some(header)) = (key_id.is_empty(), header.as_object_mut()) {
            header.insert("kid".to_owned(), key_id.into());
        }
        let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(&header), part(claims));
        let signature = self.sign_as(algorithm.encoding(), message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PKCS8: &str = include_str!("testdata/rsa.pem");
    const PKCS1: &str = include_str!("testdata/rsa-pkcs1.pem");
    /// What `openssl dgst -sha256 -sign` makes of the message.
    const SIGNATURE: &str = include_str!("testdata/signature");
    const MESSAGE: &[u8] = b"date: Thu, 01 Jan 2026 00:00:00 GMT";

    fn key(text: &str) -> Result<RsaKey, SigningError> {
        RsaKey::from_pem(&Secret::new(text))
    }

    #[test]
    fn a_signature_is_that_of_openssl_whatever_the_keys_form() {
        for text in [
            PKCS8.to_owned(),
            PKCS1.to_owned(),
            format!("a comment\n{PKCS8}"),
            PKCS8.replace('\n', "\r\n"),
        ] {
            let signature = key(&text).and_then(|key| key.sign(MESSAGE)).expect("it can sign");
            assert_eq!(STANDARD.encode(signature), SIGNATURE.trim());
        }
    }

    #[test]
    fn a_token_has_three_parts_and_the_last_signs_the_others() {
        let key = key(PKCS8).expect("a key");
        let token = key
            .jwt(JwtAlgorithm::Rs256, "k1", &serde_json::json!({"iss": "me"}))
            .expect("it can sign");
        let parts: Vec<&str> = token.split('.').collect();
        let text = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("text");
        assert_eq!(text(parts[0]), r#"{"alg":"RS256","kid":"k1","typ":"JWT"}"#);
        assert_eq!(text(parts[1]), r#"{"iss":"me"}"#);
        let signed = key
            .sign(format!("{}.{}", parts[0], parts[1]).as_bytes())
            .expect("it can sign");
        assert_eq!(parts[2], URL_SAFE_NO_PAD.encode(signed));
        assert_eq!(
            key.jwt(JwtAlgorithm::Rs256, "", &serde_json::json!({}))
                .expect("it can sign")
                .split('.')
                .next(),
            Some("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9")
        );
    }

    #[test]
    fn what_is_no_key_is_told_apart() {
        let error = |text: &str| key(text).err();
        assert_eq!(error(""), Some(SigningError::NotPem));
        assert_eq!(
            error("-----BEGIN PRIVATE KEY-----\nä\n-----END PRIVATE KEY-----"),
            Some(SigningError::NotPem)
        );
        assert_eq!(
            error("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
            Some(SigningError::NotRsa)
        );
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----";
        assert_eq!(error(encrypted), Some(SigningError::Encrypted));
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----";
        assert_eq!(error(old), Some(SigningError::Encrypted));
    }
}
