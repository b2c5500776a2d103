//! Where in the replication a link is.

use crate::atoms;
use crate::link::load::Load;
use crate::link::stream::Stream;
use crate::terms::message::{Built, Message};

/// Where in the replication the bytes are.
pub(super) enum Phase {
    /// Before the answer to `PSYNC`.
    Start,
    Loading(Box<Load>),
    Streaming(Box<Stream>),
}

impl Phase {
    /// The position behind what has been decoded: `{Offset, Db, InTransaction, SafeOffset,
    /// SafeDb}`.
    pub(super) fn position(&self, message: &mut Message) -> Built {
        let Phase::Streaming(stream) = self else {
            return atoms::undefined().into();
        };
        let (now, safe) = stream.handled();
        let in_transaction = if now.in_transaction { atoms::r#true() } else { atoms::r#false() };
        let position = [
            message.uint(now.offset),
            message.uint(now.db.into()),
            in_transaction.into(),
            message.uint(safe.offset),
            message.uint(safe.db.into()),
        ];
        message.tuple(&position)
    }
}
