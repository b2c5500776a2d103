//! What is known of the slots besides their routes, and how routes change.
//!
//! | module | has |
//! |---|---|
//! | `part` | what is known of a shard |
//! | `commit` | what masters say of themselves |
//! | `moves` | slots that get another owner |

mod commit;
mod moves;
mod part;

use std::collections::HashMap;
use std::sync::Arc;

use crate::mark::Import;
use crate::member::{Hold, Member};
use crate::restored::Restored;
use crate::routes::{Route, Routes, Shard};
use crate::slot::SLOTS;
use crate::slots::{Range, Slots};
pub use commit::Statement;
pub use moves::Move;
use moves::Moves;
pub(crate) use part::Part;

/// What is known of a slot besides its route.
#[derive(Debug, Clone, Copy, Default)]
struct Of {
    /// The highest epoch of those that have claimed it.
    pub(super) epoch: u64,
    /// The offset in the stream of its route's `other` at which that claimed keys of it last.
    pub(super) claimed: u64,
    /// `other` says that its keys are not moved to it. They may have been, and moved on, unless the
    /// owner says later that it owns the slot: after this number of statements, as one may have been
    /// asked for before.
    pub(super) left: u8,
    /// The offset in the owner's stream at which a mark there gave it the slot. Until the owner has
    /// said so of itself, what others say may be older.
    pub(super) gained: u64,
    /// Whether the owner says that it is not.
    pub(super) disowned: bool,
    /// When its route has changed last, as the number of changes of any route by then.
    pub(super) changed: u64,
    /// A shard that gets its keys next: from `other`, which has become the owner in the meantime.
    pub(super) next: Option<Shard>,
}

/// All that is known, for one at a time.
#[derive(Debug)]
pub(crate) struct Ledger {
    slots: Box<[Of]>,
    parts: Vec<Option<Part>>,
    /// The shards of nodes, by the nodes' ids.
    nodes: HashMap<Box<[u8]>, Shard>,
    /// How often a route has changed.
    changes: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        let slots = vec![Of::default(); usize::from(SLOTS)].into();
        Self { slots, parts: Vec::new(), nodes: HashMap::new(), changes: 0 }
    }
}

impl Ledger {
    /// Adds a shard under the lowest number that is free, if there is one.
    pub(crate) fn add(&mut self, id: &[u8]) -> Option<Arc<Member>> {
        let at = self.parts.iter().position(Option::is_none).unwrap_or(self.parts.len());
        let number = u16::try_from(at).ok().filter(|&number| number < u16::MAX)?;
        if at == self.parts.len() {
            self.parts.push(None);
        }
        let member = Arc::new(Member::new(Shard(number), id));
        let part = Part {
            member: Arc::clone(&member),
            mine: Slots::default(),
            floor: None,
            left: HashMap::new(),
            shared: None,
            cleared: 0,
            imports: Vec::new(),
            ended: Vec::new(),
            ending: None,
            restored: Restored::default(),
        };
        *self.parts.get_mut(at)? = Some(part);
        Some(member)
    }

    /// Removes a shard. Its slots have no owner then.
    pub(crate) fn remove(&mut self, routes: &Routes, shard: Shard) {
        let Some(part) = self.parts.get_mut(usize::from(shard.0)).and_then(Option::take) else {
            return;
        };
        part.member.set_removed();
        self.nodes.retain(|_, of| *of != shard);
        for slot in 0..SLOTS {
            let Route { owner, other, .. } = routes.get(slot);
            let of = &mut self.slots[usize::from(slot)];
            of.next = of.next.filter(|&next| next != shard);
            if owner == Some(shard) {
                of.epoch = 0;
            }
            let without = |other: Option<Shard>| other.filter(|&other| other != shard);
            let (owner, other) = (without(owner), without(other));
            set(routes, of, &mut self.changes, slot, (owner, other));
        }
    }

    pub(crate) fn part(&self, shard: Shard) -> Option<&Part> {
        self.parts.get(usize::from(shard.0))?.as_ref()
    }

    fn part_mut(&mut self, shard: Shard) -> Option<&mut Part> {
        self.parts.get_mut(usize::from(shard.0))?.as_mut()
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.parts.iter().flatten().map(|part| &part.member)
    }

