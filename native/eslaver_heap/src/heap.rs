//! The heap: blocks in and out, and which are to be moved.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::area::Areas;
use crate::class::{COUNT, SizeClass};
use crate::lock::Lock;
use crate::slab::{List, Slab};

/// A slab with fewer sixteenths of its memory in use is sparse.
const DENSE: usize = 14;
/// Slabs of a size are emptied where that makes this number of bytes free, or more.
const WORTHWHILE: usize = 64 << 10;

/// A heap. It takes address space when it is first used, and never gives that back.
#[derive(Debug)]
pub struct Heap {
    areas: Areas,
    sizes: [Size; COUNT],
}

/// The slabs of one size. Others must not wait for its cache line.
#[repr(align(64))]
#[derive(Debug)]
struct Size {
    lock: Lock,
    /// Those that have room, except those to be emptied.
    open: List,
    /// The blocks in use.
    blocks: AtomicUsize,
}

/// A block, and the bytes that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Where it begins.
    pub start: NonNull<u8>,
    /// How many bytes it has: at least those asked for.
    pub size: usize,
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl Heap {
    /// A heap without blocks.
    pub const fn new() -> Self {
        Self { areas: Areas::new(), sizes: [const { Size::new() }; COUNT] }
    }

    /// A block, whose content is left open. `None` where the layout is not one for slabs, or the system
    /// has no memory.
    #[inline]
    pub fn allocate(&self, layout: Layout) -> Option<Block> {
        let class = SizeClass::of(layout)?;
        let size = self.size(class);
        let _lock = size.lock.lock();
        let slab = match size.open.first() {
            Some(slab) => slab,
            None => self.open(class)?,
        };
        // SAFETY: slabs in this list have room, and the lock of the size is held.
        let (block, more) = unsafe { slab.take(class) };
        self.areas.hold(more);
        if !slab.has_room(class) {
            size.open.remove(slab);
        }
        size.count(1);
        Some(Block { start: NonNull::new(block)?, size: class.size() })
    }

    #[cold]
    fn open(&self, class: SizeClass) -> Option<&Slab> {
        let slab = self.areas.take(class)?;
        self.size(class).open.add(slab);
        Some(slab)
    }

    /// Frees a block: how many bytes it had.
    ///
    /// # Safety
    /// The block is one of this heap, see [`Heap::owns`], and in use; it is not used any more.
    #[inline]
    pub unsafe fn free(&self, block: NonNull<u8>) -> usize {
        // SAFETY: as the caller promises, the block is in an area.
        let slab = unsafe { self.areas.slab_at(block.addr().get()) };
        // A slab keeps its size while it has blocks.
        let Some(class) = slab.class() else { return 0 };
        let size = self.size(class);
        let _lock = size.lock.lock();
        // SAFETY: as the caller promises. The lock is held.
        unsafe { slab.put(block) };
        size.count(-1);
        if slab.used() == 0 {
            self.emptied(class, slab);
        } else if !slab.is_listed() && !slab.is_sparse() {
            size.open.add(slab);
        }
        class.size()
    }

    /// A slab has no blocks any more. A last one stays, for what will come.
    #[cold]
    fn emptied(&self, class: SizeClass, slab: &Slab) {
        let size = self.size(class);
        if slab.is_listed() {
            if size.open.is_only(slab) {
                return;
            }
            size.open.remove(slab);
        }
        self.areas.put(class, slab);
    }

    /// The bytes of a block.
    ///
    /// # Safety
    /// The block is one of this heap, and in use.
    #[inline]
    pub unsafe fn size_of(&self, block: NonNull<u8>) -> usize {
        // SAFETY: as the caller promises, the block is in an area.
        let slab = unsafe { self.areas.slab_at(block.addr().get()) };
        slab.class().map_or(0, SizeClass::size)
    }

    /// The bytes that a block of a layout takes, if it is one for slabs.
    #[inline]
    pub fn size_for(layout: Layout) -> Option<usize> {
        SizeClass::of(layout).map(SizeClass::size)
    }

    /// Whether an address is one of this heap's.
    #[inline]
    pub fn owns(&self, address: usize) -> bool {
        self.areas.own(address)
    }

    /// Whether a block at this address should be moved: allocated anew, and freed.
    #[inline]
    pub fn is_sparse(&self, address: usize) -> bool {
        // SAFETY: the address is in an area.
        self.owns(address) && unsafe { self.areas.slab_at(address) }.is_sparse()
    }

    /// The bytes of all blocks in use.
    pub fn live(&self) -> usize {
        let bytes = |class: SizeClass| self.size(class).blocks() * class.size();
        SizeClass::all().map(bytes).sum()
    }

    /// The bytes of memory that it has of the system.
    pub fn held(&self) -> usize {
        self.areas.held()
    }

    /// Gives memory behind which there are no blocks back to the system: how many bytes.
    pub fn purge(&self) -> usize {
        SizeClass::all().for_each(|class| self.close(class));
        self.areas.purge()
    }

    /// Gives up a last slab without blocks: see [`Heap::emptied`].
    fn close(&self, class: SizeClass) {
        let size = self.size(class);
        let _lock = size.lock.lock();
        if let Some(slab) = size.open.first().filter(|slab| slab.used() == 0) {
            size.open.remove(slab);
            self.areas.put(class, slab);
        }
    }

    /// Chooses the slabs that are to be emptied: how many bytes their blocks have. Until
    /// [`Heap::clear_sparse`] none of the room in them is given out.
    pub fn mark_sparse(&self) -> usize {
        let mut free = [0; COUNT];
        for slab in self.areas.slabs() {
            if let Some((class, bytes, touched)) = sparse(slab) {
                free[usize::from(class.code())] += touched - bytes;
            }
        }
        let mut marked = 0;
        for slab in self.areas.slabs() {
            if let Some((class, bytes, _)) = sparse(slab)
                && free[usize::from(class.code())] >= WORTHWHILE
                && self.mark(class, slab)
            {
                marked += bytes;
            }
        }
        marked
    }

    fn mark(&self, class: SizeClass, slab: &Slab) -> bool {
        let size = self.size(class);
        let _lock = size.lock.lock();
        // It may have become one of another size, or have none.
        let is_same = slab.class() == Some(class) && slab.used() > 0 && !slab.is_sparse();
        if is_same {
            slab.set_sparse(true);
            if slab.is_listed() {
                size.open.remove(slab);
            }
        }
        is_same
    }

    /// The slabs that were not emptied are as any others again.
    pub fn clear_sparse(&self) {
        for slab in self.areas.slabs() {
            if let Some(class) = slab.class().filter(|_| slab.is_sparse()) {
                let size = self.size(class);
                let _lock = size.lock.lock();
                if slab.class() == Some(class) && slab.is_sparse() {
                    slab.set_sparse(false);
                    if slab.has_room(class) && !slab.is_listed() {
                        size.open.add(slab);
                    }
                }
            }
        }
    }

    #[inline]
    fn size(&self, class: SizeClass) -> &Size {
        &self.sizes[usize::from(class.code()) % COUNT]
    }
}

impl Size {
    const fn new() -> Self {
        Self { lock: Lock::new(), open: List::new(), blocks: AtomicUsize::new(0) }
    }

    #[inline]
    fn blocks(&self) -> usize {
        self.blocks.load(Ordering::Relaxed)
    }

    /// Its lock is held.
    #[inline]
    fn count(&self, by: isize) {
        self.blocks.store(self.blocks().wrapping_add_signed(by), Ordering::Relaxed);
    }
}

/// The size of a slab's blocks, their bytes and those of its memory, if the slab is sparse.
fn sparse(slab: &Slab) -> Option<(SizeClass, usize, usize)> {
    let class = slab.class()?;
    let (bytes, touched) = (slab.used() as usize * class.size(), slab.touched());
    (bytes > 0 && bytes * 16 < touched * DENSE).then_some((class, bytes, touched))
}
