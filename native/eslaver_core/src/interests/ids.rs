//! Sets of ids: small ones mostly, whose ids come in ascending order.

/// A set of ids, in ascending order.
#[derive(Debug, Clone)]
pub(super) struct IdSet<I>(Vec<I>);

impl<I> Default for IdSet<I> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<I: Copy + Ord> IdSet<I> {
    pub(super) fn add(&mut self, id: I) {
        if let Err(at) = self.0.binary_search(&id) {
            self.0.insert(at, id);
        }
    }

    pub(super) fn remove(&mut self, id: I) {
        if let Ok(at) = self.0.binary_search(&id) {
            self.0.remove(at);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Ids found in several sets.
#[derive(Debug)]
pub(super) struct Ids<I> {
    ids: Vec<I>,
    /// Whether they are of one set.
    is_one: bool,
    /// They have been taken, and the next begin anew.
    is_taken: bool,
}

impl<I> Default for Ids<I> {
    fn default() -> Self {
        Self { ids: Vec::new(), is_one: true, is_taken: false }
    }
}

impl<I: Copy + Ord> Ids<I> {
    pub(super) fn extend(&mut self, set: &IdSet<I>) {
        if std::mem::take(&mut self.is_taken) {
            self.ids.clear();
            self.is_one = true;
        }
        if !set.0.is_empty() {
            self.is_one &= self.ids.is_empty();
            self.ids.extend_from_slice(&set.0);
        }
    }

    /// What was found since this was called last: each id once, if there is any.
    pub(super) fn take(&mut self) -> Option<&[I]> {
        if self.is_taken || self.ids.is_empty() {
            return None;
        }
        self.is_taken = true;
        if !self.is_one {
            self.ids.sort_unstable();
            self.ids.dedup();
        }
        Some(&self.ids)
    }
}
