//! A snapshot for a keyspace and for the server.

use std::iter::once;

use eslaver_core::rdb::{Item, Kind, LeftOut, Meta, ModuleField, Sink, StreamId, StreamMeta};

use crate::link::intake::Intake;
use crate::terms::batch::Batch;

/// Both get everything. They have the same filter.
pub(crate) struct Both<'a> {
    pub(crate) intake: &'a mut Intake,
    pub(crate) batch: &'a mut Batch,
}

impl Both<'_> {
    pub(crate) fn is_full(&self) -> bool {
        self.batch.is_full() || self.intake.is_over()
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

    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        self.intake.begin(key, kind, meta) && self.batch.begin(key, kind, meta)
    }

    fn item(&mut self, item: Item<'_>) {
        self.intake.item(item);
        self.batch.item(item);
    }

    fn score(&mut self, score: f64) {
        self.intake.score(score);
        self.batch.score(score);
    }

    fn items<'a>(&mut self, items: impl Iterator<Item = Item<'a>>) {
        for item in items {
            self.intake.items(once(item));
            self.batch.item(item);
            if self.overflow().is_some() {
                return;
            }
        }
    }

    fn pairs<'a>(&mut self, pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>) {
        for (field, value) in pairs {
            self.intake.pairs(once((field, value)));
            self.batch.item(field);
            self.batch.item(value);
            if self.overflow().is_some() {
                return;
            }
        }
    }

    fn scores<'a>(&mut self, scores: impl Iterator<Item = (Item<'a>, f64)>) {
        for (member, score) in scores {
            self.intake.scores(once((member, score)));
            self.batch.item(member);
            self.batch.score(score);
            if self.overflow().is_some() {
                return;
            }
        }
    }

    fn expiry(&mut self, at_ms: u64) {
        self.intake.expiry(at_ms);
        self.batch.expiry(at_ms);
    }

    fn next_index(&mut self, index: u64) {
        self.intake.next_index(index);
        self.batch.next_index(index);
    }

    fn index(&mut self, index: u64) {
        self.intake.index(index);
        self.batch.index(index);
    }

    fn path(&mut self, path: Item<'_>) {
        self.intake.path(path);
        self.batch.path(path);
    }

    fn entry(&mut self, id: StreamId) {
        self.intake.entry(id);
        self.batch.entry(id);
    }

    fn stream(&mut self, meta: StreamMeta) {
        self.intake.stream(meta.clone());
        self.batch.stream(meta);
    }

    fn module(&mut self, name: &[u8; 9], version: u16) {
        self.intake.module(name, version);
        self.batch.module(name, version);
    }

    fn module_field(&mut self, field: ModuleField<'_>) {
        self.intake.module_field(field);
        self.batch.module_field(field);
    }

    fn end(&mut self) {
        self.intake.end();
        self.batch.end();
    }

    fn discard(&mut self) {
        self.intake.discard();
        self.batch.discard();
    }

    /// It is told once.
    fn left_out(&mut self, what: LeftOut) {
        self.intake.left_out(what);
    }

    fn overflow(&self) -> Option<u64> {
        self.intake.overflow().or_else(|| self.batch.overflow())
    }
}
