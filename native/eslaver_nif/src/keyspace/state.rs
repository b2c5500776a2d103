//! A keyspace: its current store, and what outlives a link.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use eslaver_core::commands::Learned;
use eslaver_store::{Command, Functions, Store};
use parking_lot::{Mutex, MutexGuard};
use rustler::{Env, LocalPid, ResourceArc};

use crate::atoms;
use crate::interests::Interests;
use crate::keyspace::reaper;
use crate::terms::notices::Notices;

/// The weight of notices with which the mirror is left alone until it has told them.
const UNTOLD: u64 = 1024 * 1024;

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
    /// Who is told of changes by the mirror, its process.
    mirror: LocalPid,
    interests: ResourceArc<Interests>,
    /// What it is to tell next.
    notices: Mutex<Notices>,
    /// The weight of what it was sent, and has not told yet.
    untold: AtomicU64,
    /// Whether nothing may be written for now.
    held: AtomicBool,
    /// Which link may write. It is locked while a slice of the link runs.
    turn: Mutex<u64>,
    writer: Mutex<Option<LocalPid>>,
    applied: Mutex<Applied>,
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
    /// Readers want it to stay as it is, or the mirror has much to tell first.
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
    pub(crate) fn new(
        mirror: LocalPid,
        interests: ResourceArc<Interests>,
        serves_stale: bool,
        in_place: bool,
    ) -> Self {
        Self {
            serves_stale,
            in_place,
            current: ArcSwapOption::empty(),
            fresh: AtomicBool::new(false),
            mirror,
            interests,
            notices: Mutex::new(Notices::new()),
            untold: AtomicU64::new(0),
            held: AtomicBool::new(false),
            turn: Mutex::new(0),
            writer: Mutex::new(None),
            applied: Mutex::new(Applied::default()),
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
        let lost = self.applied().is_lost;
        self.fresh.store(fresh && !lost, Ordering::Release);
    }

    pub(crate) fn applied(&self) -> MutexGuard<'_, Applied> {
        self.applied.lock()
    }

    /// Gives readers another store, which holds everything up to this position.
    pub(crate) fn publish(&self, store: Arc<Store>, position: Position, functions: Functions) {
        let Position { offset, db, .. } = position;
        let edition = 1 + EDITIONS.fetch_add(1, Ordering::Relaxed);
        let old = self.current.swap(Some(Arc::new(Current { edition, store })));
        {
            let mut applied = self.applied();
            applied.position = Some(position);
            applied.functions = functions;
            applied.is_lost = false;
        }
        self.fresh.store(true, Ordering::Release);
        if self.interests.any().is_some() {
            self.notices.lock().loaded(offset, db);
        }
        old.into_iter().for_each(discard);
    }

    /// There is no store any more, until there is another.
    pub(crate) fn withdraw(&self) {
        self.applied().position = None;
        self.fresh.store(false, Ordering::Release);
        self.current.swap(None).into_iter().for_each(discard);
    }

    /// Only a full resync tells what the master has. Until then all else is applied.
    pub(crate) fn set_lost(&self) {
        self.applied().is_lost = true;
        self.fresh.store(false, Ordering::Release);
    }

    /// The next link has to begin with a full resync.
    pub(crate) fn forget_position(&self) {
        self.applied().position = None;
    }

    /// Notes who is to be told of commands that belong together, which readers see by now: whoever
    /// subscribes later finds what they have changed. `offset` is behind them.
    #[inline]
    pub(crate) fn note(&self, learned: &Learned, unit: &[Command<'_>], offset: u64) {
        if let Some(interests) = self.interests.any() {
            self.notices.lock().applied(&interests, learned, unit, offset);
        }
    }

    /// Sends the mirror what it has to tell.
    pub(crate) fn notify(&self, env: Env<'_>) {
        self.untold.fetch_add(self.notices.lock().send(env, self.mirror), Ordering::SeqCst);
    }

    /// The mirror has told notices of this weight. A link that waits for that goes on.
    pub(crate) fn notified(&self, env: Env<'_>, weight: u64) {
        let before = self.untold.fetch_sub(weight, Ordering::SeqCst);
        if before > UNTOLD && before.saturating_sub(weight) <= UNTOLD {
            self.wake(env);
        }
    }

    /// A slice of the link with this ticket begins, run by `link`, which is woken after a hold.
    pub(crate) fn enter(&self, ticket: u64, link: LocalPid) -> Entry<'_> {
        *self.writer.lock() = Some(link);
        let turn = self.turn.lock();
        match *turn == ticket {
            true if self.is_held() => Entry::Held,
            true => Entry::Granted(turn),
            false => Entry::Over,
        }
    }

    /// Waits for a slice that runs. The link that writes so far has no further turn, but only one that
    /// gets this ticket.
    pub(crate) fn detach(&self) -> u64 {
        let mut turn = self.turn.lock();
        *turn += 1;
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

    fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst) || self.untold.load(Ordering::SeqCst) > UNTOLD
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
