//! The snapshot on disk: byte for byte as it came, under its name only once it is known to be good.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::replace::Replacement;

/// A snapshot being written, in a new file of its own beside the final one.
///
/// What the slices have no room for yet need not be kept in memory, since it is in the file:
/// `written` runs ahead of `read`, and the thread reads it back when there is room.
pub(crate) struct Dump {
    file: Replacement,
    written: u64,
    read: u64,
    failed: bool,
}

impl Dump {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = Replacement::create(path)?;
        Ok(Self { file, written: 0, read: 0, failed: false })
    }

    /// Writes the next bytes. After an error what was written before can still be read back.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.file.file().write_all_at(bytes, self.written);
        match written {
            Ok(()) => self.written += bytes.len() as u64,
            Err(_) => self.failed = true,
        }
        written
    }

    /// Whether a write has failed: nothing more is to be written.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether the slices have not been given all that is in the file.
    pub(crate) fn is_ahead(&self) -> bool {
        self.read < self.written
    }

    /// The slices have been given the bytes written last, without reading them back.
    pub(crate) fn skip(&mut self, count: usize) {
        self.read += count as u64;
    }

    /// Reads back the next bytes, at most `most`.
    pub(crate) fn read_back(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.written - self.read).unwrap_or(most);
        let mut bytes = vec![0; left.min(most)];
        self.file.file().read_exact_at(&mut bytes, self.read)?;
        self.read += bytes.len() as u64;
        Ok(bytes)
    }

    /// Gives the file its name. This may take long.
    pub(crate) fn keep(self) -> io::Result<()> {
        self.file.keep()
    }
}
