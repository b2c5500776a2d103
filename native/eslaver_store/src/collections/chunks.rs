//! A long string in chunks, so that a change beside a reader copies little and none copies all.
//!
//! Chunks lie in pages, pages in one list. Each of the three is shared until it changes. A chunk
//! stores its bytes up to the last one that was written, a page its chunks likewise: what is not
//! stored is zero. So a bit set far beyond the end takes little memory.

use std::ops::Range;
use std::sync::Arc;

use super::mover::Mover;

/// The bytes of a chunk.
const CHUNK: usize = 8192;
/// The chunks of a page.
const PAGE: usize = 128;
/// The two reference counts of an `Arc`, and a vector.
const SHARED_VEC: usize = 2 * size_of::<usize>() + size_of::<Vec<u8>>();
static ZEROS: [u8; CHUNK] = [0; CHUNK];

/// A long string. A clone shares all of it and costs one reference count.
#[derive(Debug, Default, Clone)]
pub struct Chunks {
    pages: Arc<Vec<Arc<Page>>>,
    len: u64,
    /// The bytes allocated for the pages and what is below them.
    below: usize,
}

#[derive(Debug, Default, Clone)]
struct Page {
    /// `None` is all zeros. So is the rest of a chunk behind its bytes.
    chunks: Vec<Option<Arc<Vec<u8>>>>,
    /// The bytes allocated for the chunks.
    below: usize,
}

impl Chunks {
    /// An empty string.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes allocated, shared ones included; from a count that is kept. Zeros that were never
    /// written are not.
    pub fn heap_bytes(&self) -> usize {
        SHARED_VEC + self.pages.capacity() * size_of::<Arc<Page>>() + self.below
    }

    /// Whether a copy has its pages: the parts of the two may still differ further down.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.pages) > 1
    }

    /// The byte at `index`.
    pub fn get(&self, index: u64) -> Option<u8> {
        let (page, chunk, byte) = place(index);
        let stored = || self.pages.get(page)?.chunk(chunk).get(byte).copied();
        (index < self.len).then(|| stored().unwrap_or(0))
    }

    /// The bytes of a range, as far as they exist, in slices none of which is empty.
    pub fn slices(&self, range: Range<u64>) -> Slices<'_> {
        let to = range.end.min(self.len);
        Slices { chunks: self, from: range.start.min(to), to }
    }

    /// The bytes of a range, as far as they exist.
    pub fn to_vec(&self, range: Range<u64>) -> Vec<u8> {
        let slices = self.slices(range);
        let mut bytes = Vec::with_capacity((slices.to - slices.from) as usize);
        slices.for_each(|slice| bytes.extend_from_slice(slice));
        bytes
    }

    /// Puts `bytes` at `index` and behind. A gap between the end and `index` becomes zeros.
    pub fn write(&mut self, index: u64, bytes: &[u8]) {
        let mut rest = bytes;
        let mut at = index;
        while !rest.is_empty() {
            let (page, chunk, byte) = place(at);
            let (now, later) = rest.split_at(rest.len().min(CHUNK - byte));
            self.change_page(page, |page| page.write(chunk, byte, now));
            at += now.len() as u64;
            rest = later;
        }
        self.len = self.len.max(at);
    }

    /// Puts `bytes` behind the end.
    pub fn append(&mut self, bytes: &[u8]) {
        self.write(self.len, bytes);
    }

    /// Cuts the string, or appends zeros to it.
    pub fn set_len(&mut self, len: u64) {
        if len < self.len {
            let (page, chunk, byte) = place(len);
            if page < self.pages.len() {
                for gone in self.pages.iter().skip(page + 1) {
                    self.below -= gone.heap_bytes();
                }
                Arc::make_mut(&mut self.pages).truncate(page + 1);
                self.change_page(page, |page| page.truncate(chunk, byte));
            }
        }
        self.len = len;
    }

    /// Has `mover` see to all parts from a chunk on, until it is tired: the chunk to go on at.
    pub fn compact(&mut self, from: u64, mover: &mut Mover<'_>) -> Option<u64> {
        let (mut page, mut chunk) = (from as usize / PAGE, from as usize % PAGE);
        mover.shared(&mut self.pages, Vec::new, |pages, mover| {
            mover.vec(pages);
            while let Some(shared) = pages.get_mut(page) {
                let compact = |page: &mut Page, mover: &mut Mover<'_>| page.compact(chunk, mover);
                if let Some(next) = mover.shared(shared, Page::default, compact).flatten() {
                    return Some((page * PAGE + next) as u64);
                }
                (page, chunk) = (page + 1, 0);
            }
            None
        })?
    }

    /// Changes a page, which is there then, and what is counted of it.
    fn change_page(&mut self, index: usize, change: impl FnOnce(&mut Page)) {
        let pages = Arc::make_mut(&mut self.pages);
        if index >= pages.len() {
            let empty = Arc::new(Page::default());
            self.below += empty.heap_bytes();
            // The pages of a gap share one that is empty; each is counted as if it were its own.
            self.below += (index - pages.len()) * empty.heap_bytes();
            pages.resize(index + 1, empty);
        }
        // It was made sure that the page exists.
        let page = &mut pages[index];
        // A copy may have another capacity.
        self.below -= page.heap_bytes();
        let page = Arc::make_mut(page);
        change(page);
        self.below += page.heap_bytes();
    }
}

