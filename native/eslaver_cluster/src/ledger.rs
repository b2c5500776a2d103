//! What is known of the slots besides their routes, and how routes change.

use std::collections::HashMap;
use std::sync::Arc;

use crate::mark::Import;
use crate::member::Member;
use crate::restored::Restored;
use crate::routes::{Route, Routes, Shard};
use crate::slot::SLOTS;
use crate::slots::{Range, Slots};

/// Slots that have another owner now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The slots.
    pub ranges: Vec<Range>,
    /// The owner before, if there was one.
    pub from: Option<Shard>,
    /// The owner now, if there is one.
    pub to: Option<Shard>,
}

/// What a shard's master says of itself, asked for within a piece of its stream.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    /// The id of the node, if it is known.
    pub node: Option<Box<[u8]>>,
    /// The epoch of its configuration: the highest one that claims a slot has it.
    pub epoch: u64,
    /// The slots that it serves.
    pub owned: Slots,
    /// The slots whose keys are moved to it one by one.
    pub importing: Slots,
    /// The offset of its stream before it was asked.
    pub from: u64,
}

/// What is known of a slot besides its route.
#[derive(Debug, Clone, Copy, Default)]
struct Of {
    /// The highest epoch of those that have claimed it.
    epoch: u64,
    /// The offset in the stream of its route's `other` at which that claimed keys of it last.
    claimed: u64,
    /// A shard that gets its keys next: from `other`, which has become the owner in the meantime.
    next: Option<Shard>,
}

/// A shard's part.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) member: Arc<Member>,
    /// What it owns at this place of its stream, as far as that is known. Its writes there are an
    /// owner's, though the owner may be another by now.
    mine: Slots,
    /// From this offset on, what its stream tells is newer than what it said of itself. `None` before
    /// it has said anything.
    floor: Option<u64>,
    imports: Vec<Import>,
    restored: Restored,
}

/// All that is known, for one at a time.
#[derive(Debug)]
pub(crate) struct Ledger {
    slots: Box<[Of]>,
    parts: Vec<Option<Part>>,
    /// The shards of nodes, by the nodes' ids.
    nodes: HashMap<Box<[u8]>, Shard>,
}

impl Default for Ledger {
    fn default() -> Self {
        let slots = vec![Of::default(); usize::from(SLOTS)].into();
        Self { slots, parts: Vec::new(), nodes: HashMap::new() }
    }
}

impl Part {
    /// Whether a slot is one of an open import.
    pub(crate) fn is_importing(&self, slot: u16) -> bool {
        let has = |&(first, last): &Range| first <= slot && slot <= last;
        self.imports.iter().any(|import| import.ranges.iter().any(has))
    }

    /// Whether all slots are of open imports.
    pub(crate) fn imports_all(&self, ranges: &[Range]) -> bool {
        !ranges.is_empty()
            && ranges
                .iter()
                .all(|&(first, last)| (first..=last).all(|slot| self.is_importing(slot)))
    }

    pub(crate) fn is_held(&self) -> bool {
        self.member.is_held()
    }

