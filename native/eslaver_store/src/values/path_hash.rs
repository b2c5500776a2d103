//! Path hashes (Valkey 9.2): the fields of a hash for each path. One without paths is still there.

use crate::collections::element::Element;
use crate::collections::record::{Expiry, Fields, Refused};
use crate::collections::tree::Removed;
use crate::keyspace::entry::{Entry, ValueMut};
use crate::values::bag::{self, Bag};
use crate::values::entries::{EntryLeaf, EntryTree, Place};
use crate::values::{Large, NewValue, ValueRef};

/// A path hash that is only looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathHash<'a>(&'a EntryTree);

impl<'a> PathHash<'a> {
    /// The path hash that a value is, where it is one.
    pub(crate) fn of(value: ValueRef<'a>) -> Option<Self> {
        match value {
            ValueRef::Large(Large::PathHash(paths)) => Some(Self(paths)),
            _ => None,
        }
    }

    /// The number of paths.
    pub(crate) fn len(self) -> u64 {
        self.0.len()
    }

    /// The fields of a path.
    pub(crate) fn fields(self, path: &[u8]) -> Option<Bag<'a, Fields>> {
        self.0.get(path).and_then(|entry| Bag::of(entry.value()))
    }

    /// The paths with their fields, in the order of their bytes.
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'a [u8], Bag<'a, Fields>)> {
        let entries = self.0.entries(0..self.0.len());
        entries.filter_map(|entry| Some((entry.key(), Bag::of(entry.value())?)))
    }

    /// The paths with which a text begins, the longest first.
    pub(crate) fn prefixes(self, text: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        // Whichever is a prefix of `left` is one of the greatest path that is not greater, too.
        let mut left = Some(text);
        std::iter::from_fn(move || {
            loop {
                let now = left?;
                let path = self.0.floor(now)?.key();
                let common = path.iter().zip(now).take_while(|(one, other)| one == other).count();
                if common == path.len() {
                    left = common.checked_sub(1).and_then(|shorter| now.get(..shorter));
                    return Some(path);
                }
                left = now.get(..common);
            }
        })
    }

    /// The paths that begin with a prefix, in the order of their bytes, from the first on or behind
    /// one of them.
    pub(crate) fn scan(
        self,
        behind: Option<&[u8]>,
        prefix: &[u8],
    ) -> impl Iterator<Item = &'a [u8]> {
        let mut ranks = self.0.begin_with(prefix);
        if let Some(path) = behind {
            ranks.start = ranks.start.max(self.0.rank(&Place::behind(path))).min(ranks.end);
        }
        self.0.entries(ranks).map(Entry::key)
    }
}

/// A path hash without paths.
pub(crate) fn new() -> NewValue {
    NewValue::Large(Large::PathHash(EntryTree::new()))
}

/// Gathers the paths of a path hash and their fields.
#[derive(Debug)]
pub(crate) struct PathHashBuilder {
    seed: u64,
    paths: EntryTree,
    path: Option<(Vec<u8>, bag::Builder<Fields>)>,
}

impl PathHashBuilder {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, paths: EntryTree::new(), path: None }
    }

    /// Begins another path.
    pub(crate) fn path(&mut self, path: &[u8]) {
        self.end_path();
        self.path = Some((path.to_vec(), bag::Builder::new(self.seed)));
    }

    /// Sets a field of the path that was begun last.
    pub(crate) fn field(&mut self, name: Element<'_>, value: Element<'_>) -> Result<(), Refused> {
        match &mut self.path {
            Some((_, fields)) => fields.insert(name, value, Expiry::Never).map(drop),
            None => Ok(()),
        }
    }

    fn end_path(&mut self) {
        if let Some((path, fields)) = self.path.take() {
            self.paths.insert(Entry::new(&path, None, fields.finish()));
        }
    }

    pub(crate) fn finish(mut self) -> NewValue {
        self.end_path();
        NewValue::Large(Large::PathHash(self.paths))
    }
}

fn paths(entry: &mut Entry) -> Option<&mut EntryTree> {
    match entry.value_mut() {
        ValueMut::Large(Large::PathHash(paths)) => Some(paths),
        _ => None,
    }
}

/// Sets fields of a path of an entry's path hash.
pub(crate) fn set<'a>(
    entry: &mut Entry,
    seed: u64,
    path: &[u8],
    fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<(), Refused> {
    let Some(paths) = paths(entry) else { return Ok(()) };
    if paths.get(path).is_none() {
        paths.insert(Entry::new(path, None, bag::new::<Fields>()));
    }
    let set = paths.change(path, |hash| {
        fields.into_iter().try_for_each(|(field, value)| {
            let value = Element::Bytes(value);
            bag::insert::<Fields>(hash, seed, field, value, Expiry::Never).map(drop)
        })
    });
    set.unwrap_or(Ok(()))
}

/// Removes a path of an entry's path hash.
pub(crate) fn remove_path(entry: &mut Entry, path: &[u8]) {
    if let Some(paths) = paths(entry) {
        paths.remove(path);
    }
}

/// Removes fields of a path, and the path if it has no other.
pub(crate) fn remove_fields(entry: &mut Entry, path: &[u8], fields: &[&[u8]]) {
    let Some(paths) = paths(entry) else { return };
    let emptied = paths.change(path, |hash| {
        let removed = fields.iter().filter(|field| bag::remove::<Fields>(hash, field)).count();
        removed > 0 && hash.value().is_empty()
    });
    if emptied == Some(true) {
        paths.remove(path);
    }
}

/// Removes the paths that begin so. Parts that take long to drop are given back.
pub(crate) fn remove_prefix(entry: &mut Entry, prefix: &[u8]) -> Option<Removed<EntryLeaf>> {
    let paths = paths(entry)?;
    let ranks = paths.begin_with(prefix);
    Some(paths.remove_range(ranks)).filter(|removed| !removed.is_empty())
}
