//! What a snapshot holds, as events of a batch.

use eslaver_core::rdb::{self, Item, Kind, LeftOut, Meta, ModuleField, Sink, StreamId, StreamMeta};

use std::sync::Arc;

use crate::atoms;
use crate::terms::batch::Batch;

impl Sink for Batch {
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        if name.eq_ignore_ascii_case(b"repl-stream-db") {
            self.set_stream_db(leading_number(value));
        }
        self.seat.iter().for_each(|seat| seat.aux(name, value));
        self.push_field(atoms::aux(), name, value);
    }

    fn function(&mut self, code: &[u8]) {
        let name = rdb::library_name(code).unwrap_or_default();
        self.push_field(atoms::function(), &name, code);
    }

    fn import(&mut self, name: &[u8], slots: &[(u16, u16)]) {
        self.seat.iter().for_each(|seat| seat.import(name, slots));
    }

    #[inline]
    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        if self.filter.as_ref().is_some_and(|filter| !filter.wants_key(key, kind, meta.db)) {
            return false;
        }
        let shard = self.seat.as_ref().map(|seat| (Arc::clone(&seat.id), seat.of_key(key)));
        if self.of_users && shard.as_ref().is_some_and(|(_, judged)| judged.is_migration()) {
            return false;
        }
        self.abandon_key();
        self.value.begin(key, kind, meta, shard, &mut self.draft);
        true
    }

    #[inline]
    fn item(&mut self, item: Item<'_>) {
        self.value.item(item, &mut self.draft);
    }

    fn score(&mut self, score: f64) {
        self.value.score(score, self.draft.terms());
    }

    fn expiry(&mut self, at_ms: u64) {
        self.value.expiry(at_ms, self.draft.terms());
    }

    fn next_index(&mut self, index: u64) {
        self.value.next_index(index);
    }

    fn index(&mut self, index: u64) {
        self.value.index(index);
    }

    fn path(&mut self, path: Item<'_>) {
        self.value.path(path, self.draft.terms());
    }

    fn entry(&mut self, id: StreamId) {
        self.value.entry(id, self.draft.terms());
    }

    fn stream(&mut self, meta: StreamMeta) {
        self.value.stream(&meta, self.draft.terms());
    }

    fn module(&mut self, name: &[u8; 9], version: u16) {
        self.value.module(name, version, self.draft.terms());
    }

    fn module_field(&mut self, field: ModuleField<'_>) {
        self.value.module_field(field, self.draft.terms());
    }

    #[inline]
    fn end(&mut self) {
        let event = self.value.end(&mut self.draft);
        self.push_key(event);
    }

    fn discard(&mut self) {
        self.abandon_key();
    }

    fn left_out(&mut self, what: LeftOut) {
        self.left_out.get_or_insert(what);
    }

    #[inline]
    fn overflow(&self) -> Option<u64> {
        self.value.overflow(&self.draft)
    }
}

/// The number that a text begins with, or 0, as C reads it.
pub(crate) fn leading_number(text: &[u8]) -> u32 {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = std::str::from_utf8(&text[..digits]).ok();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_default()
}
