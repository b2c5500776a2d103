//! Finds a keyspace by its mirror's name.
//!
//! A reader takes no lock and makes no term for it, and no process has to own a table.

use std::sync::LazyLock;

use arc_swap::{ArcSwap, Guard};
use rustler::{Atom, Env, LocalPid, Monitor, Resource, ResourceArc};

use crate::keyspace::state::Keyspace;

/// Few, so that looking through them is the quickest.
type Keyspaces = Vec<(Atom, ResourceArc<Keyspace>)>;

static REGISTRY: LazyLock<ArcSwap<Keyspaces>> = LazyLock::new(ArcSwap::default);

#[rustler::resource_impl]
impl Resource for Keyspace {
    const IMPLEMENTS_DOWN: bool = true;

    /// The mirror is gone.
    fn down<'a>(&'a self, _env: Env<'a>, _pid: LocalPid, _monitor: Monitor) {
        remove(self);
    }
}

/// Readers find `keyspace` by this name from now on, and no other.
pub(crate) fn add(name: Atom, keyspace: &ResourceArc<Keyspace>) {
    REGISTRY.rcu(|keyspaces| {
        let others = keyspaces.iter().filter(|(other, _)| *other != name).cloned();
        others.chain([(name, keyspace.clone())]).collect::<Keyspaces>()
    });
}

/// Readers do not find this keyspace any more.
pub(crate) fn remove(keyspace: &Keyspace) {
    keyspace.close();
    REGISTRY.rcu(|keyspaces| {
        let others = keyspaces.iter().filter(|(_, other)| !std::ptr::eq(&**other, keyspace));
        others.cloned().collect::<Keyspaces>()
    });
}

/// All keyspaces, for [`find`].
pub(crate) fn all() -> Guard<std::sync::Arc<Keyspaces>> {
    REGISTRY.load()
}

/// The keyspace of this name.
#[inline]
pub(crate) fn find(keyspaces: &Keyspaces, name: Atom) -> Option<&ResourceArc<Keyspace>> {
    keyspaces.iter().find(|(other, _)| *other == name).map(|(_, keyspace)| keyspace)
}
