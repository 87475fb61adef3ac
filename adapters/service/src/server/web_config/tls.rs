//! What a handshake needs: our certificate, and whose certificates are taken.

use std::net::IpAddr;
use std::sync::Arc;

use headcount_reader::Secret;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore, ServerConfig,
    SignatureScheme, SupportedCipherSuite, SupportedProtocolVersion,
};

/// `client_auth_type`, by what is asked of a client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ClientAuth {
    /// `NoClientCert`: it is not asked for.
    #[default]
    None,
    /// `RequestClientCert`: it is asked for, and may be missing or anybody's.
    Request,
    /// `RequireAnyClientCert`: it has to be there, and may be anybody's.
    RequireAny,
    /// `VerifyClientCertIfGiven`: it may be missing; if it is there, an authority has to vouch for it.
    VerifyIfGiven,
    /// `RequireAndVerifyClientCert`: it has to be there, and an authority has to vouch for it.
    RequireAndVerify,
}

/// One of `client_allowed_sans`: a name that a client's certificate has to have, exactly so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum San {
    Dns(String),
    Ip(IpAddr),
    Uri(String),
}

/// All that a handshake is made of.
#[derive(Debug)]
pub(super) struct Material {
    pub(super) cert: String,
    pub(super) key: Secret,
    pub(super) client_ca: Option<String>,
    pub(super) client_auth: ClientAuth,
    /// Any, if nothing is said.
    pub(super) allowed_sans: Option<Vec<San>>,
    pub(super) versions: Vec<&'static SupportedProtocolVersion>,
    pub(super) suites: Vec<SupportedCipherSuite>,
    pub(super) groups: Vec<&'static dyn SupportedKxGroup>,
    pub(super) prefers_own_order: bool,
    pub(super) http2: bool,
}

/// Why it can't be: the field that is wrong, and what is.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Unusable {
    pub(super) field: &'static str,
    pub(super) reason: String,
}

impl ClientAuth {
    pub(super) fn verifies(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }
}

impl San {
    /// `None` for a mail address, of which the library that reads certificates tells nothing.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Ip(address));
        }
        if text.contains(':') {
            return Some(Self::Uri(text.to_owned()));
        }
        (!text.contains('@')).then(|| Self::Dns(text.to_owned()))
    }

    fn is_of(&self, certificate: &webpki::EndEntityCert<'_>) -> bool {
        match self {
            Self::Dns(name) => certificate.valid_dns_names().any(|found| found == name),
            Self::Uri(uri) => certificate.valid_uri_names().any(|found| found == uri),
            Self::Ip(address) => {
                let name = ServerName::IpAddress((*address).into());
                certificate.verify_is_valid_for_subject_name(&name).is_ok()
            }
        }
    }
}

impl Material {
    /// What the library takes.
    pub(super) fn config(self) -> Result<ServerConfig, Unusable> {
        let unusable = |field: &'static str, reason: String| Unusable { field, reason };
        let provider = Arc::new(CryptoProvider {
            cipher_suites: self.suites,
            kx_groups: self.groups,
            ..ring::default_provider()
        });
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&self.versions)
            .map_err(|error| unusable("cipher_suites", error.to_string()))?;
        let builder = match self.client_auth {
            ClientAuth::None => builder.with_no_client_auth(),
            asked => {
                let verifier = Clients::new(asked, self.client_ca.as_deref(), self.allowed_sans, provider)?;
                builder.with_client_cert_verifier(Arc::new(verifier))
            }
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.cert.as_bytes()).collect();
        let chain = chain.map_err(|error| unusable("cert", format!("it is not PEM: {error}")))?;
        if chain.is_empty() {
            return Err(unusable("cert", "it holds no certificate in PEM".to_owned()));
        }
        // What the key's reader says may hold parts of the key.
        let key = PrivateKeyDer::from_pem_slice(self.key.reveal().as_bytes())
            .map_err(|_| unusable("key", "it holds no private key in PEM".to_owned()))?;
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| unusable("key", format!("it can't be used with the certificate: {error}")))?;
        config.ignore_client_order = self.prefers_own_order;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if self.http2 {
            config.alpn_protocols.insert(0, b"h2".to_vec());
        }
        Ok(config)
    }
}

/// Which certificates of clients are taken.
#[derive(Debug)]
struct Clients {
    asked: ClientAuth,
    /// What the authorities vouch for, and these themselves: a client's self-signed certificate may be its own authority,
    /// as in Go.
    authorities: Option<(Vec<CertificateDer<'static>>, Arc<dyn ClientCertVerifier>)>,
    allowed_sans: Option<Vec<San>>,
    provider: Arc<CryptoProvider>,
}

impl Clients {
    fn new(
        asked: ClientAuth,
        ca: Option<&str>,
        allowed_sans: Option<Vec<San>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Unusable> {
        let unusable = |reason: String| Unusable {
            field: "client_ca",
            reason,
        };
        let mut authorities = None;
        if let Some(ca) = ca.filter(|_| asked.verifies()) {
            let found: Vec<_> = CertificateDer::pem_slice_iter(ca.as_bytes()).flatten().collect();
            let mut roots = RootCertStore::empty();
            if roots.add_parsable_certificates(found.iter().cloned()).0 == 0 {
                return Err(unusable("it holds no certificate in PEM that can be used".to_owned()));
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
            let verifier = verifier.map_err(|error| unusable(error.to_string()))?;
            authorities = Some((found, verifier));
        }
        Ok(Self {
            asked,
            authorities,
            allowed_sans,
            provider,
        })
    }
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        matches!(self.asked, ClientAuth::RequireAny | ClientAuth::RequireAndVerify)
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        let hints = self.authorities.as_ref();
        hints.map_or(&[], |(_, verifier)| verifier.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some((given, verifier)) = &self.authorities {
            match verifier.verify_client_cert(certificate, intermediates, now) {
                // It looks at the dates first and at this last.
                Err(error) if is_authority(&error) && given.iter().any(|given| given == certificate) => {}
                verdict => {
                    verdict?;
                }
            }
        }
        if let Some(allowed) = &self.allowed_sans {
            let parsed = webpki::EndEntityCert::try_from(certificate);
            let parsed = parsed.map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
            if !allowed.iter().any(|san| san.is_of(&parsed)) {
                return Err(Error::InvalidCertificate(CertificateError::NotValidForName));
            }
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether the only objection is that an authority's certificate is used as a client's.
fn is_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(other))) = error else {
        return false;
    };
    matches!(other.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}
