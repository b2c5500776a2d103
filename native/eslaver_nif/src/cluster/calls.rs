//! What a cluster's process asks of it.

use eslaver_cluster::Shard;
use rustler::types::erlang_option::ErlOption;
use rustler::{Atom, Binary, Encoder, Env, NifResult, ResourceArc, Term};

use crate::atoms;
use crate::cluster::Cluster;
use crate::keyspace::registry;

/// A cluster without shards, for the calling process. A mirror's is found by its name, which is not
/// `undefined`, and its readers get `missing` for what is missing.
#[rustler::nif]
fn cluster_new<'a>(env: Env<'a>, name: Atom, missing: Atom) -> NifResult<Term<'a>> {
    let owner = env.pid();
    let cluster = ResourceArc::new(Cluster::new(owner, missing));
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

/// Only these slots are to be served: what others have has no part in the status.
#[rustler::nif]
fn cluster_expect(cluster: ResourceArc<Cluster>, slots: Vec<(u16, u16)>) -> Atom {
    cluster.expect(slots);
    atoms::ok()
}

/// Gives slots a route, for tests: without links there is no other way.
#[rustler::nif]
fn cluster_route(
    cluster: ResourceArc<Cluster>,
    slots: (u16, u16),
    owner: ErlOption<u16>,
    other: ErlOption<u16>,
) -> Atom {
    let shard = |number: ErlOption<u16>| Option::<u16>::from(number).map(Shard);
    let (owner, other) = (shard(owner), shard(other));
    (slots.0..=slots.1).for_each(|slot| cluster.routes.set(slot, owner, other));
    atoms::ok()
}

/// The slot of a key.
#[rustler::nif]
fn cluster_slot(key: Binary<'_>) -> u16 {
    eslaver_cluster::of_key(&key)
}
