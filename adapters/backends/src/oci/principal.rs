//! The instance as the one who asks: it shows the certificate that Oracle gives it, and gets a token for a key of its own.
//!
//! The metadata service lends the certificate and its key (<https://docs.oracle.com/iaas/Content/Compute/Tasks/gettingmetadata.htm>); the
//! service `auth` of the instance's region gives a token for a public key, signed by the other half of which requests are
//! Oracle's as long as the token lasts. **The key of a token is made anew with it**, and both are kept together.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpLimits, HttpRequest, Token};
use headcount_discoverer::rest::Ask;
use headcount_reader::Secret;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use rsa::rand_core::{TryCryptoRng, TryRng};
use serde::Deserialize;
use serde_json::json;

use super::decrypt::Der;
use super::realm::Hosts;
use super::signature::Signer;
use crate::answers::{Number, Text};
use crate::bearer::{LoginError, RsaKey, SMALL, ask_machine};

/// Where the metadata service is, unless the environment says otherwise.
const METADATA: &str = "http://169.254.169.254/opc/v2";
/// How long a session's key is.
const KEY_BITS: usize = 2048;
/// How long a token is used that does not say when it ends.
const UNKNOWN_LIFETIME: Duration = Duration::from_secs(300);

/// What a token opens.
pub(super) struct Principal {
    pub(super) tenancy: String,
    pub(super) key_id: String,
    pub(super) key: RsaKey,
}

/// A token for this instance with all that is needed to use it, as text that is kept.
pub(super) async fn token(ask: &Ask<'_>) -> Result<Token, LoginError> {
    let env = ask.env();
    let region = metadata(env, "instance/region").await?;
    let leaf = metadata(env, "identity/cert.pem").await?;
    let intermediate = metadata(env, "identity/intermediate.pem").await?;
    let key = metadata(env, "identity/key.pem").await?;
    let wrong = |said: &str| LoginError::new("the instance's certificate", said);
    let der = certificate(leaf.reveal()).ok_or_else(|| wrong("it is no certificate"))?;
    let tenancy = tenancy(&der).ok_or_else(|| wrong("it names no tenancy"))?;
    let hosts = Hosts::new(region.reveal().trim(), &tenancy, env.variables.as_ref());
    let key = RsaKey::from_pem(&key).map_err(|error| wrong(&error.to_string()))?;
    let session = Session::new().ok_or_else(|| LoginError::new("a key for the session", "it can't be made"))?;
    let given = federate(ask, &hosts, &tenancy, &der, &intermediate, &key, &session).await?;
    let lifetime = lifetime(given.reveal(), env.clock.unix_time());
    let packed = format!("{tenancy}\n{}\n{}", STANDARD.encode(&session.private), given.reveal());
    Ok(Token::new(packed, Some(lifetime.unwrap_or(UNKNOWN_LIFETIME))))
}

impl Principal {
    /// Of a token as it is kept.
    pub(super) fn unpacked(kept: &Secret) -> Option<Self> {
        let mut lines = kept.reveal().splitn(3, '\n');
        let tenancy = lines.next()?.to_owned();
        let key = RsaKey::from_pkcs8(&STANDARD.decode(lines.next()?).ok()?).ok()?;
        let key_id = format!("ST${}", lines.next()?);
        Some(Self { tenancy, key_id, key })
    }
}

/// A key that nobody else has, for as long as a token lasts.
struct Session {
    private: Vec<u8>,
    /// As X.509 has it.
    public: Vec<u8>,
}

impl Session {
    fn new() -> Option<Self> {
        let key = rsa::PrivateKey::new(&mut Chance(SystemRandom::new()), KEY_BITS).ok()?;
        Some(Self {
            private: key.to_pkcs8_der().ok()?.as_bytes().to_vec(),
            public: rsa::PublicKey::from(&key).to_public_key_der().ok()?.as_bytes().to_vec(),
        })
    }
}

/// ring's random numbers, which come from the system: a key is not drawn from a test's or a simulator's.
struct Chance(SystemRandom);

/// The system gave no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
struct NoChance;

impl TryRng for Chance {
    type Error = NoChance;

    fn try_next_u32(&mut self) -> Result<u32, NoChance> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, NoChance> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), NoChance> {
        self.0.fill(bytes).map_err(|_| NoChance)
    }
}

impl TryCryptoRng for Chance {}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Given {
    token: Text,
}

