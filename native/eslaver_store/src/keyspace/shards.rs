//! The stores of a cluster's shards, read as one by the routes of its slots.
//!
//! A slot's keys are in the store of its owner. While they are moved one by one, what the owner does not
//! have may be with another shard. Both are locked together, so that a key which moves between them is
//! seen in one of them; and what has been found counts only if the route is still the same, as whoever
//! has lost a slot drops its keys once the route says so.

use std::sync::Arc;

use arc_swap::Guard;
use eslaver_cluster::{Route, Routes, SLOTS, Shard, of_key};
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::keyspace::db::{Db, Keys};
use crate::keyspace::dbs::Dbs;
use crate::keyspace::entry::Entry;
use crate::keyspace::error::ReadError;
use crate::keyspace::look::{Located, Look};
use crate::keyspace::store::Store;
use crate::keyspace::sync::RwLockReadGuard;
use crate::keyspace::witness::{Note, SeenStore, Witness};
use crate::values::Type;

/// A stripe is a slot.
pub(crate) const STRIPES: usize = SLOTS as usize;
/// The keys of a slot that are walked where there is no patience for more: they are locked meanwhile.
const SHORT_WALK: usize = 4_000;

/// A cluster's shards, as a reader finds them: the same throughout a read.
pub trait Shards {
    /// Where the keys of each slot are.
    fn routes(&self) -> &Routes;

    /// The numbers of shards are below this one.
    fn end(&self) -> u16;

    /// The store of a shard, which is laid out by slots: none while there is no data.
    fn store(&self, shard: Shard) -> Option<&Store>;

    /// Whether the shard's data may be read although it may be old.
    fn serves(&self, shard: Shard) -> bool;
}

/// The stores that there are, by ascending number of their shards.
pub(crate) fn stores<'a>(of: &'a (dyn Shards + 'a)) -> impl Iterator<Item = &'a Store> {
    (0..of.end()).filter_map(|number| of.store(Shard(number)))
}

/// What an attempt has found of routes and stores. It is noted if the attempt succeeds.
#[derive(Default)]
struct Found {
    routes: SmallVec<[(u16, u32); 1]>,
    stores: SmallVec<[(Shard, SeenStore); 2]>,
}

impl Found {
    fn route(&mut self, of: &(dyn Shards + '_), slot: u16) -> Route {
        let route = of.routes().get(slot);
        self.routes.push((slot, route.version));
        route
    }

    /// The store of a shard, if it may be read.
    fn store<'a>(
        &mut self,
        of: &'a (dyn Shards + 'a),
        shard: Shard,
    ) -> Result<&'a Store, ReadError> {
        let (seen, found) = match of.store(shard) {
            None => (SeenStore::Missing, Err(ReadError::Loading)),
            Some(_) if !of.serves(shard) => (SeenStore::Stale, Err(ReadError::Stale)),
            Some(store) => (SeenStore::Id(store.id()), Ok(store)),
        };
        self.stores.push((shard, seen));
        found
    }

    fn note(&self, note: Note<'_>) {
        self.routes.iter().for_each(|&(slot, version)| note.route(slot, version));
        self.stores.iter().for_each(|&(shard, seen)| note.store(shard, seen));
    }
}

/// The store of a shard, with its databases as they are at a generation.
struct Side<'a> {
    shard: Shard,
    store: &'a Store,
    generation: u64,
    dbs: Guard<Arc<Dbs>>,
}

/// A stripe that is locked, unless there is no database for it.
struct Locked<'s> {
    db: Option<&'s Db>,
    keys: Option<RwLockReadGuard<'s, Keys>>,
    was_made: bool,
}

impl<'a> Side<'a> {
    fn begin(shard: Shard, store: &'a Store) -> Option<Self> {
        let generation = store.even_generation()?;
        Some(Self { shard, store, generation, dbs: store.dbs() })
    }

