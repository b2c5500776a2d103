//! A tree from records that come in order. Its leaves are full.

use super::node::{Child, FANOUT, Inner, Node};
use super::{Leaf, Tree};
use std::fmt;
use std::sync::Arc;

/// Builds a tree: see [`Builder::push`].
pub struct Builder<L: Leaf> {
    leaf: L,
    /// For each depth, the leaves' first, the nodes that have no parent yet: up to [`FANOUT`].
    levels: Vec<Vec<Child<L>>>,
}

impl<L: Leaf> Default for Builder<L> {
    fn default() -> Self {
        Self { leaf: L::default(), levels: Vec::new() }
    }
}

impl<L: Leaf> fmt::Debug for Builder<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

impl<L: Leaf> Builder<L> {
    /// A builder of an empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a record: `insert` puts it at the index of the leaf that it is given.
    pub fn push<R>(&mut self, insert: impl FnOnce(&mut L, usize) -> R) -> R {
        let len = self.leaf.len();
        let result = insert(&mut self.leaf, len);
        if self.leaf.fill() > L::FULL && len > 0 {
            let tail = self.leaf.split_off(len);
            let mut full = std::mem::replace(&mut self.leaf, tail);
            full.settle();
            self.add(0, Child::new(Node::leaf(full)));
        }
        result
    }

    /// The tree.
    pub fn finish(mut self) -> Tree<L> {
        if !self.leaf.is_empty() {
            let mut last = std::mem::take(&mut self.leaf);
            last.settle();
            self.add(0, Child::new(Node::leaf(last)));
        }
        let mut depth = 0;
        while depth + 1 < self.levels.len() {
            let children = std::mem::take(&mut self.levels[depth]);
            if !children.is_empty() {
                self.add(depth + 1, parent(children));
            }
            depth += 1;
        }
        match self.levels.pop() {
            None => Tree::new(),
            Some(children) => {
                let mut tree = Tree { root: parent(children).node };
                tree.lower();
                tree
            }
        }
    }

    fn add(&mut self, depth: usize, child: Child<L>) {
        if depth == self.levels.len() {
            self.levels.push(Vec::new());
        }
        let level = &mut self.levels[depth];
        if level.len() == FANOUT {
            let full = std::mem::take(level);
            level.push(child);
            self.add(depth + 1, parent(full));
        } else {
            level.push(child);
        }
    }
}

fn parent<L: Leaf>(children: Vec<Child<L>>) -> Child<L> {
    Child::new(Node::Inner(Arc::new(Inner::new(children))))
}
