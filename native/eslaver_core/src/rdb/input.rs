//! The bytes at hand: what was fed and not yet used, and the checksum of what was.

use crc_fast::{CrcAlgorithm, Digest};

use super::cursor::Cursor;
use super::limits::Limits;

/// A buffer that has grown beyond this for one large element is given back after it.
const KEPT: usize = 16 << 20;

pub(crate) struct Input {
    buffer: Vec<u8>,
    /// Bytes of `buffer` that are used.
    used: usize,
    /// Bytes of `buffer` that are in the checksum.
    summed: usize,
    /// Bytes before `buffer`.
    base: u64,
    digest: Digest,
    limits: Limits,
}

impl Input {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            buffer: Vec::new(),
            used: 0,
            summed: 0,
            base: 0,
            digest: Digest::new(CrcAlgorithm::Crc64Redis),
            limits,
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.checksum();
        self.buffer.drain(..self.used);
        self.base += self.used as u64;
        self.used = 0;
        self.summed = 0;
        if self.buffer.capacity() > KEPT && self.buffer.len() < KEPT {
            self.buffer.shrink_to(KEPT);
        }
        self.buffer.extend_from_slice(bytes);
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
        self.base + self.used as u64
    }

    /// Bytes fed and not used.
    pub(crate) fn left(&self) -> usize {
        self.buffer.len() - self.used
    }

    /// The checksum of all bytes used since the start.
    pub(crate) fn checksum(&mut self) -> u64 {
        self.digest.update(&self.buffer[self.summed..self.used]);
        self.summed = self.used;
        self.digest.finalize()
    }
}
