//! A sink that keeps a digest of each thing it is told.

use std::hash::{DefaultHasher, Hash, Hasher};

use eslaver_core::rdb::{Item, Kind, LeftOut, Meta, ModuleField, Sink, StreamId, StreamMeta};

/// What was told.
#[derive(Default)]
pub(crate) struct Told {
    /// Keys, fields and functions that are complete: whether it is an unwanted key's neighbour, and
    /// a digest.
    pub(crate) events: Vec<(Option<u64>, u64)>,
    /// Keys that do not count.
    pub(crate) discarded: Vec<u64>,
    open: Option<(u64, DefaultHasher)>,
    /// Keys whose digest has this remainder are not wanted.
    unwanted: Option<fn(u64) -> bool>,
}

impl Told {
    pub(crate) fn without(unwanted: fn(u64) -> bool) -> Self {
        Self { unwanted: Some(unwanted), ..Self::default() }
    }

    /// A digest of the key that is not complete.
    pub(crate) fn begun(&self) -> Option<u64> {
        self.open.as_ref().map(|(_, hasher)| hasher.finish())
    }

    fn told(&mut self, what: u8, content: impl Hash) {
        let (_, hasher) = self.open.as_mut().expect("something of a value outside of a key");
        (what, content).hash(hasher);
    }
}

fn digest(content: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

impl Sink for Told {
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        self.events.push((None, digest((0, name, value))));
    }

    fn function(&mut self, code: &[u8]) {
        self.events.push((None, digest((1, code))));
    }

    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        assert!(self.open.is_none(), "a key begins within another");
        let key = digest(key);
        if self.unwanted.is_some_and(|unwanted| unwanted(key)) {
            return false;
        }
        self.open = Some((key, DefaultHasher::new()));
        self.told(2, (key, kind as u8, meta.db, meta.expire_at, meta.idle, meta.freq));
        true
    }

    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Bytes(bytes) => self.told(3, bytes),
            Item::Int(value) => self.told(4, value),
        }
    }

    fn score(&mut self, score: f64) {
        assert!(!score.is_nan());
        self.told(5, score.to_bits());
    }

    fn expiry(&mut self, at_ms: u64) {
        self.told(6, at_ms);
    }

    fn next_index(&mut self, index: u64) {
        assert_ne!(index, 0);
        self.told(11, index);
    }

    fn index(&mut self, index: u64) {
        self.told(12, index);
    }

    fn path(&mut self, path: Item<'_>) {
        self.told(13, format!("{path:?}"));
    }

    fn entry(&mut self, id: StreamId) {
        self.told(7, id);
    }

    fn stream(&mut self, meta: StreamMeta) {
        for group in &meta.groups {
            let owners = group.pending.iter().filter_map(|pending| pending.consumer);
            assert!(owners.max().is_none_or(|most| most < group.consumers.len()));
            assert!(group.pending.is_sorted_by(|one, other| one.id < other.id));
        }
        self.told(8, format!("{meta:?}"));
    }

    fn module(&mut self, name: &[u8; 9], version: u16) {
        self.told(9, (name, version));
    }

    fn module_field(&mut self, field: ModuleField<'_>) {
        self.told(10, format!("{field:?}"));
    }

    fn end(&mut self) {
        let (key, hasher) = self.open.take().expect("an end of no key");
        self.events.push((Some(key), hasher.finish()));
    }

    fn discard(&mut self) {
        let (key, _) = self.open.take().expect("no key to discard");
        self.discarded.push(key);
    }

    fn left_out(&mut self, what: LeftOut) {
        self.events.push((None, digest((2, what.to_string()))));
    }
}
