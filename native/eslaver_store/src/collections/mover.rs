//! Moves parts of values away from where they lie, if they are not to stay there, so that memory can
//! be given back.

use std::sync::Arc;

/// What looking at a part costs, in bytes that could be moved instead.
const LOOK: usize = 128;

/// Allocates anew what lies in places that are to be emptied.
pub struct Mover<'a> {
    is_sparse: &'a dyn Fn(usize) -> bool,
    /// How many bytes may still be moved.
    left: usize,
}

impl std::fmt::Debug for Mover<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mover").field("left", &self.left).finish_non_exhaustive()
    }
}

impl<'a> Mover<'a> {
    /// Moves blocks that are at addresses of which `is_sparse` is true, until that were about `most`
    /// bytes.
    pub fn new(is_sparse: &'a dyn Fn(usize) -> bool, most: usize) -> Self {
        Self { is_sparse, left: most }
    }

    /// Whether it has moved as much as it may. What is handed to it is still moved.
    pub fn is_tired(&self) -> bool {
        self.left == 0
    }

    /// Whether a block is to be moved.
    pub fn wants<T>(&mut self, at: *const T, bytes: usize) -> bool {
        let wants = bytes > 0 && (self.is_sparse)(at.addr());
        self.left = self.left.saturating_sub(LOOK + if wants { bytes } else { 0 });
        wants
    }

    /// Sees to bytes.
    pub fn bytes(&mut self, bytes: &mut Box<[u8]>) {
        if self.wants(bytes.as_ptr(), bytes.len()) {
            *bytes = bytes.clone();
        }
    }

    /// Sees to a vector, which keeps its capacity. What its items own is not looked at.
    pub fn vec<T>(&mut self, vec: &mut Vec<T>) {
        if self.wants(vec.as_ptr(), vec.capacity() * size_of::<T>()) {
            let mut moved = Vec::with_capacity(vec.capacity());
            moved.append(vec);
            *vec = moved;
        }
    }

    /// Sees to a box, and has `inside` see to what its content owns.
    pub fn boxed<T: Default>(
        &mut self,
        boxed: &mut Box<T>,
        inside: impl FnOnce(&mut T, &mut Self),
    ) {
        inside(boxed, self);
        if self.wants(&raw const **boxed, size_of::<T>()) {
            let moved = Box::new(std::mem::take(&mut **boxed));
            drop(std::mem::replace(boxed, moved));
        }
    }

    /// Sees to what is not shared at this time, and has `inside` see to what that owns: its result.
    /// For a moment `hollow` stands where the content was.
    pub fn shared<T, R>(
        &mut self,
        shared: &mut Arc<T>,
        hollow: impl FnOnce() -> T,
        inside: impl FnOnce(&mut T, &mut Self) -> R,
    ) -> Option<R> {
        let wants = self.wants(Arc::as_ptr(shared), size_of::<T>());
        let content = Arc::get_mut(shared)?;
        let result = inside(content, self);
        if wants {
            let content = std::mem::replace(content, hollow());
            *shared = Arc::new(content);
        }
        Some(result)
    }
}