    /// What a shard's stream holds may be handled up to this offset, by what was known of the slots so
    /// far. Whether it is held.
    pub(crate) fn clear(&mut self, shard: Shard, offset: u64) -> bool {
        let changes = self.changes;
        self.part_mut(shard).is_some_and(|part| {
            part.cleared = changes;
            // who waited for deletions may not have waited for where keys come from
            if let Some(Hold::Order(source) | Hold::Import(source)) = part.member.hold()
                && part.member.held_at() < Some(offset)
            {
                part.restored.settle(source);
                part.changed_restored();
            }
            part.member.clear(offset)
        })
    }

    /// Whether the deletion of keys of a slot has been cleared.
    pub(crate) fn is_cleared(&self, part: &Part, slot: u16, offset: u64) -> bool {
        offset < part.member.clearance() && self.slots[usize::from(slot)].changed <= part.cleared
    }

    /// A node is one of this shard.
    pub(crate) fn know(&mut self, node: &[u8], shard: Shard) {
        self.nodes.insert(node.into(), shard);
    }

    /// A shard's stream begins behind a snapshot at this offset.
    pub(crate) fn restart(&mut self, routes: &Routes, shard: Shard, offset: u64) {
        let Some(part) = self.part_mut(shard) else { return };
        part.imports.clear();
        part.ended.clear();
        part.ending = None;
        part.shared = None;
        part.left.clear();
        part.floor = part.floor.map(|_| offset);
        part.changed_imports();
        part.member.restart();
        for slot in 0..SLOTS {
            let Route { owner, other, .. } = routes.get(slot);
            let of = &mut self.slots[usize::from(slot)];
            if other == Some(shard) {
                of.claimed = offset;
            }
            if owner == Some(shard) {
                of.gained = 0;
            }
        }
    }

    /// A shard's stream goes on under another id: its new master has no open imports.
    pub(crate) fn fail_imports(&mut self, shard: Shard) {
        if let Some(part) = self.part_mut(shard) {
            part.imports.clear();
            part.changed_imports();
        }
    }

    /// An import has begun, or goes on.
    pub(crate) fn begin(&mut self, shard: Shard, import: Import) {
        let source = self.source(&import).filter(|_| import.empties);
        if let Some(part) = self.part_mut(shard) {
            if let Some(source) = source {
                slots_of(&import.ranges).for_each(|slot| part.restored.begin(slot, source));
            }
            part.imports.retain(|other| other.name != import.name);
            part.imports.push(import);
            part.changed_imports();
        }
    }

    /// An import has ended.
    pub(crate) fn end(&mut self, shard: Shard, name: &[u8], offset: u64) -> Option<Import> {
        let part = self.part_mut(shard)?;
        let at = part.imports.iter().position(|import| *import.name == *name)?;
        let import = part.imports.remove(at);
        let handled = part.member.handled();
        part.ended.retain(|(_, at)| handled.is_none_or(|handled| *at >= handled));
        part.ended.push((import.clone(), offset));
        part.changed_imports();
        Some(import)
    }

    /// A shard's stream goes on from this offset. Imports that have ended behind it are open again there.
    pub(crate) fn reopen(&mut self, shard: Shard, offset: u64) {
        let Some(part) = self.part_mut(shard) else { return };
        let ended = std::mem::take(&mut part.ended);
        for (import, _) in ended.into_iter().filter(|(_, at)| *at >= offset) {
            self.begin(shard, import);
        }
    }

    /// The open import of this name.
    pub(crate) fn import(&self, shard: Shard, name: &[u8]) -> Option<&Import> {
        self.part(shard)?.imports.iter().find(|import| *import.name == *name)
    }

    /// The shard that the slots of an import come from, if it is not known yet that they have left this
    /// one before.
    pub(crate) fn waits_to_begin(
        &self,
        routes: &Routes,
        shard: Shard,
        import: &Import,
        offset: u64,
    ) -> Option<Shard> {
        let is_new = |part: &Part| part.floor.is_some_and(|floor| offset >= floor);
        let is_own = |slot| routes.get(slot).owner == Some(shard);
        self.source(import).filter(|&source| {
            source != shard
                && self.part(shard).is_some_and(is_new)
                && slots_of(&import.ranges).any(is_own)
        })
    }

