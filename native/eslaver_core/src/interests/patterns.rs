//! Who wants which keys: a key that is named in full is looked up, and so is what a pattern begins
//! with. Only patterns that begin alike are tried one by one, and those that begin with anything.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use foldhash::quality::RandomState;

use super::ids::{IdSet, Ids};
use crate::filter::Filter;
use crate::glob::Glob;

type Map<K, V> = HashMap<K, V, RandomState>;

/// Who wants which keys.
#[derive(Debug)]
pub(super) struct Patterns<I> {
    every: IdSet<I>,
    names: Map<Box<[u8]>, IdSet<I>>,
    /// By length, and then by what a pattern begins with; at length 0, anything.
    starts: BTreeMap<usize, Map<Box<[u8]>, Start<I>>>,
}

/// Patterns that begin alike.
#[derive(Debug)]
struct Start<I> {
    /// Whatever comes behind it.
    any: IdSet<I>,
    globs: Map<Glob, IdSet<I>>,
}

impl<I> Default for Patterns<I> {
    fn default() -> Self {
        Self { every: IdSet::default(), names: Map::default(), starts: BTreeMap::new() }
    }
}

impl<I> Default for Start<I> {
    fn default() -> Self {
        Self { any: IdSet::default(), globs: Map::default() }
    }
}

/// A pattern, by what it takes to match it.
enum Form<'a> {
    /// Only this key matches.
    Name(&'a [u8]),
    /// Keys match that begin so.
    Prefix(&'a [u8]),
    /// Keys that begin so may match. The length of the rest of the pattern.
    Glob(&'a [u8], usize),
}

fn form(glob: &Glob) -> Form<'_> {
    match glob.split() {
        (name, b"") => Form::Name(name),
        (start, b"*") => Form::Prefix(start),
        (start, rest) => Form::Glob(start, rest.len()),
    }
}

impl<I: Copy + Ord> Patterns<I> {
    /// Adds to `steps` the bytes of further patterns that have to be tried.
    pub(super) fn add(&mut self, id: I, filter: &Filter, steps: &mut usize) {
        let Some(globs) = &filter.keys else {
            return self.every.add(id);
        };
        for glob in globs {
            match form(glob) {
                Form::Name(name) => self.names.entry(name.into()).or_default().add(id),
                Form::Prefix(start) => self.start(start).any.add(id),
                Form::Glob(start, length) => {
                    let ids = self.start(start).globs.entry(glob.clone()).or_default();
                    *steps += if ids.is_empty() { length } else { 0 };
                    ids.add(id);
                }
            }
        }
    }

    fn start(&mut self, start: &[u8]) -> &mut Start<I> {
        self.starts.entry(start.len()).or_default().entry(start.into()).or_default()
    }

    pub(super) fn remove(&mut self, id: I, filter: &Filter, steps: &mut usize) {
        let Some(globs) = &filter.keys else {
            return self.every.remove(id);
        };
        for glob in globs {
            match form(glob) {
                Form::Name(name) => remove_from(&mut self.names, name, id),
                Form::Prefix(start) => self.change(start, |of_start| of_start.any.remove(id)),
                Form::Glob(start, length) => self.change(start, |of_start| {
                    let before = of_start.globs.len();
                    remove_from(&mut of_start.globs, glob, id);
                    *steps -= length * (before - of_start.globs.len());
                }),
            }
        }
    }

    /// Takes something away from what begins so.
    fn change(&mut self, start: &[u8], change: impl FnOnce(&mut Start<I>)) {
        let Some(starts) = self.starts.get_mut(&start.len()) else { return };
        let Some(of_start) = starts.get_mut(start) else { return };
        change(of_start);
        if of_start.any.is_empty() && of_start.globs.is_empty() {
            starts.remove(start);
            if starts.is_empty() {
                self.starts.remove(&start.len());
            }
        }
    }

    #[inline]
    pub(super) fn find(&self, key: &[u8], found: &mut Ids<I>) {
        found.extend(&self.every);
        if !self.names.is_empty()
            && let Some(ids) = self.names.get(key)
        {
            found.extend(ids);
        }
        for (&length, starts) in self.starts.range(..=key.len()) {
            let start = key.get(..length).and_then(|start| starts.get(start));
            if let Some(start) = start {
                start.find(key, found);
            }
        }
    }
}

impl<I: Copy + Ord> Start<I> {
    fn find(&self, key: &[u8], found: &mut Ids<I>) {
        found.extend(&self.any);
        for (_, ids) in self.globs.iter().filter(|(glob, _)| glob.matches(key)) {
            found.extend(ids);
        }
    }
}

/// Takes an id out of the set of `key`, which goes when it is empty.
fn remove_from<K, Q, I>(sets: &mut Map<K, IdSet<I>>, key: &Q, id: I)
where
    K: Borrow<Q> + Eq + Hash,
    Q: Eq + Hash + ?Sized,
    I: Copy + Ord,
{
    if let Some(ids) = sets.get_mut(key) {
        ids.remove(id);
        if ids.is_empty() {
            sets.remove(key);
        }
    }
}
