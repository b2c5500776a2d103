//! What the system gives and takes: address space, and the memory behind it.

use std::ptr::NonNull;

/// Address space of a length, at a multiple of it, whose memory comes when it is first used. `None`
/// where the system gives none. The length is a power of two.
#[cfg(all(unix, target_pointer_width = "64", not(miri)))]
pub(crate) fn reserve(length: usize) -> Option<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_NORESERVE;
    // SAFETY: the system chooses a place where nothing is.
    let found = unsafe { libc::mmap(std::ptr::null_mut(), 2 * length, protection, flags, -1, 0) };
    if found == libc::MAP_FAILED {
        return None;
    }
    let found = found.cast::<u8>();
    let before = found.addr().next_multiple_of(length) - found.addr();
    // SAFETY: both parts are within what was just mapped, beside what is kept.
    unsafe {
        if before > 0 {
            libc::munmap(found.cast(), before);
        }
        libc::munmap(found.add(before + length).cast(), length - before);
        NonNull::new(found.add(before))
    }
}

/// Gives memory back. Its content is lost.
///
/// # Safety
/// It is within what [`reserve`] has given, and nobody has anything there.
#[cfg(all(unix, target_pointer_width = "64", not(miri)))]
pub(crate) unsafe fn discard(at: *mut u8, length: usize) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let advice = libc::MADV_DONTNEED;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let advice = libc::MADV_FREE;
    // SAFETY: as the caller promises.
    unsafe {
        libc::madvise(at.cast(), length, advice);
    }
}

/// Has memory come at once, page by page as before where the system cannot do that.
///
/// # Safety
/// It is within what [`reserve`] has given.
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(miri)))]
pub(crate) unsafe fn populate(at: *mut u8, length: usize) {
    // SAFETY: as the caller promises. What is there stays as it is.
    unsafe {
        libc::madvise(at.cast(), length, libc::MADV_POPULATE_WRITE);
    }
}

/// Elsewhere memory comes when it is first used.
///
/// # Safety
/// None is needed.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64", not(miri))))]
pub(crate) unsafe fn populate(_at: *mut u8, _length: usize) {}

/// An interpreter has no pages.
#[cfg(miri)]
pub(crate) fn reserve(length: usize) -> Option<NonNull<u8>> {
    use std::alloc::{GlobalAlloc, Layout, System};
    let layout = Layout::from_size_align(length, length).ok()?;
    // SAFETY: the length is not 0.
    NonNull::new(unsafe { System.alloc_zeroed(layout) })
}

/// See above.
///
/// # Safety
/// See above.
#[cfg(miri)]
pub(crate) unsafe fn discard(at: *mut u8, length: usize) {
    // SAFETY: as the caller promises.
    unsafe { at.write_bytes(0, length) }
}

/// Elsewhere there is no such heap, and everything comes from the system's allocator.
#[cfg(not(any(miri, all(unix, target_pointer_width = "64"))))]
pub(crate) fn reserve(_length: usize) -> Option<NonNull<u8>> {
    None
}

/// See above.
///
/// # Safety
/// It is never called.
#[cfg(not(any(miri, all(unix, target_pointer_width = "64"))))]
pub(crate) unsafe fn discard(_at: *mut u8, _length: usize) {}
