//! What stores and the program's allocator tell each other.
//!
//! A program whose global allocator calls [`count`] has its stores know what they take, as the
//! allocator has it and not as it was asked for: [`Store::account`](crate::Store::account). Without
//! such an allocator, everything takes nothing. The allocator may keep what is allocated
//! [`for_store`] apart, and have it moved: [`Store::compact`](crate::Store::compact).

use std::cell::Cell;

thread_local! {
    /// What this thread has allocated and not freed, in bytes.
    static BALANCE: Cell<isize> = const { Cell::new(0) };
    static FOR_STORE: Cell<bool> = const { Cell::new(false) };
}

/// Whether what this thread allocates now is likely to stay in a store.
#[inline]
pub fn for_store() -> bool {
    FOR_STORE.with(Cell::get)
}

/// Until this is dropped, what the thread allocates is for a store.
#[derive(Debug)]
pub(crate) struct ForStore {
    before: bool,
}

impl ForStore {
    #[inline]
    pub(crate) fn begin() -> Self {
        Self { before: FOR_STORE.with(|flag| flag.replace(true)) }
    }
}

impl Drop for ForStore {
    #[inline]
    fn drop(&mut self) {
        FOR_STORE.with(|flag| flag.set(self.before));
    }
}

/// The allocator gives this thread more bytes, or, where it is negative, takes some back.
#[inline]
pub fn count(bytes: isize) {
    BALANCE.with(|balance| balance.set(balance.get().wrapping_add(bytes)));
}

/// Reads what this thread has allocated, and not freed, since it was read last.
#[derive(Debug)]
pub(crate) struct Meter(isize);

impl Meter {
    #[inline]
    pub(crate) fn start() -> Self {
        Self(BALANCE.with(Cell::get))
    }

    #[inline]
    pub(crate) fn lap(&mut self) -> isize {
        let before = std::mem::replace(self, Self::start());
        self.0.wrapping_sub(before.0)
    }

    /// Leaves out what `change` allocates and frees.
    pub(crate) fn except<R>(&mut self, change: impl FnOnce() -> R) -> R {
        let mut aside = Self::start();
        let result = change();
        self.0 = self.0.wrapping_add(aside.lap());
        result
    }
}

/// Has whoever measures around it not see what `change` allocates and frees: how much that is.
#[inline]
pub(crate) fn aside<R>(change: impl FnOnce() -> R) -> (R, isize) {
    let mut meter = Meter::start();
    let result = change();
    let bytes = meter.lap();
    count(bytes.wrapping_neg());
    (result, bytes)
}
