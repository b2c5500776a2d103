//! The socket, lent to the slices: one that waits for a brisk stream reads by itself. To hand bytes from
//! thread to thread takes longer than to apply them.
//!
//! The I/O thread offers the socket when it has handed over all that it has read, and takes it back when
//! it wakes. While a slice has it, bytes that come do not wake the I/O thread.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use parking_lot::Mutex;
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};

/// Who may read: the I/O thread, whoever is first, or a slice.
const IO: u8 = 0;
const ANYBODY: u8 = 1;
const SLICE: u8 = 2;

/// What wakes the I/O thread meanwhile: hardly anything, where the system can say that.
#[cfg(target_os = "linux")]
const LITTLE: Interest = Interest::PRIORITY;
#[cfg(not(target_os = "linux"))]
const LITTLE: Interest = Interest::WRITABLE;
/// Full buffers in a row after which the I/O thread had better read ahead, while the slice applies.
const FLOOD: u32 = 8;

/// The socket of one link.
pub(crate) struct Loan {
    reader: AtomicU8,
    /// Whether a slice has taken it since the I/O thread looked.
    was_taken: AtomicBool,
    /// Full buffers that slices have read in a row.
    full: AtomicU32,
    /// Locked by a slice while it waits for bytes.
    lent: Mutex<Option<Lent>>,
}

/// What a slice has read.
pub(crate) enum Got {
    /// The number of bytes added to the buffer, and whether there were no more.
    Bytes { count: usize, all: bool },
    /// Nothing has come in time.
    Nothing,
    /// The connection is lost, as the I/O thread will find.
    Lost,
}

struct Lent {
    socket: RawFd,
    registry: Registry,
    token: Token,
    failure: Option<Errno>,
}

impl Lent {
    fn socket(&self) -> BorrowedFd<'_> {
        // SAFETY: it is open, as it is taken out of `Loan` before it is closed, and that is locked.
        unsafe { BorrowedFd::borrow_raw(self.socket) }
    }

    /// Wakes the I/O thread for these, at once if there is one of them already. If that fails, it reads
    /// when it wakes by itself, within a second.
    fn watch(&self, interest: Interest) {
        let _ = self.registry.reregister(&mut SourceFd(&self.socket), self.token, interest);
    }

    /// Whether there is something to read before the time is over.
    fn wait(&self, patience: Duration) -> bool {
        let socket = self.socket();
        let mut polled = [PollFd::new(&socket, PollFlags::IN)];
        let timeout = Timespec::try_from(patience).ok();
        poll(&mut polled, timeout.as_ref()).is_ok_and(|ready| ready > 0)
    }
}

impl Loan {
    pub(crate) fn new() -> Self {
        Self {
            reader: AtomicU8::new(IO),
            was_taken: AtomicBool::new(false),
            full: AtomicU32::new(0),
            lent: Mutex::new(None),
        }
    }

    /// From now on this socket, which does not block, may be offered, until the guard is dropped. It must
    /// not be closed before.
    pub(crate) fn open(&self, socket: RawFd, registry: Registry, token: Token) -> Open<'_> {
        *self.lent.lock() = Some(Lent { socket, registry, token, failure: None });
        Open(self)
    }

    /// The I/O thread has nothing to read, and all that it has read is in the channel.
    pub(crate) fn offer(&self) {
        self.reader.store(ANYBODY, Ordering::SeqCst);
    }

    /// Whether the I/O thread may read again.
    pub(crate) fn reclaim(&self) -> bool {
        let before = self.reader.compare_exchange(ANYBODY, IO, Ordering::SeqCst, Ordering::SeqCst);
        before != Err(SLICE)
    }

    /// Whether a slice has taken it since the last call.
    pub(crate) fn was_taken(&self) -> bool {
        self.was_taken.swap(false, Ordering::SeqCst)
    }

    /// What a slice has failed with: a socket tells it once.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.lent.lock().as_mut()?.failure.take().map(io::Error::from)
    }

    /// Whether the slice may read, from now on or already.
    pub(crate) fn take(&self) -> bool {
        let lent = self.lent.lock();
        let Some(lent) = &*lent else { return false };
        match self.reader.compare_exchange(ANYBODY, SLICE, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => {
                lent.watch(LITTLE);
                self.was_taken.store(true, Ordering::SeqCst);
                true
            }
            Err(reader) => reader == SLICE,
        }
    }

    /// Fills the buffer for the slice, which has the socket, with what there is; `drained` is called before
    /// it waits.
    pub(crate) fn read(&self, buffer: &mut Vec<u8>, patience: Duration, drained: impl Fn()) -> Got {
        let mut lent = self.lent.lock();
        let Some(lent) = &mut *lent else { return Got::Lost };
        let mut try_read = || read(lent.socket(), spare_capacity(buffer));
        let got = match try_read() {
            Err(Errno::AGAIN) => {
                drained();
                if !lent.wait(patience) {
                    return Got::Nothing;
                }
                try_read()
            }
            got => got,
        };
        match got {
            Ok(0) => Got::Lost,
            Ok(count) => Got::Bytes { count, all: buffer.len() < buffer.capacity() },
            Err(Errno::AGAIN | Errno::INTR) => Got::Nothing,
            Err(errno) => {
                lent.failure = Some(errno);
                Got::Lost
            }
        }
    }

    /// Whether more comes than one thread should both read and apply. `all` is whether the last read got
    /// all that there was.
    pub(crate) fn is_flooded(&self, all: bool) -> bool {
        let full = if all { 0 } else { self.full.load(Ordering::Relaxed) + 1 };
        self.full.store(full % FLOOD, Ordering::Relaxed);
        full == FLOOD
    }

    /// The slice reads no more, if it did.
    pub(crate) fn give_back(&self) {
        if self.reader.load(Ordering::SeqCst) != SLICE {
            return;
        }
        // the I/O thread may wake as soon as the socket is watched
        self.reader.store(ANYBODY, Ordering::SeqCst);
        if let Some(lent) = &*self.lent.lock() {
            lent.watch(Interest::READABLE | Interest::WRITABLE);
        }
    }
}

/// A socket that can be lent.
pub(crate) struct Open<'a>(&'a Loan);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        *self.0.lent.lock() = None;
        self.0.reader.store(IO, Ordering::SeqCst);
    }
}
