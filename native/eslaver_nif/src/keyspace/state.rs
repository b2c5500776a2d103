//! A keyspace: its current store, and what outlives a link.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use eslaver_cluster::Shard;
use eslaver_core::commands::Learned;
use eslaver_store::{Account, Command, Functions, Layout, Save, Store, Trash};
use parking_lot::{Mutex, MutexGuard};
use rustler::{Atom, Env, LocalPid, ResourceArc};

use crate::atoms;
use crate::backlog::Backlog;
use crate::cluster::Keyspaces;
use crate::interests::Interests;
use crate::keyspace::applied::{Applied, Position};
use crate::keyspace::awaited::Awaited;
use crate::keyspace::compactor;
use crate::keyspace::fault::Fault;
use crate::keyspace::file::Failure;
use crate::keyspace::projections::Projections;
use crate::keyspace::reaper::{self, Graves};
use crate::terms::notices::Notices;

/// The weight of notices with which the listener is left alone until it has told them.
const UNTOLD: u64 = 1024 * 1024;

/// The editions so far: each store that readers get has its own, among those of all keyspaces.
static EDITIONS: AtomicU64 = AtomicU64::new(0);

/// The keyspace of a mirror, for as long as that lives.
pub(crate) struct Keyspace {
    pub(crate) policy: Policy,
    /// How far what has been applied is behind.
    pub(crate) backlog: ResourceArc<Backlog>,
    current: ArcSwapOption<Current>,
    /// Its process.
    mirror: LocalPid,
    /// Who is told of changes, and tells others.
    listener: LocalPid,
    /// The shard whose keys it has, if any, and where readers find it as such.
    shard: Option<(Shard, Weak<Keyspaces<Self>>)>,
    interests: ResourceArc<Interests>,
    /// What the listener is to tell next.
    notices: Mutex<Notices>,
    /// The weight of what the listener was sent, and has not told yet.
    untold: AtomicU64,
    /// What the mirror waits for.
    awaited: Awaited,
    /// What is kept in step with it, if anything is.
    projections: OnceLock<Projections>,
    /// Whether nothing may be written, until it is released.
    held: AtomicBool,
    /// Which link may write. It is locked while a slice of the link runs.
    turn: Mutex<u64>,
    writer: Mutex<Option<LocalPid>>,
    applied: Mutex<Applied>,
    /// Those of the current store, of one that is being filled, and of those that are being dropped.
    accounts: Mutex<Vec<Weak<Account>>>,
    graves: Graves,
    /// What a test wants to fail.
    fault: Mutex<Option<Fault>>,
    /// How often the data has changed.
    changes: AtomicU64,
    saving: AtomicBool,
    /// Whether its mirror has ended.
    closed: AtomicBool,
}

/// What is to be done with the data.
pub(crate) struct Policy {
    /// Whether reads are answered while the data is stale.
    pub(crate) serves_stale: bool,
    /// What readers get for what is missing.
    pub(crate) missing: Atom,
    /// Whether the old store is withdrawn before a new one is filled.
    pub(crate) in_place: bool,
    /// The most bytes that it may take.
    pub(crate) max_memory: Option<u64>,
    /// For how long what has been applied may be behind, and is still fresh.
    pub(crate) fresh_within: Option<Duration>,
}

/// What readers get.
pub(crate) struct Current {
    pub(crate) edition: u64,
    pub(crate) store: Arc<Store>,
    fresh: AtomicBool,
    lateness: Option<Lateness>,
}

/// For how long the data may be behind, and is still fresh.
struct Lateness {
    backlog: ResourceArc<Backlog>,
    limit: Duration,
}

impl Lateness {
    /// For how long it has not been fresh.
    fn excess(&self) -> Duration {
        self.backlog.behind_for().saturating_sub(self.limit)
    }
}

/// How the data is, the best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    Fresh,
    Stale,
    Loading,
}

/// Whether a slice may write.
pub(crate) enum Entry<'a> {
    /// Nobody else does while this is kept.
    Granted(MutexGuard<'a, u64>),
    /// It is to stay as it is, for readers or for projections, or the mirror has much to tell first.
    Held,
    /// Another link has come.
    Over,
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

impl Current {
    /// Whether the link is up, the stream goes on, and what it brings is applied soon enough.
    #[inline]
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh.load(Ordering::Acquire)
            && self.lateness.as_ref().is_none_or(|lateness| lateness.excess().is_zero())
    }
}

