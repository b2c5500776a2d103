//! A cluster: its routes, and the keyspaces of its shards.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use eslaver_cluster::{Move, Routes, SLOTS, Shard};
use parking_lot::Mutex;
use rustler::types::erlang_option::ErlOption;
use rustler::{Atom, Encoder, Env, LocalPid};

use crate::atoms;
use crate::cluster::Keyspaces;
use crate::keyspace::{Keyspace, Status};

/// Moves as terms: the ranges, and the numbers of the shards.
pub(crate) type Told = Vec<(Vec<(u16, u16)>, ErlOption<u16>, ErlOption<u16>)>;

pub(crate) fn told(moves: Vec<Move>) -> Told {
    let number = |shard: Option<Shard>| ErlOption::from(shard.map(|Shard(number)| number));
    moves.into_iter().map(|Move { ranges, from, to }| (ranges, number(from), number(to))).collect()
}

/// A cluster, for as long as its process lives. Its links and its readers share it.
pub(crate) struct Cluster {
    /// Its process, which gets its messages.
    pub(crate) owner: LocalPid,
    /// What readers get for what is missing.
    pub(crate) missing: Atom,
    /// How its slots move.
    pub(crate) slots: eslaver_cluster::Cluster,
    /// Where the keys of each slot are read.
    pub(crate) routes: Arc<Routes>,
    /// The process of each shard's link, which is woken after a hold.
    links: Mutex<HashMap<Shard, LocalPid>>,
    /// Of a mirror. They know of it, too, but only for as long as it is there.
    pub(crate) keyspaces: Arc<Keyspaces<Keyspace>>,
    /// The slots that are to be served. `None`: all.
    expected: ArcSwapOption<Vec<(u16, u16)>>,
}

impl Cluster {
    /// One without shards, of this process.
    pub(crate) fn new(owner: LocalPid, missing: Atom) -> Self {
        let slots = eslaver_cluster::Cluster::default();
        Self {
            owner,
            missing,
            routes: Arc::clone(slots.routes()),
            slots,
            links: Mutex::default(),
            keyspaces: Arc::default(),
            expected: ArcSwapOption::empty(),
        }
    }

    /// This process runs a shard's link from now on.
    pub(crate) fn set_link(&self, shard: Shard, link: LocalPid) {
        self.links.lock().insert(shard, link);
    }

    /// Forgets a shard's link.
    pub(crate) fn forget_link(&self, shard: Shard) {
        self.links.lock().remove(&shard);
    }

    /// A shard's link goes on, if it waits.
    pub(crate) fn wake(&self, env: Env<'_>, shard: Shard) {
        if let Some(link) = self.links.lock().get(&shard) {
            // it may be gone
            let _ = env.send(link, (atoms::eslaver_nif(), atoms::wake()));
        }
    }

    /// The links whose streams are held look again whether they may go on.
    pub(crate) fn wake_held(&self, env: Env<'_>, except: Option<Shard>) {
        let others = self.slots.held().into_iter().filter(|&shard| Some(shard) != except);
        others.for_each(|shard| self.wake(env, shard));
    }

    /// Tells its process something: `{eslaver_cluster, Tag, What}`.
    pub(crate) fn tell(&self, env: Env<'_>, tag: Atom, what: impl Encoder) {
        let _ = env.send(&self.owner, (atoms::eslaver_cluster(), tag, what));
    }

    /// Only these slots are to be served, as ranges with their ends.
    pub(crate) fn expect(&self, slots: Vec<(u16, u16)>) {
        self.expected.store(Some(Arc::new(slots)));
    }

    /// How the data of all shards is: as that of the worst. While a slot is to be served and is not, it
    /// is loading.
    pub(crate) fn status(&self) -> Status {
        let keyspaces = self.keyspaces.load();
        let of = |Shard(number): Shard| keyspaces.get(usize::from(number))?.as_ref();
        let is_served = |slot| self.routes.get(slot).owner.and_then(of).is_some();
        let expected = self.expected.load();
        let are_served = match &*expected {
            None => (0..SLOTS).all(is_served),
            Some(ranges) => ranges.iter().all(|&(first, last)| (first..=last).all(is_served)),
        };
        let worst = keyspaces.iter().flatten().map(|keyspace| keyspace.status()).max();
        if are_served { worst.unwrap_or(Status::Loading) } else { Status::Loading }
    }
}
