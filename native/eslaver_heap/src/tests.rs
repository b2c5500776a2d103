use std::alloc::Layout;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::thread;

use crate::heap::{Block, Heap};

/// xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

fn fill(block: Block, with: u8) {
    unsafe { block.start.write_bytes(with, block.size) }
}

fn is_filled(block: Block, with: u8) -> bool {
    let bytes = unsafe { std::slice::from_raw_parts(block.start.as_ptr(), block.size) };
    bytes.iter().all(|&byte| byte == with)
}

/// Has `count` random blocks come, stay for a while and go; each keeps its content.
fn churn(heap: &Heap, seed: u64, count: usize) {
    let mut random = Random(seed);
    let mut blocks: Vec<(Block, u8)> = Vec::new();
    for number in 0..count {
        if blocks.len() > 200 || (!blocks.is_empty() && random.below(3) == 0) {
            let (block, content) = blocks.swap_remove(random.below(blocks.len()));
            assert!(is_filled(block, content));
            assert_eq!(unsafe { heap.size_of(block.start) }, block.size);
            assert_eq!(unsafe { heap.free(block.start) }, block.size);
        } else {
            let bits = random.below(if cfg!(miri) { 9 } else { 17 });
            let (size, align) = (1 + random.below(1 << bits), 1 << random.below(5));
            let block = heap.allocate(layout(size, align)).unwrap();
            assert!(heap.owns(block.start.addr().get()));
            assert_eq!((block.start.addr().get() % align, block.size >= size), (0, true));
            fill(block, number as u8);
            blocks.push((block, number as u8));
        }
    }
    for (block, content) in blocks {
        assert!(is_filled(block, content));
        unsafe { heap.free(block.start) };
    }
}

#[test]
fn blocks_keep_their_content_on_many_threads() {
    static HEAP: Heap = Heap::new();
    let heap = &HEAP;
    let count = if cfg!(miri) { 150 } else { 30_000 };
    let threads: Vec<_> =
        (1..5).map(|seed| thread::spawn(move || churn(&HEAP, seed, count))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(heap.live(), 0);
    let held = heap.held();
    assert_eq!((heap.purge(), heap.held()), (held, 0));
}

#[test]
fn what_is_not_for_slabs_is_left_to_others() {
    static HEAP: Heap = Heap::new();
    let heap = &HEAP;
    for (size, align) in [((64 << 10) + 1, 1), (100, 32), (0, 1)] {
        assert_eq!(heap.allocate(layout(size, align)), None);
        assert_eq!(Heap::size_for(layout(size, align)), None);
    }
    assert!(!heap.owns(0) && !heap.owns(usize::MAX) && !heap.is_sparse(8));
    assert_eq!((heap.held(), heap.live()), (0, 0));
}

#[test]
fn threads_free_what_others_have_allocated() {
    static HEAP: Heap = Heap::new();
    let heap = &HEAP;
    let count = if cfg!(miri) { 50 } else { 5000 };
    let blocks: Vec<Block> =
        (0..count).map(|n| heap.allocate(layout(n % 500 + 1, 1)).unwrap()).collect();
    let addresses: Vec<usize> =
        blocks.iter().map(|block| block.start.as_ptr().expose_provenance()).collect();
    thread::spawn(move || {
        for address in addresses {
            let block = NonNull::new(std::ptr::with_exposed_provenance_mut(address)).unwrap();
            unsafe { HEAP.free(block) };
        }
    })
    .join()
    .unwrap();
    assert_eq!(heap.live(), 0);
}

/// Blocks of which few are left, scattered, come to take little more memory than they have.
#[test]
fn sparse_slabs_are_emptied() {
    static HEAP: Heap = Heap::new();
    let heap = &HEAP;
    let count = if cfg!(miri) { 600 } else { 100_000 };
    let size = 480;
    let mut random = Random(7);
    let mut blocks: HashMap<usize, Block> = HashMap::new();
    for number in 0..count {
        let block = heap.allocate(layout(size, 8)).unwrap();
        fill(block, number as u8);
        blocks.insert(number, block);
    }
    assert_eq!(heap.mark_sparse(), 0);
    let held = heap.held();
    for number in 0..count {
        if random.below(10) > 0 {
            unsafe { heap.free(blocks.remove(&number).unwrap().start) };
        }
    }
    heap.purge();
    // The blocks lie everywhere.
    assert!(heap.held() > held * 9 / 10);
    assert_eq!(heap.mark_sparse(), heap.live());
    for (number, block) in &mut blocks {
        if heap.is_sparse(block.start.addr().get()) {
            let new = heap.allocate(layout(size, 8)).unwrap();
            assert!(!heap.is_sparse(new.start.addr().get()));
            assert!(is_filled(*block, *number as u8));
            fill(new, *number as u8);
            unsafe { heap.free(block.start) };
            *block = new;
        }
    }
    heap.clear_sparse();
    assert!(heap.purge() > 0);
    assert_eq!(heap.live(), blocks.len() * size);
    assert!(heap.held() <= heap.live() + (64 << 10), "{} {}", heap.held(), heap.live());
    assert!(blocks.iter().all(|(number, block)| is_filled(*block, *number as u8)));
}

/// Slabs whose blocks nobody moves take part again.
#[test]
fn slabs_that_were_not_emptied_are_used_again() {
    static HEAP: Heap = Heap::new();
    let heap = &HEAP;
    let count = 64 * 64;
    let size = 1000;
    let blocks: Vec<Block> = (0..count).map(|_| heap.allocate(layout(size, 1)).unwrap()).collect();
    let (kept, freed): (Vec<_>, Vec<_>) =
        blocks.into_iter().enumerate().partition(|(number, _)| number % 2 == 0);
    freed.iter().for_each(|(_, block)| {
        unsafe { heap.free(block.start) };
    });
    let held = heap.held();
    assert!(heap.mark_sparse() > 0);
    heap.clear_sparse();
    assert!(kept.iter().all(|(_, block)| !heap.is_sparse(block.start.addr().get())));
    freed.iter().for_each(|_| {
        heap.allocate(layout(size, 1)).unwrap();
    });
    assert_eq!(heap.held(), held);
}

/// Memory that one size has left is used for another.
#[test]
fn empty_slabs_are_used_for_other_sizes() {
    static HEAP: Heap = Heap::new();
    let heap = &HEAP;
    let count = if cfg!(miri) { 300 } else { 3000 };
    let blocks: Vec<Block> = (0..count).map(|_| heap.allocate(layout(640, 1)).unwrap()).collect();
    blocks.iter().for_each(|block| {
        unsafe { heap.free(block.start) };
    });
    let held = heap.held();
    (0..count / 2).for_each(|_| {
        heap.allocate(layout(320, 1)).unwrap();
    });
    assert!(heap.held() <= held, "{} {held}", heap.held());
}
