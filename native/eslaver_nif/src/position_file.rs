//! The file that keeps a position, and the lock against a second replica that uses it.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::OFlags;
use rustler::{
    Atom, Binary, Encoder, Env, LocalPid, Monitor, NewBinary, Resource, ResourceArc, Term,
};

use crate::atoms;
use crate::io::open;
use crate::io::replace::{self, Replacement};
use crate::link::config::as_path;

/// More than any position needs. The rest of a longer file is not read.
const MAX_SIZE: u64 = 4096;

/// A locked file. The system unlocks it when it is closed, at the latest when the node ends.
struct Lock(Mutex<Option<File>>);

#[rustler::resource_impl]
impl Resource for Lock {
    const IMPLEMENTS_DOWN: bool = true;

    /// The process that locked the file is gone.
    fn down<'a>(&'a self, _env: Env<'a>, _pid: LocalPid, _monitor: Monitor) {
        self.release();
    }
}

impl Lock {
    fn release(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Locks a file for the calling process. A missing file is created, and nothing is written to it.
#[rustler::nif(schedule = "DirtyIo")]
fn lock_file<'a>(env: Env<'a>, path: Binary<'_>) -> Term<'a> {
    match lock(as_path(&path)) {
        Ok(file) => {
            let lock = ResourceArc::new(Lock(Mutex::new(Some(file))));
            if lock.monitor(Some(env), &env.pid()).is_none() {
                lock.release();
            }
            (atoms::ok(), lock).encode(env)
        }
        Err(TryLockError::WouldBlock) => (atoms::error(), atoms::locked()).encode(env),
        Err(TryLockError::Error(error)) => failure(env, &error),
    }
}

fn lock(path: &Path) -> Result<File, TryLockError> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
    let file = options.open(path).map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

/// Unlocks the file.
#[rustler::nif(schedule = "DirtyIo")]
fn unlock_file(lock: ResourceArc<Lock>) -> Atom {
    lock.release();
    atoms::ok()
}

/// The bytes of a position file.
#[rustler::nif(schedule = "DirtyIo")]
fn read_position<'a>(env: Env<'a>, path: Binary<'_>) -> Term<'a> {
    match read(as_path(&path)) {
        Ok(bytes) => {
            let mut binary = NewBinary::new(env, bytes.len());
            binary.as_mut_slice().copy_from_slice(&bytes);
            (atoms::ok(), Term::from(binary)).encode(env)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => atoms::none().encode(env),
        Err(error) => failure(env, &error),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open::own(path)?.take(MAX_SIZE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Replaces the file by one with these bytes, and syncs it to the disk.
#[rustler::nif(schedule = "DirtyIo")]
fn write_position<'a>(env: Env<'a>, path: Binary<'_>, bytes: Binary<'_>) -> Term<'a> {
    done(env, write(as_path(&path), &bytes))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = Replacement::create(path)?;
    let mut file = new.file();
    file.write_all(bytes)?;
    new.keep()
}

/// Removes the file, and syncs that to the disk.
#[rustler::nif(schedule = "DirtyIo")]
fn remove_position<'a>(env: Env<'a>, path: Binary<'_>) -> Term<'a> {
    done(env, replace::remove(as_path(&path)))
}

fn done(env: Env<'_>, result: io::Result<()>) -> Term<'_> {
    match result {
        Ok(()) => atoms::ok().encode(env),
        Err(error) => failure(env, &error),
    }
}

fn failure<'a>(env: Env<'a>, error: &io::Error) -> Term<'a> {
    (atoms::error(), error.to_string()).encode(env)
}
