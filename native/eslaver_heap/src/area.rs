//! The memory that slabs are cut from: areas of 64 MB of address space, which stay. At the beginning of
//! an area is what is known of its slabs, so a block's address tells its slab.

use std::ptr::{null_mut, with_exposed_provenance, with_exposed_provenance_mut};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::class::{SizeClass, log_slab};
use crate::lock::Lock;
use crate::pages;
use crate::slab::{List, Slab};

const LOG_AREA: u32 = if cfg!(miri) { 21 } else { 26 };
const AREA: usize = 1 << LOG_AREA;
/// In an area of small slabs; one of large slabs has fewer.
const MOST_SLABS: usize = AREA >> log_slab(false);
/// The bits of an address, at most.
const LOG_ADDRESSES: u32 = if cfg!(miri) { 40 } else { 48 };
const WORDS: usize = 1 << (LOG_ADDRESSES - LOG_AREA - u64::BITS.ilog2());

/// The beginning of an area. All zeros are one without slabs.
#[derive(Debug)]
struct Area {
    /// The area that was made before it.
    next: AtomicPtr<Area>,
    log_slab: AtomicU32,
    /// How many of its slabs have been used. The first is this itself.
    begun: AtomicU32,
    slabs: [Slab; MOST_SLABS],
}

const _: () = assert!(size_of::<Area>() <= 1 << log_slab(false));

impl Area {
    /// The first byte.
    fn start(&self) -> *mut u8 {
        with_exposed_provenance_mut(std::ptr::from_ref(self).addr())
    }
}

/// All areas.
#[derive(Debug)]
pub(crate) struct Areas {
    lock: Lock,
    /// For each area of the address space, whether it is one of these.
    map: [AtomicU64; WORDS],
    last: AtomicPtr<Area>,
    small: Kind,
    large: Kind,
    held: AtomicUsize,
}

/// Slabs of one size.
#[derive(Debug)]
struct Kind {
    /// The area that has slabs which were never used.
    current: AtomicPtr<Area>,
    /// Slabs without blocks, but with memory behind them.
    idle: List,
    /// Slabs without blocks and memory.
    bare: List,
}

impl Kind {
    const fn new() -> Self {
        Self { current: AtomicPtr::new(null_mut()), idle: List::new(), bare: List::new() }
    }
}

impl Areas {
    pub(crate) const fn new() -> Self {
        Self {
            lock: Lock::new(),
            map: [const { AtomicU64::new(0) }; WORDS],
            last: AtomicPtr::new(null_mut()),
            small: Kind::new(),
            large: Kind::new(),
            held: AtomicUsize::new(0),
        }
    }

    /// Whether an address is in one of the areas.
    #[inline]
    pub(crate) fn own(&self, address: usize) -> bool {
        let index = address >> LOG_AREA;
        let word = self.map.get(index / u64::BITS as usize);
        word.is_some_and(|word| {
            word.load(Ordering::Relaxed) >> (index % u64::BITS as usize) & 1 == 1
        })
    }

    /// The slab that an address is in.
    ///
    /// # Safety
    /// The address is in one of the areas.
    #[inline]
    pub(crate) unsafe fn slab_at(&self, address: usize) -> &Slab {
        // SAFETY: as the caller promises, an area begins there. It was exposed, and stays for ever.
        let area = unsafe { &*with_exposed_provenance::<Area>(address & !(AREA - 1)) };
        let index = (address & (AREA - 1)) >> area.log_slab.load(Ordering::Relaxed);
        &area.slabs[index % MOST_SLABS]
    }

    /// A slab for blocks of this size.
    pub(crate) fn take(&self, class: SizeClass) -> Option<&Slab> {
        let kind = self.kind(class);
        let _lock = self.lock.lock();
        let slab = match (kind.idle.first(), kind.bare.first()) {
            (Some(idle), _) => {
                kind.idle.remove(idle);
                idle
            }
            (None, Some(bare)) => {
                kind.bare.remove(bare);
                bare
            }
            (None, None) => self.begin(kind, log_slab(class.is_large()))?,
        };
        slab.open(class);
        Some(slab)
    }

