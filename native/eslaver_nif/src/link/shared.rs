//! What the I/O thread, the slices and the server's calls share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use eslaver_core::commands::Learned;
use eslaver_core::handshake::Peer;
use eslaver_core::rdb::Piece;
use mio::Waker;
use rustler::{LocalPid, OwnedEnv};

use crate::atoms;
use crate::backlog::Flow;
use crate::link::end::End;
use crate::link::loan::Loan;
use crate::terms::batch::MAX_WEIGHT;

/// The weight of batches that may be on their way to the server.
const WINDOW: u64 = 2 * MAX_WEIGHT as u64;
/// The bytes that are normally read from the socket at once.
pub(crate) const BUFFER: usize = 64 * 1024;
/// Buffers kept for reuse: a new large one costs a page fault for each page.
const SPARES: usize = 8;
/// No offset.
const NONE: u64 = u64::MAX;

/// Links of which more is left than [`Shared`].
static ALIVE: AtomicU64 = AtomicU64::new(0);

/// Held by the large parts of a link: its thread, and its decoder.
pub(crate) struct Alive(());

impl Alive {
    pub(crate) fn new() -> Arc<Self> {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self(()))
    }

    /// The number of links, up or ending.
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
    /// What the node tells of itself: a sync with it may follow.
    Peer(Box<Peer>),
    /// The master has granted a snapshot, which it may still have to make.
    Granted,
    /// A snapshot begins, of `bytes` bytes if the master knows that.
    Full { replid: Option<String>, offset: u64, bytes: Option<u64>, master: String },
    /// Bytes of the snapshot.
    Snapshot(Piece),
    /// The snapshot has been transferred.
    SnapshotEnd,
    /// The stream goes on from the position that was asked for; `replid` is a new id, if any.
    Continue { replid: Option<String>, master: String },
    /// Bytes of the command stream.
    Stream(Vec<u8>),
}

/// Counters for `info`.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) bytes: AtomicU64,
    pub(crate) keys: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) offset: AtomicU64,
}

/// One link's shared state. `loan` may block for 2 ms. The other mutexes are locked only to put a value in
/// or to take it out.
///
/// It lives as long as anybody in Erlang holds the link's handle, which may be long after the link
/// has ended. So it is small, and owns no descriptor once the I/O thread has ended.
pub(crate) struct Shared {
    /// The process that runs the slices.
    pub(crate) link: LocalPid,
    /// Owned by the I/O thread, and gone with it.
    waker: Weak<Waker>,
    stop: AtomicBool,
    /// Told of what arrives and what is handled.
    pub(crate) flow: Flow,
    /// Weight of the batches on their way to the server.
    in_flight: AtomicU64,
    /// The offset that the server has handled.
    handled: AtomicU64,
    /// The offset that a restart would go on from.
    durable: AtomicU64,
    /// The offset that has been decoded, if that is what the master is told.
    received: AtomicU64,
    receives: bool,
    /// The offset that the master asked to be acknowledged.
    asked: AtomicU64,
    acknowledge: AtomicBool,
    /// Who must be woken: the link that waits for bytes, the link that waits for credit, the I/O
    /// thread that waits for room in the channel.
    pub(crate) link_waits: AtomicBool,
    link_starves: AtomicBool,
    pub(crate) io_waits: AtomicBool,
    /// The snapshot has been decoded, and its checksum is right.
    snapshot_good: AtomicBool,
    pub(crate) counters: Counters,
    /// What the master told about its commands before the sync.
    learned: OnceLock<Arc<Learned>>,
    end: Mutex<Option<End>>,
    spares: Mutex<Vec<Vec<u8>>>,
    /// Of the I/O thread's socket.
    pub(crate) loan: Loan,
}

impl Shared {
    pub(crate) fn new(
        link: LocalPid,
        waker: &Arc<Waker>,
        flow: Flow,
        handled: Option<u64>,
        receives: bool,
    ) -> Self {
        Self {
            link,
            waker: Arc::downgrade(waker),
            stop: AtomicBool::new(false),
            flow,
            in_flight: AtomicU64::new(0),
            handled: AtomicU64::new(handled.unwrap_or(NONE)),
            durable: AtomicU64::new(NONE),
            received: AtomicU64::new(NONE),
            receives,
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
            loan: Loan::new(),
        }
    }

    /// Ends the I/O thread. May be called from anywhere, and does not block.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.wake_io();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Wakes the I/O thread. If that fails, it wakes by itself within a second.
    pub(crate) fn wake_io(&self) {
        let _ = self.waker.upgrade().map(|waker| waker.wake());
    }

