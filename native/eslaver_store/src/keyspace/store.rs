//! The databases, as readers find them.
//!
//! A change of keys holds the locks of their stripes until it is whole. A change of databases as
//! such (`FLUSHALL`, `SWAPDB`, a resync) makes the generation odd while it goes on: readers then wait,
//! and those that began before find another generation than they began with, and begin again.

use std::hash::BuildHasher;
use std::sync::{Arc, LazyLock, OnceLock};

use arc_swap::{ArcSwap, Guard};
use eslaver_cluster::Shard;
use foldhash::quality::RandomState;

use crate::keyspace::account::Account;
use crate::keyspace::db::{Db, Keys};
use crate::keyspace::dbs::Dbs;
use crate::keyspace::entry::Entry;
use crate::keyspace::error::ReadError;
use crate::keyspace::layout::{KeyHash, Layout};
use crate::keyspace::look::{Located, Look, Patience};
use crate::keyspace::sync::{AtomicBool, AtomicU64, Ordering, RwLockReadGuard};
use crate::keyspace::usage::TypeUsage;
use crate::keyspace::version::Server;
use crate::keyspace::witness::{Note, Witness};
use crate::values::Type;

/// The stores made so far.
static MADE: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// How keys are hashed in every store, so that a cursor of one holds for the next one, which a full
/// resync has filled.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// A keyspace.
#[derive(Debug)]
pub struct Store {
    id: u64,
    layout: Layout,
    dbs: ArcSwap<Dbs>,
    generation: AtomicU64,
    broken: AtomicBool,
    server: OnceLock<Server>,
    account: Arc<Account>,
    /// The name and the value of the auxiliary field that tells of it.
    server_aux: OnceLock<Aux>,
    hasher: RandomState,
    seed: u64,
}

/// The name and the value of an auxiliary field.
type Aux = [Box<[u8]>; 2];

impl Default for Store {
    fn default() -> Self {
        Self::laid_out(Layout::default())
    }
}

impl Store {
    /// An empty keyspace.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty keyspace whose keys are to be laid out in this way.
    pub fn laid_out(layout: Layout) -> Self {
        Self {
            id: MADE.fetch_add(1, Ordering::Relaxed),
            layout,
            dbs: ArcSwap::default(),
            generation: AtomicU64::new(0),
            broken: AtomicBool::new(false),
            server: OnceLock::new(),
            account: Arc::default(),
            server_aux: OnceLock::new(),
            seed: RandomState::default().hash_one(0),
            hasher: HASHER.clone(),
        }
    }
}

impl Store {
    /// Hands the entry of a key to `with`, or `None` where it is missing or its time has passed.
    /// The key is locked meanwhile: `with` must be short.
    #[inline]
    pub(crate) fn with_key<R>(
        &self,
        key: &[u8],
        look: Look<'_>,
        with: impl FnOnce(Option<&Entry>) -> R,
    ) -> Result<R, ReadError> {
        let Look { db: number, now, patience, note } = look;
        let mut with = Some(with);
        self.attempt(patience, |generation, dbs| {
            let Some(db) = dbs.get(number) else {
                self.is_generation(generation).then_some(())?;
                note.db_missing(number);
                return Some(with.take()?(None));
            };
            let hash = db.hash(key);
            let keys = db.readable(hash.stripe()).try_read()?;
            self.is_generation(generation).then_some(())?;
            note.stripe(number, db.id(), hash.stripe(), keys.version());
            Some(with.take()?(keys.get(hash, key).filter(|entry| entry.is_live(now))))
        })
    }

