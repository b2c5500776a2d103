//! How many keys of each type a database has.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::values::Type;

/// Keys by type. One thread changes it, any may look.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    of: [AtomicUsize; Type::ALL.len()],
    /// The keys of which it is known that they exist.
    keys: AtomicUsize,
    /// The same as it was when a change was last whole.
    whole: AtomicUsize,
}

impl Usage {
    /// The number of keys of which it is known that they exist, without what goes on.
    pub(crate) fn whole(&self) -> usize {
        self.whole.load(Ordering::Acquire)
    }

    /// A change is whole: readers may count its keys.
    #[inline]
    pub(crate) fn settle(&self) {
        let keys = self.keys.load(Ordering::Relaxed);
        if keys != self.whole.load(Ordering::Relaxed) {
            self.whole.store(keys, Ordering::Release);
        }
    }

    /// The number of keys of a type.
    pub(crate) fn count(&self, kind: Type) -> usize {
        self.of[kind as usize].load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn add(&self, kind: Type) {
        self.count_more(kind, 1);
    }

    #[inline]
    pub(crate) fn remove(&self, kind: Type) {
        self.count_more(kind, -1);
    }

    #[inline]
    fn count_more(&self, kind: Type, by: isize) {
        let more = |count: &AtomicUsize| {
            let next = count.load(Ordering::Relaxed).wrapping_add_signed(by);
            count.store(next, Ordering::Relaxed);
        };
        more(&self.of[kind as usize]);
        if kind != Type::Unsure {
            more(&self.keys);
        }
    }
}

/// What the keys of a type take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeUsage {
    /// The name of the type, as readers know it.
    pub kind: &'static str,
    /// How many keys there are.
    pub keys: usize,
    /// The bytes of the keys and their values, as the allocator counts them: also of those that are
    /// out of reach and not dropped yet.
    pub bytes: usize,
}
