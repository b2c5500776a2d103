//! A shard, as its link and the cluster's process see it: how far its stream may go, and has gone.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::routes::Shard;

/// No offset.
const NONE: u64 = u64::MAX;

/// Why a stream is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Readers would miss what is deleted. The key may be at another shard.
    Deletion(Option<Shard>),
    /// Readers would miss what a snapshot does not have any more. Until they get it, nothing is handled.
    Snapshot,
    /// A key has come from another shard, which has not come to its deletion yet. All that this shard
    /// was sent before that deletion has been seen, so the other one must not wait for this.
    Order(Shard),
    /// Keys come from another shard: what that wrote must have been handled before, up to where it
    /// waits itself.
    Import(Shard),
}

/// A shard. Its link and the cluster's process share it, and no lock.
#[derive(Debug)]
pub struct Member {
    shard: Shard,
    id: Box<[u8]>,
    /// Deletions before it may be handled.
    clearance: AtomicU64,
    /// Everything up to here has been handled.
    handled: AtomicU64,
    /// The offset that the cluster's process waits for.
    awaited: AtomicU64,
    /// Whether its stream is held, and where.
    held: AtomicBool,
    held_at: AtomicU64,
    /// Up to where it is handled meanwhile: before a transaction that it is held in.
    held_behind: AtomicU64,
    /// Whether the cluster's process knows of the hold, and of its reason.
    told: AtomicBool,
    /// Why it is held.
    hold: Mutex<Option<Hold>>,
    /// The offset of what may be handled alone, though what follows may have to wait.
    admitted: AtomicU64,
    /// Whether it has open imports.
    importing: AtomicBool,
    /// Whether its events go to a callback, for which the order of shards' streams counts.
    listens: AtomicBool,
    /// Whether keys have come to it of which something may not have been handled yet.
    unsettled: AtomicBool,
    removed: AtomicBool,
}

impl Member {
    pub(crate) fn new(shard: Shard, id: &[u8]) -> Self {
        Self {
            shard,
            id: id.into(),
            clearance: AtomicU64::new(0),
            handled: AtomicU64::new(NONE),
            awaited: AtomicU64::new(NONE),
            held: AtomicBool::new(false),
            held_at: AtomicU64::new(NONE),
            held_behind: AtomicU64::new(NONE),
            told: AtomicBool::new(false),
            hold: Mutex::new(None),
            admitted: AtomicU64::new(NONE),
            importing: AtomicBool::new(false),
            listens: AtomicBool::new(false),
            unsettled: AtomicBool::new(false),
            removed: AtomicBool::new(false),
        }
    }

    /// Its number.
    pub fn shard(&self) -> Shard {
        self.shard
    }

    /// Its id.
    pub fn id(&self) -> &[u8] {
        &self.id
    }

    /// The offset up to which deletions may be handled.
    pub fn clearance(&self) -> u64 {
        self.clearance.load(Ordering::SeqCst)
    }

    /// The offset up to which everything has been handled, if there is one.
    pub fn handled(&self) -> Option<u64> {
        Some(self.handled.load(Ordering::SeqCst)).filter(|&offset| offset != NONE)
    }

    /// The offset at which its stream is held, if it is.
    pub fn held_at(&self) -> Option<u64> {
        self.is_held().then(|| self.held_at.load(Ordering::SeqCst))
    }

    /// The offset up to which its stream is handled while it is held.
    pub fn held_behind(&self) -> Option<u64> {
        self.is_held().then(|| self.held_behind.load(Ordering::SeqCst))
    }

    /// The transaction that its stream is held in begins at this offset.
    pub fn set_held_behind(&self, offset: u64) {
        self.held_behind.store(offset, Ordering::SeqCst);
    }

    /// Whether its stream is held.
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    /// What is at this offset must wait, unless it alone has been admitted. Then [`Self::take_untold`]
    /// says whether the cluster's process has to be told.
    pub(crate) fn holds(&self, offset: u64, why: Hold) -> bool {
        if self.is_removed() || self.admitted.load(Ordering::SeqCst) == offset {
            return false;
        }
        let before = self.hold.lock().replace(why);
        if before.is_some_and(|before| before != why) {
            self.told.store(false, Ordering::SeqCst);
        }
        self.held_at.store(offset, Ordering::SeqCst);
        let behind = if why == Hold::Snapshot { 0 } else { offset };
        self.held_behind.store(behind, Ordering::SeqCst);
        self.held.store(true, Ordering::SeqCst);
        true
    }