    /// Slots have left a shard, as it imports them from another.
    pub(crate) fn give_back(
        &mut self,
        routes: &Routes,
        shard: Shard,
        to: Shard,
        ranges: &[Range],
    ) -> Vec<Move> {
        let mut moves = Moves::default();
        for slot in slots_of(ranges).filter(|&slot| routes.get(slot).owner == Some(shard)) {
            self.own(routes, slot, to);
            moves.add(slot, Some(shard), Some(to));
        }
        moves.done()
    }

    /// A shard's stream waits at the end of an import.
    pub(crate) fn wait_to_complete(&mut self, shard: Shard, ranges: Vec<Range>, offset: u64) {
        if let Some(part) = self.part_mut(shard) {
            part.ending = Some((ranges, offset));
        }
    }

    /// The shard that the slots of an import come from, if they have not come to that one yet: the two
    /// streams tell of it in another order than it has happened. A callback is told of what that has
    /// written before it is told what follows.
    pub(crate) fn waits_to_complete(
        &self,
        routes: &Routes,
        shard: Shard,
        import: &Import,
    ) -> Option<Shard> {
        let source = self.source(import)?;
        if source != shard && self.part(shard).is_some_and(|part| part.member.listens()) {
            return Some(source);
        }
        let is_elsewhere = |slot| {
            let Route { owner, other, .. } = routes.get(slot);
            owner.is_some_and(|owner| owner != source && owner != shard) && other != Some(source)
        };
        slots_of(&import.ranges).any(is_elsewhere).then_some(source)
    }

    fn source(&self, import: &Import) -> Option<Shard> {
        self.nodes.get(import.source.as_ref()?).copied()
    }

    /// The slots of an import are the shard's own from now on, as far as they come from where they
    /// are. If they have come from there to another shard, its own statement tells more.
    pub(crate) fn complete(
        &mut self,
        routes: &Routes,
        shard: Shard,
        import: &Import,
        offset: u64,
    ) -> Vec<Move> {
        let source = self.source(import);
        let mut moves = Moves::default();
        for slot in slots_of(&import.ranges) {
            let Route { owner, other, .. } = routes.get(slot);
            let comes_from = |source| [owner, other].contains(&Some(source));
            let is_there = owner.is_none() || source.is_none_or(comes_from);
            if owner != Some(shard) && is_there {
                self.own(routes, slot, shard);
                self.slots[usize::from(slot)].gained = offset;
                moves.add(slot, owner, Some(shard));
            }
        }
        let from = source.and_then(|source| self.part(source));
        let has_left =
            |slot: &u16| from.is_some_and(|from| from.floor.is_some() && !from.mine.has(*slot));
        let gone: Vec<u16> = slots_of(&import.ranges).filter(has_left).collect();
        if let Some(part) = self.part_mut(shard) {
            slots_of(&import.ranges).for_each(|slot| part.mine.insert(slot));
            part.ending = None;
            // what is still deleted where they come from is not of users
            gone.into_iter().for_each(|slot| part.restored.forget(slot));
            // a deletion that waits there lets this end before all that was written there
            if let Some(source) = source {
                slots_of(&import.ranges).for_each(|slot| part.restored.unsettle(slot, source));
            }
            part.changed_restored();
        }
        moves.done()
    }

    /// These slots have left the shard: what its stream tells of them from now on is no owner's.
    pub(crate) fn leave(&mut self, shard: Shard, ranges: &[Range], offset: u64) {
        if let Some(part) = self.part_mut(shard) {
            slots_of(ranges).for_each(|slot| part.mine.remove(slot));
            part.left.extend(slots_of(ranges).map(|slot| (slot, offset)));
        }
        // no deletion of a user comes from there any more
        for part in self.parts.iter_mut().flatten() {
            for slot in slots_of(ranges) {
                if !part.is_importing(slot) {
                    part.restored.forget_from(slot, shard);
                }
            }
            part.changed_restored();
        }
    }

