//! Files that are replaced as a whole: readers find the old or the new one, even after a crash.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::open;

/// The prefix of a file's name until it is in its place, if the system requires a name.
const PREFIX: &str = ".eslaver-";

/// A new file of our own beside the one that it is to replace.
pub(crate) struct Replacement {
    file: Unfinished,
    path: PathBuf,
}

/// A file that vanishes with the process, if the system can do that.
enum Unfinished {
    #[cfg(target_os = "linux")]
    Nameless(File),
    Named(tempfile::NamedTempFile),
}

impl Replacement {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        open::replaceable(path)?;
        let file = Unfinished::create(folder(path))?;
        Ok(Self { file, path: path.into() })
    }

    pub(crate) fn file(&self) -> &File {
        self.file.file()
    }

    /// Syncs the file to the disk, gives it its name, and syncs that, too. A file or link of that
    /// name is replaced. This may take long.
    pub(crate) fn keep(self) -> io::Result<()> {
        self.file().sync_all()?;
        self.file.keep(&self.path)?;
        sync_folder(&self.path)
    }
}

/// Removes a file if there is one, and syncs that to the disk.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(path),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(folder(path))?.sync_all() {
        // some systems cannot do that to a folder
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced,
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
        let mut new = File::options();
        new.read(true).write(true).create_new(true).mode(0o600);
        named(folder, |name| new.open(name)).map(Unfinished::Named)
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
                // linkat cannot replace a file, but a rename can
                let linked = named(folder(path), |name| link(&file, name))?;
                linked.persist(path).map(drop).map_err(|failed| failed.error)
            }
            Unfinished::Named(file) => file.persist(path).map(drop).map_err(|failed| failed.error),
        }
    }
}

/// Makes something under a free name, which is removed unless it is kept. Errors are those of
/// `make`, without the random name, so that they are the same each time.
fn named<T>(
    folder: &Path,
    make: impl FnMut(&Path) -> io::Result<T>,
) -> io::Result<tempfile::NamedTempFile<T>> {
    tempfile::Builder::new().prefix(PREFIX).make_in(folder, make)
}

#[cfg(target_os = "linux")]
fn link(file: &File, name: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    Ok(linkat(CWD, nameless(file), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

/// Whether there is a `/proc`, without which only some processes may name such a file.
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
