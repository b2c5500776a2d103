//! What a cluster's process asks of it.

use rustler::{Atom, Binary, Encoder, Env, NifResult, ResourceArc, Term};

use crate::atoms;
use crate::cluster::Cluster;
use crate::keyspace::registry;

/// A cluster without shards, for the calling process. A mirror's is found by its name, which is not
/// `undefined`.
#[rustler::nif]
fn cluster_new<'a>(env: Env<'a>, name: Atom) -> NifResult<Term<'a>> {
    let owner = env.pid();
    let cluster = ResourceArc::new(Cluster::new(owner));
    cluster.monitor(Some(env), &owner).ok_or(rustler::Error::BadArg)?;
    if name != atoms::undefined() {
        registry::add_cluster(name, &cluster);
    }
    Ok(cluster.encode(env))
}

/// Readers do not find it any more.
#[rustler::nif]
fn cluster_close(cluster: ResourceArc<Cluster>) -> Atom {
    registry::remove_cluster(&cluster);
    atoms::ok()
}

/// The slot of a key.
#[rustler::nif]
fn cluster_slot(key: Binary<'_>) -> u16 {
    eslaver_cluster::of_key(&key)
}