    /// Gives a slot to an owner. Whoever else shared it still may: its own statement tells more.
    fn own(&mut self, routes: &Routes, slot: u16, owner: Shard) {
        let of = &mut self.slots[usize::from(slot)];
        let next = of.next.filter(|&next| next != owner);
        let other = routes.get(slot).other.filter(|&other| other != owner);
        set(routes, of, &mut self.changes, slot, (Some(owner), other.or(next)));
        of.next = next.filter(|_| other.is_some());
        (of.gained, of.disowned, of.left) = (0, false, 0);
    }

    /// Whether a write to a slot at this offset shows that its keys are moved to the shard.
    fn is_claim(&self, shard: Shard, slot: u16, offset: u64) -> bool {
        self.part(shard).is_some_and(|part| {
            let is_new = part.floor.is_some_and(|floor| offset >= floor);
            let is_known = |(slots, before): &(Slots, u64)| offset >= *before || slots.has(slot);
            is_new
                && !part.mine.has(slot)
                && !part.is_importing(slot)
                && part.shared.as_ref().is_none_or(is_known)
        })
    }

    /// The owner of a slot, if a write to it is the first to show that: what the owner had written
    /// before its keys began to move must not be read after what they became. An owner that perhaps
    /// waits for this one is not waited for.
    pub(crate) fn waits_to_claim(
        &self,
        routes: &Routes,
        shard: Shard,
        slot: u16,
        offset: u64,
    ) -> Option<Shard> {
        let Route { owner, other: None, .. } = routes.get(slot) else { return None };
        owner.filter(|&owner| {
            owner != shard && self.is_claim(shard, slot, offset) && !self.may_wait_for(owner, shard)
        })
    }

    /// Whether a shard's stream waits for that of another, perhaps by way of others.
    pub(crate) fn may_wait_for(&self, shard: Shard, other: Shard) -> bool {
        let mut at = shard;
        for _ in 0..self.parts.len() {
            match self.part(at).map(|part| &part.member).filter(|member| member.is_held()) {
                None => return false,
                Some(member) => match member.waits_for() {
                    Some(next) if next != other => at = next,
                    _ => return true,
                },
            }
        }
        true
    }

    /// A key of a slot has been written in the stream of a shard that does not own the slot.
    pub(crate) fn claim(&mut self, routes: &Routes, shard: Shard, slot: u16, offset: u64) {
        if self.is_claim(shard, slot, offset) {
            self.share(routes, shard, slot, offset);
        }
    }

    /// Keys of a slot are moved to this shard one by one.
    fn share(&mut self, routes: &Routes, shard: Shard, slot: u16, offset: u64) {
        let Route { owner, other, .. } = routes.get(slot);
        let of = &mut self.slots[usize::from(slot)];
        match other {
            // it may have lost the slot meanwhile, and get it back
            _ if owner == Some(shard) => of.next = Some(shard),
            Some(other) if other != shard => of.next = Some(shard),
            _ => {
                (of.claimed, of.left) = (offset, 0);
                set(routes, of, &mut self.changes, slot, (owner, Some(shard)));
            }
        }
    }

    /// A key has come to a shard.
    pub(crate) fn restore(
        &mut self,
        routes: &Routes,
        shard: Shard,
        (slot, hash): (u16, u64),
        offset: u64,
    ) {
        let from = routes.get(slot).owner.filter(|&owner| owner != shard);
        if let Some(part) = self.part_mut(shard) {
            part.restored.add(slot, hash, from, offset);
            part.changed_restored();
        }
        match routes.get(slot).owner {
            Some(owner) if owner == shard => self.share(routes, shard, slot, offset),
            _ => self.claim(routes, shard, slot, offset),
        }
    }

    /// A key has come to a shard with an import from another one that is known, at this offset.
    pub(crate) fn bring(&mut self, shard: Shard, slot: u16, hash: u64, offset: u64) {
        let from = self.part(shard).and_then(|part| {
            let import = part.imports.iter().find(|import| import.has(slot))?;
            Some((self.source(import)?, import.empties))
        });
        if let Some((source, is_emptied)) = from
            && let Some(part) = self.part_mut(shard)
        {
            part.restored.bring(slot, hash, Some(source), offset, is_emptied);
        }
    }

