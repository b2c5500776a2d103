//! A cluster: its routes, and the streams of its shards.

use std::hash::BuildHasher;
use std::sync::Arc;

use eslaver_core::commands::Arguments;
use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::deed::Deed;
use crate::ledger::{Ledger, Move, Part, Statement};
use crate::mark::{Import, Mark};
use crate::member::{Hold, Member};
use crate::routes::{Route, Routes, Shard};
use crate::slot;
use crate::slots::Slots;

/// Who has made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A user of the cluster.
    User,
    /// The cluster itself, as it moves slots.
    Migration,
}

/// Whether a command may be handled now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It must wait.
    Held,
    /// It may, and is this.
    Passes {
        /// Who has made it.
        origin: Origin,
        /// Whether the cluster's process should look at the masters.
        marked: bool,
        /// The slots that it has moved.
        moves: Vec<Move>,
    },
}

/// A shard's slots, for people and tests.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The shard.
    pub member: Arc<Member>,
    /// The slots whose owner it is.
    pub owned: Slots,
    /// The slots that are moved to it.
    pub importing: Slots,
    /// The slots that it owns at the place where its stream is, as far as that is known.
    pub own: Slots,
}

/// A cluster. Any thread may use it; each shard's stream is told by one at a time.
#[derive(Debug, Default)]
pub struct Cluster {
    routes: Arc<Routes>,
    ledger: Mutex<Ledger>,
    hasher: RandomState,
}

impl Verdict {
    /// It may be handled, and tells nothing.
    #[inline]
    fn passes(origin: Origin) -> Self {
        Self::Passes { origin, marked: false, moves: Vec::new() }
    }
}

impl Cluster {
    /// Where the keys of each slot are.
    pub fn routes(&self) -> &Arc<Routes> {
        &self.routes
    }

    /// Adds a shard, under a number that is free. There are not more than 65,534.
    pub fn add(&self, id: &[u8]) -> Option<Arc<Member>> {
        self.ledger.lock().add(id)
    }

    /// Removes a shard. Its slots have no owner then.
    pub fn remove(&self, shard: Shard) {
        self.ledger.lock().remove(&self.routes, shard);
    }

    /// The shard with this number.
    pub fn member(&self, shard: Shard) -> Option<Arc<Member>> {
        self.ledger.lock().part(shard).map(|part| Arc::clone(&part.member))
    }

    /// The shards whose streams are held.
    pub fn held(&self) -> Vec<Shard> {
        let ledger = self.ledger.lock();
        ledger.members().filter(|member| member.is_held()).map(|member| member.shard()).collect()
    }

    /// The node with this id is one of a shard.
    pub fn know(&self, node: &[u8], shard: Shard) {
        self.ledger.lock().know(node, shard);
    }

    /// What a shard's master says of itself, asked for between two offsets of its stream. It counts once
    /// everything up to the second has been handled; where the stream waits at the end of an import,
    /// it counts for its slots. Gives the slots that have another owner now.
    pub fn commit(&self, shard: Shard, statement: Statement) -> Vec<Move> {
        self.ledger.lock().commit(&self.routes, shard, statement)
    }

    /// What a shard's stream holds may be handled up to this offset: deletions, by what was known of
    /// their slots so far. Whether it is held: its link is to be woken.
    pub fn clear(&self, shard: Shard, offset: u64) -> bool {
        self.ledger.lock().clear(shard, offset)
    }

    /// Whether readers may get a shard's snapshot, which stands for this offset, instead of what they
    /// have: what has been deleted by then must not be missed.
    pub fn admits_snapshot(&self, member: &Member, offset: u64) -> bool {
        let _ledger = self.ledger.lock();
        let waits =
            offset > member.clearance() && member.holds(offset.saturating_sub(1), Hold::Snapshot);
        if !waits {
            member.release();
        }
        !waits
    }

    /// A shard's stream begins behind a snapshot at this offset, which is about to come.
    pub fn restart(&self, shard: Shard, offset: u64) {
        self.ledger.lock().restart(&self.routes, shard, offset);
    }

    /// A shard's stream goes on from this offset, perhaps under another id.
    pub fn resume(&self, shard: Shard, offset: u64, has_new_id: bool) {
        let mut ledger = self.ledger.lock();
        ledger.reopen(shard, offset);
        if has_new_id {
            ledger.fail_imports(shard);
        }
    }

    /// A shard's snapshot was taken within this import.
    pub fn begin(&self, shard: Shard, import: Import) {
        self.ledger.lock().begin(shard, import);
    }

    /// Whether a slot is one of an open import of a shard: its keys do not count yet.
    #[inline]
    pub fn is_importing(&self, member: &Member, slot: u16) -> bool {
        member.is_importing()
            && self.ledger.lock().part(member.shard()).is_some_and(|part| part.is_importing(slot))
    }

