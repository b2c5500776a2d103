//! What a mirror waits for.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// The place in the stream that a mirror waits for, if it does: a replication id and an offset.
#[derive(Default)]
pub(super) struct Awaited {
    /// Whether there is one: all that a slice looks at if there is none.
    any: AtomicBool,
    place: Mutex<Option<(String, u64)>>,
}

impl Awaited {
    /// Waits for this place and no other.
    pub(super) fn set(&self, replid: String, offset: u64) {
        *self.place.lock() = Some((replid, offset));
        self.any.store(true, Ordering::SeqCst);
    }

    /// Hands the place to `tell`, which says whether it has told the mirror: then it waits no more.
    pub(super) fn check(&self, tell: impl FnOnce(&str, u64) -> bool) {
        if !self.any.load(Ordering::SeqCst) {
            return;
        }
        let mut place = self.place.lock();
        if place.as_ref().is_some_and(|(replid, offset)| tell(replid, *offset)) {
            *place = None;
            self.any.store(false, Ordering::SeqCst);
        }
    }
}