    /// A key that has come with an import has been deleted within it.
    pub(crate) fn drop_brought(&mut self, shard: Shard, slot: u16, hash: u64) {
        if let Some(part) = self.part_mut(shard) {
            part.restored.drop(slot, hash);
        }
    }

    /// Keys of an import that has failed count no more.
    pub(crate) fn forget_brought(&mut self, shard: Shard, import: &Import) {
        if let Some(part) = self.part_mut(shard) {
            slots_of(&import.ranges).for_each(|slot| part.restored.forget(slot));
        }
    }

    fn has_seen(&self, shard: Shard, slot: u16) -> bool {
        self.part(shard).is_some_and(|part| part.restored.has_seen(slot))
    }

    /// Whether a key of a slot that another shard has imported whole from this one did not come with
    /// that: its deletion here is a user's, from before the slot left.
    pub(crate) fn is_users(&self, shard: Shard, slot: u16, hash: u64) -> bool {
        let has = |&(first, last): &Range| first <= slot && slot <= last;
        let mut others = self.parts.iter().flatten().filter(|part| part.member.shard() != shard);
        others.any(|part| {
            let is_ending = part.ending.as_ref().is_some_and(|(ranges, _)| ranges.iter().any(has));
            is_ending && part.restored.has_seen(slot) && !part.restored.has(slot, hash)
        })
    }

    /// Whether a key has come to a shard, perhaps long ago.
    pub(crate) fn has_come(&self, shard: Shard, slot: u16, hash: u64) -> bool {
        self.part(shard).is_some_and(|part| part.restored.has_come(slot, hash))
    }

    /// Whether a key has come to a shard, and was not deleted since where it came from.
    pub(crate) fn has_restored(&self, shard: Shard, slot: u16, hash: u64) -> bool {
        self.part(shard).is_some_and(|part| part.restored.has(slot, hash))
    }

    /// A key is deleted at a shard that its slot's owner shares the slot with. If it was moved on to a
    /// third shard, this one has become the owner before.
    pub(crate) fn delete(
        &mut self,
        routes: &Routes,
        shard: Shard,
        slot: u16,
        hash: u64,
    ) -> Option<Move> {
        let Route { owner, other, .. } = routes.get(slot);
        let next = self.slots[usize::from(slot)].next.filter(|_| other == Some(shard))?;
        let has_returned = owner.is_some_and(|owner| self.has_restored(owner, slot, hash));
        if has_returned || !self.has_restored(next, slot, hash) {
            return None;
        }
        let of = &mut self.slots[usize::from(slot)];
        of.next = None;
        set(routes, of, &mut self.changes, slot, (Some(shard), Some(next)));
        Some(Move { ranges: vec![(slot, slot)], from: owner, to: Some(shard) })
    }

    /// Whether a key that is deleted at a shard lives on at the other one: it was moved there.
    pub(crate) fn has_moved(&mut self, route: Route, shard: Shard, slot: u16, hash: u64) -> bool {
        let elsewhere = match (route.owner, route.other) {
            (Some(owner), other) if owner == shard => other,
            (owner, Some(other)) if other == shard => owner,
            (None, _) => return false,
            // its stream may be behind the route
            (Some(owner), _) if self.has_seen(owner, slot) => Some(owner),
            _ => return true,
        };
        elsewhere
            .and_then(|elsewhere| self.part_mut(elsewhere))
            .is_some_and(|part| part.restored.leave(slot, hash))
    }

    /// The slots that a shard imports, all at once.
    pub(crate) fn imported(&self, shard: Shard) -> Slots {
        let mut slots = Slots::default();
        let imports = self.part(shard).map(|part| part.imports.as_slice()).unwrap_or_default();
        for import in imports {
            slots_of(&import.ranges).for_each(|slot| slots.insert(slot));
        }
        slots
    }
}

/// Changes a route.
fn set(
    routes: &Routes,
    of: &mut Of,
    changes: &mut u64,
    slot: u16,
    (owner, other): (Option<Shard>, Option<Shard>),
) {
    *changes += 1;
    of.changed = *changes;
    routes.set(slot, owner, other);
}

fn slots_of(ranges: &[Range]) -> impl Iterator<Item = u16> + '_ {
    ranges.iter().flat_map(|&(first, last)| first..=last)
}
