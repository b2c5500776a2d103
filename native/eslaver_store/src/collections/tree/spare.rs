//! How much memory a vector in a leaf keeps beyond what it holds.
//!
//! Vectors that double would leave leaves a third empty. These grow by an eighth, which costs a
//! few more copies of a few kilobytes.

const LEAST: usize = 32;

/// Makes room for `more` items.
pub fn reserve<T>(vec: &mut Vec<T>, more: usize) {
    let (len, capacity) = (vec.len(), vec.capacity());
    if capacity - len < more {
        let least = LEAST / size_of::<T>().clamp(1, LEAST);
        vec.reserve_exact(more.max(len / 8).max(least));
    }
}

/// The room that is made for what will come before this number of bytes.
pub fn room(len: usize) -> usize {
    (len / 8).max(LEAST)
}

/// The most room that is kept there.
pub fn most(len: usize) -> usize {
    len / 8 + 2 * LEAST
}

/// Gives memory back where more than about an eighth is unused.
pub fn trim<T>(vec: &mut Vec<T>) {
    let len = vec.len();
    let least = LEAST / size_of::<T>().clamp(1, LEAST);
    if vec.capacity() - len > len / 8 + 2 * least {
        vec.shrink_to(len + len / 16);
    }
}
