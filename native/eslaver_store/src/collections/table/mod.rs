//! A large collection: a hash table of records ([`super::record`]), for sets, for hashes, and for the
//! scores of sorted sets.
//!
//! The table is cut into *segments* of up to 512 records or 64 KB, each with the hashes of one prefix,
//! found by extendible hashing. So it grows and shrinks by a segment at a time, with no step that
//! takes longer in a larger table. A segment is a byte string of records with a sorted index of them,
//! 4 bytes each. Up to 256 segments make a *page*. Both are shared by copies of the table: a write to
//! one copies a page and a segment at most.
//!
//! | module | what |
//! |---|---|
//! | `segment` | the records of one prefix |
//! | `directory` | which segment, or which page, has a hash |
//! | `hash` | the hash of an element |
//! | `scores` | edits of scores, that tell the old one |

mod directory;
mod hash;
mod scores;
mod segment;
#[cfg(test)]
mod tests;
mod walk;

use super::element::{Element, Parts};
use super::mover::Mover;
use super::record::{Expiry, Kind, Record, Refused};
use directory::Directory;
use hash::Hash;
use segment::Segment;

/// The most bits of a hash that a page goes by.
const PAGE_BITS: u32 = 8;
/// Two pages with at most this number of segments each become one.
const MERGED_SEGMENTS: usize = 64;
/// No segment is deeper. A secret seed keeps them far from it.
const MAX_DEPTH: u32 = 40;
/// A segment may be merged where it has no more records than that.
const FEW_RECORDS: usize = segment::MAX_RECORDS / 4;

/// A hash table of records.
#[derive(Debug, Clone)]
pub struct Table<K: Kind> {
    hash: Hash,
    len: usize,
    timed: usize,
    segment_bytes: usize,
    pages: Directory<Page<K>>,
}

#[derive(Debug, Clone)]
struct Page<K> {
    /// How many bits of a hash are before those that its directory goes by.
    depth: u32,
    segments: Directory<Segment<K>>,
}

impl<K: Kind> Table<K> {
    /// An empty table. Who knows the seed can choose elements that make it slow.
    pub fn new(seed: u64) -> Self {
        let segment = Segment::new(0);
        Table {
            hash: Hash(seed),
            len: 0,
            timed: 0,
            segment_bytes: segment.heap_bytes(),
            pages: Directory::new(Page { depth: 0, segments: Directory::new(segment) }),
        }
    }

    /// How many records there are, be they expired or not.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many records have a time of their own to live.
    #[inline]
    pub fn timed(&self) -> usize {
        self.timed
    }

    /// The bytes that the table takes on the heap, as far as it asked for them. What copies share
    /// counts for each.
    pub fn heap_bytes(&self) -> usize {
        let page = |page: &Page<K>| {
            2 * size_of::<usize>() + size_of::<Page<K>>() + page.segments.heap_bytes()
        };
        let pages: usize = self.pages.items().iter().map(|item| page(item)).sum();
        self.segment_bytes + pages + self.pages.heap_bytes()
    }

    /// Whether a copy has some of it.
    pub fn is_shared(&self) -> bool {
        self.pages.is_shared()
    }

