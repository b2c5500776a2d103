//! Fills a store with a snapshot.

use std::sync::Arc;

use eslaver_core::filter::Filter;
use eslaver_core::rdb::{Item, Kind, LeftOut, Meta, ModuleField, Sink, StreamId, StreamMeta};

use super::batches::Batches;
use super::draft::{Draft, element};
use crate::collections::chunks::Chunks;
use crate::collections::packed::MOST_BYTES;
use crate::heap::{ForStore, Meter};
use crate::keyspace::entry::Entry;
use crate::keyspace::store::Store;
use crate::save::UnknownKey;
use crate::values::{Large, NewValue, Type, string};

/// A packed collection, and more than an edit reserves beyond it: the buffer never grows.
const BUFFER: usize = MOST_BYTES + 64;

/// Why a key of a snapshot is not kept. Where its value is the reason, it is marked as unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A part of its value is longer than can be kept.
    #[error("a part of a value is longer than can be kept")]
    TooLong,
    /// Its value is not as its type has it, as a vector set's with other fields.
    #[error("a value is not as its type has it")]
    Malformed,
}

/// Puts the keys of a snapshot into a store that nobody reads yet. It has them all when the loader is
/// finished, or dropped.
#[derive(Debug)]
pub struct Loader {
    store: Arc<Store>,
    filter: Option<Filter>,
    key: Vec<u8>,
    meta: Meta,
    /// The value in the making, or a string's entry, which needs no making.
    draft: Option<Draft>,
    string: Option<Entry>,
    /// A long string, as far as it has come.
    long: Option<Chunks>,
    /// What either takes.
    drafted: isize,
    /// Where drafts gather small collections, and what it takes. A draft that has it gives it back
    /// with a value that is packed.
    buffer: Vec<u8>,
    buffer_bytes: isize,
    /// The database whose keys come next, by number, and how many it has.
    expected: Option<(u32, u64)>,
    /// The database that keys come for, by number.
    batches: Option<(u32, Batches)>,
    functions: Vec<Vec<u8>>,
    problems: Vec<(Problem, u64)>,
}

impl Loader {
    /// Fills `store`, which must be empty, with what passes the filter.
    pub fn new(store: Arc<Store>, filter: Option<Filter>) -> Self {
        Self {
            store,
            filter,
            key: Vec::new(),
            meta: Meta::default(),
            draft: None,
            string: None,
            long: None,
            drafted: 0,
            buffer: Vec::new(),
            buffer_bytes: 0,
            expected: None,
            batches: None,
            functions: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The source code of the function libraries that have come.
    pub fn functions(&self) -> &[Vec<u8>] {
        &self.functions
    }

    /// What was not kept, and how often each.
    pub fn problems(&self) -> &[(Problem, u64)] {
        &self.problems
    }

    /// Marks a key as unknown, as it was when the store was saved.
    pub fn unknown(&mut self, unknown: &UnknownKey) {
        self.key.clear();
        self.key.extend_from_slice(&unknown.key);
        self.meta = Meta { db: unknown.db, ..Meta::default() };
        self.put_unknown(if unknown.exists { Type::Unknown } else { Type::Unsure });
    }

    /// Puts what is still on its way: the store has all keys then.
    pub fn finish(&mut self) {
        let (batches, buffer) = (self.batches.take(), std::mem::take(&mut self.buffer));
        charged(&self.store, || drop((batches, buffer)));
    }

    fn with(&mut self, change: impl FnOnce(&mut Draft)) {
        if let Some(draft) = &mut self.draft {
            self.drafted += charged(&self.store, || change(draft)).1;
        }
    }

    fn begin_draft(&mut self, kind: Kind) {
        if self.buffer.capacity() == 0 {
            let make = || Vec::with_capacity(BUFFER);
            (self.buffer, self.buffer_bytes) = charged(&self.store, make);
        }
        let (seed, buffer) = (self.store.seed(), &mut self.buffer);
        let (draft, bytes) = charged(&self.store, || Draft::new(kind, seed, buffer));
        (self.draft, self.drafted) = (Some(draft), bytes);
    }

    /// The entry that a draft comes to, and what that takes: none, where there is nothing in it.
    fn made(&mut self, draft: Draft) -> Result<Option<(Entry, isize)>, Problem> {
        let (finished, bytes) = charged(&self.store, || draft.finish());
        let value = finished.map_err(|_| Problem::TooLong)?.ok_or(Problem::Malformed)?;
        let is_empty = value.as_ref().is_empty();
        let (key, at) = (&self.key, self.meta.expire_at);
        let (entry, bytes) = match value {
            NewValue::Packed { kind, form, payload } => {
                let make = || Entry::packed(key, at, kind, form, &payload);
                let made = charged(&self.store, make);
                self.keep(payload);
                made
            }
            NewValue::Large(_) => {
                let (entry, more) = charged(&self.store, || Entry::new(key, at, value));
                // A draft that outgrows the buffer drops it.
                let buffer = if self.buffer.capacity() == 0 { self.buffer_bytes } else { 0 };
                (entry, self.drafted + bytes + more + buffer)
            }
        };
        if is_empty {
            charged(&self.store, || drop(entry));
            return Ok(None);
        }
        Ok(Some((entry, bytes)))
    }

    /// Keeps a payload's buffer, if it is the loader's.
    fn keep(&mut self, mut payload: Vec<u8>) {
        if self.buffer.capacity() == 0 && payload.capacity() == BUFFER {
            payload.clear();
            self.buffer = payload;
        } else {
            charged(&self.store, || drop(payload));
        }
    }

    /// The key, of which nothing is known but this.
    fn put_unknown(&mut self, kind: Type) {
        let (key, at) = (&self.key, self.meta.expire_at);
        let make = || Entry::new(key, at, NewValue::unknown(kind));
        let (entry, bytes) = charged(&self.store, make);
        self.put(entry, bytes);
    }

    /// Puts an entry, which takes these bytes, into its database.
    fn put(&mut self, entry: Entry, bytes: isize) {
        let (store, number) = (&self.store, self.meta.db);
        store.account().charge_kind(entry.kind(), bytes);
        let batches = &mut self.batches;
        charged(store, || {
            if batches.as_ref().is_none_or(|(other, _)| *other != number) {
                // What there is for another database is put now.
                *batches = None;
                store.ensure_db(number);
                let keys =
                    self.expected.filter(|(db, _)| *db == number).map_or(0, |(_, keys)| keys);
                let db = store.dbs().shared(number).map(Arc::clone);
                *batches = db.map(|db| (number, Batches::new(db, keys)));
            }
            if let Some((_, batches)) = batches {
                batches.push(entry);
            }
        });
    }

    fn note(&mut self, problem: Problem) {
        match self.problems.iter_mut().find(|(other, _)| *other == problem) {
            Some((_, count)) => *count += 1,
            None => self.problems.push((problem, 1)),
        }
    }
}

/// Charges the store for what `change` allocates, and says how much that is.
#[inline]
fn charged<R>(store: &Store, change: impl FnOnce() -> R) -> (R, isize) {
    let _for_store = ForStore::begin();
    let mut meter = Meter::start();
    let result = change();
    let bytes = meter.lap();
    store.account().charge(bytes);
    (result, bytes)
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.discard();
        self.finish();
    }
}

impl Sink for Loader {
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        self.store.set_server_aux(name, value);
    }

