//! The blocks of one slab, and lists of slabs.
//!
//! All fields of a slab are read and changed under a lock: that of its size while it has one, else that
//! of the areas. They are atomic because some are also read without it, as a hint.

use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, Ordering};

use crate::class::{SizeClass, log_slab};
use crate::pages;

/// The granularity in which memory is counted.
const PAGE: usize = 4096;
/// The most that comes at a time to what is asked for: a slab that is filled needs fewer calls of the
/// system, and less is asked for in vain than makes moving blocks worth the while.
const AHEAD: usize = 8 * PAGE;

/// What is known of a slab. All zeros are one that was never used.
#[derive(Debug)]
pub(crate) struct Slab {
    /// Where its memory begins.
    start: AtomicPtr<u8>,
    /// The code of its blocks' size plus one; 0 while it has no blocks.
    class: AtomicU8,
    /// Whether it is to be emptied.
    sparse: AtomicBool,
    /// Whether it is in its size's list of those that have room.
    listed: AtomicBool,
    /// The blocks in use.
    used: AtomicU32,
    /// The blocks that have been in use since the slab was last empty, the first ones.
    carved: AtomicU32,
    /// The bytes that may have memory behind them, the first ones.
    touched: AtomicU32,
    /// The blocks that were freed, each of which holds the address of the next.
    free: AtomicPtr<FreeBlock>,
    next: AtomicPtr<Slab>,
    before: AtomicPtr<Slab>,
}

/// The content of a block that is not in use.
#[derive(Debug)]
pub(crate) struct FreeBlock {
    next: *mut FreeBlock,
}

impl Slab {
    /// The size of its blocks. `None` for a slab that is not in use.
    #[inline]
    pub(crate) fn class(&self) -> Option<SizeClass> {
        SizeClass::from_code(self.class.load(Ordering::Acquire).checked_sub(1)?)
    }

    /// Where its memory begins.
    pub(crate) fn start(&self) -> *mut u8 {
        self.start.load(Ordering::Relaxed)
    }

    /// Its memory begins there, and nothing is known of it yet.
    pub(crate) fn set_start(&self, start: *mut u8) {
        self.start.store(start, Ordering::Relaxed);
    }

    /// Begins to have blocks of this size.
    pub(crate) fn open(&self, class: SizeClass) {
        self.used.store(0, Ordering::Relaxed);
        self.carved.store(0, Ordering::Relaxed);
        self.free.store(null_mut(), Ordering::Relaxed);
        self.sparse.store(false, Ordering::Relaxed);
        self.class.store(class.code() + 1, Ordering::Release);
    }

    /// Has no blocks any more.
    pub(crate) fn close(&self) {
        self.sparse.store(false, Ordering::Relaxed);
        self.class.store(0, Ordering::Release);
    }

    #[inline]
    pub(crate) fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn is_sparse(&self) -> bool {
        self.sparse.load(Ordering::Relaxed)
    }

