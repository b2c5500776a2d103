//! A snapshot for a keyspace and for the server.

use std::iter::once;

use eslaver_core::rdb::{Item, Kind, LeftOut, Meta, ModuleField, Sink, StreamId, StreamMeta};

use crate::link::intake::Intake;
use crate::terms::batch::Batch;

/// Both get everything. They have the same filter; but the server may not want to know of keys that a
/// cluster moves.
pub(crate) struct Both<'a> {
    pub(crate) intake: &'a mut Intake,
    pub(crate) batch: &'a mut Batch,
    /// Whether the server is not told of the key that has begun.
    pub(crate) is_apart: &'a mut bool,
}

impl Both<'_> {
    pub(crate) fn is_full(&self) -> bool {
        self.batch.is_full() || self.intake.is_over()
    }

    /// Where the key that has begun goes besides the keyspace.
    #[inline]
    fn events(&mut self) -> Option<&mut Batch> {
        (!*self.is_apart).then_some(&mut *self.batch)
    }
}

impl Sink for Both<'_> {
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        self.intake.aux(name, value);
        self.batch.aux(name, value);
    }

    fn function(&mut self, code: &[u8]) {
        self.intake.function(code);
        self.batch.function(code);
    }

    fn db_size(&mut self, db: u32, keys: u64) {
        self.intake.db_size(db, keys);
    }

    fn import(&mut self, name: &[u8], slots: &[(u16, u16)]) {
        self.batch.import(name, slots);
    }

    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        let is_wanted = self.intake.begin(key, kind, meta);
        *self.is_apart = is_wanted && !self.batch.begin(key, kind, meta);
        is_wanted
    }

    fn item(&mut self, item: Item<'_>) {
        self.intake.item(item);
        self.events().into_iter().for_each(|batch| batch.item(item));
    }

    fn score(&mut self, score: f64) {
        self.intake.score(score);
        self.events().into_iter().for_each(|batch| batch.score(score));
    }

    fn items<'a>(&mut self, items: impl Iterator<Item = Item<'a>>) {
        for item in items {
            self.intake.items(once(item));
            self.events().into_iter().for_each(|batch| batch.item(item));
            if self.overflow().is_some() {
                return;
            }
        }
    }

    fn pairs<'a>(&mut self, pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>) {
        for (field, value) in pairs {
            self.intake.pairs(once((field, value)));
            self.events().into_iter().for_each(|batch| batch.item(field));
            self.events().into_iter().for_each(|batch| batch.item(value));
            if self.overflow().is_some() {
                return;
            }
        }
    }

    fn scores<'a>(&mut self, scores: impl Iterator<Item = (Item<'a>, f64)>) {
        for (member, score) in scores {
            self.intake.scores(once((member, score)));
            self.events().into_iter().for_each(|batch| batch.item(member));
            self.events().into_iter().for_each(|batch| batch.score(score));
            if self.overflow().is_some() {
                return;
            }
        }
    }

    fn expiry(&mut self, at_ms: u64) {
        self.intake.expiry(at_ms);
        self.events().into_iter().for_each(|batch| batch.expiry(at_ms));
    }

    fn next_index(&mut self, index: u64) {
        self.intake.next_index(index);
        self.events().into_iter().for_each(|batch| batch.next_index(index));
    }

    fn index(&mut self, index: u64) {
        self.intake.index(index);
        self.events().into_iter().for_each(|batch| batch.index(index));
    }

    fn path(&mut self, path: Item<'_>) {
        self.intake.path(path);
        self.events().into_iter().for_each(|batch| batch.path(path));
    }

    fn entry(&mut self, id: StreamId) {
        self.intake.entry(id);
        self.events().into_iter().for_each(|batch| batch.entry(id));
    }

    fn stream(&mut self, meta: StreamMeta) {
        self.intake.stream(meta.clone());
        if let Some(batch) = self.events() {
            batch.stream(meta);
        }
    }

    fn module(&mut self, name: &[u8; 9], version: u16) {
        self.intake.module(name, version);
        self.events().into_iter().for_each(|batch| batch.module(name, version));
    }

    fn module_field(&mut self, field: ModuleField<'_>) {
        self.intake.module_field(field);
        self.events().into_iter().for_each(|batch| batch.module_field(field));
    }

    fn end(&mut self) {
        self.intake.end();
        self.events().into_iter().for_each(|batch| batch.end());
    }

    fn discard(&mut self) {
        self.intake.discard();
        self.events().into_iter().for_each(|batch| batch.discard());
    }

    /// It is told once.
    fn left_out(&mut self, what: LeftOut) {
        self.intake.left_out(what);
    }

    fn overflow(&self) -> Option<u64> {
        self.intake.overflow().or_else(|| self.batch.overflow())
    }
}