    /// Takes back a slab that has no blocks any more. The caller holds the lock of its size.
    pub(crate) fn put(&self, class: SizeClass, slab: &Slab) {
        let _lock = self.lock.lock();
        slab.close();
        self.kind(class).idle.add(slab);
    }

    fn kind(&self, class: SizeClass) -> &Kind {
        if class.is_large() { &self.large } else { &self.small }
    }

    /// A slab that was never used.
    fn begin(&self, kind: &Kind, log_slab: u32) -> Option<&Slab> {
        // SAFETY: areas stay for ever.
        let current = unsafe { kind.current.load(Ordering::Relaxed).as_ref() };
        let area = match current {
            Some(area) if (area.begun.load(Ordering::Relaxed) as usize) < AREA >> log_slab => area,
            _ => self.add(kind, log_slab)?,
        };
        let index = area.begun.load(Ordering::Relaxed);
        let slab = area.slabs.get(index as usize)?;
        // SAFETY: the slab is within the area.
        slab.set_start(unsafe { area.start().add((index as usize) << log_slab) });
        area.begun.store(index + 1, Ordering::Release);
        Some(slab)
    }

    fn add(&self, kind: &Kind, log_slab: u32) -> Option<&Area> {
        let start = pages::reserve(AREA)?;
        let index = start.as_ptr().expose_provenance() >> LOG_AREA;
        let word = self.map.get(index / u64::BITS as usize)?;
        let area = start.cast::<Area>().as_ptr();
        // SAFETY: it has room for this, is aligned, and all zeros are such an area. It is never given
        // back, and only changed by atomics.
        let area = unsafe { &*area };
        area.log_slab.store(log_slab, Ordering::Relaxed);
        area.begun.store(1, Ordering::Relaxed);
        let address = start.cast::<Area>().as_ptr();
        area.next.store(self.last.load(Ordering::Relaxed), Ordering::Relaxed);
        self.last.store(address, Ordering::Release);
        kind.current.store(address, Ordering::Relaxed);
        word.fetch_or(1 << (index % u64::BITS as usize), Ordering::Release);
        Some(area)
    }

    /// All slabs that have been used.
    pub(crate) fn slabs(&self) -> impl Iterator<Item = &Slab> {
        let mut next = self.last.load(Ordering::Acquire);
        std::iter::from_fn(move || {
            // SAFETY: areas stay for ever.
            let area = unsafe { next.as_ref() }?;
            next = area.next.load(Ordering::Relaxed);
            Some(area)
        })
        .flat_map(|area| {
            let begun = area.begun.load(Ordering::Acquire) as usize;
            area.slabs.get(1..begun).unwrap_or_default()
        })
    }

    /// The bytes of memory behind all slabs.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// More memory has come to be behind a slab.
    #[inline]
    pub(crate) fn hold(&self, bytes: usize) {
        if bytes > 0 {
            self.held.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Gives back the memory of slabs without blocks: how many bytes.
    pub(crate) fn purge(&self) -> usize {
        [&self.small, &self.large].into_iter().map(|kind| self.purge_kind(kind)).sum()
    }

    fn purge_kind(&self, kind: &Kind) -> usize {
        let mut purged = 0;
        loop {
            let lock = self.lock.lock();
            let Some(slab) = kind.idle.first() else { return purged };
            kind.idle.remove(slab);
            drop(lock);
            let bytes = slab.touched();
            // SAFETY: the slab has no blocks, and nobody can find it now.
            unsafe { pages::discard(slab.start(), bytes) };
            slab.untouch();
            self.held.fetch_sub(bytes, Ordering::Relaxed);
            purged += bytes;
            let _lock = self.lock.lock();
            kind.bare.add(slab);
        }
    }
}
