//! What goes to the slices, in order: from memory, or from the dump where they do not keep up.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Sender, TrySendError};
use eslaver_core::rdb::Piece;
use rustler::{LocalPid, OwnedEnv};

use super::dump::Dump;
use crate::atoms;
use crate::link::config::Config;
use crate::link::end::End;
use crate::link::shared::{Chunk, Shared};

/// Bytes read back from the dump at a time.
const PIECE: usize = 64 * 1024;

pub(crate) struct Outlet<'a> {
    chunks: &'a Sender<Chunk>,
    shared: &'a Shared,
    dump_path: Option<&'a Path>,
    dump: Option<Dump>,
    server: LocalPid,
    /// To be sent, in order.
    queue: VecDeque<Chunk>,
    /// To be sent when all that is in the dump has been.
    behind_dump: VecDeque<Chunk>,
    /// All of the snapshot is in the dump, which waits for the slices' word that it is good.
    complete: bool,
}

impl<'a> Outlet<'a> {
    pub(crate) fn new(chunks: &'a Sender<Chunk>, shared: &'a Shared, config: &'a Config) -> Self {
        Self {
            chunks,
            shared,
            dump_path: config.dump.as_deref(),
            dump: None,
            server: config.server,
            queue: VecDeque::new(),
            behind_dump: VecDeque::new(),
            complete: false,
        }
    }

    /// Whether nothing is left to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.behind_dump.is_empty() && !self.is_dump_ahead()
    }

    /// Whether more of a snapshot can be taken: while slices have no room, only where it has a place
    /// on disk.
    pub(crate) fn takes_snapshot(&self) -> bool {
        match &self.dump {
            Some(dump) if !dump.has_failed() => true,
            _ => self.is_empty(),
        }
    }

    /// A snapshot begins.
    pub(crate) fn snapshot_begins(&mut self, chunk: Chunk) {
        self.push(chunk);
        let Some(path) = self.dump_path else { return };
        match Dump::create(path) {
            Ok(dump) => self.dump = Some(dump),
            Err(error) => dump_failed(path, &error.to_string(), self.server),
        }
    }

    /// Bytes of the snapshot.
    pub(crate) fn snapshot_bytes(&mut self, payload: Piece) {
        let direct = self.is_empty();
        let dump = self.dump.as_mut().filter(|dump| !dump.has_failed());
        let Some(dump) = dump else {
            return self.push(Chunk::Snapshot(payload));
        };
        match dump.write(&payload) {
            Ok(()) if direct => {
                dump.skip(payload.len());
                self.queue.push_back(Chunk::Snapshot(payload));
            }
            Ok(()) => {}
            Err(error) => {
                self.push(Chunk::Snapshot(payload));
                dump_failed(self.path(), &error.to_string(), self.server);
            }
        }
    }

    /// The snapshot has been transferred.
    pub(crate) fn snapshot_ends(&mut self) {
        self.complete = true;
        self.push(Chunk::SnapshotEnd);
    }

    /// Adds what comes after all that is there.
    pub(crate) fn push(&mut self, chunk: Chunk) {
        if self.is_dump_ahead() || !self.behind_dump.is_empty() {
            self.behind_dump.push_back(chunk);
        } else {
            self.queue.push_back(chunk);
        }
    }

    /// Gives the slices as much as they have room for. True: something was given.
    pub(crate) fn hand_over(&mut self) -> Result<bool, End> {
        self.keep_dump();
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
            match &mut self.dump {
                Some(dump) if dump.is_ahead() => {
                    let bytes = dump.read_back(PIECE).map_err(|error| self.spool(error))?;
                    return Ok(Some(Chunk::Snapshot(bytes.into())));
                }
                Some(dump) if dump.has_failed() => self.dump = None,
                _ => {}
            }
            self.queue.append(&mut self.behind_dump);
        }
        Ok(self.queue.pop_front())
    }

    fn spool(&self, error: std::io::Error) -> End {
        End::File { path: self.path().into(), error }
    }

    fn path(&self) -> &'a Path {
        self.dump_path.unwrap_or(Path::new(""))
    }

    fn is_dump_ahead(&self) -> bool {
        self.dump.as_ref().is_some_and(Dump::is_ahead)
    }

    /// Whether the slices have yet to say that the snapshot is good, for it to be kept.
    pub(crate) fn awaits_verdict(&self) -> bool {
        self.complete && self.dump.as_ref().is_some_and(|dump| !dump.has_failed())
    }

    /// Names a dump that is good, on a thread of its own, since the disk may take its time.
    pub(crate) fn keep_dump(&mut self) {
        if !self.awaits_verdict() || !self.shared.take_snapshot_good() {
            return;
        }
        let Some(dump) = self.dump.take() else { return };
        let (path, server) = (self.path().to_owned(), self.server);
        let thread = std::thread::Builder::new().name("eslaver_dump".into());
        let thread = thread.spawn(move || keep(dump, &path, server));
        if let Err(error) = thread {
            dump_failed(self.path(), &error.to_string(), server);
        }
    }
}

fn keep(dump: Dump, path: &Path, server: LocalPid) {
    match catch_unwind(AssertUnwindSafe(|| dump.keep())) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => dump_failed(path, &error.to_string(), server),
        Err(panic) => dump_failed(path, &End::panicked(&*panic).to_string(), server),
    }
}

/// Tells the server, whether or not the link is still up.
fn dump_failed(path: &Path, why: &str, server: LocalPid) {
    let text = format!("cannot keep the snapshot in {}: {why}", path.display());
    let _ = OwnedEnv::new().send_and_clear(&server, |_| (atoms::eslaver_dump(), text));
}