    fn lock(&self, number: u32, stripe: usize) -> Option<Locked<'_>> {
        let db = self.dbs.get(number);
        let made = db.and_then(|db| db.made_stripe(stripe));
        let keys = match db.map(|db| made.unwrap_or(db.readable(stripe)).try_read()) {
            None => None,
            Some(locked) => Some(locked?),
        };
        Some(Locked { db, keys, was_made: made.is_some() })
    }

    /// Whether what was locked is what there is to lock by now: what was made since is not locked.
    fn is_whole(&self, number: u32, stripe: usize, locked: &Locked<'_>) -> bool {
        let is_made = match locked.db {
            Some(db) => db.made_stripe(stripe).is_some() == locked.was_made,
            None => self.store.dbs().get(number).is_none(),
        };
        is_made && self.is_still()
    }

    fn is_still(&self) -> bool {
        self.store.is_generation(self.generation)
    }

    /// Notes that keys were looked for in this stripe.
    fn note(&self, look: Look<'_>, stripe: usize, locked: &Locked<'_>) {
        let note = look.note.of(self.shard);
        match (locked.db, &locked.keys) {
            (Some(db), Some(keys)) => note.stripe(look.db, db.id(), stripe, keys.version()),
            _ => note.db_missing(look.db),
        }
    }

    /// Notes that the database was looked at as a whole.
    fn note_db(&self, look: Look<'_>, locked: &Locked<'_>) {
        let note = look.note.of(self.shard);
        note.db(self.generation, look.db, locked.db.map(Db::id));
    }
}

impl Locked<'_> {
    fn get(&self, key: &[u8], stripe: usize, now: i64) -> Option<&Entry> {
        let (db, keys) = (self.db?, self.keys.as_ref()?);
        keys.get(db.hash_at(key, stripe), key).filter(|entry| entry.is_live(now))
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.keys.iter().flat_map(|keys| keys.iter())
    }

    /// The number of keys of which it is known that they exist.
    fn len(&self) -> usize {
        let unsure = self.db.map_or(0, |db| db.usage().count(Type::Unsure));
        match &self.keys {
            None => 0,
            Some(keys) if unsure == 0 => keys.len(),
            Some(_) => self.entries().filter(|entry| entry.kind() != Type::Unsure).count(),
        }
    }
}

/// The shards where a slot's keys are: its owner, and perhaps another one.
fn places(route: Route) -> Result<(Shard, Option<Shard>), ReadError> {
    let owner = route.owner.ok_or(ReadError::NotServed)?;
    Ok((owner, route.other.filter(|other| *other != owner)))
}

/// Has `read` find something, until it does.
fn attempt<R>(
    of: &(dyn Shards + '_),
    look: Look<'_>,
    mut read: impl FnMut(&mut Found) -> Option<Result<R, ReadError>>,
) -> Result<R, ReadError> {
    for tried in 0..look.patience.tries() {
        let mut found = Found::default();
        match read(&mut found) {
            Some(result) => {
                found.note(look.note);
                return result;
            }
            None if stores(of).any(Store::is_broken) => return Err(ReadError::Broken),
            None => look.patience.pause(tried),
        }
    }
    Err(ReadError::Busy)
}

/// See [`View::with_key`](crate::keyspace::view::View::with_key).
pub(crate) fn with_key<'a, R>(
    of: &'a (dyn Shards + 'a),
    key: &[u8],
    look: Look<'_>,
    with: impl FnOnce(Option<Located<'_, 'a>>) -> R,
) -> Result<R, ReadError> {
    let slot = of_key(key);
    look.note.slot(slot)?;
    let (stripe, mut with) = (usize::from(slot), Some(with));
    attempt(of, look, |seen| {
        let route = seen.route(of, slot);
        let (owner, other) = match places(route) {
            Ok(places) => places,
            Err(error) => return Some(Err(error)),
        };
        let owner = match seen.store(of, owner) {
            Ok(store) => Side::begin(owner, store)?,
            Err(error) => return Some(Err(error)),
        };
        let locked = owner.lock(look.db, stripe)?;
        let found = locked.get(key, stripe, look.now);
        let Some(other) = other.filter(|_| found.is_none()) else {
            (owner.is_still() && of.routes().get(slot) == route).then_some(())?;
            owner.note(look, stripe, &locked);
            let found = found.map(|entry| Located::new(entry, owner.store.account()));
            return Some(Ok(with.take()?(found)));
        };
        let other = match seen.store(of, other) {
            Ok(store) => Side::begin(other, store)?,
            Err(error) => return Some(Err(error)),
        };
        let behind = other.lock(look.db, stripe)?;
        let is_whole = owner.is_whole(look.db, stripe, &locked)
            && other.is_still()
            && of.routes().get(slot) == route;
        is_whole.then_some(())?;
        owner.note(look, stripe, &locked);
        other.note(look, stripe, &behind);
        let found = behind.get(key, stripe, look.now);
        let found = found.map(|entry| Located::new(entry, other.store.account()));
        Some(Ok(with.take()?(found)))
    })
}

