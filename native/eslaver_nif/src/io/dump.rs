//! The snapshot on disk: byte for byte as it came, under its name only once it is known to be good.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A snapshot being written, in a new file of its own beside the final one.
///
/// What the slices have no room for yet need not be kept in memory, since it is in the file:
/// `written` runs ahead of `read`, and the thread reads it back when there is room.
pub(crate) struct Dump {
    file: NamedTempFile,
    path: PathBuf,
    written: u64,
    read: u64,
}

impl Dump {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let file =
            tempfile::Builder::new().prefix(".eslaver-").suffix(".rdb").tempfile_in(folder)?;
        Ok(Self { file, path: path.into(), written: 0, read: 0 })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.as_file_mut().write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
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
        let file: &File = self.file.as_file();
        file.read_exact_at(&mut bytes, self.read)?;
        self.read += bytes.len() as u64;
        Ok(bytes)
    }

    /// Gives the file its name. What stood there before, be it a link, is replaced.
    pub(crate) fn keep(self) -> io::Result<()> {
        self.file.persist(&self.path).map(drop).map_err(|failed| failed.error)
    }
}
