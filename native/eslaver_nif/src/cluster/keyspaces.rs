//! The keyspaces of a mirror's shards, by the shards' numbers.
//!
//! A keyspace knows these, to take itself out. So these do not know what a keyspace is.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use eslaver_cluster::Shard;
use rustler::{Resource, ResourceArc};

/// The keyspaces of a cluster's shards. A reader takes no lock for them.
pub(crate) struct Keyspaces<K: Resource>(ArcSwap<Of<K>>);

/// The keyspace of each shard that has one, by number.
pub(crate) type Of<K> = Vec<Option<ResourceArc<K>>>;

impl<K: Resource> Default for Keyspaces<K> {
    fn default() -> Self {
        Self(ArcSwap::default())
    }
}

impl<K: Resource> Keyspaces<K> {
    /// What there is now.
    #[inline]
    pub(crate) fn load(&self) -> Guard<Arc<Of<K>>> {
        self.0.load()
    }

    /// The shard's keys are in this keyspace from now on.
    pub(crate) fn put(&self, Shard(number): Shard, keyspace: &ResourceArc<K>) {
        let at = usize::from(number);
        self.0.rcu(|before| {
            let mut after = Of::<K>::clone(before);
            after.resize(after.len().max(at + 1), None);
            after.splice(at..=at, [Some(keyspace.clone())]);
            after
        });
    }

    /// Nothing of the shard is read any more.
    pub(crate) fn remove(&self, Shard(number): Shard) {
        self.retain(|at, _| at != usize::from(number));
    }

    /// Nothing of this keyspace is read any more.
    pub(crate) fn remove_keyspace(&self, keyspace: &K) {
        self.retain(|_, other| !std::ptr::eq(other, keyspace));
    }

    fn retain(&self, keeps: impl Fn(usize, &K) -> bool) {
        self.0.rcu(|before| {
            let kept = |(at, keyspace): (usize, &Option<ResourceArc<K>>)| {
                keyspace.clone().filter(|keyspace| keeps(at, keyspace))
            };
            before.iter().enumerate().map(kept).collect::<Of<K>>()
        });
    }
}
