//! Whom we trust: verifying the server's certificate.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

/// The system's certificates, read once, as Go does.
///
/// The system's, not a list that is compiled in: operators add their own authorities there, and
/// expect what `curl` accepts on the same machine to be accepted here.
pub(crate) fn system() -> Arc<RootCertStore> {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let load = || {
        let mut roots = RootCertStore::empty();
        // Certificates that can't be read are passed over; without any, each server is refused.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    };
    SYSTEM.get_or_init(load).clone()
}

/// Whose certificates are accepted. Whoever it is, the handshake must prove that the server has the certificate's key.
#[derive(Debug)]
pub(crate) struct Trust {
    whom: Whom,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Whom {
    /// What the authorities of a `ca` vouch for, and these authorities themselves.
    ///
    /// A server's self-signed certificate given as its own `ca` is what `openssl req -x509` makes, and
    /// Go accepts it; the library below refuses it, because it is an authority's.
    Given {
        given: Vec<CertificateDer<'static>>,
        verifier: Arc<WebPkiServerVerifier>,
    },
    /// Anyone (`insecure_skip_verify`).
    Anyone,
}

impl Trust {
    /// Accepts what these authorities vouch for.
    pub(crate) fn given(
        given: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(given.iter().cloned());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
        Ok(Self {
            whom: Whom::Given { given, verifier },
            provider,
        })
    }

    /// Accepts any certificate.
    pub(crate) fn anyone(provider: Arc<CryptoProvider>) -> Self {
        Self {
            whom: Whom::Anyone,
            provider,
        }
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Whom::Given { given, verifier } = &self.whom else {
            return Ok(ServerCertVerified::assertion());
        };
        match verifier.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // It looks at the dates first and at this last, so all that is left is the name.
            Err(error) if is_used_as_server(&error) && given.iter().any(|given| given == certificate) => {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
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

/// Whether the only objection is that an authority's certificate is used as a server's.
fn is_used_as_server(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(other))) = error else {
        return false;
    };
    matches!(other.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}
