//! The bytes at hand: what was fed and not yet used, and the checksum of what was.

use crc_fast::{CrcAlgorithm, Digest};

use super::cursor::Cursor;
use super::limits::Limits;
use super::piece::Piece;

/// A buffer that has grown beyond this for one large element is given back after it.
const KEPT: usize = 16 << 20;

pub(crate) struct Input {
    buffer: Vec<u8>,
    /// Whether `buffer` is that of a piece, or the one that pieces are copied to.
    lent: bool,
    /// The other of the two.
    idle: Vec<u8>,
    /// Where the snapshot's bytes begin in `buffer`, and where the unused bytes begin.
    start: usize,
    used: usize,
    /// The end of the bytes of `buffer` that are in the checksum.
    summed: usize,
    /// Bytes before `start`.
    base: u64,
    digest: Digest,
    limits: Limits,
}

impl Input {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            buffer: Vec::new(),
            lent: false,
            idle: Vec::new(),
            start: 0,
            used: 0,
            summed: 0,
            base: 0,
            digest: Digest::new(CrcAlgorithm::Crc64Redis),
            limits,
        }
    }

    /// Adds a copy of these bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.checksum();
        if self.lent {
            std::mem::swap(&mut self.buffer, &mut self.idle);
            self.lent = false;
            self.buffer.clear();
            self.buffer.extend_from_slice(&self.idle[self.used..]);
        } else {
            self.buffer.drain(..self.used);
        }
        self.begin(0);
        if self.buffer.len() < KEPT {
            self.buffer.shrink_to(KEPT);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Adds a piece, without a copy if it has room for the bytes left over. Returns a buffer that
    /// is free now.
    pub(crate) fn take(&mut self, piece: Piece) -> Vec<u8> {
        self.checksum();
        match piece.prepend(&self.buffer[self.used..]) {
            Ok((buffer, start)) => {
                if !self.lent {
                    std::mem::swap(&mut self.buffer, &mut self.idle);
                    self.lent = true;
                    self.idle.clear();
                    self.idle.shrink_to(KEPT);
                }
                self.begin(start);
                std::mem::replace(&mut self.buffer, buffer)
            }
            Err(piece) => {
                self.feed(&piece);
                piece.into_buffer()
            }
        }
    }

    /// Drops the used bytes. The others begin at `start`.
    fn begin(&mut self, start: usize) {
        self.base = self.offset();
        (self.start, self.used, self.summed) = (start, start, start);
    }

    #[inline]
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor::new(&self.buffer, self.used, self.limits)
    }

    /// The bytes before `position` of the cursor are used.
    #[inline]
    pub(crate) fn advance(&mut self, position: usize) {
        self.used = position;
    }

    /// All bytes used since the start.
    pub(crate) fn offset(&self) -> u64 {
        self.base + (self.used - self.start) as u64
    }

    /// Bytes fed and not used.
    pub(crate) fn left(&self) -> usize {
        self.buffer.len() - self.used
    }

    /// Drops the unused bytes.
    pub(crate) fn drop_rest(&mut self) {
        self.buffer.truncate(self.used);
    }

    /// The checksum of all bytes used since the start.
    pub(crate) fn checksum(&mut self) -> u64 {
        self.digest.update(&self.buffer[self.summed..self.used]);
        self.summed = self.used;
        self.digest.finalize()
    }
}
