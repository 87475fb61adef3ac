//! `tls_config`: certificates and keys, read again for each use, as the TLS library wants them.
//!
//! The one rule: **a changed file is seen by the next request**. Connections that were made with
//! the old content are not used again.

use std::sync::{Arc, Mutex, PoisonError};

use blocking::unblock;
use headcount_core::planted;
use headcount_discoverer::env::{Cause, Files, HttpError};
use headcount_reader::{SecretSource, TextSource, TlsSettings, TlsVersion};
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};

use crate::Platform;
use crate::roots::{self, Trust};
use crate::secrets;

/// The TLS settings of one client.
pub(crate) struct Tls {
    settings: TlsSettings,
    versions: &'static [&'static SupportedProtocolVersion],
    http2: bool,
    files: Arc<dyn Files>,
    last: Mutex<Option<(Material, Session)>>,
}

/// What a handshake needs, made from one reading of the files.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) config: Arc<ClientConfig>,
    /// The same without HTTP/2.
    pub(crate) proxy_config: Arc<ClientConfig>,
    /// Counts up when the content of a file changes.
    pub(crate) generation: u64,
}

/// What the settings and their files say.
#[derive(Clone, PartialEq, Eq)]
struct Material {
    ca: Option<String>,
    cert: Option<String>,
    key: Option<String>,
}

impl Tls {
    /// Checks what can be checked without reading files.
    pub(crate) fn new(platform: &Platform, settings: &TlsSettings, http2: bool) -> Result<Self, HttpError> {
        let versions = versions(settings)?;
        match (&settings.cert, &settings.key) {
            (Some(_), None) => return Err(bad("a cert needs a key or key_file beside it")),
            (None, Some(_)) => return Err(bad("a key needs a cert or cert_file beside it")),
            _ => {}
        }
        // What stands in the settings themselves can be refused now; files may be repaired later.
        if let Some(TextSource::Inline(ca)) = &settings.ca {
            authorities(ca)?;
        }
        if let (Some(TextSource::Inline(cert)), Some(SecretSource::Inline(key))) = (&settings.cert, &settings.key) {
            let material = Material {
                ca: None,
                cert: Some(cert.clone()),
                key: Some(key.reveal().to_owned()),
            };
            // Whether the two belong together doesn't depend on whom we trust.
            material.config(versions, true, http2)?;
        }
        Ok(Self {
            settings: settings.clone(),
            versions,
            http2,
            files: platform.files.clone(),
            last: Mutex::default(),
        })
    }

    /// The name that certificates are checked against, if it is not the host's.
    pub(crate) fn server_name(&self) -> Option<&str> {
        planted!(self.settings.server_name.as_deref(), ServerNameIsTheHosts, None).filter(|name| !name.is_empty())
    }

    /// What a handshake needs, by the files as they are now.
    pub(crate) async fn session(&self) -> Result<Session, HttpError> {
        let material = self.material().await?;
        let kept = |last: &Option<(Material, Session)>| {
            last.as_ref()
                .filter(|(made_from, _)| planted!(*made_from == material, OldCertificateIsUsed, true))
                .map(|(_, session)| session.clone())
        };
        if let Some(session) = kept(&self.last.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(session);
        }
        let (versions, insecure, http2) = (self.versions, self.settings.insecure_skip_verify, self.http2);
        let building = material.clone();
        // Reading the system's certificates takes a while.
        let config = unblock(move || building.config(versions, insecure, http2)).await?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // Another request may have been faster.
        if let Some(session) = kept(&last) {
            return Ok(session);
        }
        let generation = last.as_ref().map_or(0, |(_, session)| {
            planted!(
                session.generation.saturating_add(1),
                OldConnectionIsTrusted,
                session.generation
            )
        });
        let mut proxy_config = config.clone();
        proxy_config.alpn_protocols.clear();
        let session = Session {
            config: Arc::new(config),
            proxy_config: Arc::new(proxy_config),
            generation,
        };
        *last = Some((material, session.clone()));
        Ok(session)
    }

