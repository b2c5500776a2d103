//! Why a link has ended.

use std::any::Any;
use std::io;
use std::path::PathBuf;

use eslaver_core::handshake::Refusal;
use eslaver_core::position::BadSelect;
use eslaver_core::transfer::TransferError;
use eslaver_core::{rdb, resp};

use crate::link::config::Address;

/// Why a link has ended, in words for a log, and a tag for programs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("stopped")]
    Stopped,
    #[error("the file has been read")]
    Finished,
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{address} has no address: {error}")]
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
    #[error("the master closed the connection before it said anything{hint}")]
    Mute { hint: &'static str },
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Transfer(#[from] TransferError),
    #[error("{0}")]
    Snapshot(#[from] rdb::Error),
    #[error(
        "byte {at} of the command stream: a command's name of {length} bytes: no command has one"
    )]
    Name { at: u64, length: usize },
    #[error("{0}")]
    Stream(#[from] resp::Error),
    #[error("byte {at} of the command stream: {error}")]
    Select { at: u64, error: BadSelect },
    #[error("the master answered in a way that makes no sense here")]
    Confused,
    #[error("the VM does not take the terms made for it, which is a bug")]
    Terms,
    #[error("eslaver's own code panicked, which is a bug: {0}")]
    Panicked(String),
}

impl End {
    /// After a panic that was caught.
    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let words = panic.downcast_ref::<&str>().map(|&words| words.to_owned());
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
        End::Panicked(words.unwrap_or_default())
    }

    /// Whether only the connection is at fault, and not the bytes that came over it.
    pub(crate) fn leaves_bytes(&self) -> bool {
        matches!(self, End::Closed | End::Io(_) | End::Silent { .. })
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
            End::Confused => "bad_answer",
            End::Terms => "bad_terms",
            End::Panicked(_) => "panicked",
        }
    }

    /// Whether trying again soon may help. What somebody has to change first does not heal.
    pub(crate) fn heals(&self) -> bool {
        match self {
            End::Refused(refusal) => refusal.heals(),
            End::Stream(error) if error.is_from_master() => true,
            End::Snapshot(_) | End::Stream(_) | End::Select { .. } | End::Name { .. } => false,
            End::Tls(_) | End::Confused => false,
            End::Terms | End::Panicked(_) => false,
            _ => true,
        }
    }
}