    /// Whether another batch may be sent. If not, the link is woken when one may.
    pub(crate) fn may_send(&self) -> bool {
        self.has_at_most(WINDOW - 1)
    }

    /// Whether the server has handled all batches. If not, the link is woken when it has some.
    pub(crate) fn is_all_handled(&self) -> bool {
        self.has_at_most(0)
    }

    fn has_at_most(&self, weight: u64) -> bool {
        let has = || self.in_flight.load(Ordering::SeqCst) <= weight;
        if has() {
            return true;
        }
        self.link_starves.store(true, Ordering::SeqCst);
        has() && self.link_starves.swap(false, Ordering::SeqCst)
    }

    /// The link waits, for something else than credit. It also has to hear of the end.
    pub(crate) fn starve(&self) {
        self.link_starves.store(true, Ordering::SeqCst);
    }

    fn has_room(&self) -> bool {
        self.in_flight.load(Ordering::SeqCst) < WINDOW
    }

    pub(crate) fn sent(&self, weight: u64) {
        self.in_flight.fetch_add(weight, Ordering::SeqCst);
    }

    /// The server has handled batches of this weight, up to `offset`. True: the link must be woken.
    pub(crate) fn credit(&self, weight: u64, offset: Option<u64>) -> bool {
        if let Some(offset) = offset {
            self.flow.server.handle(offset);
            let before = self.handled.swap(offset, Ordering::SeqCst);
            let asked = self.asked.load(Ordering::SeqCst);
            // several may have asked, and only the last is known: acknowledge each step
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

    /// What the master is told.
    pub(crate) fn acknowledged(&self) -> Option<u64> {
        let offset = if self.receives { &self.received } else { &self.handled };
        Some(offset.load(Ordering::SeqCst)).filter(|&offset| offset != NONE)
    }

    /// Whether the master is told what has been decoded, though it may not have been handled.
    pub(crate) fn receives(&self) -> bool {
        self.receives
    }

    /// Everything up to this offset has been decoded.
    pub(crate) fn receive(&self, offset: u64) {
        if self.receives && self.received.swap(offset, Ordering::SeqCst) != offset {
            self.acknowledge_asked(offset);
        }
    }

    /// Acknowledges what the master has asked about, if it is before this offset.
    fn acknowledge_asked(&self, offset: u64) {
        let asked = |asked| (asked <= offset).then_some(NONE);
        if self.asked.fetch_update(Ordering::SeqCst, Ordering::SeqCst, asked).is_ok() {
            self.acknowledge.store(true, Ordering::SeqCst);
            self.wake_io();
        }
    }

    /// Everything up to this offset is on the disk. The master is told at once, as clients may
    /// wait.
    pub(crate) fn set_durable(&self, offset: u64) {
        self.durable.store(offset, Ordering::SeqCst);
        self.acknowledge.store(true, Ordering::SeqCst);
        self.wake_io();
    }

    pub(crate) fn durable(&self) -> Option<u64> {
        Some(self.durable.load(Ordering::SeqCst)).filter(|&offset| offset != NONE)
    }

    /// The offsets belong to a stream that the master does not continue.
    pub(crate) fn forget_handled(&self) {
        self.handled.store(NONE, Ordering::SeqCst);
        self.durable.store(NONE, Ordering::SeqCst);
        self.received.store(NONE, Ordering::SeqCst);
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

    /// Wakes the link if it waits for bytes. Only the I/O thread may call this.
    pub(crate) fn wake_link(&self) {
        self.wake_link_if(self.link_waits.swap(false, Ordering::SeqCst));
    }

    /// Wakes the link whatever it waits for, as nothing more will come. Only the I/O thread may
    /// call this.
    pub(crate) fn wake_link_at_end(&self) {
        self.wake_link_if(self.take_waits());
    }

    /// Whether the link waits for anything. If so, the caller must wake it.
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

    /// What the master told about its commands, which may be nothing.
    pub(crate) fn learned(&self) -> Arc<Learned> {
        self.learned.get().cloned().unwrap_or_default()
    }

    /// A buffer that was used before, or an empty one.
    pub(crate) fn spare(&self) -> Vec<u8> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Gives a buffer back, for reuse if it is large enough to read into.
    pub(crate) fn keep_spare(&self, buffer: Vec<u8>) {
        if buffer.capacity() < BUFFER {
            return;
        }
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < SPARES {
            spares.push(buffer);
        }
    }

    /// Few buffers or none will be needed from here on.
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
