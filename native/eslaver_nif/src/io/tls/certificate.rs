//! Certificates that `rustls` does not read: X.509 v1, which has no extensions.
//!
//! OpenSSL accepts them, so real replicas do; Redis' own script for test certificates makes them.

use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use rustls::{CertificateError, SignatureScheme};
use x509_cert::certificate::{CertificateInner, Raw, TbsCertificateInner, Version};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

type Algorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

/// A certificate of any version.
pub(super) struct Certificate<'a> {
    whole: CertificateInner<Raw>,
    /// The bytes that are signed.
    signed: &'a [u8],
}

impl<'a> Certificate<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, CertificateError> {
        let signed = SliceReader::new(der).and_then(|mut reader| {
            reader.sequence(|parts| {
                let signed = parts.tlv_bytes()?;
                parts.tlv_bytes()?;
                parts.tlv_bytes()?;
                Ok::<_, x509_cert::der::Error>(signed)
            })
        });
        let whole = CertificateInner::from_der(der);
        match (whole, signed) {
            (Ok(whole), Ok(signed)) => Ok(Self { whole, signed }),
            _ => Err(CertificateError::BadEncoding),
        }
    }

    /// Whether it is of a version without extensions.
    pub(super) fn is_plain(&self) -> bool {
        self.said().version() != Version::V3
    }

    pub(super) fn check_dates(&self, now: UnixTime) -> Result<(), CertificateError> {
        let validity = self.said().validity();
        if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
            return Err(CertificateError::NotValidYet);
        }
        if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
            return Err(CertificateError::Expired);
        }
        Ok(())
    }

    /// Whether one of these certificates has signed this one, and may sign.
    pub(super) fn check_issuer(
        &self,
        issuers: &[CertificateDer<'_>],
        now: UnixTime,
        algorithms: Algorithms,
    ) -> Result<(), CertificateError> {
        let mut failure = CertificateError::UnknownIssuer;
        for der in issuers {
            let Ok(issuer) = Certificate::read(der) else { continue };
            if issuer.said().subject() != self.said().issuer() || !issuer.may_sign() {
                continue;
            }
            let checked = issuer.check_dates(now).and_then(|()| {
                let key = Key::of(&issuer).ok_or(CertificateError::BadEncoding)?;
                self.check_signature(&key, algorithms)
            });
            match checked {
                Ok(()) => return Ok(()),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Whether it may sign others, as OpenSSL decides that: without extensions, if it signed
    /// itself; without a word on whether it is an authority's, if its key usage allows it.
    pub(super) fn may_sign(&self) -> bool {
        let said = self.said();
        if self.is_plain() {
            return said.subject() == said.issuer();
        }
        let usage = said.get_extension::<KeyUsage>();
        match (said.get_extension::<BasicConstraints>(), usage) {
            (Ok(Some((_, constraints))), Ok(None)) => constraints.ca,
            (Ok(Some((_, constraints))), Ok(Some((_, usage)))) => {
                constraints.ca && usage.key_cert_sign()
            }
            (Ok(None), Ok(Some((_, usage)))) => usage.key_cert_sign(),
            _ => false,
        }
    }

    fn check_signature(&self, key: &Key, algorithms: Algorithms) -> Result<(), CertificateError> {
        let used = self.whole.signature_algorithm();
        if used != self.said().signature() {
            return Err(CertificateError::BadSignature);
        }
        let used = contents(used).ok_or(CertificateError::BadEncoding)?;
        let signature = self.whole.signature().as_bytes();
        let signature = signature.ok_or(CertificateError::BadSignature)?;
        let able = algorithms.iter().filter(|one| one.signature_alg_id().as_ref() == used);
        match key.verifies(able, self.signed, signature) {
            true => Ok(()),
            false => Err(CertificateError::BadSignature),
        }
    }

    fn said(&self) -> &TbsCertificateInner<Raw> {
        self.whole.tbs_certificate()
    }
}

/// The public key of a certificate.
pub(super) struct Key {
    info: SubjectPublicKeyInfoOwned,
    /// What kind of key it is, as algorithms name it.
    kind: Vec<u8>,
}

impl Key {
    pub(super) fn of(certificate: &Certificate<'_>) -> Option<Self> {
        let info = certificate.said().subject_public_key_info().clone();
        let kind = contents(&info.algorithm)?;
        Some(Self { info, kind })
    }

    /// The key with its kind, encoded.
    pub(super) fn to_der(&self) -> Option<Vec<u8>> {
        self.info.to_der().ok()
    }

    /// Whether the signature is this key's, by a scheme of TLS 1.2.
    pub(super) fn verifies_in_tls12(
        &self,
        mapping: &[(SignatureScheme, Algorithms)],
        scheme: SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let found = mapping.iter().find(|(known, _)| *known == scheme);
        found.is_some_and(|(_, able)| self.verifies(able.iter(), message, signature))
    }

    fn verifies<'b>(
        &self,
        mut able: impl Iterator<Item = &'b &'static dyn SignatureVerificationAlgorithm>,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let Some(key) = self.info.subject_public_key.as_bytes() else { return false };
        able.any(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == self.kind
                && algorithm.verify_signature(key, message, signature).is_ok()
        })
    }
}

/// The contents of a sequence, encoded.
fn contents(sequence: &impl Encode) -> Option<Vec<u8>> {
    let der = Encode::to_der(sequence).ok()?;
    AnyRef::from_der(&der).ok().map(|sequence| sequence.value().to_vec())
}
