//! Opening files at a path where anybody may have put something.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;

/// Opens a regular file to read. Anything else is refused: a FIFO, for example, would block.
pub(crate) fn regular(path: &Path) -> io::Result<File> {
    open(path, OFlags::empty())
}

/// The same, only for a file of our own: others who may write to the folder, as to `/tmp`, must not
/// choose what is read.
pub(crate) fn own(path: &Path) -> io::Result<File> {
    let file = open(path, OFlags::NOFOLLOW).map_err(|error| match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => {
            refusal("it is a symbolic link, which is not followed")
        }
        _ => error,
    })?;
    let (owner, ours) = (file.metadata()?.uid(), geteuid().as_raw());
    if owner == ours {
        Ok(file)
    } else {
        Err(refusal(&format!("it belongs to user {owner}, and this process runs as user {ours}")))
    }
}

/// Fails if the path must not be replaced by a file: a device or a FIFO stays.
pub(crate) fn replaceable(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(found) if found.is_file() || found.is_symlink() => Ok(()),
        Ok(found) => Err(not_regular(found.file_type())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = (flags | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?.file_type();
    if found.is_file() { Ok(file) } else { Err(not_regular(found)) }
}

fn not_regular(found: std::fs::FileType) -> io::Error {
    let what = match found {
        _ if found.is_dir() => "a directory",
        _ if found.is_fifo() => "a FIFO",
        _ if found.is_socket() => "a socket",
        _ => "a device",
    };
    refusal(&format!("it is {what}, not a regular file"))
}

fn refusal(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, why)
}
