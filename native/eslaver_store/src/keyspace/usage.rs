//! What the keys of a database take, by type.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::values::Type;

/// Keys and bytes by type. One thread changes it, any may look.
#[derive(Debug, Default)]
pub(crate) struct Usage([Of; Type::ALL.len()]);

#[derive(Debug, Default)]
struct Of {
    keys: AtomicUsize,
    bytes: AtomicUsize,
}

impl Usage {
    /// The number of keys of a type.
    pub(crate) fn count(&self, kind: Type) -> usize {
        self.0[kind as usize].keys.load(Ordering::Relaxed)
    }

    /// The bytes that keys of a type and their values take, apart from what the allocator adds.
    pub(crate) fn bytes(&self, kind: Type) -> usize {
        self.0[kind as usize].bytes.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn add(&self, kind: Type, size: usize) {
        let of = &self.0[kind as usize];
        of.keys.store(of.keys.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        self.resize(kind, 0, size);
    }

    #[inline]
    pub(crate) fn remove(&self, kind: Type, size: usize) {
        let of = &self.0[kind as usize];
        of.keys.store(of.keys.load(Ordering::Relaxed).wrapping_sub(1), Ordering::Relaxed);
        self.resize(kind, size, 0);
    }

    #[inline]
    pub(crate) fn resize(&self, kind: Type, before: usize, after: usize) {
        let bytes = &self.0[kind as usize].bytes;
        let next = bytes.load(Ordering::Relaxed).wrapping_sub(before).wrapping_add(after);
        bytes.store(next, Ordering::Relaxed);
    }
}