    pub(crate) fn set_sparse(&self, sparse: bool) {
        self.sparse.store(sparse, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_listed(&self) -> bool {
        self.listed.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn has_room(&self, class: SizeClass) -> bool {
        !self.free.load(Ordering::Relaxed).is_null()
            || self.carved.load(Ordering::Relaxed) < class.capacity()
    }

    #[inline]
    pub(crate) fn touched(&self) -> usize {
        self.touched.load(Ordering::Relaxed) as usize
    }

    /// There is no memory behind it any more.
    pub(crate) fn untouch(&self) {
        self.touched.store(0, Ordering::Relaxed);
    }

    /// Takes a block, and says how many bytes of memory have come with it.
    ///
    /// # Safety
    /// The slab has room, and blocks of this class. The caller holds the lock of the class.
    #[inline]
    pub(crate) unsafe fn take(&self, class: SizeClass) -> (*mut u8, usize) {
        self.used.store(self.used() + 1, Ordering::Relaxed);
        let free = self.free.load(Ordering::Relaxed);
        if !free.is_null() {
            // SAFETY: a block of this slab that is not in use, and so holds this.
            let next = unsafe { (*free).next };
            self.free.store(next, Ordering::Relaxed);
            return (free.cast(), 0);
        }
        let carved = self.carved.load(Ordering::Relaxed);
        self.carved.store(carved + 1, Ordering::Relaxed);
        let at = carved as usize * class.size();
        let more = self.touch(class, at + class.size());
        // SAFETY: as the slab has room, the block is within it.
        (unsafe { self.start().add(at) }, more)
    }

    #[inline]
    fn touch(&self, class: SizeClass, end: usize) -> usize {
        if end <= self.touched() { 0 } else { self.grow(class, end) }
    }

    /// Has memory up to `end` and, as a slab that is filled is likely to go on so, as much again.
    #[cold]
    fn grow(&self, class: SizeClass, end: usize) -> usize {
        let touched = self.touched();
        let likely = touched + touched.min(AHEAD);
        let end = end.max(likely).next_multiple_of(PAGE).min(1 << log_slab(class.is_large()));
        // A slab has less than 4 GB.
        self.touched.store(end as u32, Ordering::Relaxed);
        if end - touched > PAGE {
            // SAFETY: both are within the slab.
            unsafe { pages::populate(self.start().add(touched), end - touched) };
        }
        end - touched
    }

    /// Puts a block back.
    ///
    /// # Safety
    /// The block is in use, and one of this slab. The caller holds the lock of its class.
    #[inline]
    pub(crate) unsafe fn put(&self, block: NonNull<u8>) {
        let block = block.cast::<FreeBlock>().as_ptr();
        let next = self.free.load(Ordering::Relaxed);
        // SAFETY: nobody uses the block any more. It has room for an address, and is aligned for it.
        unsafe { block.write(FreeBlock { next }) };
        self.free.store(block, Ordering::Relaxed);
        self.used.store(self.used() - 1, Ordering::Relaxed);
    }
}

/// Slabs, the one that was added last first.
#[derive(Debug)]
pub(crate) struct List(AtomicPtr<Slab>);

impl List {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    #[inline]
    pub(crate) fn first(&self) -> Option<&Slab> {
        // SAFETY: slabs are never dropped.
        unsafe { self.0.load(Ordering::Relaxed).as_ref() }
    }

    /// Adds a slab that is in no list. The caller holds the lock of this list.
    pub(crate) fn add(&self, slab: &Slab) {
        let next = self.first();
        slab.before.store(null_mut(), Ordering::Relaxed);
        slab.next.store(address(next), Ordering::Relaxed);
        if let Some(next) = next {
            next.before.store(address(Some(slab)), Ordering::Relaxed);
        }
        slab.listed.store(true, Ordering::Relaxed);
        self.0.store(address(Some(slab)), Ordering::Relaxed);
    }

    /// Removes a slab that is in this list. The caller holds its lock.
    pub(crate) fn remove(&self, slab: &Slab) {
        let before = slab.before.load(Ordering::Relaxed);
        let next = slab.next.load(Ordering::Relaxed);
        // SAFETY: slabs are never dropped.
        let (before_it, behind_it) = unsafe { (before.as_ref(), next.as_ref()) };
        match before_it {
            Some(other) => other.next.store(next, Ordering::Relaxed),
            None => self.0.store(next, Ordering::Relaxed),
        }
        if let Some(other) = behind_it {
            other.before.store(before, Ordering::Relaxed);
        }
        slab.listed.store(false, Ordering::Relaxed);
    }

    /// Whether a slab is the only one.
    pub(crate) fn is_only(&self, slab: &Slab) -> bool {
        self.first().is_some_and(|first| std::ptr::eq(first, slab))
            && slab.next.load(Ordering::Relaxed).is_null()
    }
}

fn address(slab: Option<&Slab>) -> *mut Slab {
    slab.map_or(null_mut(), |slab| std::ptr::from_ref(slab).cast_mut())
}