    /// Why its stream is held, if it is.
    pub fn hold(&self) -> Option<Hold> {
        self.hold.lock().filter(|_| self.is_held())
    }

    /// The shard that a held stream has to wait for, as far as the streams tell.
    pub fn waits_for(&self) -> Option<Shard> {
        match self.hold()? {
            Hold::Deletion(other) => other,
            Hold::Snapshot => None,
            Hold::Order(other) | Hold::Import(other) => Some(other),
        }
    }

    /// Whether the cluster's process has to be told of the hold. It is told once of each reason.
    pub fn take_untold(&self) -> bool {
        self.is_held() && !self.told.swap(true, Ordering::SeqCst)
    }

    /// What was held goes on.
    pub(crate) fn release(&self) {
        if self.is_held() {
            self.held.store(false, Ordering::SeqCst);
            self.told.store(false, Ordering::SeqCst);
        }
    }

    /// What is held may be handled, if it is before this offset, and deletions behind it, if it is one.
    /// Whether the stream is held: its link is to be woken.
    pub(crate) fn clear(&self, offset: u64) -> bool {
        match *self.hold.lock() {
            Some(Hold::Order(_) | Hold::Import(_)) if self.is_held() => {
                let at = self.held_at.load(Ordering::SeqCst);
                if at < offset {
                    self.admitted.store(at, Ordering::SeqCst);
                }
            }
            _ => drop(self.clearance.fetch_max(offset, Ordering::SeqCst)),
        }
        // the next hold is another one
        self.told.store(false, Ordering::SeqCst);
        self.is_held()
    }

    /// Everything up to this offset has been handled. Whether that was waited for.
    pub fn set_handled(&self, offset: u64) -> bool {
        self.handled.store(offset, Ordering::SeqCst);
        self.has_reached()
    }

    /// Waits for this offset, or for an earlier one that is already waited for. Whether it has been
    /// handled: then there is nothing to wait for.
    pub fn awaits(&self, offset: u64) -> bool {
        if self.handled().is_some_and(|handled| handled >= offset) {
            return true;
        }
        self.awaited.fetch_min(offset, Ordering::SeqCst);
        // it may have been handled meanwhile
        self.has_reached()
    }

    fn has_reached(&self) -> bool {
        let reached = |awaited: u64| {
            let is_reached = self.handled().is_some_and(|handled| handled >= awaited);
            (awaited != NONE && is_reached).then_some(NONE)
        };
        self.awaited.fetch_update(Ordering::SeqCst, Ordering::SeqCst, reached).is_ok()
    }

    /// Its stream begins anew: nothing of it has been handled or may be deleted.
    pub(crate) fn restart(&self) {
        self.handled.store(NONE, Ordering::SeqCst);
        self.clearance.store(0, Ordering::SeqCst);
        self.admitted.store(NONE, Ordering::SeqCst);
        self.release();
    }

    #[inline]
    pub(crate) fn is_importing(&self) -> bool {
        self.importing.load(Ordering::Acquire)
    }

    pub(crate) fn set_importing(&self, importing: bool) {
        self.importing.store(importing, Ordering::Release);
    }

    #[inline]
    pub(crate) fn listens(&self) -> bool {
        self.listens.load(Ordering::Acquire)
    }

    /// Whether its events go to a callback.
    pub fn set_listens(&self, listens: bool) {
        self.listens.store(listens, Ordering::Release);
    }

    #[inline]
    pub(crate) fn is_unsettled(&self) -> bool {
        self.unsettled.load(Ordering::Acquire)
    }

    pub(crate) fn set_unsettled(&self, unsettled: bool) {
        self.unsettled.store(unsettled, Ordering::Release);
    }

    #[inline]
    pub(crate) fn is_removed(&self) -> bool {
        self.removed.load(Ordering::SeqCst)
    }