    /// Whether a command of a shard's stream may be handled, and who has made it. It begins at this
    /// offset, and `slot` is that of its first key. `has` tells of a key whether it would be missed:
    /// the deletion of others need not wait.
    #[inline]
    pub fn judge<A: Arguments + ?Sized>(
        &self,
        member: &Member,
        (deed, slot): (&Deed, Option<u16>),
        args: &A,
        offset: u64,
        has: impl FnMut(&[u8]) -> bool,
    ) -> Verdict {
        match (deed, slot) {
            (Deed::Other, _) => Verdict::passes(Origin::User),
            (Deed::Writes(_), Some(slot))
                if !member.is_importing()
                    && !member.is_unsettled()
                    && !member.is_held()
                    && self.routes.get(slot).owner == Some(member.shard()) =>
            {
                Verdict::passes(Origin::User)
            }
            _ => self.judge_slowly(member, (deed, slot), args, offset, has),
        }
    }

    fn judge_slowly<A: Arguments + ?Sized>(
        &self,
        member: &Member,
        (deed, slot): (&Deed, Option<u16>),
        args: &A,
        offset: u64,
        has: impl FnMut(&[u8]) -> bool,
    ) -> Verdict {
        let mut ledger = self.ledger.lock();
        let (shard, routes) = (member.shard(), &self.routes);
        let Some(part) = ledger.part(shard).filter(|_| !member.is_removed()) else {
            return Verdict::passes(Origin::User);
        };
        let is_importing = slot.is_some_and(|slot| part.is_importing(slot));
        let origin = if is_importing { Origin::Migration } else { Origin::User };
        if let (Deed::Writes(_) | Deed::Deletes, Some(slot)) = (deed, slot)
            && let Some(from) = part.waits_to_write(slot)
        {
            let is_here = |key: &[u8]| part.has_restored(slot, self.hash(key));
            let is_here = match deed {
                Deed::Writes(places) => Deed::written(places, args).any(is_here),
                _ => (0..args.count()).filter_map(|at| args.argument(at)).any(is_here),
            };
            let hold = if is_here { Hold::Order(from) } else { Hold::Import(from) };
            if member.holds(offset, hold) {
                return Verdict::Held;
            }
        }
        if let (Deed::Writes(_) | Deed::Restores, Some(slot)) = (deed, slot) {
            let waits_for = ledger.waits_to_claim(routes, shard, slot, offset);
            if waits_for.is_some_and(|other| member.holds(offset, Hold::Import(other))) {
                return Verdict::Held;
            }
            member.release();
        }
        match deed {
            Deed::Other => Verdict::passes(origin),
            Deed::Functions => {
                let is_importing = member.is_importing();
                Verdict::passes(if is_importing { Origin::Migration } else { Origin::User })
            }
            Deed::Writes(places) => {
                if is_importing {
                    let keys = Deed::written(places, args);
                    keys.for_each(|key| {
                        ledger.bring(shard, slot::of_key(key), self.hash(key), offset)
                    });
                }
                let slot = slot.filter(|&slot| routes.get(slot).owner != Some(shard));
                slot.into_iter().for_each(|slot| ledger.claim(routes, shard, slot, offset));
                Verdict::passes(origin)
            }
            Deed::Restores => {
                if let (Some(slot), Some(key)) = (slot, args.argument(0)) {
                    ledger.restore(routes, shard, (slot, self.hash(key)), offset);
                }
                Verdict::passes(Origin::Migration)
            }
            Deed::Deletes => {
                let waits = self.waits_to_delete(&ledger, part, args, offset, has);
                if waits.is_some_and(|other| member.holds(offset, Hold::Deletion(other))) {
                    return Verdict::Held;
                }
                member.release();
                self.delete(&mut ledger, member, args)
            }
            Deed::Empties(ranges) => {
                let is_missed = |slot| {
                    let Route { owner, other, .. } = routes.get(slot);
                    (owner == Some(shard) || other == Some(shard))
                        && !part.is_importing(slot)
                        && !ledger.is_cleared(part, slot, offset)
                };
                let is_missed = ranges.iter().any(|&(first, last)| (first..=last).any(is_missed));
                if is_missed && member.holds(offset, Hold::Deletion(None)) {
                    return Verdict::Held;
                }
                member.release();
                Verdict::passes(Origin::Migration)
            }
            Deed::Marks(mark) => self.mark(&mut ledger, member, mark, offset),
        }
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Whether a deletion takes a key from its readers, for all that is known, and the shard where the
    /// key may be. A shard that shares a slot with its owner does not wait while that waits,
    /// perhaps for this one.
    fn waits_to_delete<A: Arguments + ?Sized>(
        &self,
        ledger: &Ledger,
        part: &Part,
        args: &A,
        offset: u64,
        mut has: impl FnMut(&[u8]) -> bool,
    ) -> Option<Option<Shard>> {
        let shard = part.member.shard();
        (0..args.count()).filter_map(|at| args.argument(at)).find_map(|key| {
            let slot = slot::of_key(key);
            let elsewhere = match self.routes.get(slot) {
                Route { owner: Some(owner), other, .. } if owner == shard => other,
                Route { owner, other: Some(other), .. } if other == shard => {
                    if owner.is_some_and(|owner| ledger.may_wait_for(owner, shard)) {
                        return None;
                    }
                    owner
                }
                _ => return None,
            };
            let is_there =
                elsewhere.is_some_and(|elsewhere| ledger.has_come(elsewhere, slot, self.hash(key)));
            let is_users = elsewhere.is_none() && ledger.is_users(shard, slot, self.hash(key));
            let waits = !is_there
                && !is_users
                && !part.is_importing(slot)
                && !ledger.is_cleared(part, slot, offset)
                && has(key);
            waits.then_some(elsewhere)
        })
    }

    /// Keys are deleted: by the migration if all of them live on at another shard, or do not count
    /// here.
    fn delete<A: Arguments + ?Sized>(
        &self,
        ledger: &mut Ledger,
        member: &Member,
        args: &A,
    ) -> Verdict {
        let (shard, routes) = (member.shard(), &self.routes);
        let mut moves = Vec::new();
        let mut have_moved = true;
        for key in (0..args.count()).filter_map(|at| args.argument(at)) {
            let slot = slot::of_key(key);
            let hash = self.hash(key);
            if ledger.part(shard).is_some_and(|part| part.is_importing(slot)) {
                ledger.drop_brought(shard, slot, hash);
                continue;
            }
            moves.extend(ledger.delete(routes, shard, slot, hash));
            have_moved &= ledger.has_moved(routes.get(slot), shard, slot, hash);
        }
        let origin = if have_moved { Origin::Migration } else { Origin::User };
        Verdict::Passes { origin, marked: false, moves }
    }

    fn mark(&self, ledger: &mut Ledger, member: &Member, mark: &Mark, offset: u64) -> Verdict {
        let (shard, routes) = (member.shard(), &self.routes);
        let mut moves = Vec::new();
        match mark {
            Mark::Begun(import) => {
                let waits_for = ledger.waits_to_begin(routes, shard, import, offset);
                if waits_for.is_some_and(|other| member.holds(offset, Hold::Import(other))) {
                    return Verdict::Held;
                }
                member.release();
                if let Some(source) = waits_for {
                    moves = ledger.give_back(routes, shard, source, &import.ranges);
                }
                ledger.begin(shard, import.clone());
            }
            Mark::Completed { name, import } => {
                let known = ledger.import(shard, name).or(import.as_ref());
                let waits_for =
                    known.and_then(|known| ledger.waits_to_complete(routes, shard, known));
                if waits_for.is_some_and(|other| member.holds(offset, Hold::Import(other))) {
                    let ranges = known.map(|known| known.ranges.clone()).unwrap_or_default();
                    ledger.wait_to_complete(shard, ranges, offset);
                    return Verdict::Held;
                }
                member.release();
                let known = ledger.end(shard, name, offset).or_else(|| import.clone());
                moves = known
                    .map(|known| ledger.complete(routes, shard, &known, offset))
                    .unwrap_or_default();
            }
            Mark::Failed { name } => {
                if let Some(import) = ledger.end(shard, name, offset) {
                    ledger.forget_brought(shard, &import);
                }
            }
            Mark::Left(ranges) => ledger.leave(shard, ranges, offset),
            Mark::Changed | Mark::Passing => {}
        }
        Verdict::Passes { origin: Origin::Migration, marked: *mark != Mark::Passing, moves }
    }

    /// How many slots have an owner, and what each shard has.
    pub fn standings(&self) -> (usize, Vec<Standing>) {
        let ledger = self.ledger.lock();
        let mut standings: Vec<Standing> = ledger
            .members()
            .map(|member| Standing {
                member: Arc::clone(member),
                owned: Slots::default(),
                importing: ledger.imported(member.shard()),
                own: ledger.part(member.shard()).map(Part::own).unwrap_or_default(),
            })
            .collect();
        let mut covered = 0;
        for slot in 0..slot::SLOTS {
            let Route { owner, other, .. } = self.routes.get(slot);
            covered += usize::from(owner.is_some());
            for Standing { member, owned, importing, .. } in &mut standings {
                if owner == Some(member.shard()) {
                    owned.insert(slot);
                }
                if other == Some(member.shard()) {
                    importing.insert(slot);
                }
            }
        }
        (covered, standings)
    }
}