async fn federate(
    ask: &Ask<'_>,
    hosts: &Hosts,
    tenancy: &str,
    leaf: &[u8],
    intermediate: &Secret,
    key: &RsaKey,
    session: &Session,
) -> Result<Secret, LoginError> {
    let env = ask.env();
    let url = hosts.federation();
    let intermediates: Vec<String> = certificate(intermediate.reveal())
        .iter()
        .map(|der| STANDARD.encode(der))
        .collect();
    let body = json!({
        "certificate": STANDARD.encode(leaf), "publicKey": STANDARD.encode(&session.public),
        "intermediateCertificates": intermediates,
    });
    let request = HttpRequest::post(&url, "application/json", body.to_string()).limits(HttpLimits {
        body: SMALL,
        ..HttpLimits::default()
    });
    let signer = Signer {
        key_id: &format!("{tenancy}/fed-x509-sha256/{}", fingerprint(leaf)),
        key,
    };
    let signed = signer.sign_body(request, env.clock.unix_time());
    let signed = signed.map_err(|error| LoginError::new("the instance's certificate", error.to_string()))?;
    let answer = ask
        .send(signed)
        .await
        .map_err(|error| LoginError::unanswered(&url, error))?;
    if answer.status != 200 {
        return Err(LoginError::refused(env, &url, &answer));
    }
    // The parser's message could repeat the token.
    let given: Option<Given> = crate::json::from_slice(&answer.body).ok();
    let given = given.filter(|given| !given.token.as_str().is_empty());
    let given = given.ok_or_else(|| LoginError::new(&url, "the answer has no token"))?;
    Ok(Secret::new(given.token.0))
}

async fn metadata(env: &Env, name: &str) -> Result<Secret, LoginError> {
    let given = env.variables.get("OCI_METADATA_BASE_URL").filter(|url| !url.is_empty());
    let base = given.unwrap_or_else(|| METADATA.to_owned());
    let url = format!("{}/{name}", base.trim_end_matches('/'));
    let request = HttpRequest::get(&url).header("Authorization", "Bearer Oracle");
    let answer = ask_machine(env, &url, request).await?;
    match answer.status {
        200 => Ok(Secret::new(String::from_utf8_lossy(&answer.body))),
        _ => Err(LoginError::refused(env, &url, &answer)),
    }
}

/// The first certificate of a text in PEM form.
fn certificate(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let letters: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
    STANDARD.decode(letters).ok()
}

/// The tenancy that a certificate's subject names (RFC 5280, section 4.1).
fn tenancy(der: &[u8]) -> Option<String> {
    const SEQUENCE: u8 = 0x30;
    const SET: u8 = 0x31;
    const VERSION: u8 = 0xa0;
    let mut signed = Der(Der(Der(der).take(SEQUENCE)?).take(SEQUENCE)?);
    let (tag, _) = signed.next()?;
    if tag == VERSION {
        // The number.
        signed.next()?;
    }
    // How it is signed, by whom, and for how long.
    for _ in 0..3 {
        signed.take(SEQUENCE)?;
    }
    let mut subject = Der(signed.take(SEQUENCE)?);
    while let Some(part) = subject.take(SET) {
        let mut name = Der(Der(part).take(SEQUENCE)?);
        name.next()?;
        let (_, text) = name.next()?;
        let text = std::str::from_utf8(text).unwrap_or_default();
        let tenancy = ["opc-tenant:", "opc-identity:"]
            .iter()
            .find_map(|start| text.strip_prefix(start));
        if let Some(tenancy) = tenancy {
            return Some(tenancy.to_owned());
        }
    }
    None
}

/// `AB:CD:…`.
fn fingerprint(der: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, der);
    let bytes = digest.as_ref().iter().map(|byte| format!("{byte:02X}"));
    bytes.collect::<Vec<_>>().join(":")
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims {
    exp: Number,
}

/// How long a JSON web token is good.
fn lifetime(token: &str, unix_time: Duration) -> Option<Duration> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    let end = u64::try_from(claims.exp.0?).ok()?;
    Some(Duration::from_secs(end).saturating_sub(unix_time))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAF: &str = include_str!("testdata/leaf.pem");

    #[test]
    fn a_certificate_names_its_tenancy_and_has_the_fingerprint_that_openssl_says() {
        let der = certificate(LEAF).expect("a certificate");
        assert_eq!(tenancy(&der).as_deref(), Some("ocid1.tenancy.oc1..tttt"));
        let said = include_str!("testdata/leaf.fingerprint");
        assert_eq!(fingerprint(&der), said.trim());
        for length in 0..der.len() {
            // One that is cut off is no reason to panic.
            drop(tenancy(&der[..length]));
        }
        assert_eq!(certificate("no certificate"), None);
    }

    #[test]
    fn a_token_says_when_it_ends() {
        let token = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(r#"{"exp": 1060}"#));
        assert_eq!(
            lifetime(&token, Duration::from_secs(1000)),
            Some(Duration::from_secs(60))
        );
        assert_eq!(lifetime("t", Duration::ZERO), None);
    }
}
