//! The metadata of a key, which full events have.

use eslaver_core::rdb::{Kind, Meta};

use std::sync::Arc;

use crate::atoms;
use crate::link::part::Judged;
use crate::terms::draft::Draft;
use crate::terms::etf::Terms;
use crate::terms::message::Built;

/// The metadata of the key that is being read.
#[derive(Default)]
pub(crate) struct KeyMeta {
    meta: Meta,
    /// In a cluster, the shard, and what is known of the key besides.
    shard: Option<(Arc<[u8]>, Judged)>,
    /// An array's insert cursor.
    next_index: Option<u64>,
    /// When fields of a hash or members of a set expire: pairs, and their number.
    expiries: Terms,
    expiring: usize,
    /// The map of keys that have only a db, made once for each message.
    plain: Option<(u32, Built)>,
}

impl KeyMeta {
    #[inline]
    pub(crate) fn begin(&mut self, meta: &Meta, shard: Option<(Arc<[u8]>, Judged)>) {
        self.meta = *meta;
        self.shard = shard;
        self.next_index = None;
        self.expiring = 0;
        self.expiries.clear();
    }

    pub(crate) fn set_next_index(&mut self, index: u64) {
        self.next_index = Some(index);
    }

    /// `element`, a term that has been written, expires at this time.
    pub(crate) fn expiry(&mut self, element: &[u8], at_ms: u64) {
        self.expiries.tuple(2);
        self.expiries.append(element);
        self.expiries.uint(at_ms);
        self.expiring += 1;
    }

    /// What it holds in memory of its own.
    #[inline]
    pub(crate) fn weight(&self) -> usize {
        self.expiries.weight()
    }

    /// The map, if it is one that many keys share. If not, it is written to the body.
    #[inline]
    pub(crate) fn end(&mut self, kind: Kind, draft: &mut Draft) -> Option<Built> {
        let shared = self.plain(draft);
        if shared.is_none() {
            self.write(kind, draft.terms());
        }
        shared
    }

    fn plain(&mut self, draft: &mut Draft) -> Option<Built> {
        let Meta { db, expire_at, idle, freq } = self.meta;
        let is_plain = expire_at.is_none() && idle.is_none() && freq.is_none();
        if !is_plain || self.expiring > 0 || self.next_index.is_some() || self.shard.is_some() {
            return None;
        }
        if let Some((_, map)) = self.plain.filter(|&(known, _)| known == db) {
            return Some(map);
        }
        let number = draft.message.uint(db.into());
        let map = draft.message.map(&[(atoms::db(), number)]);
        self.plain = Some((db, map));
        Some(map)
    }

    /// `#{db, expire_at, idle, freq, field_expire_at, member_expire_at, next_index, shard, slot,
    /// origin}`: all except the db are optional.
    fn write(&mut self, kind: Kind, terms: &mut Terms) {
        let Meta { db, expire_at, idle, freq } = self.meta;
        let map = terms.map();
        let mut pairs = 1;
        terms.atom("db");
        terms.uint(db.into());
        if let Some(at) = expire_at {
            pairs += 1;
            terms.atom("expire_at");
            terms.int(at);
        }
        if let Some(seconds) = idle {
            pairs += 1;
            terms.atom("idle");
            terms.uint(seconds);
        }
        if let Some(freq) = freq {
            pairs += 1;
            terms.atom("freq");
            terms.uint(freq.into());
        }
        if self.expiring > 0 {
            pairs += 1;
            let of_set = kind == Kind::Set;
            terms.atom(if of_set { "member_expire_at" } else { "field_expire_at" });
            let list = terms.list();
            terms.append(self.expiries.since(0));
            terms.end_list(list, self.expiring);
        }
        if let Some(index) = self.next_index {
            pairs += 1;
            terms.atom("next_index");
            terms.uint(index);
        }
        if let Some((id, judged)) = &self.shard {
            pairs += 1;
            terms.atom("shard");
            terms.binary(id);
            if let Some(slot) = judged.slot {
                pairs += 1;
                terms.atom("slot");
                terms.uint(slot.into());
            }
            if judged.is_migration() {
                pairs += 1;
                terms.atom("origin");
                terms.atom("migration");
            }
        }
        terms.end_map(map, pairs);
    }

    /// The message has been sent: its terms are gone.
    pub(crate) fn clear(&mut self) {
        self.plain = None;
    }
}
