//! The snapshot on disk: byte for byte as it came, under its name only once it is known to be good.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::open;

/// What a file is called while it is not the dump yet, where a file has to have a name.
const PREFIX: &str = ".eslaver-";

/// A snapshot being written, in a new file of its own beside the final one.
///
/// What the slices have no room for yet need not be kept in memory, since it is in the file:
/// `written` runs ahead of `read`, and the thread reads it back when there is room.
pub(crate) struct Dump {
    file: Unfinished,
    path: PathBuf,
    written: u64,
    read: u64,
    failed: bool,
}

/// A file that is gone with the process, if the system can do that.
enum Unfinished {
    #[cfg(target_os = "linux")]
    Nameless(File),
    Named(tempfile::NamedTempFile),
}

impl Dump {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        open::replaceable(path)?;
        let file = Unfinished::create(folder(path))?;
        Ok(Self { file, path: path.into(), written: 0, read: 0, failed: false })
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

    /// Gives the file its name, once it is on the disk, and sees to it that the name is, too. What
    /// stood there before, be it a link, is replaced. This may take long.
    pub(crate) fn keep(self) -> io::Result<()> {
        self.file.file().sync_all()?;
        self.file.keep(&self.path)?;
        match File::open(folder(&self.path))?.sync_all() {
            // some systems cannot do that to a folder
            Err(error)
                if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) =>
            {
                Ok(())
            }
            synced => synced,
        }
    }
}

impl Unfinished {
    #[cfg(target_os = "linux")]
    fn create(folder: &Path) -> io::Result<Self> {
        use rustix::fs::{Mode, OFlags, open};
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match open(folder, flags, Mode::RUSR | Mode::WUSR).map(File::from) {
            Ok(file) if can_be_named(&file) => Ok(Unfinished::Nameless(file)),
            _ => Self::create_named(folder),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn create(folder: &Path) -> io::Result<Self> {
        Self::create_named(folder)
    }

    fn create_named(folder: &Path) -> io::Result<Self> {
        let file = tempfile::Builder::new().prefix(PREFIX).suffix(".rdb").tempfile_in(folder)?;
        Ok(Unfinished::Named(file))
    }

    fn file(&self) -> &File {
        match self {
            #[cfg(target_os = "linux")]
            Unfinished::Nameless(file) => file,
            Unfinished::Named(file) => file.as_file(),
        }
    }

    fn keep(self, path: &Path) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Unfinished::Nameless(file) => {
                // a link cannot replace a file, only a rename can
                let linked = tempfile::Builder::new()
                    .prefix(PREFIX)
                    .suffix(".rdb")
                    .make_in(folder(path), |name| link(&file, name))?;
                linked.persist(path).map(drop).map_err(|failed| failed.error)
            }
            Unfinished::Named(file) => file.persist(path).map(drop).map_err(|failed| failed.error),
        }
    }
}

#[cfg(target_os = "linux")]
fn link(file: &File, name: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    Ok(linkat(CWD, nameless(file), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

/// Whether there is a `/proc`, by which alone any process may name such a file.
#[cfg(target_os = "linux")]
fn can_be_named(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
    let found = std::fs::metadata(nameless(file)).map(identity);
    found.is_ok_and(|found| file.metadata().map(identity).is_ok_and(|wanted| wanted == found))
}

#[cfg(target_os = "linux")]
fn nameless(file: &File) -> String {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
