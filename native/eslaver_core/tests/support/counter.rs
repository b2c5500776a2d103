//! A sink that keeps only a digest of what it is told: fast, and enough to compare two decodings.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::hash::{DefaultHasher, Hash, Hasher};

use eslaver_core::rdb::{Item, Kind, LeftOut, Meta, ModuleField, Sink, StreamId, StreamMeta};

#[derive(Default)]
pub struct Counter {
    /// Complete keys, fields and functions.
    pub events: u64,
    /// Keys that do not count.
    pub discarded: u64,
    pub items: u64,
    pub bytes: u64,
    /// Of all that was told up to the last of those, in its order.
    pub digest: u64,
    hasher: DefaultHasher,
}

impl Counter {
    fn told(&mut self, what: u8, content: impl Hash) {
        what.hash(&mut self.hasher);
        content.hash(&mut self.hasher);
    }

    fn complete(&mut self) {
        self.events += 1;
        self.digest = self.hasher.finish();
    }
}

impl Sink for Counter {
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        self.told(0, (name, value));
        self.complete();
    }

    fn function(&mut self, code: &[u8]) {
        self.told(1, code);
        self.complete();
    }

    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        self.told(2, (key, kind as u8, meta.db, meta.expire_at, meta.idle, meta.freq));
        true
    }

    fn item(&mut self, item: Item<'_>) {
        self.items += 1;
        match item {
            Item::Bytes(bytes) => {
                self.bytes += bytes.len() as u64;
                self.told(3, bytes);
            }
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
        self.told(13, index);
    }

    fn index(&mut self, index: u64) {
        self.told(14, index);
    }

    fn path(&mut self, path: Item<'_>) {
        self.told(15, format!("{path:?}"));
    }

    fn entry(&mut self, id: StreamId) {
        self.told(7, id);
    }

    fn stream(&mut self, meta: StreamMeta) {
        self.told(8, format!("{meta:?}"));
    }

    fn module(&mut self, name: &[u8; 9], version: u16) {
        self.told(9, (name, version));
    }

    fn module_field(&mut self, field: ModuleField<'_>) {
        self.told(10, format!("{field:?}"));
    }

    fn end(&mut self) {
        self.told(11, ());
        self.complete();
    }

    fn discard(&mut self) {
        self.discarded += 1;
        self.told(12, ());
    }

    fn left_out(&mut self, what: LeftOut) {
        self.told(16, what.to_string());
    }
}
