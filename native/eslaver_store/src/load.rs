//! Fills a store with a snapshot, and makes a value of a `DUMP` payload.

mod batches;
mod draft;
mod loader;

pub use loader::{Loader, Problem};

use eslaver_core::rdb::{
    self, Item, Kind, LeftOut, Limits, Meta, ModuleField, Sink, StreamId, StreamMeta,
};

use crate::values::NewValue;
use draft::Draft;

/// The value of a `DUMP` payload, with tables of this seed. `None` where it is none.
pub(crate) fn payload(payload: &[u8], seed: u64) -> Option<NewValue> {
    let mut one = One { seed, draft: None };
    rdb::decode_dump(payload, Limits::default(), &mut one).ok()?;
    one.draft?.finish().ok()?
}

/// Takes one value, without a key.
struct One {
    seed: u64,
    draft: Option<Draft>,
}

impl Sink for One {
    fn aux(&mut self, _name: &[u8], _value: &[u8]) {}
    fn function(&mut self, _code: &[u8]) {}
    fn begin(&mut self, _key: &[u8], kind: Kind, _meta: &Meta) -> bool {
        self.draft = Some(Draft::new(kind, self.seed, &mut Vec::new()));
        true
    }
    fn item(&mut self, item: Item<'_>) {
        self.with(|draft| draft.item(item));
    }
    /// Scores come with their members.
    fn score(&mut self, _score: f64) {}
    fn items<'a>(&mut self, items: impl Iterator<Item = Item<'a>>) {
        self.with(|draft| draft.items(items));
    }
    fn pairs<'a>(&mut self, pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>) {
        self.with(|draft| draft.pairs(pairs));
    }
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
    fn end(&mut self) {}
    fn discard(&mut self) {
        self.draft = None;
    }
    fn left_out(&mut self, _what: LeftOut) {}
}

impl One {
    fn with(&mut self, change: impl FnOnce(&mut Draft)) {
        if let Some(draft) = &mut self.draft {
            change(draft);
        }
    }
}