    fn changed_imports(&self) {
        self.member.set_importing(!self.imports.is_empty());
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
            imports: Vec::new(),
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
            routes.set(slot, without(owner), without(other));
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

    /// A node is one of this shard.
    pub(crate) fn know(&mut self, node: &[u8], shard: Shard) {
        self.nodes.insert(node.into(), shard);
    }

    /// A shard's stream begins behind a snapshot at this offset.
    pub(crate) fn restart(&mut self, routes: &Routes, shard: Shard, offset: u64) {
        let Some(part) = self.part_mut(shard) else { return };
        part.imports.clear();
        part.floor = part.floor.map(|_| offset);
        part.changed_imports();
        part.member.restart();
        for slot in 0..SLOTS {
            if routes.get(slot).other == Some(shard) {
                self.slots[usize::from(slot)].claimed = offset;
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
        if let Some(part) = self.part_mut(shard) {
            part.imports.retain(|other| other.name != import.name);
            part.imports.push(import);
            part.changed_imports();
        }
    }

    /// An import has ended.
    pub(crate) fn end(&mut self, shard: Shard, name: &[u8]) -> Option<Import> {
        let part = self.part_mut(shard)?;
        let at = part.imports.iter().position(|import| *import.name == *name)?;
        let import = part.imports.remove(at);
        part.changed_imports();
        Some(import)
    }

    /// The open import of this name.
    pub(crate) fn import(&self, shard: Shard, name: &[u8]) -> Option<&Import> {
        self.part(shard)?.imports.iter().find(|import| *import.name == *name)
    }

    /// Whether the slots of an import are still on their way to the shard from which they are taken:
    /// what the two streams tell came in another order than it has happened.
    pub(crate) fn is_early(&self, routes: &Routes, shard: Shard, import: &Import) -> bool {
        let Some(source) = self.source(import) else { return false };
        slots_of(&import.ranges).any(|slot| {
            routes.get(slot).owner.is_some_and(|owner| owner != source && owner != shard)
        })
    }

    fn source(&self, import: &Import) -> Option<Shard> {
        self.nodes.get(import.source.as_ref()?).copied()
    }

    /// The slots of an import are the shard's own from now on, as far as they come from where they
    /// are. If they have come from there to another shard, its own statement tells more.
    pub(crate) fn complete(&mut self, routes: &Routes, shard: Shard, import: &Import) -> Vec<Move> {
        let source = self.source(import);
        let mut moves = Moves::default();
        for slot in slots_of(&import.ranges) {
            let Route { owner, other, .. } = routes.get(slot);
            let comes_from = |owner: Shard| source.is_none_or(|source| source == owner);
            if owner != Some(shard) && owner.is_none_or(comes_from) {
                self.own(routes, slot, shard, other.filter(|_| other != owner));
                moves.add(slot, owner, Some(shard));
            }
        }
        let ranges = &import.ranges;
        if let Some(part) = self.part_mut(shard) {
            slots_of(ranges).for_each(|slot| part.mine.insert(slot));
        }
        moves.done()
    }

    /// These slots have left the shard: what its stream tells of them from now on is no owner's.
    pub(crate) fn leave(&mut self, shard: Shard, ranges: &[Range]) {
        if let Some(part) = self.part_mut(shard) {
            slots_of(ranges).for_each(|slot| part.mine.remove(slot));
        }
    }

    /// Gives a slot to an owner.
    fn own(&mut self, routes: &Routes, slot: u16, owner: Shard, other: Option<Shard>) {
        routes.set(slot, Some(owner), other.filter(|&other| other != owner));
        self.slots[usize::from(slot)].next = None;
        self.parts.iter_mut().flatten().for_each(|part| part.restored.forget(slot));
    }

    /// A key of a slot has been written in the stream of a shard that does not own the slot.
    pub(crate) fn claim(&mut self, routes: &Routes, shard: Shard, slot: u16, offset: u64) {
        let Some(part) = self.part(shard) else { return };
        let is_new = part.floor.is_some_and(|floor| offset >= floor);
        if !is_new || part.mine.has(slot) || part.is_importing(slot) {
            return;
        }
        self.share(routes, shard, slot, offset);
    }

    /// Keys of a slot are moved to this shard one by one.
    fn share(&mut self, routes: &Routes, shard: Shard, slot: u16, offset: u64) {
        let Route { owner, other, .. } = routes.get(slot);
        let of = &mut self.slots[usize::from(slot)];
        match other {
            Some(other) if other != shard => of.next = Some(shard),
            _ if owner == Some(shard) => {}
            _ => {
                of.claimed = offset;
                routes.set(slot, owner, Some(shard));
            }
        }
    }

    /// A key has come to a shard.
    pub(crate) fn restore(&mut self, shard: Shard, slot: u16, hash: u64) {
        if let Some(part) = self.part_mut(shard) {
            part.restored.add(slot, hash);
        }
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
        if !self.has_restored(next, slot, hash) {
            return None;
        }
        routes.set(slot, Some(shard), Some(next));
        self.slots[usize::from(slot)].next = None;
        Some(Move { ranges: vec![(slot, slot)], from: owner, to: Some(shard) })
    }

    /// Whether a key that is deleted at a shard lives on at the other one: it was moved there.
    pub(crate) fn has_moved(&mut self, route: Route, shard: Shard, slot: u16, hash: u64) -> bool {
        let elsewhere = match (route.owner, route.other) {
            (Some(owner), other) if owner == shard => other,
            (owner, Some(other)) if other == shard => owner,
            _ => return true,
        };
        elsewhere
            .and_then(|elsewhere| self.part_mut(elsewhere))
            .is_some_and(|part| part.restored.take(slot, hash))
    }

    /// What a shard's master says of itself, once everything has been handled that its stream had at
    /// that time.
    pub(crate) fn commit(
        &mut self,
        routes: &Routes,
        shard: Shard,
        statement: Statement,
    ) -> Vec<Move> {
        let Statement { node, epoch, owned, importing, from } = statement;
        let is_newer = |part: &Part| part.floor.is_none_or(|floor| from >= floor);
        if !self.part(shard).is_some_and(is_newer) {
            return Vec::new();
        }
        node.into_iter().for_each(|node| self.know(&node, shard));
        let mut moves = Moves::default();
        for slot in 0..SLOTS {
            let Route { owner, other, .. } = routes.get(slot);
            let of = &mut self.slots[usize::from(slot)];
            if owned.has(slot) {
                match owner {
                    Some(owner) if owner == shard => of.epoch = of.epoch.max(epoch),
                    Some(_) if epoch <= of.epoch => {}
                    _ => {
                        of.epoch = epoch;
                        // an import that was known before the owner goes on
                        let other = other.filter(|_| owner.is_none());
                        self.own(routes, slot, shard, other);
                        moves.add(slot, owner, Some(shard));
                    }
                }
                continue;
            }
            if owner == Some(shard) {
                // whoever claims it next has it
                of.epoch = 0;
            }
            if importing.has(slot) {
                self.share(routes, shard, slot, from);
                continue;
            }
            of.next = of.next.filter(|&next| next != shard);
            if other == Some(shard) && of.claimed < from {
                let next = of.next.take();
                routes.set(slot, owner, next);
                of.claimed = 0;
            }
        }
        if let Some(part) = self.part_mut(shard) {
            part.imports.retain(|import| !slots_of(&import.ranges).any(|slot| owned.has(slot)));
            part.changed_imports();
            part.mine = owned;
            part.floor = Some(from);
        }
        moves.done()
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

fn slots_of(ranges: &[Range]) -> impl Iterator<Item = u16> + '_ {
    ranges.iter().flat_map(|&(first, last)| first..=last)
}

/// Moves, slot by slot.
#[derive(Default)]
struct Moves(Vec<(Option<Shard>, Option<Shard>, Slots)>);

impl Moves {
    fn add(&mut self, slot: u16, from: Option<Shard>, to: Option<Shard>) {
        let at = self.0.iter().position(|&(source, target, _)| (source, target) == (from, to));
        let at = at.unwrap_or_else(|| {
            self.0.push((from, to, Slots::default()));
            self.0.len() - 1
        });
        self.0[at].2.insert(slot);
    }

    fn done(self) -> Vec<Move> {
        let done = |(from, to, slots): (_, _, Slots)| Move { ranges: slots.ranges(), from, to };
        self.0.into_iter().map(done).collect()
    }
}
