//! A snapshot on its way into a store.

use std::sync::Arc;

use eslaver_core::filter::Filter;
use eslaver_core::rdb::{Item, Kind, LeftOut, Meta, ModuleField, Sink, StreamId, StreamMeta};
use eslaver_store::{Account, Loader, Problem, Store};
use rustler::ResourceArc;

use crate::keyspace::Keyspace;
use crate::link::part::Seat;
use crate::terms::snapshot::leading_number;

/// Takes a snapshot for a store that nobody reads yet.
pub(crate) struct Intake {
    keyspace: ResourceArc<Keyspace>,
    loader: Loader,
    /// Missing once readers get it.
    store: Option<Arc<Store>>,
    max_value: u64,
    /// The bytes of the value that has begun.
    weight: u64,
    keys: u64,
    stream_db: u32,
    left_out: Option<LeftOut>,
    /// The shard that it is all of, where there are no events to tell that.
    seat: Option<Seat>,
    /// The number of the key at whose end it panics, for tests.
    fault: Option<u64>,
}

/// What an element of a value takes besides its bytes, at most.
const ELEMENT: u64 = 32;

impl Intake {
    pub(crate) fn new(
        keyspace: ResourceArc<Keyspace>,
        filter: Option<Filter>,
        max_value: u64,
        seat: Option<Seat>,
        fault: Option<u64>,
    ) -> Self {
        let store = keyspace.new_store();
        Self {
            keyspace,
            loader: Loader::new(Arc::clone(&store), filter),
            store: Some(store),
            max_value,
            weight: 0,
            keys: 0,
            stream_db: 0,
            left_out: None,
            seat,
            fault,
        }
    }

    /// The snapshot is whole: its store, which is given once.
    pub(crate) fn finish(&mut self) -> Option<Arc<Store>> {
        self.loader.finish();
        self.store.take()
    }

    /// What was not kept, and how often each.
    pub(crate) fn problems(&self) -> &[(Problem, u64)] {
        self.loader.problems()
    }

    /// The source code of its function libraries.
    pub(crate) fn functions(&self) -> &[Vec<u8>] {
        self.loader.functions()
    }

    /// The db that the stream behind it begins with.
    pub(crate) fn stream_db(&self) -> u32 {
        self.stream_db
    }

    pub(crate) fn keys(&self) -> u64 {
        self.keys
    }

    pub(crate) fn account(&self) -> Option<&Account> {
        self.store.as_ref().map(|store| &**store.account())
    }

    /// Whether it takes more than the keyspace may.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        let Some(limit) = self.keyspace.policy.max_memory else { return false };
        self.account().is_some_and(|account| account.bytes() as u64 > limit)
    }

    pub(crate) fn take_left_out(&mut self) -> Option<LeftOut> {
        self.left_out.take()
    }

    fn weigh(&mut self, item: &Item<'_>) {
        self.weight += weight(item);
    }
}

#[inline]
fn weight(item: &Item<'_>) -> u64 {
    match item {
        Item::Bytes(bytes) => bytes.len() as u64 + ELEMENT,
        Item::Int(_) => ELEMENT,
    }
}

/// The elements up to the one with which the weight of their value exceeds `max`.
#[inline]
fn within<T>(
    mut elements: impl Iterator<Item = T>,
    sum: &mut u64,
    max: u64,
    weight: impl Fn(&T) -> u64,
) -> impl Iterator<Item = T> {
    std::iter::from_fn(move || {
        if *sum > max {
            return None;
        }
        elements.next().inspect(|element| *sum += weight(element))
    })
}

impl Drop for Intake {
    fn drop(&mut self) {
        // the loader has it, too
        self.loader.discard();
        self.store.take().into_iter().for_each(|store| self.keyspace.bury(store));
    }
}

impl Sink for Intake {
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        if name.eq_ignore_ascii_case(b"repl-stream-db") {
            self.stream_db = leading_number(value);
        }
        self.seat.iter().for_each(|seat| seat.aux(name, value));
        self.loader.aux(name, value);
    }

    fn function(&mut self, code: &[u8]) {
        self.loader.function(code);
    }

    fn db_size(&mut self, db: u32, keys: u64) {
        self.loader.db_size(db, keys);
    }

    fn import(&mut self, name: &[u8], slots: &[(u16, u16)]) {
        self.seat.iter().for_each(|seat| seat.import(name, slots));
    }

    #[inline]
    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        self.weight = 0;
        self.loader.begin(key, kind, meta)
    }

    #[inline]
    fn item(&mut self, item: Item<'_>) {
        self.weigh(&item);
        self.loader.item(item);
    }

    fn long(&mut self, len: u64) -> bool {
        self.loader.long(len)
    }

    fn part(&mut self, bytes: &[u8]) {
        self.loader.part(bytes);
    }

    #[inline]
    fn score(&mut self, score: f64) {
        self.loader.score(score);
    }

    #[inline]
    fn items<'a>(&mut self, items: impl Iterator<Item = Item<'a>>) {
        self.loader.items(within(items, &mut self.weight, self.max_value, weight));
    }

    #[inline]
    fn pairs<'a>(&mut self, pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>) {
        let weigh = |(field, value): &_| weight(field) + weight(value);
        self.loader.pairs(within(pairs, &mut self.weight, self.max_value, weigh));
    }

    #[inline]
    fn scores<'a>(&mut self, scores: impl Iterator<Item = (Item<'a>, f64)>) {
        let weigh = |(member, _): &_| weight(member);
        self.loader.scores(within(scores, &mut self.weight, self.max_value, weigh));
    }

    fn expiry(&mut self, at_ms: u64) {
        self.loader.expiry(at_ms);
    }

    fn next_index(&mut self, index: u64) {
        self.loader.next_index(index);
    }

    fn index(&mut self, index: u64) {
        self.loader.index(index);
    }

    fn path(&mut self, path: Item<'_>) {
        self.weigh(&path);
        self.loader.path(path);
    }

    fn entry(&mut self, id: StreamId) {
        self.weight += ELEMENT;
        self.loader.entry(id);
    }

    fn stream(&mut self, meta: StreamMeta) {
        self.loader.stream(meta);
    }

    fn module(&mut self, name: &[u8; 9], version: u16) {
        self.loader.module(name, version);
    }

    fn module_field(&mut self, field: ModuleField<'_>) {
        if let ModuleField::String(item) = &field {
            self.weigh(item);
        }
        self.loader.module_field(field);
    }

    #[inline]
    fn end(&mut self) {
        self.keys += 1;
        assert_ne!(self.fault, Some(self.keys), "a fault that a test asked for");
        self.loader.end();
    }

    fn discard(&mut self) {
        self.loader.discard();
    }

    fn left_out(&mut self, what: LeftOut) {
        self.left_out.get_or_insert(what);
        self.loader.left_out(what);
    }

    #[inline]
    fn overflow(&self) -> Option<u64> {
        (self.weight > self.max_value).then_some(self.max_value)
    }
}
