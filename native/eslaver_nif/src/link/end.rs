//! Why a link has ended.

use std::path::PathBuf;
use std::{fmt, io};

use eslaver_core::handshake::Refusal;
use eslaver_core::position::BadSelect;
use eslaver_core::transfer::TransferError;
use eslaver_core::{rdb, resp};

use crate::link::config::Address;
use crate::panics::Caught;

/// Why a link has ended: a text for people, and a tag for programs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("stopped")]
    Stopped,
    #[error("the file has been read")]
    Finished,
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("cannot resolve {address}: {error}")]
    Resolve { address: Address, error: io::Error },
    #[error("cannot connect to {address}: {error}")]
    Connect { address: Address, error: io::Error },
    #[error("TLS: {0}")]
    Tls(String),
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error("no answer to {step} within {seconds} s")]
    NoAnswer { step: String, seconds: u64 },
    #[error("the master has been silent for {seconds} s")]
    Silent { seconds: u64 },
    #[error("the master closed the connection")]
    Closed,
    #[error("the master closed the connection before it sent anything{hint}")]
    Mute { hint: &'static str },
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Transfer(#[from] TransferError),
    #[error("{0}")]
    Snapshot(#[from] rdb::Error),
    #[error("byte {at} of the command stream: no command has a name of {length} bytes")]
    Name { at: u64, length: usize },
    #[error("{0}")]
    Stream(#[from] resp::Error),
    #[error("byte {at} of the command stream: {error}")]
    Select { at: u64, error: BadSelect },
    #[error(
        "the data takes more than max_memory, {}{}: raise max_memory, or have a filter leave keys out",
        Bytes(*limit),
        Bytes::needed(*needs)
    )]
    Memory { limit: u64, needs: Option<u64> },
    #[error(
        "the master goes on under another id: it may not have all that was handled and applied"
    )]
    Parted,
    #[error("the master sent a reply that makes no sense at this point")]
    Confused,
    #[error("the VM rejected the terms built for it; this is a bug")]
    Terms,
    #[error("eslaver panicked at {place}; this is a bug")]
    Panicked { place: String, heals: bool },
}

impl End {
    /// The end by a panic. `heals` is whether the next link is not given the same again.
    pub(crate) fn panicked(panic: Caught, heals: bool) -> Self {
        End::Panicked { place: panic.place, heals }
    }

    /// Whether the connection was at fault, and not the bytes received.
    pub(crate) fn leaves_bytes(&self) -> bool {
        matches!(self, End::Closed | End::Io(_) | End::Silent { .. })
    }

    /// Whether the stream's bytes are not what a master sends.
    pub(crate) fn is_bad_stream(&self) -> bool {
        self.tag() == "bad_stream"
    }

    pub(crate) fn tag(&self) -> &'static str {
        match self {
            End::Stopped => "stopped",
            End::Finished => "finished",
            End::File { .. } => "bad_file",
            End::Resolve { .. } => "no_address",
            End::Connect { .. } => "cannot_connect",
            End::Tls(_) => "tls",
            End::Refused(refusal) => refusal.tag(),
            End::NoAnswer { .. } | End::Silent { .. } => "timeout",
            End::Closed | End::Mute { .. } => "closed",
            End::Io(_) => "io_error",
            End::Transfer(TransferError::Aborted(_)) => "sync_aborted",
            End::Transfer(_) => "bad_transfer",
            End::Snapshot(error) if error.kind.is_unsupported() => "unsupported",
            End::Snapshot(_) => "bad_snapshot",
            End::Stream(error) if error.is_from_master() => "master_error",
            End::Stream(_) | End::Select { .. } | End::Name { .. } => "bad_stream",
            End::Memory { .. } => "max_memory",
            End::Parted => "parted",
            End::Confused => "bad_answer",
            End::Terms => "bad_terms",
            End::Panicked { .. } => "panicked",
        }
    }

    /// Whether a retry may help although nobody changes anything.
    pub(crate) fn heals(&self) -> bool {
        match self {
            End::Refused(refusal) => refusal.heals(),
            End::Stream(error) if error.is_from_master() => true,
            End::Snapshot(_) | End::Stream(_) | End::Select { .. } | End::Name { .. } => false,
            End::Tls(_) | End::Confused | End::Memory { .. } => false,
            End::Terms => false,
            End::Panicked { heals, .. } => *heals,
            _ => true,
        }
    }
}

/// A number of bytes as people write it.
struct Bytes(u64);

impl Bytes {
    /// What is needed, where that is known.
    fn needed(bytes: Option<u64>) -> String {
        bytes.map_or_else(String::new, |bytes| format!(" (about {} in all)", Bytes(bytes)))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")];
        match UNITS.iter().find(|(unit, _)| self.0 >= *unit) {
            Some((unit, name)) => write!(f, "{:.1} {name}", self.0 as f64 / *unit as f64),
            None => write!(f, "{} bytes", self.0),
        }
    }
}
