//! The keyspaces of a mirror's shards, by the shards' numbers.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use eslaver_cluster::Shard;
use rustler::ResourceArc;

use crate::keyspace::Keyspace;

/// The keyspaces of a cluster's shards. A reader takes no lock for them.
#[derive(Default)]
pub(crate) struct Keyspaces(ArcSwap<Of>);

/// The keyspace of each shard that has one, by number.
pub(crate) type Of = Vec<Option<ResourceArc<Keyspace>>>;

impl Keyspaces {
    /// What there is now.
    #[inline]
    pub(crate) fn load(&self) -> Guard<Arc<Of>> {
        self.0.load()
    }

    /// The shard's keys are in this keyspace from now on.
    pub(crate) fn put(&self, Shard(number): Shard, keyspace: &ResourceArc<Keyspace>) {
        let at = usize::from(number);
        self.0.rcu(|before| {
            let mut after = Of::clone(before);
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
    pub(crate) fn remove_keyspace(&self, keyspace: &Keyspace) {
        self.retain(|_, other| !std::ptr::eq(other, keyspace));
    }

    fn retain(&self, keeps: impl Fn(usize, &Keyspace) -> bool) {
        self.0.rcu(|before| {
            let kept = |(at, keyspace): (usize, &Option<ResourceArc<Keyspace>>)| {
                keyspace.clone().filter(|keyspace| keeps(at, keyspace))
            };
            before.iter().enumerate().map(kept).collect::<Of>()
        });
    }
}
