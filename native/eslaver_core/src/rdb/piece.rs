//! Buffers of snapshot bytes that the decoder can take over.

use std::ops::Deref;

/// A buffer with bytes of a snapshot, and room before them for bytes that the decoder has left
/// over.
#[derive(Debug, Default)]
pub struct Piece {
    buffer: Vec<u8>,
    start: usize,
}

impl Piece {
    /// A piece of the buffer's bytes from `start` on.
    pub fn new(buffer: Vec<u8>, start: usize) -> Self {
        let start = start.min(buffer.len());
        Self { buffer, start }
    }

    /// Its bytes from `first` on, without room before them.
    pub fn into_rest(self, first: usize) -> Vec<u8> {
        match self.start + first {
            0 => self.buffer,
            begin => self.buffer.get(begin..).unwrap_or_default().to_vec(),
        }
    }

    /// The buffer, for another use.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// Puts `bytes` before the piece's own. Returns the buffer and where its bytes begin, or the
    /// piece if it lacks the room.
    pub(crate) fn prepend(mut self, bytes: &[u8]) -> Result<(Vec<u8>, usize), Self> {
        let Some(begin) = self.start.checked_sub(bytes.len()) else { return Err(self) };
        self.buffer[begin..self.start].copy_from_slice(bytes);
        Ok((self.buffer, begin))
    }
}

impl From<Vec<u8>> for Piece {
    fn from(buffer: Vec<u8>) -> Self {
        Self { buffer, start: 0 }
    }
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}
