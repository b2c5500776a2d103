//! Who wants which commands, and of these which dbs.

use std::collections::HashMap;

use foldhash::quality::RandomState;

use super::ids::{IdSet, Ids};
use super::patterns::Patterns;
use crate::filter::Filter;

type Map<K, V> = HashMap<K, V, RandomState>;

/// Who wants which commands.
#[derive(Debug)]
pub(super) struct Commands<I> {
    any: Dbs<I>,
    /// By name, in lower case.
    named: Map<Box<[u8]>, Dbs<I>>,
    /// See [`Commands::steps`].
    steps: usize,
}

/// Who wants which dbs.
#[derive(Debug)]
struct Dbs<I> {
    /// Also those that want none of them.
    everyone: IdSet<I>,
    any: Db<I>,
    numbered: Map<u32, Db<I>>,
}

/// Who wants a db, and which keys of it.
#[derive(Debug)]
struct Db<I> {
    everyone: IdSet<I>,
    keys: Patterns<I>,
}

/// Who wants a command: any, or this one.
pub(super) struct OfCommand<'a, I>([Option<&'a Dbs<I>>; 2]);

impl<I> Default for Commands<I> {
    fn default() -> Self {
        Self { any: Dbs::default(), named: Map::default(), steps: 0 }
    }
}

impl<I> Default for Dbs<I> {
    fn default() -> Self {
        Self { everyone: IdSet::default(), any: Db::default(), numbered: Map::default() }
    }
}

impl<I> Default for Db<I> {
    fn default() -> Self {
        Self { everyone: IdSet::default(), keys: Patterns::default() }
    }
}

impl<I: Copy + Ord> Commands<I> {
    pub(super) fn add(&mut self, id: I, filter: &Filter) {
        let steps = &mut self.steps;
        match &filter.commands {
            None => self.any.add(id, filter, steps),
            Some(names) => names.iter().for_each(|name| {
                self.named.entry(name.as_slice().into()).or_default().add(id, filter, steps);
            }),
        }
    }

    pub(super) fn remove(&mut self, id: I, filter: &Filter) {
        let steps = &mut self.steps;
        match &filter.commands {
            None => self.any.remove(id, filter, steps),
            Some(names) => names.iter().for_each(|name| {
                if let Some(dbs) = self.named.get_mut(name.as_slice()) {
                    dbs.remove(id, filter, steps);
                    if dbs.everyone.is_empty() {
                        self.named.remove(name.as_slice());
                    }
                }
            }),
        }
    }

    /// The bytes of the patterns that are tried one by one.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Who wants a command, whose name may be in any case, if anybody does.
    #[inline]
    pub(super) fn of(&self, name: &[u8]) -> Option<OfCommand<'_, I>> {
        let any = Some(&self.any).filter(|dbs| !dbs.everyone.is_empty());
        let named = if self.named.is_empty() { None } else { self.named(name) };
        (any.is_some() || named.is_some()).then_some(OfCommand([any, named]))
    }

    fn named(&self, name: &[u8]) -> Option<&Dbs<I>> {
        if name.iter().any(u8::is_ascii_uppercase) {
            self.named.get(name.to_ascii_lowercase().as_slice())
        } else {
            self.named.get(name)
        }
    }
}

impl<I: Copy + Ord> Dbs<I> {
    fn add(&mut self, id: I, filter: &Filter, steps: &mut usize) {
        self.everyone.add(id);
        match &filter.dbs {
            None => self.any.add(id, filter, steps),
            Some(dbs) => dbs.iter().for_each(|&db| {
                self.numbered.entry(db).or_default().add(id, filter, steps);
            }),
        }
    }

    fn remove(&mut self, id: I, filter: &Filter, steps: &mut usize) {
        self.everyone.remove(id);
        match &filter.dbs {
            None => self.any.remove(id, filter, steps),
            Some(dbs) => dbs.iter().for_each(|number| {
                if let Some(db) = self.numbered.get_mut(number) {
                    db.remove(id, filter, steps);
                    if db.everyone.is_empty() {
                        self.numbered.remove(number);
                    }
                }
            }),
        }
    }
}

impl<I: Copy + Ord> Db<I> {
    fn add(&mut self, id: I, filter: &Filter, steps: &mut usize) {
        self.everyone.add(id);
        self.keys.add(id, filter, steps);
    }

    fn remove(&mut self, id: I, filter: &Filter, steps: &mut usize) {
        self.everyone.remove(id);
        self.keys.remove(id, filter, steps);
    }
}

impl<I: Copy + Ord> OfCommand<'_, I> {
    /// Adds those who want this key.
    #[inline]
    pub(super) fn key(&self, db: u32, key: &[u8], ids: &mut Ids<I>) {
        self.each_db(db, |of_db| of_db.keys.find(key, ids));
    }

    /// Adds those who want this db, whatever the keys.
    pub(super) fn db(&self, db: u32, ids: &mut Ids<I>) {
        self.each_db(db, |of_db| ids.extend(&of_db.everyone));
    }

    /// Adds everyone, whatever the dbs.
    pub(super) fn all(&self, ids: &mut Ids<I>) {
        self.0.iter().flatten().for_each(|dbs| ids.extend(&dbs.everyone));
    }

    #[inline]
    fn each_db(&self, number: u32, mut each: impl FnMut(&Db<I>)) {
        for dbs in self.0.iter().flatten() {
            each(&dbs.any);
            if !dbs.numbered.is_empty()
                && let Some(db) = dbs.numbered.get(&number)
            {
                each(db);
            }
        }
    }
}
