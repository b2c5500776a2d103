//! A cluster's shards, as a reader finds them.

use std::cell::OnceCell;
use std::sync::Arc;

use arc_swap::Guard;
use eslaver_cluster::{Routes, Shard};
use eslaver_store::{Shards, Store};
use smallvec::SmallVec;

use crate::cluster::Cluster;
use crate::cluster::keyspaces::Of;
use crate::keyspace::{Current, Keyspace};

/// The stores of few shards are kept without an allocation.
const FEW: usize = 8;

/// What a shard had for readers when it was first looked at.
type Found = Guard<Option<Arc<Current>>>;

/// What a read finds of the shards: the same throughout, from the first look at each.
pub(crate) struct View<'a> {
    routes: &'a Routes,
    keyspaces: Guard<Arc<Of<Keyspace>>>,
    found: SmallVec<[OnceCell<Found>; FEW]>,
}

impl<'a> View<'a> {
    pub(crate) fn of(cluster: &'a Cluster) -> Self {
        let keyspaces = cluster.keyspaces.load();
        let found = keyspaces.iter().map(|_| OnceCell::new()).collect();
        Self { routes: &cluster.routes, keyspaces, found }
    }

    fn current(&self, Shard(number): Shard) -> Option<&Current> {
        let keyspace = self.keyspaces.get(usize::from(number))?.as_ref()?;
        let found = self.found.get(usize::from(number))?;
        found.get_or_init(|| keyspace.current()).as_deref()
    }
}

impl Shards for View<'_> {
    fn routes(&self) -> &Routes {
        self.routes
    }

    fn end(&self) -> u16 {
        u16::try_from(self.found.len()).unwrap_or(u16::MAX)
    }

    fn store(&self, shard: Shard) -> Option<&Store> {
        self.current(shard).map(|current| &*current.store)
    }

    fn serves(&self, shard: Shard) -> bool {
        let Shard(number) = shard;
        let keyspace = self.keyspaces.get(usize::from(number)).and_then(Option::as_ref);
        keyspace.is_some_and(|keyspace| keyspace.policy.serves_stale)
            || self.current(shard).is_some_and(Current::is_fresh)
    }
}
