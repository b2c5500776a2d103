//! The sizes of blocks: multiples of 8 up to 256, then sixteen for each doubling, up to 64 KB. So what
//! is added to a size is a sixteenth of it at most.

use std::alloc::Layout;

/// How many sizes there are.
pub(crate) const COUNT: usize = 160;
/// The largest.
pub(crate) const LARGEST: usize = 1 << 16;
/// Blocks of at most this size lie in small slabs.
const SMALL: usize = 2048;
const LOG_SMALL_SLAB: u32 = 16;
const LOG_LARGE_SLAB: u32 = 19;
/// The first sizes differ by 8.
const LOG_STEP: u32 = 3;
/// Each size is a multiple of 8, and those asked for by 16 are of 16.
const MOST_ALIGNED: usize = 16;

/// The index of a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SizeClass(u8);

impl SizeClass {
    /// The least size for blocks of this layout. `None` where they are too large, or aligned to more.
    #[inline]
    pub(crate) fn of(layout: Layout) -> Option<Self> {
        let size = layout.size().checked_next_multiple_of(layout.align())?;
        if size == 0 || size > LARGEST || layout.align() > MOST_ALIGNED {
            return None;
        }
        let last = size - 1;
        let step = (last | 0xff).ilog2() - 4;
        // At most 159.
        Some(Self((((step - LOG_STEP) << 4) as usize + (last >> step)) as u8))
    }

    #[inline]
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        (usize::from(code) < COUNT).then_some(Self(code))
    }

    #[inline]
    pub(crate) fn code(self) -> u8 {
        self.0
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..COUNT as u8).map(Self)
    }

    #[inline]
    pub(crate) const fn size(self) -> usize {
        let index = self.0 as usize;
        if index < 32 {
            return (index + 1) << LOG_STEP;
        }
        let step = (index >> 4) - 1 + LOG_STEP as usize;
        (16 + (index & 15) + 1) << step
    }

    /// Whether its slabs are large, too.
    #[inline]
    pub(crate) const fn is_large(self) -> bool {
        self.size() > SMALL
    }

    /// How many blocks a slab has.
    #[inline]
    pub(crate) fn capacity(self) -> u32 {
        CAPACITIES[self.0 as usize % COUNT]
    }
}

/// The binary logarithm of a slab's size.
pub(crate) const fn log_slab(is_large: bool) -> u32 {
    if is_large { LOG_LARGE_SLAB } else { LOG_SMALL_SLAB }
}

static CAPACITIES: [u32; COUNT] = capacities();

const fn capacities() -> [u32; COUNT] {
    let mut capacities = [0; COUNT];
    let mut code = 0;
    while code < COUNT {
        let class = SizeClass(code as u8);
        capacities[code] = ((1 << log_slab(class.is_large())) / class.size()) as u32;
        code += 1;
    }
    capacities
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_room_and_little_more() {
        let mut last = 0;
        for size in (1..=LARGEST).step_by(if cfg!(miri) { 997 } else { 1 }) {
            for align in [1, 2, 4, 8, 16] {
                let class = SizeClass::of(Layout::from_size_align(size, align).unwrap()).unwrap();
                let rounded = size.next_multiple_of(align);
                assert!(class.size() >= rounded, "{size} by {align}");
                assert!(class.size() < rounded + 8 || class.size() <= rounded + rounded / 16);
                assert_eq!(class.size() % align, 0);
                assert!(usize::from(class.code()) < COUNT);
                if align == 1 {
                    assert!(class.size() >= last);
                    last = class.size();
                }
            }
        }
        let sizes: Vec<_> = SizeClass::all().map(SizeClass::size).collect();
        assert!(sizes.is_sorted_by(|a, b| a < b));
        assert_eq!((sizes[0], sizes[COUNT - 1]), (8, LARGEST));
        for (size, align) in [(LARGEST + 1, 1), (8, 32), (0, 1), (usize::MAX / 2, 1)] {
            assert_eq!(SizeClass::of(Layout::from_size_align(size, align).unwrap()), None);
        }
    }
}