    pub(crate) fn set_removed(&self) {
        self.removed.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELETION: Hold = Hold::Deletion(None);

    fn member() -> Member {
        Member::new(Shard(3), b"id")
    }

    #[test]
    fn a_hold_is_told_once() {
        let member = member();
        assert!(!member.take_untold());
        assert!(member.holds(10, DELETION) && member.take_untold());
        assert!(member.holds(10, DELETION) && !member.take_untold());
        // cleared up to some offset: if it is still held, it is told again
        assert!(member.clear(10));
        assert_eq!(member.clearance(), 10);
        assert!(member.holds(10, DELETION) && member.take_untold());
        assert!(member.clear(9));
        assert_eq!(member.clearance(), 10);
        member.release();
        assert!(!member.is_held() && !member.take_untold());
        assert!(!member.clear(20));
        assert!(member.holds(20, DELETION) && member.take_untold());
    }

    #[test]
    fn a_hold_for_another_reason_is_told_again() {
        let (order, import) = (Hold::Order(Shard(1)), Hold::Import(Shard(1)));
        let member = member();
        assert!(member.holds(10, order) && member.take_untold());
        assert!(member.holds(10, import) && member.take_untold());
        assert!(member.holds(10, import) && !member.take_untold());
        assert!(member.holds(10, Hold::Import(Shard(2))) && member.take_untold());
        assert!(member.holds(10, order) && member.take_untold());
    }

    #[test]
    fn a_stream_is_handled_up_to_where_it_is_held() {
        let member = member();
        assert_eq!((member.held_at(), member.held_behind()), (None, None));
        assert!(member.holds(10, DELETION));
        assert_eq!((member.held_at(), member.held_behind()), (Some(10), Some(10)));
        // within a transaction
        member.set_held_behind(7);
        assert_eq!((member.held_at(), member.held_behind()), (Some(10), Some(7)));
        // nothing is, before readers get a snapshot
        assert!(member.holds(10, Hold::Snapshot));
        assert_eq!((member.held_at(), member.held_behind()), (Some(10), Some(0)));
        member.clear(11);
        assert_eq!((member.clearance(), member.waits_for()), (11, None));
    }

    #[test]
    fn what_keeps_an_order_passes_alone() {
        for order in [Hold::Order(Shard(1)), Hold::Import(Shard(1))] {
            let member = member();
            assert!(member.holds(10, order) && member.take_untold());
            assert_eq!(member.waits_for(), Some(Shard(1)), "{order:?}");
            assert!(member.clear(10) && member.holds(10, order), "{order:?}");
            assert!(member.clear(20));
            assert!(!member.holds(10, order), "{order:?}");
            member.release();
            assert_eq!(member.clearance(), 0, "{order:?}");
            assert!(member.holds(16, order), "{order:?}");
        }
    }

    #[test]
    fn the_lowest_offset_is_awaited() {
        let member = member();
        assert_eq!(member.handled(), None);
        assert!(!member.awaits(10));
        assert!(!member.awaits(20));
        assert!(!member.set_handled(9));
        assert!(member.set_handled(12));
        // it was told
        assert!(!member.set_handled(13));
        assert!(member.awaits(13));
        assert!(!member.awaits(14));
        assert!(member.set_handled(14));
    }

    #[test]
    fn nothing_is_cleared_or_handled_after_a_restart() {
        let member = member();
        member.clear(10);
        member.set_handled(10);
        assert!(!member.awaits(11));
        member.restart();
        assert_eq!((member.handled(), member.clearance()), (None, 0));
        assert!(!member.awaits(5));
        assert!(member.holds(5, DELETION));
        assert!(member.set_handled(5));
    }

    #[test]
    fn who_is_waited_for_is_known_while_that_lasts() {
        let member = member();
        assert!(member.holds(7, Hold::Deletion(Some(Shard(1)))));
        assert_eq!(member.waits_for(), Some(Shard(1)));
        assert!(member.holds(7, DELETION));
        assert_eq!(member.waits_for(), None);
        assert!(member.holds(7, Hold::Deletion(Some(Shard(2)))) && member.clear(8));
        member.release();
        assert_eq!(member.waits_for(), None);
    }

    #[test]
    fn what_was_removed_is_not_held() {
        let member = member();
        member.set_removed();
        assert!(!member.holds(7, DELETION));
    }
}
