//! A keyspace: its current store, and what outlives a link.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use eslaver_store::{Functions, Save, Store};
use parking_lot::{Mutex, MutexGuard};
use rustler::{Env, LocalPid};

use crate::atoms;
use crate::keyspace::file::Failure;
use crate::keyspace::projections::Projections;
use crate::keyspace::reaper;

/// The editions so far: each store that readers get has its own, among those of all keyspaces.
static EDITIONS: AtomicU64 = AtomicU64::new(0);

/// The keyspace of a mirror, for as long as that lives.
pub(crate) struct Keyspace {
    /// Whether reads are answered while the link is down.
    pub(crate) serves_stale: bool,
    /// Whether the old store is withdrawn before a new one is filled.
    pub(crate) in_place: bool,
    current: ArcSwapOption<Current>,
    fresh: AtomicBool,
    /// Whether somebody wants to know which commands are applied.
    notify: AtomicBool,
    /// What is kept in step with it, if anything is.
    projections: OnceLock<Projections>,
    /// Whether nothing may be written for now.
    held: AtomicBool,
    /// Which link may write. It is locked while a slice of the link runs.
    turn: Mutex<u64>,
    writer: Mutex<Option<LocalPid>>,
    applied: Mutex<Applied>,
    /// How often the data has changed.
    changes: AtomicU64,
    saving: AtomicBool,
    /// Whether a slice has panicked, so that the position may not be that of the data.
    unsettled: AtomicBool,
    /// Whether its mirror has ended.
    closed: AtomicBool,
}

/// What readers get.
pub(crate) struct Current {
    pub(crate) edition: u64,
    pub(crate) store: Arc<Store>,
}

/// A place in the stream, outside a transaction.
#[derive(Clone)]
pub(crate) struct Position {
    /// A master without `PSYNC` has none.
    pub(crate) replid: Option<String>,
    pub(crate) offset: u64,
    pub(crate) db: u32,
}

/// What has been applied to the current store.
#[derive(Default)]
pub(crate) struct Applied {
    /// Missing before the first snapshot.
    pub(crate) position: Option<Position>,
    /// The libraries of the master's functions.
    pub(crate) functions: Functions,
    /// How often each command could not be applied.
    pub(crate) refused: BTreeMap<Vec<u8>, u64>,
    /// Whether only a full resync can tell again what the master has.
    pub(crate) is_lost: bool,
    stale_since: Option<Instant>,
}

/// How the data is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Loading,
    Fresh,
    Stale,
}

/// Whether a slice may write.
pub(crate) enum Entry<'a> {
    /// Nobody else does while this is kept.
    Granted(Turn<'a>),
    /// It is to stay as it is, for readers or for projections.
    Held,
    /// Another link has come.
    Over,
}

/// The turn of a link.
pub(crate) struct Turn<'a> {
    keyspace: &'a Keyspace,
    _turn: MutexGuard<'a, u64>,
}

/// Data outside a transaction, and what belongs to it.
pub(super) struct Moment {
    pub(super) store: Arc<Store>,
    pub(super) save: Save,
    pub(super) position: Position,
    pub(super) functions: Functions,
    /// How often the data had changed.
    pub(super) changes: u64,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keyspace.unsettled.store(true, Ordering::Release);
        }
    }
}

