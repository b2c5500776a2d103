//! What masters say of themselves.

use super::moves::{Move, Moves};
use super::part::Part;
use super::{Ledger, set, slots_of};
use crate::routes::{Route, Routes, Shard};
use crate::slot::SLOTS;
use crate::slots::Slots;

/// Of two statements the second was asked for after the first.
const LATER: u8 = 2;

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
    /// The offset of its stream behind that.
    pub to: u64,
}

impl Ledger {
    /// The slots of an import at whose end a shard's stream waits, as far as its master says that they
    /// are its own now: then they are from there on.
    fn commit_ending(&mut self, routes: &Routes, shard: Shard, statement: &Statement) -> Vec<Move> {
        let mut moves = Moves::default();
        let ending = self.part(shard).and_then(|part| part.ending.clone());
        let (ranges, offset) = ending.unwrap_or_default();
        for slot in slots_of(&ranges).filter(|&slot| statement.owned.has(slot)) {
            let owner = routes.get(slot).owner;
            if owner != Some(shard) && statement.epoch > self.slots[usize::from(slot)].epoch {
                self.own(routes, slot, shard);
                self.slots[usize::from(slot)].gained = offset;
                moves.add(slot, owner, Some(shard));
            }
        }
        moves.done()
    }

    /// Slots that a mark has given to a shard, and that it says later are not its own, may be another's.
    fn lose_gained(&mut self, routes: &Routes, shard: Shard, statement: &Statement) {
        for slot in 0..SLOTS {
            let of = &mut self.slots[usize::from(slot)];
            if of.gained > 0
                && statement.from > of.gained
                && routes.get(slot).owner == Some(shard)
                && !statement.owned.has(slot)
            {
                of.gained = 0;
            }
        }
    }

    /// At first a shard has the slots that no other has: its data is not there yet, but is to come.
    fn take_unowned(&mut self, routes: &Routes, shard: Shard, owned: &Slots) -> Vec<Move> {
        let mut moves = Moves::default();
        if self.part(shard).is_some_and(|part| part.floor.is_none()) {
            for slot in owned.iter().filter(|&slot| routes.get(slot).owner.is_none()) {
                self.own(routes, slot, shard);
                moves.add(slot, None, Some(shard));
                if let Some(part) = self.part_mut(shard) {
                    part.mine.insert(slot);
                }
            }
        }
        moves.done()
    }

    /// No deletion of a key that was moved away comes any more from whoever has lost these slots.
    fn forget_restored(&mut self, slots: &[u16], source: Shard) {
        for part in self.parts.iter_mut().flatten() {
            slots.iter().for_each(|&slot| part.restored.forget_from(slot, source));
            part.changed_restored();
        }
    }

    /// What a shard's master says of itself. If not everything has been handled that its stream had at
    /// that time, it counts for slots at the end of whose import the stream waits.
    pub(crate) fn commit(
        &mut self,
        routes: &Routes,
        shard: Shard,
        statement: Statement,
    ) -> Vec<Move> {
        let has_come = |part: &Part| part.member.handled() >= Some(statement.to);
        if !self.part(shard).is_some_and(has_come) {
            let (mut slots, before) = (statement.importing.clone(), statement.from);
            statement.owned.iter().for_each(|slot| slots.insert(slot));
            if let Some(part) = self.part_mut(shard) {
                part.shared = Some((slots, before));
            }
            self.lose_gained(routes, shard, &statement);
            let mut moves = self.take_unowned(routes, shard, &statement.owned);
            moves.extend(self.commit_ending(routes, shard, &statement));
            return moves;
        }
        let Statement { node, epoch, mut owned, importing, from, .. } = statement;
        let is_newer = |part: &Part| part.floor.is_none_or(|floor| from >= floor);
        if !self.part(shard).is_some_and(is_newer) {
            return Vec::new();
        }
        node.into_iter().for_each(|node| self.know(&node, shard));
        if let Some(part) = self.part_mut(shard) {
            // it was asked before these have left
            part.left.retain(|_, at| *at >= from);
            part.left.keys().for_each(|&slot| owned.remove(slot));
        }
        let (mut moves, mut given_up) = (Moves::default(), Vec::new());
        for slot in 0..SLOTS {
            let Route { owner, other, .. } = routes.get(slot);
            let of = &mut self.slots[usize::from(slot)];
            if owned.has(slot) {
                of.next = of.next.filter(|&next| next != shard);
                match owner {
                    Some(owner) if owner == shard => {
                        of.epoch = of.epoch.max(epoch);
                        of.disowned = false;
                        of.gained = if of.gained < from { 0 } else { of.gained };
                        let is_last = of.left == 1;
                        of.left = of.left.saturating_sub(1);
                        if is_last {
                            let route = (Some(owner), of.next.take());
                            set(routes, of, &mut self.changes, slot, route);
                        }
                    }
                    Some(_) if of.gained > 0 || epoch <= of.epoch => {}
                    _ => {
                        of.epoch = epoch;
                        self.own(routes, slot, shard);
                        moves.add(slot, owner, Some(shard));
                    }
                }
                continue;
            }
            if owner == Some(shard) && of.gained >= from && of.gained > 0 {
                // it was asked before that
                owned.insert(slot);
                continue;
            }
            if owner == Some(shard) {
                // whoever claims it next has it, unless somebody did before this was said
                of.epoch = if of.disowned { 0 } else { of.epoch };
                of.disowned = true;
                of.gained = 0;
            }
            if importing.has(slot) {
                self.share(routes, shard, slot, from);
                continue;
            }
            of.next = of.next.filter(|&next| next != shard);
            if other == Some(shard) && of.claimed < from {
                of.left = if of.left == 0 { LATER } else { of.left };
            }
            given_up.push(slot);
        }
        if let Some(part) = self.part_mut(shard) {
            part.imports.retain(|import| !slots_of(&import.ranges).any(|slot| owned.has(slot)));
            part.changed_imports();
            // keys that have come stay there, though the slot does not come
            given_up.iter().for_each(|&slot| part.restored.forget_before(slot, from));
            part.changed_restored();
            let lost: Vec<u16> = part.mine.iter().filter(|&slot| !owned.has(slot)).collect();
            part.mine = owned;
            part.floor = Some(from);
            self.forget_restored(&lost, shard);
        }
        moves.done()
    }
}
