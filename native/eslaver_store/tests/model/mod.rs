//! A naive keyspace of plain maps and vectors, random commands for it, and what is read of a store
//! beside it. The fuzz crate has it, too.
//!
//! Nobody asks a master whether a command succeeds: the model says so, and a command that it refuses is
//! not applied to the store.
#![allow(dead_code, reason = "each of those that include it uses a part of it")]

pub(crate) mod commands;
pub(crate) mod compare;
mod keys;
mod lists;
mod maps;
mod strings;

use std::collections::{BTreeMap, BTreeSet};

/// When all commands come, in ms since the epoch.
pub(crate) const NOW: i64 = 1_000_000;

/// A command: the database, the name in lower case, and the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) db: u32,
    pub(crate) name: &'static str,
    pub(crate) args: Vec<Vec<u8>>,
}

/// Elements with times of their own.
pub(crate) type Timed<T> = BTreeMap<Vec<u8>, (T, Option<i64>)>;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    String(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(Timed<()>),
    Hash(Timed<Vec<u8>>),
}

/// A value, and when its key expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) value: Value,
    pub(crate) expire_at: Option<i64>,
}

/// A keyspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) keys: BTreeMap<(u32, Vec<u8>), Held>,
}

/// What a command comes to; a master refuses it otherwise.
type Done = Option<()>;

impl Model {
    /// Applies a command: whether a master would have.
    pub(crate) fn apply(&mut self, command: &Command) -> bool {
        let before = self.keys.clone();
        let done = Change { model: self, db: command.db, args: &command.args }.apply(command.name);
        if done.is_none() {
            self.keys = before;
        }
        done.is_some()
    }

    /// The numbers of the databases that have keys.
    pub(crate) fn dbs(&self) -> BTreeSet<u32> {
        self.keys.keys().map(|(db, _)| *db).collect()
    }
}

/// A command that is being applied.
struct Change<'a> {
    model: &'a mut Model,
    db: u32,
    args: &'a [Vec<u8>],
}

impl<'a> Change<'a> {
    fn apply(&mut self, name: &str) -> Done {
        self.of_string(name)
            .or_else(|| self.of_list(name))
            .or_else(|| self.of_set(name))
            .or_else(|| self.of_hash(name))
            .or_else(|| self.of_key(name))?
    }

    fn arg(&self, index: usize) -> Option<&'a [u8]> {
        self.args.get(index).map(Vec::as_slice)
    }

    fn rest(&self, index: usize) -> &'a [Vec<u8>] {
        self.args.get(index..).unwrap_or_default()
    }

    fn int(&self, index: usize) -> Option<i64> {
        number(self.arg(index)?)
    }

    fn get(&self, key: &[u8]) -> Option<&Held> {
        self.model.keys.get(&(self.db, key.to_vec()))
    }

    fn get_mut(&mut self, key: &[u8]) -> Option<&mut Held> {
        self.model.keys.get_mut(&(self.db, key.to_vec()))
    }

    /// With an empty collection the key is removed.
    fn put(&mut self, key: &[u8], held: Held) {
        let key = (self.db, key.to_vec());
        match held.value.is_empty() {
            true => self.model.keys.remove(&key),
            false => self.model.keys.insert(key, held),
        };
    }

    fn put_value(&mut self, key: &[u8], value: Value) {
        self.put(key, Held { value, expire_at: None });
    }

    /// Removes the first key of the command if it is empty.
    fn tidy(&mut self, key: &[u8]) {
        if let Some(held) = self.get(key).cloned() {
            self.put(key, held);
        }
    }
}

impl Value {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::String(_) => false,
            Self::List(list) => list.is_empty(),
            Self::Set(set) => set.is_empty(),
            Self::Hash(hash) => hash.is_empty(),
        }
    }
}

/// An integer as servers take it.
pub(crate) fn number(text: &[u8]) -> Option<i64> {
    let value: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (value.to_string().as_bytes() == text).then_some(value)
}