    async fn material(&self) -> Result<Material, HttpError> {
        let TlsSettings { ca, cert, key, .. } = &self.settings;
        let mut material = Material {
            ca: None,
            cert: None,
            key: None,
        };
        if let Some(ca) = ca {
            material.ca = Some(secrets::text(&*self.files, ca, "tls_config ca").await?);
        }
        if let Some(cert) = cert {
            material.cert = Some(secrets::text(&*self.files, cert, "tls_config cert").await?);
        }
        if let Some(key) = key {
            material.key = Some(secrets::secret(&*self.files, key, "tls_config key").await?);
        }
        Ok(material)
    }
}

impl Material {
    fn config(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        insecure: bool,
        http2: bool,
    ) -> Result<ClientConfig, HttpError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .map_err(|error| bad(Cause::new(error)))?;
        let builder = match &self.ca {
            _ if insecure => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Trust::anyone(provider))),
            Some(ca) => {
                let verifier = Trust::given(authorities(ca)?, provider).map_err(|error| bad(Cause::new(error)))?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
            None => builder.with_root_certificates(roots::system()),
        };
        let mut config = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                let (chain, key) = identity(cert, key)?;
                let unusable = |error| bad(Cause::new(UnusableIdentity(error)));
                builder.with_client_auth_cert(chain, key).map_err(unusable)?
            }
            _ => builder.with_no_client_auth(),
        };
        if http2 {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        Ok(config)
    }
}

/// The versions that may be spoken.
fn versions(settings: &TlsSettings) -> Result<&'static [&'static SupportedProtocolVersion], HttpError> {
    static BOTH: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
    let (only_13, only_12) = (&BOTH[..1], &BOTH[1..]);
    let (min, max) = (settings.min_version, settings.max_version);
    if max.is_some_and(|max| max < TlsVersion::Tls12) {
        return Err(bad(
            "max_version is older than TLS12, the oldest that is spoken here; raise it",
        ));
    }
    match (min, max) {
        (Some(TlsVersion::Tls13), Some(TlsVersion::Tls12)) => Err(bad("min_version is above max_version")),
        (Some(TlsVersion::Tls13), _) => Ok(only_13),
        (_, Some(TlsVersion::Tls12)) => Ok(only_12),
        _ => Ok(&BOTH),
    }
}

/// The authorities of a `ca`. One that can't be read is passed over, unless all are.
fn authorities(pem: &str) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).flatten().collect();
    let (usable, _) = RootCertStore::empty().add_parsable_certificates(found.iter().cloned());
    match usable {
        0 => Err(bad("the ca holds no certificate in PEM that can be used")),
        _ => Ok(found),
    }
}

/// Our own certificate, with those between it and its authority, and its key.
fn identity(cert: &str, key: &str) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), HttpError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(cert.as_bytes()).collect();
    let chain = chain.map_err(|error| bad(Cause::new(NotPem(error))))?;
    if chain.is_empty() {
        return Err(bad("the cert holds no certificate in PEM"));
    }
    // What the key's reader says may hold parts of the key.
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| bad("the key holds no private key in PEM"))?;
    Ok((chain, key))
}

#[derive(Debug, thiserror::Error)]
#[error("the cert and key can't be used together")]
struct UnusableIdentity(#[source] rustls::Error);

#[derive(Debug, thiserror::Error)]
#[error("the cert is not PEM")]
struct NotPem(#[source] pem::Error);

fn bad(cause: impl Into<Cause>) -> HttpError {
    HttpError::Settings {
        setting: "tls_config".to_owned(),
        cause: cause.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_are_not_spoken_are_refused_only_as_a_maximum() {
        let versions = |min_version, max_version| {
            versions(&TlsSettings {
                min_version,
                max_version,
                ..TlsSettings::default()
            })
            .map(<[_]>::len)
            .ok()
        };
        use TlsVersion::{Tls10, Tls11, Tls12, Tls13};
        assert_eq!(versions(None, None), Some(2));
        assert_eq!(versions(Some(Tls10), None), Some(2));
        assert_eq!(versions(Some(Tls11), Some(Tls13)), Some(2));
        assert_eq!(versions(Some(Tls13), None), Some(1));
        assert_eq!(versions(Some(Tls10), Some(Tls12)), Some(1));
        assert_eq!(versions(None, Some(Tls11)), None);
        assert_eq!(versions(Some(Tls13), Some(Tls12)), None);
    }

    #[test]
    fn bad_pem_is_refused_without_showing_it() {
        for text in [
            "",
            "hunter2",
            "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----",
        ] {
            assert!(authorities(text).is_err());
            let error = identity(text, text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
