//! The allocator of this library: the system's, which counts for each thread what it gives and takes.
//!
//! `bench/mirror.md` says why it is the system's. Whoever wants another preloads it.

use std::alloc::{GlobalAlloc, Layout, System};

use eslaver_store::heap;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

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

// SAFETY: the system does it all.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises. The block has just come from the system.
        unsafe {
            let block = System.alloc(layout);
            heap::count(size(block, layout.size()));
            block
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: see `alloc`.
        unsafe {
            let block = System.alloc_zeroed(layout);
            heap::count(size(block, layout.size()));
            block
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller has got the block from `alloc`, and so from the system.
        unsafe {
            heap::count(-size(block, layout.size()));
            System.dealloc(block, layout);
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, length: usize) -> *mut u8 {
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

/// Gives to the system what is free between blocks in use. glibc does so only at a heap's end.
pub(crate) fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: any thread may ask for it.
    unsafe {
        libc::malloc_trim(0);
    }
}
