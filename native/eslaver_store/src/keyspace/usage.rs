//! What the keys of a database take, by type.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::values::Type;

/// Keys and bytes by type. One thread changes it, any may look.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    of: [Of; Type::ALL.len()],
    /// The keys of which it is known that they exist.
    keys: AtomicUsize,
    /// The same as it was when a change was last whole.
    whole: AtomicUsize,
}

#[derive(Debug, Default)]
struct Of {
    keys: AtomicUsize,
    bytes: AtomicUsize,
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
        self.of[kind as usize].keys.load(Ordering::Relaxed)
    }

    /// The bytes that keys of a type and their values take, apart from what the allocator adds.
    pub(crate) fn bytes(&self, kind: Type) -> usize {
        self.of[kind as usize].bytes.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn add(&self, kind: Type, size: usize) {
        self.count_more(kind, 1);
        self.resize(kind, 0, size);
    }

    #[inline]
    pub(crate) fn remove(&self, kind: Type, size: usize) {
        self.count_more(kind, -1);
        self.resize(kind, size, 0);
    }

    #[inline]
    pub(crate) fn resize(&self, kind: Type, before: usize, after: usize) {
        let bytes = &self.of[kind as usize].bytes;
        let next = bytes.load(Ordering::Relaxed).wrapping_sub(before).wrapping_add(after);
        bytes.store(next, Ordering::Relaxed);
    }

    #[inline]
    fn count_more(&self, kind: Type, by: isize) {
        let more = |count: &AtomicUsize| {
            let next = count.load(Ordering::Relaxed).wrapping_add_signed(by);
            count.store(next, Ordering::Relaxed);
        };
        more(&self.of[kind as usize].keys);
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
    /// The bytes of the keys and their values, apart from what the allocator adds.
    pub bytes: usize,
}

impl TypeUsage {
    /// The sum of several databases.
    pub(crate) fn sum<'a>(kind: Type, parts: impl Iterator<Item = &'a Usage>) -> Self {
        let none = Self { kind: kind.name(), keys: 0, bytes: 0 };
        parts.fold(none, |sum, part| Self {
            kind: sum.kind,
            keys: sum.keys + part.count(kind),
            bytes: sum.bytes + part.bytes(kind),
        })
    }
}
