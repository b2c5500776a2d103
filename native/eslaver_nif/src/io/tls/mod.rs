//! TLS: whom to trust, who we are, and the session on a socket.

mod certificate;
mod trust;

use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, InvalidMessage};

use super::open;
use crate::link::config::{Tls, Verify};
use crate::link::end::End;
use trust::Trust;

/// The error for a master that does not use TLS.
pub(crate) const PLAIN: &str = "the master does not speak TLS on this port: set tls to false";

/// A session on a socket that does not block.
pub(crate) struct Session {
    connection: ClientConnection,
    stream: TcpStream,
}

impl Session {
    /// Begins a session with the master called `host`, unless the options name it otherwise.
    pub(crate) fn new(stream: TcpStream, host: &str, options: &Tls) -> Result<Self, End> {
        let (name, what) = match &options.server_name {
            Some(name) => (name.as_str(), "server_name"),
            None => (host, "host name"),
        };
        let name = ServerName::try_from(name.to_owned())
            .map_err(|error| End::Tls(format!("the {what} '{name}' cannot be used: {error}")))?;
        let config = client_config(options).map_err(End::Tls)?;
        let connection = ClientConnection::new(Arc::new(config), name)
            .map_err(|error| End::Tls(error.to_string()))?;
        Ok(Self { connection, stream })
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn stream_mut(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    pub(crate) fn is_flushed(&self) -> bool {
        !self.connection.wants_write()
    }

    fn both(&mut self) -> rustls::Stream<'_, ClientConnection, TcpStream> {
        rustls::Stream::new(&mut self.connection, &mut self.stream)
    }
}

impl Read for Session {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.both().read(buffer) {
            // the other side has closed the socket without ending the session
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
            result => result,
        }
    }
}

impl Write for Session {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.both().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.both().flush()
    }
}

fn client_config(options: &Tls) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let trust = match options.verify {
        Verify::False => Trust::anybody(algorithms),
        verify => {
            let trusted = trusted(options.ca_file.as_deref())?;
            Trust::new(verify, trusted, algorithms).ok_or_else(|| nobody(options))?
        }
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust));
    match (&options.cert_file, &options.key_file) {
        (Some(cert_file), Some(key_file)) => {
            let key = open::regular(key_file).map_err(pem::Error::Io);
            let key = key
                .and_then(PrivateKeyDer::from_pem_reader)
                .map_err(|error| unreadable(key_file, &error))?;
            builder
                .with_client_auth_cert(certificates(cert_file)?, key)
                .map_err(|error| format!("{}: {error}", cert_file.display()))
        }
        _ => Ok(builder.with_no_client_auth()),
    }
}

/// The certificates of the file, or without one those that the system trusts.
fn trusted(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    match file {
        Some(file) => certificates(file),
        None => Ok(rustls_native_certs::load_native_certs().certs),
    }
}

fn nobody(options: &Tls) -> String {
    match &options.ca_file {
        Some(file) => format!("{} holds no certificate", file.display()),
        None => "this system has no trusted certificates: set cacertfile".to_owned(),
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let opened = open::regular(file).map_err(pem::Error::Io);
    let certificates = opened.and_then(|opened| CertificateDer::pem_reader_iter(opened).collect());
    certificates.map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &dyn std::fmt::Display) -> String {
    format!("cannot read {}: {error}", file.display())
}

/// An error of a session in words, with what to do about it.
pub(crate) fn explain(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => PLAIN.to_owned(),
        Some(rustls::Error::InvalidCertificate(why)) => format!("{error}{}", remedy(why)),
        _ => error.to_string(),
    }
}

fn remedy(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "; it names no host in a subjectAltName: verify => chain does not require that"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "; set server_name to the name it has, or verify => chain to accept any name"
        }
        CertificateError::UnknownIssuer => {
            "; cacertfile must hold the certificate, not expired, of an authority that signed it"
        }
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "; put this certificate itself into cacertfile to trust it"
        }
        _ => "",
    }
}