impl From<&[u8]> for Chunks {
    fn from(bytes: &[u8]) -> Self {
        let mut chunks = Self::new();
        chunks.append(bytes);
        chunks
    }
}

impl Page {
    fn heap_bytes(&self) -> usize {
        SHARED_VEC + self.chunks.capacity() * size_of::<Option<Arc<Vec<u8>>>>() + self.below
    }

    /// See [`Chunks::compact`].
    fn compact(&mut self, from: usize, mover: &mut Mover<'_>) -> Option<usize> {
        mover.vec(&mut self.chunks);
        for (index, chunk) in self.chunks.iter_mut().enumerate().skip(from) {
            if index > from && mover.is_tired() {
                return Some(index);
            }
            if let Some(chunk) = chunk {
                mover.shared(chunk, Vec::new, |bytes, mover| mover.vec(bytes));
            }
        }
        None
    }

    /// What is stored of a chunk.
    fn chunk(&self, index: usize) -> &[u8] {
        match self.chunks.get(index) {
            Some(Some(chunk)) => chunk,
            _ => &[],
        }
    }

    /// Writes within one chunk, from `byte` on.
    fn write(&mut self, index: usize, byte: usize, bytes: &[u8]) {
        if index >= self.chunks.len() {
            // Pages that fill from the front grow fourfold; there is no more to copy than 1 KB.
            let len = index + 1;
            if len > self.chunks.capacity() {
                let capacity = (4 * self.chunks.len()).clamp(len, PAGE);
                self.chunks.reserve_exact(capacity - self.chunks.len());
            }
            self.chunks.resize(len, None);
        }
        let end = byte + bytes.len();
        self.change_chunk(index, |chunk| {
            if end > chunk.len() {
                if end > chunk.capacity() {
                    let capacity = (end + end / 8).min(CHUNK);
                    chunk.reserve_exact(capacity - chunk.len());
                }
                chunk.resize(byte.max(chunk.len()), 0);
                let (over, behind) = bytes.split_at(chunk.len() - byte);
                chunk[byte..].copy_from_slice(over);
                chunk.extend_from_slice(behind);
            } else {
                chunk[byte..end].copy_from_slice(bytes);
            }
        });
    }

    /// Leaves `byte` bytes of the chunk at `index`, and none behind it.
    fn truncate(&mut self, index: usize, byte: usize) {
        for gone in self.chunks.drain(self.chunks.len().min(index + 1)..).flatten() {
            self.below -= SHARED_VEC + gone.capacity();
        }
        if matches!(self.chunks.get(index), Some(Some(_))) {
            self.change_chunk(index, |chunk| {
                chunk.truncate(byte);
                chunk.shrink_to_fit();
            });
        }
    }

    /// Changes the chunk at `index`, which is one of the page's, and what is counted of it.
    fn change_chunk(&mut self, index: usize, change: impl FnOnce(&mut Vec<u8>)) {
        let below = &mut self.below;
        let chunk = self.chunks[index].get_or_insert_with(|| {
            *below += SHARED_VEC;
            Arc::default()
        });
        *below -= chunk.capacity();
        let chunk = Arc::make_mut(chunk);
        change(chunk);
        *below += chunk.capacity();
    }
}

/// The page of a byte, its chunk there, and its index within that.
fn place(index: u64) -> (usize, usize, usize) {
    let (chunk, byte) = (index as usize / CHUNK, index as usize % CHUNK);
    (chunk / PAGE, chunk % PAGE, byte)
}

/// The bytes of a range in slices: see [`Chunks::slices`].
#[derive(Debug, Clone)]
pub struct Slices<'a> {
    chunks: &'a Chunks,
    from: u64,
    to: u64,
}

