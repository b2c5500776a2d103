//! What a mirror tells its subscribers.

use eslaver_core::commands::Learned;
use eslaver_core::interests::{Change, Interests};
use eslaver_store::Command;
use rustler::{Atom, Encoder, Env, LocalPid, ResourceArc};

use crate::atoms;
use crate::keyspace::Keyspace;
use crate::terms::message::{Built, Message};

/// What a notice weighs besides its bytes.
const WEIGHT: usize = 200;
/// What a subscriber's id weighs in it.
const ID_WEIGHT: usize = 16;

/// Notices on their way to their listener: `{eslaver_keyspace, Weight, [{Ids | all, Notice}],
/// Keyspace}`.
pub(crate) struct Notices {
    message: Message,
    notices: Vec<Built>,
    weight: usize,
}

impl Notices {
    pub(crate) fn new() -> Self {
        Self { message: Message::new(), notices: Vec::new(), weight: 0 }
    }

    /// Commands that belong together can be read. `offset` is behind the last of them.
    #[inline]
    pub(crate) fn applied<'a>(
        &mut self,
        interests: &Interests<u64>,
        learned: &Learned,
        unit: impl Iterator<Item = &'a Command<'a>>,
        offset: u64,
    ) {
        for &Command { db, name, args } in unit {
            let mut named = None;
            interests.each(learned, name, args, db, |change, ids| {
                let name = *named.get_or_insert_with(|| self.message.binary(name));
                let ids = self.ids(ids);
                self.change(ids, name, &change, db, offset);
            });
        }
    }

    /// A snapshot can be read. Any key may have changed.
    pub(crate) fn loaded(&mut self, offset: u64, db: u32) {
        let all = atoms::all().into();
        self.change(all, atoms::resync().into(), &Change::All, db, offset);
    }

    fn ids(&mut self, ids: &[u64]) -> Built {
        self.weight += ids.len() * ID_WEIGHT;
        let ids: Vec<Built> = ids.iter().map(|&id| self.message.uint(id)).collect();
        self.message.list(&ids)
    }

    fn change(&mut self, ids: Built, name: Built, change: &Change<'_>, db: u32, offset: u64) {
        let message = &mut self.message;
        let (tag, what, db): (Atom, Built, u32) = match change {
            Change::Key { key, db, .. } => {
                self.weight += key.len();
                (atoms::key(), message.binary(key), *db)
            }
            Change::All => (atoms::keys(), atoms::all().into(), db),
            Change::Db => {
                let number = message.uint(db.into());
                (atoms::keys(), message.tuple(&[atoms::db().into(), number]), db)
            }
            Change::Swap(one, other) => {
                let (one, other) = (message.uint((*one).into()), message.uint((*other).into()));
                (atoms::keys(), message.tuple(&[atoms::swap().into(), one, other]), db)
            }
            Change::Slots(ranges) => (atoms::keys(), slots(message, ranges), db),
            Change::Unnamed => (atoms::keys(), atoms::unknown().into(), db),
        };
        let (db, offset) = (message.uint(db.into()), message.uint(offset));
        let meta = message.map(&[(atoms::db(), db), (atoms::offset(), offset)]);
        let notice = message.tuple(&[tag.into(), name, what, meta]);
        self.notices.push(message.tuple(&[ids, notice]));
        self.weight += WEIGHT;
    }

    /// What the notices weigh.
    pub(crate) fn weight(&self) -> u64 {
        self.weight as u64
    }

    /// Sends the notices, if there are any. `false`: they cannot be sent by this caller, and are kept.
    pub(crate) fn send(
        &mut self,
        caller: Env<'_>,
        listener: LocalPid,
        keyspace: &ResourceArc<Keyspace>,
    ) -> bool {
        if self.notices.is_empty() {
            return true;
        }
        let weighs = self.message.uint(self.weight());
        let notices = self.message.list(&self.notices);
        let tag = atoms::eslaver_keyspace().into();
        let keyspace = self.message.take_in(keyspace.encode(caller));
        let message = self.message.tuple(&[tag, weighs, notices, keyspace]);
        let sent = self.message.try_send(caller, listener, message);
        if sent {
            self.notices.clear();
            self.weight = 0;
        }
        sent
    }
}

fn slots(message: &mut Message, ranges: &[(u16, u16)]) -> Built {
    let mut pairs = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        let (first, last) = (message.uint((*first).into()), message.uint((*last).into()));
        pairs.push(message.tuple(&[first, last]));
    }
    let pairs = message.list(&pairs);
    message.tuple(&[atoms::slots().into(), pairs])
}
