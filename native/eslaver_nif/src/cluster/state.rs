//! A cluster: its routes, and the keyspaces of its shards.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use eslaver_cluster::{Routes, SLOTS, Shard};
use rustler::{Env, LocalPid, Monitor, Resource};

use crate::cluster::Keyspaces;
use crate::keyspace::{Status, registry};

/// A cluster, for as long as its process lives. Its links and its readers share it.
pub(crate) struct Cluster {
    /// Its process, which gets its messages.
    #[expect(dead_code, reason = "messages come with the links' side")]
    pub(crate) owner: LocalPid,
    /// Where the keys of each slot are read.
    pub(crate) routes: Routes,
    /// Of a mirror. They know of it, too, but only for as long as it is there.
    pub(crate) keyspaces: Arc<Keyspaces>,
    /// The slots that are to be served. `None`: all.
    expected: ArcSwapOption<Vec<(u16, u16)>>,
}

#[rustler::resource_impl]
impl Resource for Cluster {
    const IMPLEMENTS_DOWN: bool = true;

    /// Its process is gone.
    fn down<'a>(&'a self, _env: Env<'a>, _pid: LocalPid, _monitor: Monitor) {
        registry::remove_cluster(self);
    }
}

impl Cluster {
    /// One without shards, of this process.
    pub(crate) fn new(owner: LocalPid) -> Self {
        Self {
            owner,
            routes: Routes::default(),
            keyspaces: Arc::default(),
            expected: ArcSwapOption::empty(),
        }
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
