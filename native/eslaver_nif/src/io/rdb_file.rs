//! The RDB file of option `dbfilename`: the snapshot byte for byte, under that name only once it is
//! known to be good.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::replace::Replacement;

/// A snapshot being written, in a new file beside the final one.
///
/// Bytes that the slices have no room for are not kept in memory, as they are in the file:
/// `written` runs ahead of `read`, and the thread reads them back when there is room.
pub(crate) struct RdbFile {
    file: Replacement,
    written: u64,
    read: u64,
    failed: bool,
}

impl RdbFile {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = Replacement::create(path)?;
        Ok(Self { file, written: 0, read: 0, failed: false })
    }

    /// Writes the next bytes. After an error, those written before can still be read back.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.file.file().write_all_at(bytes, self.written);
        match written {
            Ok(()) => self.written += bytes.len() as u64,
            Err(_) => self.failed = true,
        }
        written
    }

    /// Whether a write has failed. Nothing more is written then.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether the file has bytes that the slices have not been given.
    pub(crate) fn is_ahead(&self) -> bool {
        self.read < self.written
    }

    /// The slices have been given the last `count` bytes without reading them back.
    pub(crate) fn skip(&mut self, count: usize) {
        self.read += count as u64;
    }

    /// Reads back the next bytes, at most `max`.
    pub(crate) fn read_back(&mut self, max: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.written - self.read).unwrap_or(max);
        let mut bytes = vec![0; left.min(max)];
        self.file.file().read_exact_at(&mut bytes, self.read)?;
        self.read += bytes.len() as u64;
        Ok(bytes)
    }

    /// Gives the file its name. This may take long.
    pub(crate) fn keep(self) -> io::Result<()> {
        self.file.keep()
    }
}