/// What is locked of several shards, by ascending shard and slot.
type Stripes<'s, 'a> = Vec<((Shard, u16), &'s Side<'a>, Locked<'s>)>;

/// See [`View::with_keys`](crate::keyspace::view::View::with_keys).
pub(crate) fn with_keys<'a, K: AsRef<[u8]>, R>(
    of: &'a (dyn Shards + 'a),
    keys: &[K],
    look: Look<'_>,
    with: impl FnOnce(&[Option<Located<'_, 'a>>]) -> R,
) -> Result<R, ReadError> {
    let slots: Vec<u16> = keys.iter().map(|key| of_key(key.as_ref())).collect();
    slots.iter().try_for_each(|&slot| look.note.slot(slot))?;
    let mut with = Some(with);
    attempt(of, look, |seen| {
        let routes: Vec<Route> = slots.iter().map(|&slot| seen.route(of, slot)).collect();
        let routed = || slots.iter().copied().zip(routes.iter().copied());
        let mut wanted = Vec::new();
        // Why nothing is read of a shard matters for keys that its slots' owners do not have.
        let mut unread = HashMap::<Shard, ReadError, foldhash::fast::RandomState>::default();
        for (slot, route) in routed() {
            let (owner, other) = match places(route) {
                Ok(places) => places,
                Err(error) => return Some(Err(error)),
            };
            if let Err(error) = seen.store(of, owner) {
                return Some(Err(error));
            }
            wanted.push((owner, slot));
            match other.map(|other| (other, seen.store(of, other))) {
                Some((other, Ok(_))) => wanted.push((other, slot)),
                Some((other, Err(error))) => drop(unread.insert(other, error)),
                None => {}
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        let mut sides = SmallVec::<[Side<'a>; 2]>::new();
        for &(shard, _) in &wanted {
            if sides.last().is_none_or(|side| side.shard != shard) {
                sides.push(Side::begin(shard, of.store(shard)?)?);
            }
        }
        let lock = |&(shard, slot): &(Shard, u16)| {
            let at = sides.binary_search_by_key(&shard, |side| side.shard).ok()?;
            let side = sides.get(at)?;
            Some(((shard, slot), side, side.lock(look.db, slot.into())?))
        };
        let held: Stripes<'_, 'a> = wanted.iter().map(lock).collect::<Option<_>>()?;
        let is_whole = held
            .iter()
            .all(|((_, slot), side, locked)| side.is_whole(look.db, (*slot).into(), locked))
            && routed().all(|(slot, route)| of.routes().get(slot) == route);
        is_whole.then_some(())?;
        held.iter().for_each(|((_, slot), side, locked)| side.note(look, (*slot).into(), locked));
        let mut entries = Vec::with_capacity(keys.len());
        for (key, (slot, route)) in keys.iter().zip(routed()) {
            match locate(&held, &unread, key.as_ref(), slot, route, look.now) {
                Ok(entry) => entries.push(entry),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(with.take()?(&entries)))
    })
}

/// The entry of a key, in what is locked.
fn locate<'s, 'a>(
    held: &'s Stripes<'_, 'a>,
    unread: &HashMap<Shard, ReadError, foldhash::fast::RandomState>,
    key: &[u8],
    slot: u16,
    route: Route,
    now: i64,
) -> Result<Option<Located<'s, 'a>>, ReadError> {
    let (owner, other) = places(route)?;
    let get = |shard: Shard| {
        let at = held.binary_search_by_key(&(shard, slot), |(at, _, _)| *at).ok()?;
        let (_, side, locked) = held.get(at)?;
        let entry = locked.get(key, slot.into(), now)?;
        Some(Located::new(entry, side.store.account()))
    };
    match (get(owner), other) {
        (None, Some(other)) => match unread.get(&other) {
            Some(error) => Err(*error),
            None => Ok(get(other)),
        },
        (found, _) => Ok(found),
    }
}

/// The keys of a slot, locked: those of its owner, and of another shard those that the owner lacks.
pub(crate) struct Slot<'s> {
    stripe: usize,
    owner: Locked<'s>,
    other: Option<Locked<'s>>,
}

impl Slot<'_> {
    /// Hands all entries that have not expired to `each`.
    pub(crate) fn each(
        &self,
        look: Look<'_>,
        mut each: impl FnMut(&Entry),
    ) -> Result<(), ReadError> {
        let held = [Some(&self.owner), self.other.as_ref()].into_iter().flatten();
        let most = held.filter_map(|locked| Some(locked.keys.as_ref()?.len())).sum::<usize>();
        if most > SHORT_WALK && look.patience.is_short() {
            return Err(ReadError::TakesLong);
        }
        self.owner.entries().filter(|entry| entry.is_live(look.now)).for_each(&mut each);
        for entry in self.other.iter().flat_map(Locked::entries) {
            let is_first = || self.owner.get(entry.key(), self.stripe, look.now).is_none();
            if entry.is_live(look.now) && is_first() {
                each(entry);
            }
        }
        Ok(())
    }

    /// The number of keys, also of those that have expired.
    fn len(&self) -> usize {
        let others = self.other.iter().flat_map(Locked::entries);
        let is_more = |entry: &&Entry| {
            entry.kind() != Type::Unsure
                && self.owner.get(entry.key(), self.stripe, i64::MIN).is_none()
        };
        self.owner.len() + others.filter(is_more).count()
    }
}

/// Hands the keys of a slot to `with`. They are locked meanwhile.
pub(crate) fn with_slot<R>(
    of: &(dyn Shards + '_),
    stripe: usize,
    look: Look<'_>,
    with: impl FnOnce(&Slot<'_>) -> R,
) -> Result<R, ReadError> {
    look.note.all_slots()?;
    let slot = u16::try_from(stripe).unwrap_or(SLOTS);
    let mut with = Some(with);
    attempt(of, look, |seen| {
        let route = of.routes().get(slot);
        let (owner, other) = match places(route) {
            Ok(places) => places,
            Err(error) => return Some(Err(error)),
        };
        let mut side = |shard| Ok((shard, seen.store(of, shard)?));
        let (owner, other) = match (side(owner), other.map(&mut side).transpose()) {
            (Ok(owner), Ok(other)) => (owner, other),
            (Err(error), _) | (_, Err(error)) => return Some(Err(error)),
        };
        let owner = Side::begin(owner.0, owner.1)?;
        let other = match other {
            None => None,
            Some((shard, store)) => Some(Side::begin(shard, store)?),
        };
        let held = Slot {
            stripe,
            owner: owner.lock(look.db, stripe)?,
            other: match &other {
                None => None,
                Some(other) => Some(other.lock(look.db, stripe)?),
            },
        };
        let behind = || other.as_ref().zip(held.other.as_ref());
        let is_whole = owner.is_whole(look.db, stripe, &held.owner)
            && behind().is_none_or(|(other, locked)| other.is_whole(look.db, stripe, locked))
            && of.routes().get(slot) == route;
        is_whole.then_some(())?;
        owner.note_db(look, &held.owner);
        behind().into_iter().for_each(|(other, locked)| other.note_db(look, locked));
        Some(Ok(with.take()?(&held)))
    })
}

/// The number of keys in all slots that are served.
pub(crate) fn len(of: &(dyn Shards + '_), look: Look<'_>) -> Result<usize, ReadError> {
    let mut any = None;
    for stripe in 0..STRIPES {
        match with_slot(of, stripe, look, |slot| slot.len()) {
            Ok(len) => any = Some(any.unwrap_or(0) + len),
            Err(ReadError::NotServed) => {}
            Err(error) => return Err(error),
        }
    }
    any.ok_or(ReadError::NotServed)
}

/// See [`View::is_as_seen`](crate::keyspace::view::View::is_as_seen).
pub(crate) fn is_as_seen(of: &(dyn Shards + '_), witness: &Witness) -> Option<bool> {
    let is_route = |(slot, version)| of.routes().get(slot).version == version;
    if witness.has_changed() || !witness.routes().all(is_route) {
        return Some(false);
    }
    for (shard, seen) in witness.stores() {
        let is_so = match (seen, of.store(shard)) {
            (SeenStore::Missing, store) => store.is_none(),
            (SeenStore::Stale, _) => !of.serves(shard),
            // That it has become stale meanwhile does not change it.
            (SeenStore::Id(id), Some(store)) => {
                store.id() == id && store.is_as_seen_of(shard, witness)?
            }
            (SeenStore::Id(_), None) => false,
        };
        if !is_so {
            return Some(false);
        }
    }
    Some(true)
}
