//! A keyspace: its current store, and what outlives a link.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use eslaver_store::{Account, Functions, Store, Trash};
use parking_lot::{Mutex, MutexGuard};
use rustler::{Env, LocalPid};

use crate::atoms;
use crate::keyspace::reaper::Graves;

/// The editions so far: each store that readers get has its own, among those of all keyspaces.
static EDITIONS: AtomicU64 = AtomicU64::new(0);

/// The keyspace of a mirror, for as long as that lives.
pub(crate) struct Keyspace {
    /// Whether reads are answered while the link is down.
    pub(crate) serves_stale: bool,
    /// Whether the old store is withdrawn before a new one is filled.
    pub(crate) in_place: bool,
    /// The most bytes that it may take.
    pub(crate) max_memory: Option<u64>,
    current: ArcSwapOption<Current>,
    fresh: AtomicBool,
    /// Whether somebody wants to know which commands are applied.
    notify: AtomicBool,
    /// Whether nothing may be written for now.
    held: AtomicBool,
    /// Which link may write. It is locked while a slice of the link runs.
    turn: Mutex<u64>,
    writer: Mutex<Option<LocalPid>>,
    applied: Mutex<Applied>,
    /// Those of the current store, of one that is being filled, and of those that are being dropped.
    accounts: Mutex<Vec<Weak<Account>>>,
    graves: Graves,
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
    Granted(MutexGuard<'a, u64>),
    /// Readers want it to stay as it is.
    Held,
    /// Another link has come.
    Over,
}

impl Drop for Keyspace {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl Keyspace {
    pub(crate) fn new(serves_stale: bool, in_place: bool, max_memory: Option<u64>) -> Self {
        Self {
            serves_stale,
            in_place,
            max_memory,
            current: ArcSwapOption::empty(),
            fresh: AtomicBool::new(false),
            notify: AtomicBool::new(false),
            held: AtomicBool::new(false),
            turn: Mutex::new(0),
            writer: Mutex::new(None),
            applied: Mutex::new(Applied {
                stale_since: Some(Instant::now()),
                ..Applied::default()
            }),
            accounts: Mutex::default(),
            graves: Graves::default(),
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
        let edition = 1 + EDITIONS.fetch_add(1, Ordering::Relaxed);
        let old = self.current.swap(Some(Arc::new(Current { edition, store })));
        self.change(|applied| {
            applied.position = Some(position);
            applied.functions = functions;
            applied.is_lost = false;
            true
        });
        old.into_iter().for_each(|old| self.discard(&old));
    }

    /// There is no store any more, until there is another.
    pub(crate) fn withdraw(&self) {
        self.change(|applied| {
            applied.position = None;
            false
        });
        self.current.swap(None).into_iter().for_each(|old| self.discard(&old));
    }

    /// A reader may still hold it: it is not to drop the store.
    fn discard(&self, current: &Arc<Current>) {
        self.graves.bury(Arc::clone(&current.store));
    }

    /// A store to be filled, which counts for this keyspace until it is dropped.
    pub(crate) fn new_store(&self) -> Arc<Store> {
        let store = Arc::new(Store::new());
        self.accounts.lock().push(Arc::downgrade(store.account()));
        store
    }

    /// Drops a store that readers do not get.
    pub(crate) fn bury(&self, store: Arc<Store>) {
        self.graves.bury(store);
    }

    pub(crate) fn bury_trash(&self, trash: Trash) {
        self.graves.bury_trash(trash);
    }

    /// Whether something is out of reach, and will be dropped soon.
    pub(crate) fn is_clearing(&self) -> bool {
        !self.graves.is_empty()
    }

    /// The bytes of all its stores.
    pub(crate) fn memory(&self) -> u64 {
        let mut accounts = self.accounts.lock();
        accounts.retain(|account| account.strong_count() > 0);
        let bytes = accounts.iter().filter_map(Weak::upgrade).map(|account| account.bytes());
        bytes.sum::<usize>() as u64
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

    pub(crate) fn set_notify(&self, notify: bool) {
        self.notify.store(notify, Ordering::Release);
    }

    #[inline]
    pub(crate) fn notifies(&self) -> bool {
        self.notify.load(Ordering::Acquire)
    }

    /// A slice of the link with this ticket begins, run by `link`, which is woken after a hold.
    pub(crate) fn enter(&self, ticket: u64, link: LocalPid) -> Entry<'_> {
        *self.writer.lock() = Some(link);
        let turn = self.turn.lock();
        match *turn == ticket {
            true if self.held.load(Ordering::SeqCst) => Entry::Held,
            true => Entry::Granted(turn),
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
        if let Some(link) = *self.writer.lock() {
            // it may be gone
            let _ = env.send(&link, (atoms::eslaver_nif(), atoms::wake()));
        }
    }
}
