//! What the I/O thread, the slices and the server's calls share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use eslaver_core::commands::Learned;
use eslaver_core::rdb::Piece;
use mio::Waker;
use rustler::{LocalPid, OwnedEnv};

use crate::atoms;
use crate::link::end::End;
use crate::terms::batch::MAX_WEIGHT;

/// Batches that may be on their way to the server.
const WINDOW: u64 = 2 * MAX_WEIGHT as u64;
/// What is read from the socket at once, as a rule.
pub(crate) const BUFFER: usize = 64 * 1024;
/// Buffers that are kept to be read into again: large new ones come from the kernel, page by page.
const SPARES: usize = 8;
/// An offset that is none.
const NONE: u64 = u64::MAX;

/// Links of which something is left besides [`Shared`].
static ALIVE: AtomicU64 = AtomicU64::new(0);

/// Held by whatever a link takes for as long as it is up: its thread, and its decoder.
pub(crate) struct Alive(());

impl Alive {
    pub(crate) fn new() -> Arc<Self> {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self(()))
    }

    /// How many links there are, up or ending.
    pub(crate) fn count() -> u64 {
        ALIVE.load(Ordering::Relaxed)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the I/O thread hands to the slices.
pub(crate) enum Chunk {
    /// The master starts over: a snapshot of so many bytes, if it says how many.
    Full { replid: Option<String>, offset: u64, bytes: Option<u64>, master: String },
    /// Bytes of the snapshot.
    Snapshot(Piece),
    /// The snapshot has been transferred.
    SnapshotEnd,
    /// The master goes on from where it was asked to, under a new id if there is one.
    Continue { replid: Option<String>, master: String },
    /// Bytes of the command stream.
    Stream(Vec<u8>),
}

impl Chunk {
    /// Whether it is news for the server, which is to come after all events before it.
    pub(crate) fn is_boundary(&self) -> bool {
        !matches!(self, Chunk::Snapshot(_) | Chunk::Stream(_))
    }
}

/// Counters for `info`.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) bytes: AtomicU64,
    pub(crate) keys: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) offset: AtomicU64,
}

/// One link's shared state. All of it may be used without waiting for anybody: the
/// mutexes are locked only to put a value there and to take it.
///
/// It lives as long as anybody in Erlang holds the link's handle, which may be long after the link's
/// end. So it is small, and has no descriptor of its own.
pub(crate) struct Shared {
    /// The process that runs the slices.
    pub(crate) link: LocalPid,
    /// The I/O thread's own, gone when that has ended.
    waker: Weak<Waker>,
    stop: AtomicBool,
    /// Weight of the batches on their way to the server.
    in_flight: AtomicU64,
    /// The offset that the server has handled.
    handled: AtomicU64,
    /// The offset that a restart would go on from.
    durable: AtomicU64,
    /// The offset that the master asked to be acknowledged.
    asked: AtomicU64,
    acknowledge: AtomicBool,
    /// Who waits, and is to be woken: the link for bytes, the link for room in the window, the I/O
    /// thread for room in the channel.
    pub(crate) link_waits: AtomicBool,
    link_starves: AtomicBool,
    pub(crate) io_waits: AtomicBool,
    /// The snapshot has been decoded, and its checksum was right.
    snapshot_good: AtomicBool,
    pub(crate) counters: Counters,
    /// What the master has told of its commands, before its sync begins.
    learned: OnceLock<Arc<Learned>>,
    end: Mutex<Option<End>>,
    spares: Mutex<Vec<Vec<u8>>>,
}

impl Shared {
    pub(crate) fn new(link: LocalPid, waker: &Arc<Waker>, handled: Option<u64>) -> Self {
        Self {
            link,
            waker: Arc::downgrade(waker),
            stop: AtomicBool::new(false),
            in_flight: AtomicU64::new(0),
            handled: AtomicU64::new(handled.unwrap_or(NONE)),
            durable: AtomicU64::new(NONE),
            asked: AtomicU64::new(NONE),
            acknowledge: AtomicBool::new(false),
            link_waits: AtomicBool::new(false),
            link_starves: AtomicBool::new(false),
            io_waits: AtomicBool::new(false),
            snapshot_good: AtomicBool::new(false),
            counters: Counters::default(),
            learned: OnceLock::new(),
            end: Mutex::new(None),
            spares: Mutex::new(Vec::new()),
        }
    }

    /// Ends the I/O thread. It may be called from anywhere, and waits for nobody.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.wake_io();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Wakes the I/O thread. Where that fails, it wakes by itself within a second.
    pub(crate) fn wake_io(&self) {
        let _ = self.waker.upgrade().map(|waker| waker.wake());
    }

