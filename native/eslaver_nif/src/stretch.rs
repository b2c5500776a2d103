//! Room for many small blocks of the system's allocator.

/// How far [`stretch`] reaches: not so far that glibc would give it back at once.
pub(crate) const STRETCH: usize = 96 << 10;

/// Prepares for many small blocks on this thread. glibc asks the system for a heap's next pages one by
/// one, unless a larger block needs more of them; once that is freed, the heap has them.
pub(crate) fn stretch() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the block is freed as it came, and not used.
    unsafe {
        libc::free(std::hint::black_box(libc::malloc(STRETCH)));
    }
}
