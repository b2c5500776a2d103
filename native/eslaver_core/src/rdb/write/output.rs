//! Gathers bytes into pieces, and computes their checksum.

use crc_fast::{CrcAlgorithm, Digest};

/// The size of the largest piece.
pub const PIECE: usize = 64 << 10;

/// Receives a file, piece by piece. It cannot fail: an output that writes to a disk keeps its first
/// error, and the caller asks for it.
pub trait Output {
    /// Takes the next bytes, at most [`PIECE`].
    fn write(&mut self, bytes: &[u8]);
}

impl<F: FnMut(&[u8])> Output for F {
    fn write(&mut self, bytes: &[u8]) {
        self(bytes);
    }
}

impl Output for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// The file so far.
pub(super) struct Body<O> {
    output: O,
    buffer: Vec<u8>,
    /// Of all bytes before `buffer`.
    digest: Digest,
}

impl<O: Output> Body<O> {
    pub(super) fn new(output: O) -> Self {
        let digest = Digest::new(CrcAlgorithm::Crc64Redis);
        Self { output, buffer: Vec::with_capacity(PIECE), digest }
    }

    pub(super) fn output(&self) -> &O {
        &self.output
    }

    pub(super) fn output_mut(&mut self) -> &mut O {
        &mut self.output
    }

    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        if bytes.len() > PIECE - self.buffer.len() {
            self.flush();
            if bytes.len() > PIECE {
                self.put_large(bytes);
                return;
            }
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Puts out bytes without a copy.
    #[cold]
    fn put_large(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            self.digest.update(piece);
            self.output.write(piece);
        }
    }

    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            self.digest.update(&self.buffer);
            self.output.write(&self.buffer);
            self.buffer.clear();
        }
    }

    /// Puts out the rest, and the checksum of all bytes.
    pub(super) fn finish(mut self) -> O {
        self.flush();
        self.output.write(&self.digest.finalize().to_le_bytes());
        self.output
    }
}
