//! Fills a store with a snapshot.

use std::sync::Arc;

use eslaver_core::filter::Filter;
use eslaver_core::rdb::{Item, Kind, LeftOut, Meta, ModuleField, Sink, StreamId, StreamMeta};

use super::batches::Batches;
use super::draft::Draft;
use crate::heap::{ForStore, Meter};
use crate::keyspace::entry::Entry;
use crate::keyspace::store::Store;
use crate::save::UnknownKey;
use crate::values::{NewValue, Type};

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
    draft: Option<Draft>,
    /// What the draft takes.
    drafted: isize,
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
            drafted: 0,
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
        let batches = self.batches.take();
        charged(&self.store, || drop(batches));
    }

    fn with(&mut self, change: impl FnOnce(&mut Draft)) {
        if let Some(draft) = &mut self.draft {
            self.drafted += charged(&self.store, || change(draft)).1;
        }
    }

    /// What becomes of a draft: nothing, where there is nothing in it.
    fn made(&self, draft: Draft) -> Result<Option<Entry>, Problem> {
        match draft.finish() {
            Ok(Some(value)) if value.as_ref().is_empty() => Ok(None),
            Ok(Some(value)) => Ok(Some(Entry::new(&self.key, self.meta.expire_at, value))),
            Ok(None) => Err(Problem::Malformed),
            Err(_) => Err(Problem::TooLong),
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
                let db = store.dbs().shared(number).map(Arc::clone);
                *batches = db.map(|db| (number, Batches::new(db)));
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

    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        let wanted = self.filter.as_ref().is_none_or(|filter| filter.wants_key(key, kind, meta.db));
        if wanted {
            self.key.clear();
            self.key.extend_from_slice(key);
            self.meta = *meta;
            let (draft, bytes) = charged(&self.store, || Draft::new(kind, self.store.seed()));
            (self.draft, self.drafted) = (Some(draft), bytes);
        }
        wanted
    }

    fn item(&mut self, item: Item<'_>) {
        self.with(|draft| draft.item(item));
    }

    fn score(&mut self, score: f64) {
        self.with(|draft| draft.score(score));
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
        let Some(draft) = self.draft.take() else {
            return;
        };
        let (made, bytes) = charged(&self.store, || self.made(draft));
        match made {
            Ok(None) => {}
            Ok(Some(entry)) => self.put(entry, self.drafted + bytes),
            Err(problem) => {
                self.note(problem);
                self.put_unknown(Type::Unknown);
            }
        }
    }

    fn discard(&mut self) {
        let draft = self.draft.take();
        charged(&self.store, || drop(draft));
    }

    fn left_out(&mut self, _what: LeftOut) {}
}
