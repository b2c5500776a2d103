//! A snapshot on its way, and what the server is told when it has been loaded.

use eslaver_core::rdb::{Decoder, LeftOut, Sink, Status};
use rustler::{Env, LocalPid};

use crate::link::applier::Progress;
use crate::link::both::Both;
use crate::link::end::End;
use crate::link::intake::Intake;
use crate::link::stream::Decoded;
use crate::terms::batch::Batch;
use crate::terms::news::News;

/// A snapshot that is being loaded.
pub(crate) struct Load {
    pub(crate) decoder: Decoder,
    /// The offset that the snapshot stands for.
    pub(crate) offset: u64,
    /// The master's id, if it has one, as all do that know `PSYNC`: only these count offsets.
    pub(crate) replid: Option<String>,
    /// The snapshot's length, if the master knows it.
    bytes: Option<u64>,
    /// Whether the server is not told of the key that has begun.
    is_apart: bool,
}

impl Load {
    pub(crate) fn new(
        decoder: Decoder,
        offset: u64,
        replid: Option<String>,
        bytes: Option<u64>,
    ) -> Self {
        Self { decoder, offset, replid, bytes, is_apart: false }
    }

    /// How far it is. `is_decoded` is whether all bytes at hand are, except those of a string that is
    /// not whole.
    pub(crate) fn progress(&self, is_decoded: bool) -> Progress {
        let pending = if is_decoded { self.decoder.pending() as u64 } else { 0 };
        Progress { decoded: self.decoder.offset(), bytes: self.bytes, pending }
    }

    /// Decodes for a keyspace, if there is one, and for the server if that gets the events, until one
    /// of them is full or the bytes end. Gives the number of keys so far, too.
    pub(crate) fn decode(
        &mut self,
        intake: Option<&mut Intake>,
        batch: &mut Batch,
        events: bool,
    ) -> Result<(Decoded, u64), End> {
        let decoder = &mut self.decoder;
        Ok(match intake {
            None => (fill(decoder, batch, Batch::is_full)?, batch.keys()),
            Some(intake) if events => {
                let both = &mut Both { intake, batch, is_apart: &mut self.is_apart };
                (fill(decoder, both, Both::is_full)?, both.intake.keys())
            }
            Some(intake) => (fill(decoder, intake, Intake::is_over)?, intake.keys()),
        })
    }
}

/// Decodes a snapshot into this sink, until it is full or the bytes end.
fn fill<S: Sink>(
    decoder: &mut Decoder,
    sink: &mut S,
    is_full: impl Fn(&S) -> bool,
) -> Result<Decoded, End> {
    loop {
        match decoder.next(sink)? {
            Status::NeedMore | Status::Done => return Ok(Decoded::All),
            Status::Event if is_full(sink) => return Ok(Decoded::Batch),
            Status::Event => {}
        }
    }
}

/// A snapshot that has been loaded.
pub(crate) struct Loaded {
    pub(crate) keys: u64,
    pub(crate) bytes: u64,
    pub(crate) offset: u64,
    /// The db that the stream begins with.
    pub(crate) db: u32,
    pub(crate) left_out: Option<LeftOut>,
}

impl Loaded {
    pub(crate) fn send(self, env: Env<'_>, server: LocalPid) {
        let Self { keys, bytes, offset, db, left_out } = self;
        if let Some(what) = left_out {
            News::LeftOut(what).send(env, server);
        }
        News::Loaded { keys, bytes, offset, db }.send(env, server);
    }
}
