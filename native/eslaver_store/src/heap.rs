//! What each thread has allocated and not freed, in bytes.
//!
//! A program whose global allocator calls [`count`] has its stores know what they take, as the
//! allocator has it and not as it was asked for: [`Store::account`](crate::Store::account). Without
//! such an allocator, everything takes nothing.

use std::cell::Cell;

thread_local! {
    static BALANCE: Cell<isize> = const { Cell::new(0) };
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
