//! Bytes of a snapshot in a buffer that the decoder can take over.

use std::ops::Deref;

/// A buffer with bytes of a snapshot, and room before them, which is for what the decoder has left
/// over of those that came earlier.
#[derive(Debug, Default)]
pub struct Piece {
    buffer: Vec<u8>,
    start: usize,
}

impl Piece {
    /// The bytes of the buffer from `start` on, or none if it ends before.
    pub fn new(buffer: Vec<u8>, start: usize) -> Self {
        let start = start.min(buffer.len());
        Self { buffer, start }
    }

    /// Its bytes from this one on, and nothing before them.
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

    /// The buffer, and where in it the bytes now begin, with these before them; or the piece as it
    /// is, if it has no room for them.
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
