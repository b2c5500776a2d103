//! What to do after an answer, and the good answers to `PSYNC`.

use super::refusal::{Answered, Refusal};
use super::words::{number, replid};

/// What to do after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Write this.
    Send(Vec<u8>),
    /// Nothing: other answers follow, or the master keeps the link alive.
    Wait,
    /// A snapshot follows, then the stream from `offset` on.
    FullSync {
        /// The replication id of the stream.
        replid: String,
        /// The offset in the stream that the snapshot stands for.
        offset: u64,
    },
    /// The stream follows from the byte asked for.
    Continue {
        /// The stream's new replication id, or `None` if it kept the old one.
        replid: Option<String>,
    },
    /// The master acts as after `SYNC`: the snapshot follows, with its header, then a stream
    /// without offsets.
    ///
    /// If the snapshot is of [`Size::Known`](crate::transfer::Size::Known), write nothing more, not
    /// even a newline: before 2.8 there is no `REPLCONF ACK`, and a newline spoils the next
    /// command. If it is [`Size::Marked`](crate::transfer::Size::Marked), the master has taken
    /// `capa eof`, and sends no command before a `REPLCONF ACK`.
    LegacySync,
}

/// Reads a status line without its `+`. Returns `None` if it begins no sync.
///
/// # Errors
/// If it begins a sync that was not asked for, or cannot be read.
pub(super) fn sync(
    status: &[u8],
    answered: &Answered<'_>,
    resuming: bool,
) -> Result<Option<Reply>, Refusal> {
    let mut words = status.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    match (words.next(), words.next(), words.next()) {
        (Some(b"FULLRESYNC"), Some(id), Some(offset)) => replid(id)
            .zip(number(offset))
            .map(|(replid, offset)| Some(Reply::FullSync { replid, offset }))
            .ok_or_else(|| answered.malformed()),
        (Some(b"CONTINUE"), None, _) if resuming => Ok(Some(Reply::Continue { replid: None })),
        (Some(b"CONTINUE"), Some(id), _) if resuming => replid(id)
            .map(|replid| Some(Reply::Continue { replid: Some(replid) }))
            .ok_or_else(|| answered.malformed()),
        (Some(b"FULLRESYNC"), ..) => Err(answered.malformed()),
        (Some(b"CONTINUE" | b"DUALCHANNELSYNC" | b"RDBCHANNELSYNC"), ..) => {
            Err(answered.unsupported())
        }
        _ => Ok(None),
    }
}