    /// The record of `element`.
    #[inline]
    pub fn get(&self, element: Element<'_>) -> Option<Record<'_, K>> {
        let key = Parts::of_element(element)?;
        let hash = self.hash.of(&key);
        let segment = self.segment(hash);
        segment.record(segment.find(&key, hash)?)
    }

    /// Whether there is a record of `element`.
    #[inline]
    pub fn contains(&self, element: Element<'_>) -> bool {
        Parts::of_element(element).is_some_and(|key| {
            let hash = self.hash.of(&key);
            self.segment(hash).find(&key, hash).is_some()
        })
    }

    /// Sets the record of `element`, which it adds if it is missing: whether it is new.
    pub fn insert(
        &mut self,
        element: Element<'_>,
        tail: K::Tail<'_>,
        expiry: Expiry,
    ) -> Result<bool, Refused> {
        let key = Parts::of_element(element).ok_or(Refused::TooLong)?;
        let tail = K::pack(tail).ok_or(Refused::TooLong)?;
        let hash = self.hash.of(&key);
        match self.segment(hash).find(&key, hash) {
            Some(at) => self.change(hash, |segment| segment.replace(at, &key, &tail, expiry))?,
            None => {
                self.change(hash, |segment| segment.add(hash, &key, &tail, expiry.over(None)))?;
                self.split(hash);
                return Ok(true);
            }
        }
        self.split(hash);
        Ok(false)
    }

    /// Adds the record of `element` if it is missing: whether it was.
    pub fn add(&mut self, element: Element<'_>, tail: K::Tail<'_>) -> Result<bool, Refused> {
        let key = Parts::of_element(element).ok_or(Refused::TooLong)?;
        let tail = K::pack(tail).ok_or(Refused::TooLong)?;
        let hash = self.hash.of(&key);
        if self.segment(hash).find(&key, hash).is_some() {
            return Ok(false);
        }
        self.change(hash, |segment| segment.add(hash, &key, &tail, None))?;
        self.split(hash);
        Ok(true)
    }

    /// Removes the record of `element`: whether it was there.
    pub fn remove(&mut self, element: Element<'_>) -> bool {
        let Some(key) = Parts::of_element(element) else { return false };
        let hash = self.hash.of(&key);
        let Some(at) = self.segment(hash).find(&key, hash) else { return false };
        self.remove_at(hash, at);
        true
    }

    /// Removes a record of the segment that has a hash.
    #[inline]
    fn remove_at(&mut self, hash: u64, at: usize) {
        let left = self.change(hash, |segment| {
            segment.remove(at);
            segment.len()
        });
        if left <= FEW_RECORDS && left.is_multiple_of(16) {
            self.merge(hash);
        }
    }

    /// Gives the record of `element` another time to live, or none of its own: whether it is there.
    pub fn set_expiry(
        &mut self,
        element: Element<'_>,
        expire_at: Option<i64>,
    ) -> Result<bool, Refused> {
        let Some(key) = Parts::of_element(element) else { return Ok(false) };
        let hash = self.hash.of(&key);
        let Some(at) = self.segment(hash).find(&key, hash) else { return Ok(false) };
        self.change(hash, |segment| segment.set_expiry(at, expire_at))?;
        self.split(hash);
        Ok(true)
    }

    /// Gives back memory that was kept for more records, which are not expected.
    pub fn settle(&mut self) {
        for page in self.pages.items_mut() {
            page.segments.items_mut().for_each(Segment::settle);
        }
        let segments = self.pages.items().iter().flat_map(|page| page.segments.items());
        self.segment_bytes = segments.map(|segment| segment.heap_bytes()).sum();
    }

    /// Has `mover` see to all parts from a place on, until it is tired: the place to go on at.
    pub fn compact(&mut self, from: u64, mover: &mut Mover<'_>) -> Option<u64> {
        let (first, within) = ((from >> u32::BITS) as usize, from as u32 as usize);
        let hollow = || Page { depth: 0, segments: Directory::hollow() };
        let next = self.pages.compact(first, mover, hollow, |page, index, mover| {
            let from = if index == first { within } else { 0 };
            let compact = |segment: &mut Segment<K>, _, mover: &mut Mover<'_>| {
                segment.compact(mover);
                None
            };
            let next = page.segments.compact(from, mover, || Segment::new(0), compact);
            next.map(|(segment, _)| segment)
        });
        next.map(|(page, segment)| (page as u64) << u32::BITS | segment as u64)
    }

    #[inline]
    fn segment(&self, hash: u64) -> &Segment<K> {
        self.pages.find(hash).segment(hash)
    }

