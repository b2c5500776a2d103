//! The allocator of this library, which counts for each thread what it gives and takes. What is for a
//! keyspace comes from a heap that can be compacted, all else from the system.
//!
//! `bench/mirror.md` says why. Whoever wants another than the system's preloads it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::{NonNull, null_mut};

use eslaver_heap::Heap;
use eslaver_store::heap;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is allocated for stores.
static HEAP: Heap = Heap::new();

/// More than this part of what is in use may be free between blocks ...
const LOOSE: usize = 8;
/// ... and more than that, before blocks are moved.
const LEAST: usize = 8 << 20;

struct Counting;

/// The bytes of a block, which may be more than were asked for.
///
/// # Safety
/// The block is the system's, or null.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
#[inline]
unsafe fn size(block: *mut u8, _asked: usize) -> isize {
    // SAFETY: as the caller promises.
    unsafe { libc::malloc_usable_size(block.cast()) as isize }
}

/// See above.
///
/// # Safety
/// See above.
#[cfg(target_vendor = "apple")]
#[inline]
unsafe fn size(block: *mut u8, _asked: usize) -> isize {
    // SAFETY: as the caller promises.
    unsafe { libc::malloc_size(block.cast()) as isize }
}

/// The bytes that were asked for, as this system tells no more.
///
/// # Safety
/// None is needed.
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_vendor = "apple"
)))]
#[inline]
unsafe fn size(block: *mut u8, asked: usize) -> isize {
    if block.is_null() { 0 } else { asked as isize }
}

/// The block, if it is one of the heap.
#[inline]
fn of_heap(block: *mut u8) -> Option<NonNull<u8>> {
    NonNull::new(block).filter(|block| HEAP.owns(block.addr().get()))
}

// SAFETY: each block is the heap's or the system's, and goes back to where it is from.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        heap::allocating(|for_store| {
            if for_store && let Some(block) = HEAP.allocate(layout) {
                return (block.start.as_ptr(), block.size as isize);
            }
            // SAFETY: as the caller promises. The block has just come from the system.
            unsafe {
                let block = System.alloc(layout);
                (block, size(block, layout.size()))
            }
        })
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        heap::allocating(|for_store| {
            if for_store && let Some(block) = HEAP.allocate(layout) {
                let start = block.start.as_ptr();
                // SAFETY: the block is of at least this size.
                unsafe { start.write_bytes(0, layout.size()) };
                return (start, block.size as isize);
            }
            // SAFETY: see `alloc`.
            unsafe {
                let block = System.alloc_zeroed(layout);
                (block, size(block, layout.size()))
            }
        })
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller has got the block from `alloc`, and so from the heap or the system.
        unsafe {
            match of_heap(block) {
                Some(block) => heap::count(-(HEAP.free(block) as isize)),
                None => {
                    heap::count(-size(block, layout.size()));
                    System.dealloc(block, layout);
                }
            }
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, length: usize) -> *mut u8 {
        if let Some(old) = of_heap(block) {
            // SAFETY: see `dealloc`. The caller promises that there is such a layout.
            return unsafe { move_within_heap(self, old, layout, length) };
        }
        // SAFETY: see `dealloc`. Where there is no memory, the old block stays.
        unsafe {
            let before = size(block, layout.size());
            let moved = System.realloc(block, layout, length);
            if !moved.is_null() {
                heap::count(size(moved, length) - before);
            }
            moved
        }
    }
}

/// Another block with the content of one of the heap, or the same if it has room. Null, and the old block
/// stays, where there is no memory.
///
/// # Safety
/// The block is of the heap and has this layout, for which the length is valid as well.
#[inline]
unsafe fn move_within_heap(
    allocator: &Counting,
    old: NonNull<u8>,
    layout: Layout,
    length: usize,
) -> *mut u8 {
    // SAFETY: as the caller promises.
    unsafe {
        let new = Layout::from_size_align_unchecked(length, layout.align());
        if Heap::size_for(new) == Some(HEAP.size_of(old)) {
            return old.as_ptr();
        }
        let moved = allocator.alloc(new);
        if moved.is_null() {
            return null_mut();
        }
        moved.copy_from_nonoverlapping(old.as_ptr(), layout.size().min(length));
        allocator.dealloc(old.as_ptr(), layout);
        moved
    }
}

/// Whether the heap has more memory than its blocks need, so that moving them is worth the while.
pub(crate) fn is_loose() -> bool {
    let (held, live) = (HEAP.held(), HEAP.live());
    held.saturating_sub(live) > (live / LOOSE).max(LEAST)
}

/// Chooses places from which blocks are to be moved, if any are worth the while.
pub(crate) fn mark_sparse() -> bool {
    HEAP.mark_sparse() > 0
}

/// Whether a block at this address is to be moved.
pub(crate) fn is_sparse(address: usize) -> bool {
    HEAP.is_sparse(address)
}

/// The blocks that were not moved may stay.
pub(crate) fn clear_sparse() {
    HEAP.clear_sparse();
}

/// Gives to the system what the heap has where there are no blocks.
pub(crate) fn purge() {
    HEAP.purge();
}

/// The same, also for what is not for stores. glibc gives back only what is free at a heap's end.
pub(crate) fn trim() {
    purge();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: any thread may ask for it.
    unsafe {
        libc::malloc_trim(0);
    }
}
