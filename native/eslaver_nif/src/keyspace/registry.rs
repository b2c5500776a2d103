//! Finds a keyspace, or those of a cluster, by its mirror's name.
//!
//! A reader takes no lock and makes no term for it, and no process has to own a table.

use std::sync::LazyLock;

use arc_swap::{ArcSwap, Guard};
use rustler::{Atom, Env, LocalPid, Monitor, Resource, ResourceArc};

use crate::cluster::Cluster;
use crate::keyspace::state::Keyspace;

/// What has a name.
#[derive(Clone)]
pub(crate) enum Named {
    Keyspace(ResourceArc<Keyspace>),
    Cluster(ResourceArc<Cluster>),
}

/// Few, so that looking through them is the quickest.
type Names = Vec<(Atom, Named)>;

static REGISTRY: LazyLock<ArcSwap<Names>> = LazyLock::new(ArcSwap::default);

#[rustler::resource_impl]
impl Resource for Keyspace {
    const IMPLEMENTS_DOWN: bool = true;

    /// The mirror is gone.
    fn down<'a>(&'a self, _env: Env<'a>, _pid: LocalPid, _monitor: Monitor) {
        remove(self);
    }
}

#[rustler::resource_impl]
impl Resource for Cluster {
    const IMPLEMENTS_DOWN: bool = true;

    /// Its process is gone.
    fn down<'a>(&'a self, _env: Env<'a>, _pid: LocalPid, _monitor: Monitor) {
        remove_cluster(self);
    }
}

/// Readers find `keyspace` by this name from now on, and no other.
pub(crate) fn add(name: Atom, keyspace: &ResourceArc<Keyspace>) {
    put(name, &Named::Keyspace(keyspace.clone()));
}

/// Readers find `cluster` by this name from now on, and no other.
pub(crate) fn add_cluster(name: Atom, cluster: &ResourceArc<Cluster>) {
    put(name, &Named::Cluster(cluster.clone()));
}

fn put(name: Atom, named: &Named) {
    REGISTRY.rcu(|names| {
        let others = names.iter().filter(|(other, _)| *other != name).cloned();
        others.chain([(name, named.clone())]).collect::<Names>()
    });
}

/// Readers do not find this keyspace any more.
pub(crate) fn remove(keyspace: &Keyspace) {
    keyspace.close();
    retain(|named| match named {
        Named::Keyspace(other) => !std::ptr::eq(&**other, keyspace),
        Named::Cluster(_) => true,
    });
}

/// Readers do not find this cluster any more.
pub(crate) fn remove_cluster(cluster: &Cluster) {
    retain(|named| match named {
        Named::Keyspace(_) => true,
        Named::Cluster(other) => !std::ptr::eq(&**other, cluster),
    });
}

fn retain(keeps: impl Fn(&Named) -> bool) {
    REGISTRY
        .rcu(|names| names.iter().filter(|(_, named)| keeps(named)).cloned().collect::<Names>());
}

/// All that have names, for [`find`].
pub(crate) fn all() -> Guard<std::sync::Arc<Names>> {
    REGISTRY.load()
}

/// What has this name.
#[inline]
pub(crate) fn find(names: &Names, name: Atom) -> Option<&Named> {
    names.iter().find(|(other, _)| *other == name).map(|(_, named)| named)
}

/// The keyspace of this name.
pub(crate) fn find_keyspace(names: &Names, name: Atom) -> Option<&ResourceArc<Keyspace>> {
    match find(names, name)? {
        Named::Keyspace(keyspace) => Some(keyspace),
        Named::Cluster(_) => None,
    }
}
