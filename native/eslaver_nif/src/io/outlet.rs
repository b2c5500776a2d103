//! What goes to the slices, in order: from memory, or from the RDB file where they do not keep up.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Sender, TrySendError};
use eslaver_core::rdb::Piece;
use rustler::{LocalPid, OwnedEnv};

use super::rdb_file::RdbFile;
use crate::atoms;
use crate::link::config::Config;
use crate::link::end::End;
use crate::link::shared::{Chunk, Shared};
use crate::panics;

/// Bytes read back from the RDB file at a time.
const PIECE: usize = 64 * 1024;

pub(crate) struct Outlet<'a> {
    chunks: &'a Sender<Chunk>,
    shared: &'a Shared,
    dbfilename: Option<&'a Path>,
    file: Option<RdbFile>,
    server: LocalPid,
    /// To be sent, in order.
    queue: VecDeque<Chunk>,
    /// To be sent after all that is in the file.
    behind_file: VecDeque<Chunk>,
    /// The file has the whole snapshot, and waits until the slices say that it is good.
    complete: bool,
}

impl<'a> Outlet<'a> {
    pub(crate) fn new(chunks: &'a Sender<Chunk>, shared: &'a Shared, config: &'a Config) -> Self {
        Self {
            chunks,
            shared,
            dbfilename: config.dbfilename.as_deref(),
            file: None,
            server: config.server,
            queue: VecDeque::new(),
            behind_file: VecDeque::new(),
            complete: false,
        }
    }

    /// Whether nothing is left to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.behind_file.is_empty() && !self.is_file_ahead()
    }

    /// Whether more of a snapshot can be taken: while the slices have no room, only into the file.
    pub(crate) fn takes_snapshot(&self) -> bool {
        match &self.file {
            Some(file) if !file.has_failed() => true,
            _ => self.is_empty(),
        }
    }

    /// A snapshot begins.
    pub(crate) fn snapshot_begins(&mut self, chunk: Chunk) {
        self.push(chunk);
        let Some(path) = self.dbfilename else { return };
        match RdbFile::create(path) {
            Ok(file) => self.file = Some(file),
            Err(error) => not_kept(path, &error.to_string(), self.server),
        }
    }

    /// Bytes of the snapshot.
    pub(crate) fn snapshot_bytes(&mut self, payload: Piece) {
        let direct = self.is_empty();
        let file = self.file.as_mut().filter(|file| !file.has_failed());
        let Some(file) = file else {
            return self.push(Chunk::Snapshot(payload));
        };
        match file.write(&payload) {
            Ok(()) if direct => {
                file.skip(payload.len());
                self.queue.push_back(Chunk::Snapshot(payload));
            }
            Ok(()) => {}
            Err(error) => {
                self.push(Chunk::Snapshot(payload));
                not_kept(self.path(), &error.to_string(), self.server);
            }
        }
    }

    /// The snapshot has been transferred.
    pub(crate) fn snapshot_ends(&mut self) {
        self.complete = true;
        self.push(Chunk::SnapshotEnd);
    }

    /// Adds a chunk behind all others.
    pub(crate) fn push(&mut self, chunk: Chunk) {
        if self.is_file_ahead() || !self.behind_file.is_empty() {
            self.behind_file.push_back(chunk);
        } else {
            self.queue.push_back(chunk);
        }
    }

    /// Gives the slices as much as they have room for. True if that is anything.
    pub(crate) fn hand_over(&mut self) -> Result<bool, End> {
        self.keep_file();
        let mut given = false;
        while let Some(chunk) = self.next()? {
            match self.chunks.try_send(chunk) {
                Ok(()) => given = true,
                Err(TrySendError::Disconnected(_)) => return Err(End::Stopped),
                Err(TrySendError::Full(chunk)) => {
                    self.queue.push_front(chunk);
                    let waits = self.shared.io_waits.swap(true, Ordering::SeqCst);
                    if waits || self.chunks.is_full() {
                        break;
                    }
                }
            }
        }
        Ok(given)
    }

    fn next(&mut self) -> Result<Option<Chunk>, End> {
        if self.queue.is_empty() {
            match &mut self.file {
                Some(file) if file.is_ahead() => {
                    let bytes = file.read_back(PIECE).map_err(|error| self.spool(error))?;
                    return Ok(Some(Chunk::Snapshot(bytes.into())));
                }
                Some(file) if file.has_failed() => self.file = None,
                _ => {}
            }
            self.queue.append(&mut self.behind_file);
        }
        Ok(self.queue.pop_front())
    }

    fn spool(&self, error: std::io::Error) -> End {
        End::File { path: self.path().into(), error }
    }

    fn path(&self) -> &'a Path {
        self.dbfilename.unwrap_or(Path::new(""))
    }

    fn is_file_ahead(&self) -> bool {
        self.file.as_ref().is_some_and(RdbFile::is_ahead)
    }

    /// Whether the file is kept if the slices say that the snapshot is good.
    pub(crate) fn awaits_verdict(&self) -> bool {
        self.complete && self.file.as_ref().is_some_and(|file| !file.has_failed())
    }

    /// Keeps a file that is good, on a thread of its own, since the disk may be slow.
    pub(crate) fn keep_file(&mut self) {
        if !self.awaits_verdict() || !self.shared.take_snapshot_good() {
            return;
        }
        let Some(file) = self.file.take() else { return };
        let (path, server) = (self.path().to_owned(), self.server);
        let thread = std::thread::Builder::new().name("eslaver_rdb".into());
        let thread = thread.spawn(move || keep(file, &path, server));
        if let Err(error) = thread {
            not_kept(self.path(), &error.to_string(), server);
        }
    }
}

fn keep(file: RdbFile, path: &Path, server: LocalPid) {
    match panics::catch(|| file.keep()) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => not_kept(path, &error.to_string(), server),
        Err(panic) => not_kept(path, &End::panicked(panic, false).to_string(), server),
    }
}

/// Tells the server, even if the link has ended.
fn not_kept(path: &Path, why: &str, server: LocalPid) {
    let text = format!("cannot keep the snapshot in {}: {why}", path.display());
    let _ = OwnedEnv::new().send_and_clear(&server, |_| (atoms::eslaver_rdb_file(), text));
}
