//! What stores and the program's allocator tell each other.
//!
//! A program whose global allocator calls [`allocating`] and [`count`] has its stores know what
//! they take, as the allocator has it and not as it was asked for:
//! [`Store::account`](crate::Store::account). Without such an allocator, everything takes nothing. The
//! allocator may keep what is for stores apart, and have it moved:
//! [`Store::compact`](crate::Store::compact).

use std::cell::Cell;
use std::thread::yield_now;

/// The steps of gentle work that take some 10 to 200 µs together.
const STEPS: u32 = 512;

/// All in one place, so that the allocator looks for it once.
struct Thread {
    /// What it has allocated and not freed, in bytes.
    balance: Cell<isize>,
    for_store: Cell<bool>,
    /// The steps until others get the processor; 0 where the work is not gentle.
    steps: Cell<u32>,
}

thread_local! {
    static THREAD: Thread = const {
        Thread { balance: Cell::new(0), for_store: Cell::new(false), steps: Cell::new(0) }
    };
}

impl Thread {
    #[inline]
    fn count(&self, bytes: isize) {
        self.balance.set(self.balance.get().wrapping_add(bytes));
        self.step();
    }

    #[inline]
    fn step(&self) {
        match self.steps.get() {
            0 => {}
            1 => self.pause(),
            steps => self.steps.set(steps - 1),
        }
    }

    #[cold]
    fn pause(&self) {
        self.steps.set(STEPS);
        yield_now();
    }
}

/// Does work that may take long and holds no lock that others wait for: every few steps it lets other
/// threads have the processor. Else a reader without a processor of its own would wait for some
/// milliseconds, until the system takes this one away. To allocate or free a block is a step.
pub fn gently<R>(work: impl FnOnce() -> R) -> R {
    struct Before(u32);

    impl Drop for Before {
        fn drop(&mut self) {
            THREAD.with(|thread| thread.steps.set(self.0));
        }
    }

    let _before = Before(THREAD.with(|thread| thread.steps.replace(STEPS)));
    work()
}

/// A step of work that may be gentle, and does not allocate.
#[inline]
pub(crate) fn step() {
    THREAD.with(Thread::step);
}

/// Whether the thread's work is gentle.
#[cfg(test)]
pub(crate) fn is_gentle() -> bool {
    THREAD.with(|thread| thread.steps.get() > 0)
}

/// Has the thread allocate: `allocate` is told whether what it allocates now is likely to stay in a
/// store, and returns the number of bytes, too.
#[inline]
pub fn allocating<R>(allocate: impl FnOnce(bool) -> (R, isize)) -> R {
    THREAD.with(|thread| {
        let (block, bytes) = allocate(thread.for_store.get());
        thread.count(bytes);
        block
    })
}

/// The allocator gives this thread more bytes, or, where it is negative, takes some back.
#[inline]
pub fn count(bytes: isize) {
    THREAD.with(|thread| thread.count(bytes));
}

/// Until this is dropped, what the thread allocates is for a store.
#[derive(Debug)]
pub(crate) struct ForStore {
    before: bool,
}

impl ForStore {
    #[inline]
    pub(crate) fn begin() -> Self {
        Self { before: THREAD.with(|thread| thread.for_store.replace(true)) }
    }
}

impl Drop for ForStore {
    #[inline]
    fn drop(&mut self) {
        THREAD.with(|thread| thread.for_store.set(self.before));
    }
}

/// Reads what this thread has allocated, and not freed, since it was read last.
#[derive(Debug)]
pub(crate) struct Meter(isize);

impl Meter {
    #[inline]
    pub(crate) fn start() -> Self {
        Self(THREAD.with(|thread| thread.balance.get()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_gentle_until_it_ends() {
        let steps = || THREAD.with(|thread| thread.steps.get());
        let left = gently(|| {
            step();
            count(1);
            gently(step);
            assert_eq!(steps(), STEPS - 2);
            (0..STEPS).for_each(|_| step());
            steps()
        });
        assert_eq!((left, steps()), (STEPS - 2, 0));
        let panicked = std::panic::catch_unwind(|| gently(|| panic!("within gentle work")));
        assert!(panicked.is_err());
        step();
        assert_eq!(steps(), 0);
    }

    #[test]
    fn what_is_allocated_and_freed_is_counted() {
        let mut meter = Meter::start();
        let for_store = allocating(|for_store| (for_store, 100));
        assert!(!for_store);
        assert_eq!(meter.lap(), 100);
        let guard = ForStore::begin();
        assert!(allocating(|for_store| (for_store, 0)));
        drop(guard);
        assert!(!allocating(|for_store| (for_store, 0)));
        count(-100);
        assert_eq!(meter.lap(), -100);
    }
}