impl Drop for Keyspace {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl Keyspace {
    pub(crate) fn new(serves_stale: bool, in_place: bool) -> Self {
        Self {
            serves_stale,
            in_place,
            current: ArcSwapOption::empty(),
            fresh: AtomicBool::new(false),
            notify: AtomicBool::new(false),
            projections: OnceLock::new(),
            held: AtomicBool::new(false),
            turn: Mutex::new(0),
            writer: Mutex::new(None),
            applied: Mutex::new(Applied {
                stale_since: Some(Instant::now()),
                ..Applied::default()
            }),
            changes: AtomicU64::new(0),
            saving: AtomicBool::new(false),
            unsettled: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    #[inline]
    pub(crate) fn current(&self) -> arc_swap::Guard<Option<Arc<Current>>> {
        self.current.load()
    }

    /// The store that is written, if there is one.
    pub(crate) fn store(&self) -> Option<Arc<Store>> {
        self.current.load().as_ref().map(|current| Arc::clone(&current.store))
    }

    #[inline]
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh.load(Ordering::Acquire)
    }

    pub(crate) fn status(&self) -> Status {
        match (self.current.load().is_some(), self.is_fresh()) {
            (false, _) => Status::Loading,
            (true, true) => Status::Fresh,
            (true, false) => Status::Stale,
        }
    }

    /// The link is up, and the stream goes on; or it is down.
    pub(crate) fn set_fresh(&self, fresh: bool) {
        self.change(|applied| fresh && !applied.is_lost);
    }

    /// Changes what has been applied, and tells whether the data is fresh then.
    fn change(&self, change: impl FnOnce(&mut Applied) -> bool) {
        let mut applied = self.applied();
        let fresh = change(&mut applied);
        applied.stale_since = match fresh {
            true => None,
            false => applied.stale_since.or_else(|| Some(Instant::now())),
        };
        self.fresh.store(fresh, Ordering::Release);
    }

    /// For how long the data has not been fresh.
    pub(crate) fn stale_for(&self) -> Duration {
        self.applied().stale_since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// What has been applied ends here, if there is a store.
    pub(crate) fn position(&self) -> Option<Position> {
        let applied = self.applied();
        applied.position.clone().filter(|_| self.current.load().is_some())
    }

    pub(crate) fn applied(&self) -> MutexGuard<'_, Applied> {
        self.applied.lock()
    }

    /// Gives readers another store, which holds everything up to this position.
    pub(crate) fn publish(&self, store: Arc<Store>, position: Position, functions: Functions) {
        self.show(store, position, functions, true);
    }

    /// The same without a link. The first link goes on from there.
    pub(super) fn restore(&self, store: Arc<Store>, position: Position, functions: Functions) {
        let _turn = self.turn.lock();
        self.show(store, position, functions, false);
    }

    fn show(&self, store: Arc<Store>, position: Position, functions: Functions, fresh: bool) {
        let edition = 1 + EDITIONS.fetch_add(1, Ordering::Relaxed);
        let old = self.current.swap(Some(Arc::new(Current { edition, store })));
        self.change(|applied| {
            applied.position = Some(position);
            applied.functions = functions;
            applied.is_lost = false;
            fresh
        });
        self.projections().into_iter().for_each(Projections::note_all);
        self.changed(1);
        old.into_iter().for_each(discard);
    }

    /// There is no store any more, until there is another.
    pub(crate) fn withdraw(&self) {
        self.change(|applied| {
            applied.position = None;
            false
        });
        self.current.swap(None).into_iter().for_each(discard);
    }

    /// Only a full resync tells what the master has. Until then all else is applied.
    pub(crate) fn set_lost(&self) {
        self.change(|applied| {
            applied.is_lost = true;
            false
        });
    }

    /// The next link has to begin with a full resync.
    pub(crate) fn forget_position(&self) {
        self.applied().position = None;
    }

    /// The data has changed, by so many commands.
    pub(crate) fn changed(&self, times: u64) {
        self.changes.fetch_add(times, Ordering::Relaxed);
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Whether nobody else saves it, until the end of that.
    pub(super) fn begin_saving(&self) -> bool {
        !self.saving.swap(true, Ordering::AcqRel)
    }

    pub(super) fn end_saving(&self) {
        self.saving.store(false, Ordering::Release);
    }

    /// This moment, between two slices.
    pub(super) fn moment(&self) -> Result<Moment, Failure> {
        let _turn = self.turn.lock();
        let store = self.store().ok_or(Failure::Loading)?;
        let applied = self.applied();
        let is_whole = !applied.is_lost && !self.unsettled.load(Ordering::Acquire);
        let position = applied.position.clone().filter(|_| is_whole);
        let position = position.ok_or(Failure::Incomplete)?;
        let save = Save::begin(&store).ok_or(Failure::Busy)?;
        let (functions, changes) = (applied.functions.clone(), self.changes());
        Ok(Moment { store, save, position, functions, changes })
    }

    /// Its mirror has ended.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(super) fn check_open(&self) -> Result<(), Failure> {
        if self.closed.load(Ordering::Acquire) { Err(Failure::Stopped) } else { Ok(()) }
    }

    pub(crate) fn set_notify(&self, notify: bool) {
        self.notify.store(notify, Ordering::Release);
    }

    #[inline]
    pub(crate) fn notifies(&self) -> bool {
        self.notify.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn projections(&self) -> Option<&Projections> {
        self.projections.get()
    }

    /// Keeps projections in step from now on. Those that were named first count.
    pub(crate) fn project(&self, projections: Projections) {
        self.projections.get_or_init(|| projections);
    }

    /// The projections have what they were called for: a link that waits goes on.
    pub(crate) fn settle(&self, env: Env<'_>) {
        if self.projections().is_some_and(|projections| projections.settle(env)) {
            self.wake(env);
        }
    }

    fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst) || self.projections().is_some_and(Projections::is_awaited)
    }

    /// A slice of the link with this ticket begins, run by `link`, which is woken after a hold.
    pub(crate) fn enter(&self, ticket: u64, link: LocalPid) -> Entry<'_> {
        *self.writer.lock() = Some(link);
        let turn = self.turn.lock();
        match *turn == ticket {
            true if self.is_held() => Entry::Held,
            true => {
                // The link that panicked has ended.
                self.unsettled.store(false, Ordering::Release);
                Entry::Granted(Turn { keyspace: self, _turn: turn })
            }
            false => Entry::Over,
        }
    }

    /// Waits for a slice that runs. The link that writes so far has no further turn, but only one that
    /// gets this ticket.
    pub(crate) fn detach(&self) -> u64 {
        let mut turn = self.turn.lock();
        *turn += 1;
        self.set_fresh(false);
        *turn
    }

    /// Waits for a slice that runs. None follows until it is released.
    pub(crate) fn hold(&self) {
        self.held.store(true, Ordering::SeqCst);
        drop(self.turn.lock());
    }

    /// A link that waits goes on.
    pub(crate) fn release(&self, env: Env<'_>) {
        self.held.store(false, Ordering::SeqCst);
        self.wake(env);
    }

    fn wake(&self, env: Env<'_>) {
        if let Some(link) = *self.writer.lock() {
            // it may be gone
            let _ = env.send(&link, (atoms::eslaver_nif(), atoms::wake()));
        }
    }
}

/// A reader may still hold it: it is not to drop the store.
fn discard(current: Arc<Current>) {
    reaper::bury(Arc::clone(&current.store));
}
