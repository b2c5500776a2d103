//! A database as it was at one moment, taken stripe by stripe while the writer goes on.
//!
//! The writer leaves a copy of a stripe here before it first changes it, unless the stripe has been
//! taken. So each stripe is taken as it was at the moment, once.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::heap;
use crate::keyspace::copies::Copies;

/// What of a database is still to be taken.
#[derive(Debug, Default)]
pub(crate) struct Capture {
    /// Whether the writer has to look at `left`.
    is_on: AtomicBool,
    left: Mutex<Left>,
}

#[derive(Debug, Default)]
struct Left {
    /// Whether each stripe has been taken.
    taken: Vec<bool>,
    /// All stripes before this one have been taken.
    next: usize,
    /// What stripes held that the writer has changed since.
    copies: Vec<Copies>,
}

/// What is to be taken next.
pub(crate) enum Next<L> {
    /// What a stripe held.
    Copy(Copies),
    /// A stripe, locked.
    Stripe(L),
    /// A stripe that cannot be locked now.
    Locked,
    /// Nothing: all stripes have been taken.
    End,
}

impl Capture {
    /// Begins with all stripes, unless a capture is on. The writer must not be within a change.
    pub(crate) fn begin(&self, stripes: usize) -> bool {
        let mut left = self.left.lock();
        let begins = !self.is_on.swap(true, Ordering::AcqRel);
        if begins {
            *left = Left { taken: vec![false; stripes], ..Left::default() };
        }
        begins
    }

    /// The writer leaves no more copies.
    pub(crate) fn end(&self) {
        let mut left = self.left.lock();
        self.is_on.store(false, Ordering::Release);
        *left = Left::default();
    }

    /// The writer is about to lock a stripe for changes. `copy` gives what it holds.
    #[inline]
    pub(crate) fn before_change(&self, stripe: usize, copy: impl FnOnce() -> Copies) {
        if self.is_on.load(Ordering::Acquire) {
            self.leave(stripe, copy);
        }
    }

    /// Who takes stripes must not see this one as taken before its copy is there.
    #[cold]
    fn leave(&self, stripe: usize, copy: impl FnOnce() -> Copies) {
        let mut left = self.left.lock();
        if let Some(taken @ false) = left.taken.get_mut(stripe) {
            *taken = true;
            let copy = copy();
            // Who takes the copies drops the list.
            heap::aside(|| left.copies.push(copy));
        }
    }

    /// A copy, so that it takes memory no longer.
    pub(crate) fn take_copy(&self) -> Option<Copies> {
        self.left.lock().copies.pop()
    }

    /// A copy, or another stripe, which `lock` locks. The writer must find it locked, or not taken.
    pub(crate) fn take<L>(&self, lock: impl FnOnce(usize) -> Option<L>) -> Next<L> {
        let mut left = self.left.lock();
        if let Some(copy) = left.copies.pop() {
            return Next::Copy(copy);
        }
        let from = left.next;
        let found = left.taken.iter().skip(from).position(|taken| !taken);
        let Some(stripe) = found.map(|found| from + found) else {
            return Next::End;
        };
        left.next = stripe;
        let Some(locked) = lock(stripe) else {
            return Next::Locked;
        };
        if let Some(taken) = left.taken.get_mut(stripe) {
            *taken = true;
        }
        Next::Stripe(locked)
    }
}