    /// Hands the entries of several keys, as they are at one moment, to `with`. They are locked
    /// meanwhile: `with` must be short.
    pub(crate) fn with_keys<'a, K: AsRef<[u8]>, R>(
        &'a self,
        keys: &[K],
        look: Look<'_>,
        with: impl FnOnce(&[Option<Located<'_, 'a>>]) -> R,
    ) -> Result<R, ReadError> {
        let Look { db: number, now, patience, note } = look;
        let mut with = Some(with);
        self.attempt(patience, |generation, dbs| {
            let Some(db) = dbs.get(number) else {
                self.is_generation(generation).then_some(())?;
                note.db_missing(number);
                return Some(with.take()?(&vec![None; keys.len()]));
            };
            let hashes: Vec<_> = keys.iter().map(|key| db.hash(key.as_ref())).collect();
            let held = lock_all(db, hashes.iter().map(|hash| hash.stripe()).collect())?;
            self.is_generation(generation).then_some(())?;
            for (stripe, keys) in &held {
                note.stripe(number, db.id(), *stripe, keys.version());
            }
            let find = |(key, hash): (&K, KeyHash)| {
                let at = held.binary_search_by_key(&hash.stripe(), |(stripe, _)| *stripe).ok()?;
                let (_, stripe) = held.get(at)?;
                let entry = stripe.get(hash, key.as_ref()).filter(|entry| entry.is_live(now))?;
                Some(Located::new(entry, self.account()))
            };
            let entries: Vec<_> = keys.iter().zip(hashes).map(find).collect();
            Some(with.take()?(&entries))
        })
    }

    /// Hands a database, if there is one, to `with`. Its keys may change meanwhile.
    pub(crate) fn with_db<R>(
        &self,
        look: Look<'_>,
        with: impl Fn(Option<&Db>) -> R,
    ) -> Result<R, ReadError> {
        let Look { db: number, patience, note, .. } = look;
        self.attempt(patience, |generation, dbs| {
            let result = with(dbs.get(number));
            self.is_generation(generation).then_some(())?;
            note.db(generation, number, dbs.get(number).map(Db::id));
            Some(result)
        })
    }

    /// Hands the keys of a stripe, if there are any, to `with`. They are locked meanwhile.
    pub(crate) fn with_stripe(
        &self,
        stripe: usize,
        look: Look<'_>,
        mut with: impl FnMut(&Keys),
    ) -> Result<(), ReadError> {
        let Look { db: number, patience, note, .. } = look;
        self.attempt(patience, |generation, dbs| {
            let stripe = dbs.get(number).and_then(|db| db.made_stripe(stripe));
            let keys = match stripe {
                Some(stripe) => Some(stripe.try_read()?),
                None => None,
            };
            self.is_generation(generation).then_some(())?;
            note.db(generation, number, dbs.get(number).map(Db::id));
            if let Some(keys) = keys {
                with(&keys);
            }
            Some(())
        })
    }

    /// Has `read` find something in the databases as they are with a generation. It gives `None`
    /// where it must be tried again.
    #[inline]
    fn attempt<R>(
        &self,
        patience: Patience,
        mut read: impl FnMut(u64, &Dbs) -> Option<R>,
    ) -> Result<R, ReadError> {
        for tried in 0..patience.tries() {
            let result = self.even_generation().and_then(|found| read(found, &self.dbs.load()));
            match result {
                Some(result) => return Ok(result),
                None if self.is_broken() => return Err(ReadError::Broken),
                None => patience.pause(tried),
            }
        }
        Err(ReadError::Busy)
    }

    /// Whether all that reads of this store have found is still so. `None`: the writer is changing
    /// databases, and only when it is done can this be told.
    pub fn is_as_seen(&self, witness: &Witness) -> Option<bool> {
        self.is_as_seen_of(Shard::default(), witness)
    }

    /// The same of reads of a cluster of which this is a shard.
    pub(crate) fn is_as_seen_of(&self, shard: Shard, witness: &Witness) -> Option<bool> {
        if self.is_broken() {
            return Some(false);
        }
        let generation = self.even_generation()?;
        let dbs = self.dbs();
        let is_so = witness.holds(
            shard,
            generation,
            |number| dbs.get(number).map(Db::id),
            |number, stripe| Some(dbs.get(number)?.readable(stripe).try_read()?.version()),
        );
        self.is_generation(generation).then_some(is_so)
    }

    #[inline]
    pub(super) fn even_generation(&self) -> Option<u64> {
        let generation = self.generation.load(Ordering::Acquire);
        generation.is_multiple_of(2).then_some(generation)
    }

    #[inline]
    pub(super) fn is_generation(&self, generation: u64) -> bool {
        self.generation.load(Ordering::Acquire) == generation && !self.is_broken()
    }

    /// Whether a change was cut short by a panic. Nothing can be read any more.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    pub(crate) fn break_off(&self) {
        self.broken.store(true, Ordering::Release);
    }

    /// Where the databases are found.
    #[inline]
    pub(super) fn dbs_cell(&self) -> &ArcSwap<Dbs> {
        &self.dbs
    }

    /// The databases as they are now. What is held of them stays as it is.
    #[inline]
    pub(crate) fn dbs(&self) -> Guard<Arc<Dbs>> {
        self.dbs.load()
    }

    /// Has `change` make other databases of those that there are, at one moment for all readers.
    pub(crate) fn change_dbs(&self, change: impl FnOnce(&mut Dbs)) {
        let mut dbs = Dbs::clone(&self.dbs.load());
        change(&mut dbs);
        self.dbs.store(Arc::new(dbs));
    }

    /// Readers wait until the other call, [`Store::end_exclusive`].
    pub(crate) fn begin_exclusive(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn end_exclusive(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether readers wait: the writer asks.
    pub(crate) fn is_exclusive(&self) -> bool {
        self.generation.load(Ordering::Relaxed) % 2 == 1
    }

    /// No other store has it.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// What the tables of large values are seeded with: a secret.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Whose keys it holds.
    pub fn server(&self) -> Server {
        self.server.get().copied().unwrap_or_default()
    }

    /// Says whose keys it holds, before it holds any. What was said first counts.
    pub(crate) fn set_server(&self, server: Server) {
        self.server.get_or_init(|| server);
    }

    /// The auxiliary field of the snapshot that tells of the server, if one does.
    pub fn server_aux(&self) -> Option<(&[u8], &[u8])> {
        self.server_aux.get().map(|[name, value]| (&**name, &**value))
    }

    /// Says whose keys it holds as an auxiliary field does, if this one does.
    pub(crate) fn set_server_aux(&self, name: &[u8], value: &[u8]) {
        if let Some(server) = Server::from_aux(name, value) {
            self.set_server(server);
            self.server_aux.get_or_init(|| [name.into(), value.into()]);
        }
    }

    /// Adds a database that has no keys yet, where it is missing.
    pub(crate) fn ensure_db(&self, db: u32) {
        if self.dbs.load().get(db).is_none() {
            let hasher = self.hasher.clone();
            let account = Arc::clone(&self.account);
            self.change_dbs(|dbs| dbs.put(db, Arc::new(Db::new(self.layout, hasher, account))));
        }
    }

    /// Whether a database has a key that has not expired by `now`, in ms since the epoch. `None`: it
    /// is being written just now.
    pub fn has(&self, db: u32, key: &[u8], now: i64) -> Option<bool> {
        let look = Look { db, now, patience: Patience::Long, note: Note::default() };
        self.with_key(key, look, |entry| entry.is_some()).ok()
    }

    /// The number of keys in all databases, also of those that have expired.
    pub fn len(&self) -> usize {
        self.dbs.load().iter().map(|(_, db)| db.len()).sum()
    }

    /// The number of keys in one of them.
    pub(crate) fn len_of(&self, db: u32) -> usize {
        self.dbs.load().get(db).map_or(0, Db::len)
    }

    /// Whether no database has a key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Store {
    /// What the keys of each type take, in all databases together.
    pub fn usage(&self) -> Vec<TypeUsage> {
        let dbs = self.dbs.load();
        let of = |&kind: &Type| TypeUsage {
            kind: kind.name(),
            keys: dbs.iter().map(|(_, db)| db.usage().count(kind)).sum(),
            bytes: self.account.bytes_of(kind),
        };
        Type::ALL.iter().map(of).collect()
    }

    /// What it all takes, which may be asked for when the store itself is no more.
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    #[cfg(test)]
    pub(crate) fn table_bytes(&self) -> usize {
        self.dbs.load().iter().map(|(_, db)| db.table_bytes()).sum()
    }
}

/// Read locks of all these stripes, by ascending number, or `None` where the writer has one of them.
fn lock_all(db: &Db, mut stripes: Vec<usize>) -> Option<Vec<(usize, RwLockReadGuard<'_, Keys>)>> {
    stripes.sort_unstable();
    stripes.dedup();
    let are_made = |stripes: &[usize]| {
        stripes.iter().filter(|index| db.made_stripe(**index).is_some()).count()
    };
    let before = are_made(&stripes);
    let lock = |&index: &usize| Some((index, db.readable(index).try_read()?));
    let held = stripes.iter().map(lock).collect::<Option<_>>()?;
    // What was made meanwhile is not locked.
    (are_made(&stripes) == before).then_some(held)
}