impl Drop for Keyspace {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl Keyspace {
    pub(crate) fn new(
        (mirror, listener): (LocalPid, LocalPid),
        shard: Option<(Shard, Weak<Keyspaces<Self>>)>,
        interests: ResourceArc<Interests>,
        policy: Policy,
    ) -> Self {
        reaper::start();
        Self {
            policy,
            backlog: ResourceArc::new(Backlog::new()),
            current: ArcSwapOption::empty(),
            mirror,
            listener,
            shard,
            interests,
            notices: Mutex::new(Notices::new()),
            untold: AtomicU64::new(0),
            awaited: Awaited::default(),
            projections: OnceLock::new(),
            held: AtomicBool::new(false),
            turn: Mutex::new(0),
            writer: Mutex::new(None),
            applied: Mutex::new(Applied {
                stale_since: Some(Instant::now()),
                ..Applied::default()
            }),
            accounts: Mutex::default(),
            graves: Graves::default(),
            fault: Mutex::new(None),
            changes: AtomicU64::new(0),
            saving: AtomicBool::new(false),
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

    pub(crate) fn status(&self) -> Status {
        match self.current.load().as_ref().map(|current| current.is_fresh()) {
            None => Status::Loading,
            Some(true) => Status::Fresh,
            Some(false) => Status::Stale,
        }
    }

    /// The link is up, and the stream goes on; or it is down.
    pub(crate) fn set_followed(&self, followed: bool) {
        self.change(|applied| applied.is_followed = followed);
    }

    /// The replica at the other end of the link has lost its own master, or has it again.
    pub(crate) fn set_cut_off(&self, cut_off: bool) {
        self.change(|applied| applied.is_cut_off = cut_off);
    }

    /// Changes what has been applied, and thereby whether the data is fresh.
    fn change(&self, change: impl FnOnce(&mut Applied)) {
        let mut applied = self.applied();
        change(&mut applied);
        let fresh = applied.refreshed();
        if let Some(current) = &*self.current.load() {
            current.fresh.store(fresh, Ordering::Release);
        }
    }

    /// For how long the data has not been fresh.
    pub(crate) fn stale_for(&self) -> Duration {
        let stale = self.applied().stale_since.map(|since| since.elapsed());
        let late = || self.lateness().map(|lateness| lateness.excess());
        stale.or_else(late).unwrap_or_default()
    }

    fn lateness(&self) -> Option<Lateness> {
        let backlog = || self.backlog.clone();
        self.policy.fresh_within.map(|limit| Lateness { backlog: backlog(), limit })
    }

    /// What has been applied ends here, if there is a store.
    pub(crate) fn position(&self) -> Option<Position> {
        let applied = self.applied();
        applied.position.clone().filter(|_| self.current.load().is_some())
    }

    /// All up to here can be read. There is no such place while something may be missing, and if the
    /// master counts no offsets.
    pub(super) fn readable(&self) -> Option<Position> {
        if self.applied().is_lost {
            return None;
        }
        self.position().filter(|position| position.replid.is_some())
    }

    /// The offset up to which all can be read, and projections have it: if that is at least `offset`
    /// of the history with this id, or of any.
    pub(super) fn reached(&self, replid: Option<&str>, offset: u64) -> Option<u64> {
        let position = self.readable()?;
        let is_it = replid.is_none_or(|replid| position.replid.as_deref() == Some(replid));
        // what there is to take in has been noted before the position was known
        let is_settled = || self.projections().is_none_or(Projections::is_settled);
        (is_it && position.offset >= offset && is_settled()).then_some(position.offset)
    }

    /// As [`Self::reached`]. If it has not been, the mirror is told when it is.
    pub(super) fn wait_for(&self, replid: &str, offset: u64) -> Option<u64> {
        self.awaited.set(replid.to_owned(), offset);
        self.reached(Some(replid), offset)
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

    fn show(&self, store: Arc<Store>, position: Position, functions: Functions, followed: bool) {
        let Position { offset, db, .. } = position;
        let edition = 1 + EDITIONS.fetch_add(1, Ordering::Relaxed);
        compactor::watch(&store);
        let old = {
            let mut applied = self.applied();
            applied.position = Some(position);
            applied.functions = functions;
            applied.is_lost = false;
            applied.is_followed = followed;
            let fresh = AtomicBool::new(applied.refreshed());
            self.current.swap(Some(Arc::new(Current {
                edition,
                store,
                fresh,
                lateness: self.lateness(),
            })))
        };
        self.projections().into_iter().for_each(Projections::note_all);
        if self.interests.any().is_some() {
            self.notices.lock().loaded(offset, db);
        }
        self.changed(1);
        old.into_iter().for_each(|old| self.discard(&old));
    }

    /// There is no store any more, until there is another.
    pub(crate) fn withdraw(&self) {
        self.change(|applied| {
            applied.position = None;
            applied.is_followed = false;
        });
        self.current.swap(None).into_iter().for_each(|old| self.discard(&old));
    }

    /// A reader may still hold it: it is not to drop the store.
    fn discard(&self, current: &Arc<Current>) {
        self.graves.bury(Arc::clone(&current.store));
    }

    /// A store to be filled, which counts for this keyspace until it is dropped.
    pub(crate) fn new_store(&self) -> Arc<Store> {
        let layout = match self.shard {
            Some(_) => Layout::Slots,
            None => Layout::Hashed,
        };
        let store = Arc::new(Store::laid_out(layout));
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
        self.change(|applied| applied.is_lost = true);
    }

    /// The next link has to begin with a full resync.
    pub(crate) fn forget_position(&self) {
        self.applied().position = None;
    }

    /// This number of commands has changed the data.
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
        let position = applied.position.clone().filter(|_| !applied.is_lost);
        let position = position.ok_or(Failure::Incomplete)?;
        let save = Save::begin(&store).ok_or(Failure::Busy)?;
        let (functions, changes) = (applied.functions.clone(), self.changes());
        Ok(Moment { store, save, position, functions, changes })
    }

    /// Its mirror has ended. Readers do not find it as that of a shard.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if let Some(keyspaces) = self.shard.as_ref().and_then(|(_, keyspaces)| keyspaces.upgrade())
        {
            keyspaces.remove_keyspace(self);
        }
    }

    pub(super) fn check_open(&self) -> Result<(), Failure> {
        if self.closed.load(Ordering::Acquire) { Err(Failure::Stopped) } else { Ok(()) }
    }

    /// Notes who is to be told of commands that belong together, which readers see by now: whoever
    /// subscribes later finds what they have changed. `offset` is behind them. Nobody is told of those
    /// that `is_left_out` is true for, by their place.
    #[inline]
    pub(crate) fn note(
        &self,
        learned: &Learned,
        unit: &[Command<'_>],
        offset: u64,
        is_left_out: impl Fn(usize) -> bool,
    ) {
        if let Some(interests) = self.interests.any() {
            let told = unit.iter().enumerate().filter(|(at, _)| !is_left_out(*at));
            let told = told.map(|(_, command)| command);
            self.notices.lock().applied(&interests, learned, told, offset);
        }
    }

    /// Sends the listener what it has to tell, unless projections have still to take it in.
    pub(crate) fn notify(this: &ResourceArc<Self>, env: Env<'_>) {
        if this.projections().is_none_or(Projections::is_settled) {
            let mut notices = this.notices.lock();
            let weight = notices.weight();
            this.untold.fetch_add(weight, Ordering::SeqCst);
            if !notices.send(env, this.listener, this) {
                this.untold.fetch_sub(weight, Ordering::SeqCst);
            }
            drop(notices);
            this.awaited.check(|replid, offset| {
                let is_reached = this.reached(Some(replid), offset).is_some();
                is_reached
                    && env.send(&this.mirror, (atoms::eslaver_keyspace(), atoms::reached())).is_ok()
            });
        }
    }

    /// The listener has told notices of this weight. A link that waits for that goes on.
    pub(crate) fn notified(&self, env: Env<'_>, weight: u64) {
        let before = self.untold.fetch_sub(weight, Ordering::SeqCst);
        if before > UNTOLD && before.saturating_sub(weight) <= UNTOLD {
            self.wake(env);
        }
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        *self.fault.lock() = Some(fault);
    }

    /// The fault, if it is of this kind. There is none then any more.
    pub(crate) fn take_fault<T>(&self, kind: impl FnOnce(&Fault) -> Option<T>) -> Option<T> {
        let mut fault = self.fault.lock();
        let found = fault.as_ref().and_then(kind);
        if found.is_some() {
            *fault = None;
        }
        found
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
    pub(crate) fn settle(this: &ResourceArc<Self>, env: Env<'_>) {
        if this.projections().is_some_and(|projections| projections.settle(env)) {
            Self::notify(this, env);
            this.wake(env);
        }
    }

    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
            || self.untold.load(Ordering::SeqCst) > UNTOLD
            || self.projections().is_some_and(Projections::is_awaited)
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
        self.set_followed(false);
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