impl<'a> Iterator for Slices<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        if self.from >= self.to {
            return None;
        }
        let (page, chunk, byte) = place(self.from);
        let most = (CHUNK - byte).min((self.to - self.from) as usize);
        let stored = self.chunks.pages.get(page).map_or(&[][..], |page| page.chunk(chunk));
        let slice = match stored.get(byte..).unwrap_or_default() {
            [] => &ZEROS[..most],
            rest => &rest[..most.min(rest.len())],
        };
        self.from += slice.len() as u64;
        Some(slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const PAGE_BYTES: u64 = (PAGE * CHUNK) as u64;

    /// What is allocated, by a walk over all.
    fn counted(chunks: &Chunks) -> usize {
        let mut sum = SHARED_VEC + chunks.pages.capacity() * size_of::<usize>();
        for page in chunks.pages.iter() {
            sum += SHARED_VEC + page.chunks.capacity() * size_of::<usize>();
            for chunk in page.chunks.iter().flatten() {
                sum += SHARED_VEC + chunk.capacity();
            }
        }
        sum
    }

    fn assert_same(chunks: &Chunks, model: &[u8]) {
        assert_eq!(chunks.len(), model.len() as u64);
        assert!(chunks.to_vec(0..u64::MAX) == model);
        assert!(chunks.slices(0..chunks.len()).all(|slice| !slice.is_empty()));
        assert_eq!(chunks.heap_bytes(), counted(chunks));
        for index in (0..model.len() + 2).step_by(997) {
            assert_eq!(chunks.get(index as u64), model.get(index).copied());
            let to = model.len().min(index + 9_000);
            let from = index.min(to);
            assert!(chunks.to_vec(index as u64..to as u64) == model[from..to]);
        }
    }

    #[derive(Debug, Clone)]
    enum Op {
        Write(usize, Vec<u8>),
        Append(Vec<u8>),
        SetLen(usize),
        Clone,
    }

    fn op() -> impl Strategy<Value = Op> {
        let index = || prop_oneof![0usize..40_000, 1_000_000usize..1_200_000];
        let bytes = || {
            prop_oneof![
                vec(any::<u8>(), 0..50),
                (1u8..9, 0usize..20_000).prop_map(|(byte, len)| vec![byte; len])
            ]
        };
        prop_oneof![
            4 => (index(), bytes()).prop_map(|(index, bytes)| Op::Write(index, bytes)),
            4 => bytes().prop_map(Op::Append),
            2 => index().prop_map(Op::SetLen),
            1 => Just(Op::Clone),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn chunks_are_a_vector(ops in vec(op(), 1..20)) {
            let (mut chunks, mut model) = (Chunks::new(), Vec::new());
            let mut clones = Vec::new();
            for op in ops {
                match op {
                    Op::Write(index, bytes) => {
                        chunks.write(index as u64, &bytes);
                        let end = index + bytes.len();
                        model.resize(model.len().max(end), 0);
                        model[index..end].copy_from_slice(&bytes);
                    }
                    Op::Append(bytes) => {
                        chunks.append(&bytes);
                        model.extend(bytes);
                    }
                    Op::SetLen(len) => {
                        chunks.set_len(len as u64);
                        model.resize(len, 0);
                    }
                    Op::Clone => clones.push((chunks.clone(), model.clone())),
                }
            }
            for (chunks, model) in clones.iter().chain([&(chunks, model)]) {
                assert_same(chunks, model);
            }
        }
    }

    #[test]
    fn sizes_around_chunks_and_pages() {
        for around in [0, CHUNK as u64, 4 * CHUNK as u64, PAGE_BYTES, 2 * PAGE_BYTES] {
            for len in around.saturating_sub(1)..=around + 1 {
                let model: Vec<u8> = (0..len).map(|index| (index % 251) as u8).collect();
                let mut chunks = Chunks::from(&model[..]);
                assert_same(&chunks, &model);
                chunks.set_len(len / 2);
                assert_same(&chunks, &model[..len as usize / 2]);
            }
        }
    }

    #[test]
    fn little_is_allocated_beyond_the_bytes() {
        for len in [33_000, 100_000, 1 << 20, 10_000_000] {
            let whole = Chunks::from(&vec![1; len][..]).heap_bytes();
            assert!(whole < len + len / 25, "{len} bytes take {whole}");
            let mut grown = Chunks::new();
            for _ in 0..len / 100 {
                grown.append(&[1; 100]);
            }
            let grown = grown.heap_bytes();
            assert!(grown < len + len / 25, "{len} bytes take {grown}");
        }
    }

    #[test]
    fn a_bit_far_away_takes_little() {
        let mut chunks = Chunks::new();
        chunks.write((1 << 32) / 8 - 1, &[1]);
        assert_eq!(chunks.len(), 1 << 29);
        assert!(chunks.heap_bytes() < 64 << 10, "{}", chunks.heap_bytes());
        assert_eq!(chunks.get(12_345_678), Some(0));
        assert_eq!(chunks.get((1 << 29) - 1), Some(1));
    }

    #[test]
    fn a_clone_shares_what_did_not_change() {
        let mut chunks = Chunks::from(&vec![1; 100 * CHUNK][..]);
        let clone = chunks.clone();
        chunks.write(50 * CHUNK as u64, &[2]);
        let same = chunks.slices(0..chunks.len()).zip(clone.slices(0..clone.len()));
        assert_eq!(same.filter(|(a, b)| std::ptr::eq(*a, *b)).count(), 99);
        assert_eq!(clone.get(50 * CHUNK as u64), Some(1));
    }
}