    /// Whether one more batch may go out; if not, the link will be woken when one may.
    pub(crate) fn may_send(&self) -> bool {
        if self.has_room() {
            return true;
        }
        self.link_starves.store(true, Ordering::SeqCst);
        self.has_room() && self.link_starves.swap(false, Ordering::SeqCst)
    }

    fn has_room(&self) -> bool {
        self.in_flight.load(Ordering::SeqCst) < WINDOW
    }

    pub(crate) fn sent(&self, weight: u64) {
        self.in_flight.fetch_add(weight, Ordering::SeqCst);
    }

    /// The server has handled batches of this weight, up to `offset`. True: the link is to be woken.
    pub(crate) fn credit(&self, weight: u64, offset: Option<u64>) -> bool {
        if let Some(offset) = offset {
            let before = self.handled.swap(offset, Ordering::SeqCst);
            let asked = self.asked.load(Ordering::SeqCst);
            // several may have asked, of whom only the last is known: all are told of each step
            if before == NONE || (asked != NONE && before != offset) || asked <= offset {
                let _ = self.asked.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |asked| {
                    (asked <= offset).then_some(NONE)
                });
                self.acknowledge.store(true, Ordering::SeqCst);
                self.wake_io();
            }
        }
        self.in_flight.fetch_sub(weight, Ordering::SeqCst);
        self.has_room() && self.link_starves.swap(false, Ordering::SeqCst)
    }

    /// The master asks for an acknowledgement, once `offset` has been handled.
    pub(crate) fn ask(&self, offset: u64) {
        self.asked.store(offset, Ordering::SeqCst);
    }

    pub(crate) fn handled(&self) -> Option<u64> {
        Some(self.handled.load(Ordering::SeqCst)).filter(|&offset| offset != NONE)
    }

    /// All up to this offset is on the disk. Whoever waits for that is told at once.
    pub(crate) fn set_durable(&self, offset: u64) {
        self.durable.store(offset, Ordering::SeqCst);
        self.acknowledge.store(true, Ordering::SeqCst);
        self.wake_io();
    }

    pub(crate) fn durable(&self) -> Option<u64> {
        Some(self.durable.load(Ordering::SeqCst)).filter(|&offset| offset != NONE)
    }

    /// What was handled so far belongs to a stream that the master does not go on with.
    pub(crate) fn forget_handled(&self) {
        self.handled.store(NONE, Ordering::SeqCst);
        self.durable.store(NONE, Ordering::SeqCst);
    }

    pub(crate) fn take_acknowledge(&self) -> bool {
        self.acknowledge.swap(false, Ordering::SeqCst)
    }

    pub(crate) fn set_snapshot_good(&self) {
        self.snapshot_good.store(true, Ordering::SeqCst);
        self.wake_io();
    }

    pub(crate) fn take_snapshot_good(&self) -> bool {
        self.snapshot_good.swap(false, Ordering::SeqCst)
    }

    /// There is room in the channel.
    pub(crate) fn room(&self) {
        if self.io_waits.swap(false, Ordering::SeqCst) {
            self.wake_io();
        }
    }

    /// Wakes the link if it waits for bytes. To be called from the I/O thread only.
    pub(crate) fn wake_link(&self) {
        self.wake_link_if(self.link_waits.swap(false, Ordering::SeqCst));
    }

    /// Wakes the link whatever it waits for, as there will be nothing more. As above.
    pub(crate) fn wake_link_at_end(&self) {
        self.wake_link_if(self.take_waits());
    }

    /// Whether the link waits for anything. Whoever asks wakes it then.
    pub(crate) fn take_waits(&self) -> bool {
        let starves = self.link_starves.swap(false, Ordering::SeqCst);
        self.link_waits.swap(false, Ordering::SeqCst) || starves
    }

    fn wake_link_if(&self, waits: bool) {
        if waits {
            let message = (atoms::eslaver_nif(), atoms::wake());
            let _ = OwnedEnv::new().send_and_clear(&self.link, |_| message);
        }
    }

    pub(crate) fn set_learned(&self, learned: Learned) {
        let _ = self.learned.set(Arc::new(learned));
    }

    /// What the master has told of its commands, or nothing.
    pub(crate) fn learned(&self) -> Arc<Learned> {
        self.learned.get().cloned().unwrap_or_default()
    }

    /// A buffer that was used before, or an empty one.
    pub(crate) fn spare(&self) -> Vec<u8> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Gives a buffer back, for another use if it is one to read into.
    pub(crate) fn keep_spare(&self, buffer: Vec<u8>) {
        if buffer.capacity() < BUFFER {
            return;
        }
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < SPARES {
            spares.push(buffer);
        }
    }

    /// What comes now needs less, or nothing comes.
    pub(crate) fn drop_spares(&self) {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn set_end(&self, end: End) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub(crate) fn take_end(&self) -> Option<End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
