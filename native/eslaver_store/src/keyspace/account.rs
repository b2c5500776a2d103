//! What a store takes: in all, and by the type of its keys. The one thread that writes charges it for
//! what it allocates; whoever drops something that was the store's, on any thread, gives that back.

use std::sync::atomic::{AtomicIsize, Ordering};

use crate::heap::{self, Meter};
use crate::values::Type;

/// The bytes of a store, counted by the allocator; see [`heap`](crate::heap).
#[derive(Debug, Default)]
pub struct Account {
    all: Tally,
    kinds: [Tally; Type::ALL.len()],
}

#[derive(Debug, Default)]
struct Tally {
    /// Changed by one thread at a time.
    charged: AtomicIsize,
    returned: AtomicIsize,
}

impl Tally {
    #[inline]
    fn charge(&self, bytes: isize) {
        if bytes != 0 {
            let charged = self.charged.load(Ordering::Relaxed);
            self.charged.store(charged.wrapping_add(bytes), Ordering::Relaxed);
        }
    }

    fn give_back(&self, bytes: isize) {
        if bytes != 0 {
            self.returned.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// What is given back may be seen before what was charged for it.
    #[inline]
    fn left(&self) -> usize {
        let charged = self.charged.load(Ordering::Relaxed);
        let left = charged.wrapping_sub(self.returned.load(Ordering::Relaxed));
        left.try_into().unwrap_or(0)
    }
}

impl Account {
    /// All that the store takes: its keys and values, its tables, what is loaded or held back of a
    /// transaction, and what is out of reach and not dropped yet.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.all.left()
    }

    /// What keys of a type and their values take.
    pub(crate) fn bytes_of(&self, kind: Type) -> usize {
        self.kinds[kind as usize].left()
    }

    #[inline]
    pub(crate) fn charge(&self, bytes: isize) {
        self.all.charge(bytes);
    }

    #[inline]
    pub(crate) fn charge_kind(&self, kind: Type, bytes: isize) {
        self.kinds[kind as usize].charge(bytes);
    }

    /// Charges, or gives back, what `change` allocates and frees: on any thread, also within what the
    /// writer is charged for.
    pub(crate) fn apart<R>(&self, change: impl FnOnce() -> R) -> R {
        let (result, bytes) = heap::aside(change);
        self.all.give_back(bytes.wrapping_neg());
        result
    }

    /// Within that: of what type it is that `change` allocates or frees.
    pub(crate) fn of_kind<R>(&self, kind: Type, change: impl FnOnce() -> R) -> R {
        let mut meter = Meter::start();
        let result = change();
        self.kinds[kind as usize].give_back(meter.lap().wrapping_neg());
        result
    }
}