    fn function(&mut self, code: &[u8]) {
        self.functions.push(code.to_vec());
    }

    fn db_size(&mut self, db: u32, keys: u64) {
        // What passes a filter may be any part of them.
        self.expected = self.filter.is_none().then_some((db, keys));
    }

    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        let wanted = self.filter.as_ref().is_none_or(|filter| filter.wants_key(key, kind, meta.db));
        if wanted {
            self.key.clear();
            self.key.extend_from_slice(key);
            self.meta = *meta;
            if kind != Kind::String {
                self.begin_draft(kind);
            }
        }
        wanted
    }

    #[inline]
    fn item(&mut self, item: Item<'_>) {
        match &self.draft {
            Some(_) => self.with(|draft| draft.item(item)),
            None => {
                let (key, at) = (&self.key, self.meta.expire_at);
                let make = || element(item).with_bytes(|bytes| string::entry(key, at, bytes));
                let (entry, bytes) = charged(&self.store, make);
                (self.string, self.drafted) = (Some(entry), bytes);
            }
        }
    }

    fn long(&mut self, len: u64) -> bool {
        let is_flat = usize::try_from(len).is_ok_and(string::is_flat);
        if !is_flat {
            let (chunks, bytes) = charged(&self.store, Chunks::new);
            (self.long, self.drafted) = (Some(chunks), bytes);
        }
        !is_flat
    }

    fn part(&mut self, bytes: &[u8]) {
        if let Some(chunks) = &mut self.long {
            self.drafted += charged(&self.store, || chunks.append(bytes)).1;
        }
    }

    /// Scores come with their members.
    fn score(&mut self, _score: f64) {}

    #[inline]
    fn items<'a>(&mut self, items: impl Iterator<Item = Item<'a>>) {
        self.with(|draft| draft.items(items));
    }

    #[inline]
    fn pairs<'a>(&mut self, pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>) {
        self.with(|draft| draft.pairs(pairs));
    }

    #[inline]
    fn scores<'a>(&mut self, scores: impl Iterator<Item = (Item<'a>, f64)>) {
        self.with(|draft| draft.scores(scores));
    }

    fn expiry(&mut self, at_ms: u64) {
        self.with(|draft| draft.expiry(at_ms));
    }

    fn next_index(&mut self, index: u64) {
        self.with(|draft| draft.next_index(index));
    }

    fn index(&mut self, index: u64) {
        self.with(|draft| draft.index(index));
    }

    fn path(&mut self, path: Item<'_>) {
        self.with(|draft| draft.path(path));
    }

    fn entry(&mut self, id: StreamId) {
        self.with(|draft| draft.entry(id));
    }

    fn stream(&mut self, meta: StreamMeta) {
        self.with(|draft| draft.stream(meta));
    }

    fn module(&mut self, name: &[u8; 9], version: u16) {
        self.with(|draft| draft.module(name, version));
    }

    fn module_field(&mut self, field: ModuleField<'_>) {
        self.with(|draft| draft.module_field(field));
    }

    fn end(&mut self) {
        if let Some(chunks) = self.long.take() {
            let (key, at) = (&self.key, self.meta.expire_at);
            let value = NewValue::Large(Large::String(chunks));
            let (entry, bytes) = charged(&self.store, || Entry::new(key, at, value));
            return self.put(entry, self.drafted + bytes);
        }
        let made = match (self.string.take(), self.draft.take()) {
            (Some(entry), _) => Ok(Some((entry, self.drafted))),
            (None, Some(draft)) => self.made(draft),
            (None, None) => Ok(None),
        };
        match made {
            Ok(None) => {}
            Ok(Some((entry, bytes))) => self.put(entry, bytes),
            Err(problem) => {
                self.note(problem);
                self.put_unknown(Type::Unknown);
            }
        }
    }

    fn discard(&mut self) {
        let unfinished = (self.draft.take(), self.string.take(), self.long.take());
        charged(&self.store, || drop(unfinished));
    }

    fn left_out(&mut self, _what: LeftOut) {}
}
