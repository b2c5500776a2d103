//! The memory of a keyspace: blocks of up to 64 KB in *slabs*, each of which has blocks of one size.
//!
//! After deletes and changes of size, small blocks in use lie everywhere, and no allocator can give the
//! pages between them back. Here the slabs tell how full they are. [`Heap::mark_sparse`] chooses those
//! that are worth emptying; nothing is allocated in them any more, [`Heap::is_sparse`] names their
//! blocks, and whoever owns those allocates them anew and frees the old ones. Slabs that are empty
//! are used for any size, or given back to the system: [`Heap::purge`].
//!
//! | module | is |
//! |---|---|
//! | `class` | sizes of blocks |
//! | `slab` | the blocks of one slab, and lists of slabs |
//! | `area` | the memory that slabs are cut from |
//! | `pages` | what the system gives and takes |
//! | `lock` | a lock that allocates nothing |
//!
//! No block has a header, so small blocks take less than with most allocators. Every size has a lock
//! of its own, which is held for some nanoseconds.

mod area;
mod class;
mod heap;
mod lock;
mod pages;
mod slab;
#[cfg(test)]
mod tests;

pub use heap::{Block, Heap};
