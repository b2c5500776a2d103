//! Bytes read and not yet passed on: the small pieces of a slow master become few large ones.

use std::time::{Duration, Instant};

use eslaver_core::rdb::Piece;

use crate::link::shared::{BUFFER, Shared};

/// The most bytes of a snapshot read at once, if the master is fast. Each read costs a TCP
/// acknowledgement, and over loopback the sending of what that allows.
const LARGE: usize = 4 * BUFFER;
/// Shorter pieces are copied, so that the channel holds no buffers that are mostly empty.
const SHORT: usize = BUFFER / 4;

/// Left free before bytes of a snapshot, for those that the decoder has left over: more than most
/// keys with their value.
const ROOM: usize = 4096;

pub(crate) struct Gathered {
    buffer: Vec<u8>,
    /// Where the bytes begin.
    start: usize,
    filled: usize,
    /// The number of bytes to read before they are passed on.
    size: usize,
    /// When the first of them came.
    since: Instant,
}

impl Gathered {
    pub(crate) fn new() -> Self {
        Self { buffer: Vec::new(), start: 0, filled: 0, size: BUFFER, since: Instant::now() }
    }

    /// Where to read into. A full buffer must be taken first.
    pub(crate) fn room(&mut self, is_snapshot: bool) -> &mut [u8] {
        if self.filled == 0 {
            self.start = if is_snapshot { ROOM } else { 0 };
        }
        let end = self.start + self.size;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        &mut self.buffer[self.start + self.filled..end]
    }

    /// `count` bytes have been read.
    pub(crate) fn add(&mut self, count: usize, now: Instant) {
        if self.filled == 0 {
            self.since = now;
        }
        self.filled += count;
    }

    fn is_full(&self) -> bool {
        self.filled >= self.size
    }

    /// When the bytes, if there are any, are to be passed on: they wait up to `patience` for more.
    pub(crate) fn due(&self, patience: Duration) -> Option<Instant> {
        match self.filled {
            0 => None,
            _ if self.is_full() => Some(self.since),
            _ => Some(self.since + patience),
        }
    }

    /// All of the bytes, if any. If the buffer was full, `grow` makes the next one larger.
    pub(crate) fn take(&mut self, shared: &Shared, grow: bool) -> Piece {
        self.size = if grow && self.is_full() { LARGE } else { BUFFER };
        let end = self.start + std::mem::take(&mut self.filled);
        if end < self.start + SHORT {
            return self.buffer[self.start..end].to_vec().into();
        }
        let mut taken = std::mem::replace(&mut self.buffer, shared.spare());
        taken.truncate(end);
        Piece::new(taken, self.start)
    }
}
