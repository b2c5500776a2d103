//! Whether to trust the master's certificate.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::certificate::{Certificate, Key};
use crate::link::config::Verify;

/// Whom a link trusts. The signature of the handshake itself is checked whatever the option says.
#[derive(Debug)]
pub(super) struct Trust {
    verify: Verify,
    /// What is trusted, byte for byte.
    trusted: Vec<CertificateDer<'static>>,
    /// Those of them that may sign others.
    roots: RootCertStore,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Trust {
    /// Trusts these certificates. `None` if none of them can be read.
    pub(super) fn new(
        verify: Verify,
        trusted: Vec<CertificateDer<'static>>,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Option<Self> {
        let now = UnixTime::now();
        let trusted: Vec<_> =
            trusted.into_iter().filter(|der| Certificate::read(der).is_ok()).collect();
        let signing = trusted.iter().filter(|der| {
            Certificate::read(der).is_ok_and(|one| one.may_sign() && one.check_dates(now).is_ok())
        });
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(signing.cloned());
        (!trusted.is_empty()).then_some(Self { verify, trusted, roots, algorithms })
    }

    /// Trusts anybody.
    pub(super) fn anybody(algorithms: WebPkiSupportedAlgorithms) -> Self {
        let roots = RootCertStore::empty();
        Self { verify: Verify::False, trusted: Vec::new(), roots, algorithms }
    }

    fn check_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        if self.trusted.contains(end_entity) {
            return Ok(Certificate::read(end_entity)?.check_dates(now)?);
        }
        match (ParsedCertificate::try_from(end_entity), Certificate::read(end_entity)) {
            (Ok(parsed), _) => verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &self.roots,
                intermediates,
                now,
                self.algorithms.all,
            ),
            (Err(_), Ok(plain)) if plain.is_plain() => {
                plain.check_dates(now)?;
                Ok(plain.check_issuer(&self.trusted, now, self.algorithms.all)?)
            }
            (Err(error), _) => Err(error),
        }
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.verify != Verify::False {
            self.check_chain(end_entity, intermediates, now)?;
        }
        if self.verify == Verify::True {
            check_name(end_entity, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let Some(key) = key_of_plain(cert) else {
            return verify_tls12_signature(message, cert, signed, &self.algorithms);
        };
        let mapping = self.algorithms.mapping;
        match key.verifies_in_tls12(mapping, signed.scheme, message, signed.signature()) {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(CertificateError::BadSignature.into()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match key_of_plain(cert).and_then(|key| key.to_der()) {
            Some(key) => {
                let key = SubjectPublicKeyInfoDer::from(key);
                verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms)
            }
            None => verify_tls13_signature(message, cert, signed, &self.algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// A certificate without extensions has no name that could be checked.
fn check_name(end_entity: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
    match ParsedCertificate::try_from(end_entity) {
        Ok(parsed) => verify_server_name(&parsed, name),
        Err(_) => Err(CertificateError::NotValidForNameContext {
            expected: name.to_owned(),
            presented: Vec::new(),
        }
        .into()),
    }
}

/// The key of a certificate that `rustls` does not read.
fn key_of_plain(der: &CertificateDer<'_>) -> Option<Key> {
    let certificate = Certificate::read(der).ok()?;
    certificate.is_plain().then(|| Key::of(&certificate)).flatten()
}