    /// Changes the segment that has a hash, and what is known of all.
    #[inline]
    fn change<R>(&mut self, hash: u64, change: impl FnOnce(&mut Segment<K>) -> R) -> R {
        // Before it is copied, as a copy has no spare room.
        let bytes = self.segment(hash).heap_bytes();
        let page = self.pages.find_mut(hash);
        let segment = page.segments.find_mut(hash << page.depth);
        let (len, timed) = (segment.len(), segment.timed());
        let result = change(segment);
        self.len = self.len - len + segment.len();
        self.timed = self.timed - timed + segment.timed();
        self.segment_bytes = self.segment_bytes - bytes + segment.heap_bytes();
        result
    }

    /// Divides the segment that has a hash, if it is large.
    #[inline]
    fn split(&mut self, hash: u64) {
        let segment = self.segment(hash);
        if segment.is_large() && segment.depth() < MAX_DEPTH {
            self.split_large(hash);
        }
    }

    #[cold]
    fn split_large(&mut self, hash: u64) {
        let page = self.pages.find(hash);
        if page.segment(hash).depth() - page.depth >= PAGE_BITS {
            let (low, high) = page.divide();
            self.pages.split(hash, page.depth, low, high);
        }
        let page = self.pages.find_mut(hash);
        let segment = page.segment(hash);
        let (low, high) = segment.divide(self.hash);
        self.segment_bytes += low.heap_bytes() + high.heap_bytes();
        self.segment_bytes -= segment.heap_bytes();
        page.segments.split(hash << page.depth, segment.depth() - page.depth, low, high);
    }

    /// Makes one of the segment that has a hash and its neighbour, and of their pages, where all is
    /// small.
    #[cold]
    fn merge(&mut self, hash: u64) {
        if let Some(merged) = self.pages.find(hash).merged(hash) {
            let page = self.pages.find_mut(hash);
            let depth = merged.depth() + 1;
            let neighbour = hash ^ (1 << (64 - depth));
            self.segment_bytes += merged.heap_bytes();
            self.segment_bytes -= page.segment(hash).heap_bytes();
            self.segment_bytes -= page.segment(neighbour).heap_bytes();
            page.segments.merge(hash << page.depth, depth - page.depth, merged);
        }
        let page = self.pages.find(hash);
        if page.depth > 0 {
            let bit = 1 << (64 - page.depth);
            let neighbour = self.pages.find(hash ^ bit);
            if page.can_merge(neighbour) {
                let depth = page.depth;
                let (low, high) = in_order(hash, bit, page, neighbour);
                let segments = low.segments.join(&high.segments);
                self.pages.merge(hash, depth, Page { depth: depth - 1, segments });
            }
        }
    }
}

impl<K: Kind> Page<K> {
    #[inline]
    fn segment(&self, hash: u64) -> &Segment<K> {
        self.segments.find(hash << self.depth)
    }

    fn divide(&self) -> (Self, Self) {
        let (low, high) = self.segments.divide();
        let depth = self.depth + 1;
        (Page { depth, segments: low }, Page { depth, segments: high })
    }

    fn can_merge(&self, other: &Self) -> bool {
        let is_small = |page: &Self| {
            page.segments.items().len() <= MERGED_SEGMENTS && page.segments.bits() < PAGE_BITS
        };
        self.depth == other.depth && is_small(self) && is_small(other)
    }

    /// One of the segment that has a hash and its neighbour, where both are small.
    fn merged(&self, hash: u64) -> Option<Segment<K>> {
        let segment = self.segment(hash);
        if segment.depth() <= self.depth {
            return None;
        }
        let bit = 1 << (64 - segment.depth());
        let neighbour = self.segment(hash ^ bit);
        let can = neighbour.depth() == segment.depth() && segment.can_merge(neighbour);
        can.then(|| {
            let (low, high) = in_order(hash, bit, segment, neighbour);
            low.merge(high)
        })
    }
}

/// Two neighbours by their hashes, of which the first has `hash`, and which differ in `bit`.
fn in_order<T>(hash: u64, bit: u64, first: T, second: T) -> (T, T) {
    if hash & bit == 0 { (first, second) } else { (second, first) }
}
