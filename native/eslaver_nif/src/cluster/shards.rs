//! What a cluster's process asks of its shards, and tells of them.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use eslaver_cluster::{Hold, Member, Shard, Slots, Standing, Statement};
use rustler::types::erlang_option::ErlOption;
use rustler::types::map;
use rustler::{Atom, Binary, Decoder, Encoder, Env, Error, NifResult, ResourceArc, Term};

use crate::atoms;
use crate::cluster::Cluster;
use crate::cluster::state::{Told, told};

impl UnwindSafe for Cluster {}
impl RefUnwindSafe for Cluster {}

/// What a shard's master says of itself. The node may be missing.
struct RawStatement(Statement);

impl<'a> Decoder<'a> for RawStatement {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        let slots = |key| {
            let ranges: Vec<(u16, u16)> = term.map_get(key)?.decode()?;
            Ok(Slots::of_ranges(&ranges))
        };
        let node = match term.map_get(atoms::node()) {
            Ok(node) => Option::<Binary<'_>>::from(node.decode::<ErlOption<_>>()?),
            Err(_) => None,
        };
        Ok(Self(Statement {
            node: node.map(|node| node.as_slice().into()),
            epoch: term.map_get(atoms::epoch())?.decode()?,
            owned: slots(atoms::owned())?,
            importing: slots(atoms::importing())?,
            from: term.map_get(atoms::from())?.decode()?,
            to: term.map_get(atoms::to())?.decode()?,
        }))
    }
}

/// Adds a shard, and gives its number.
#[rustler::nif]
fn cluster_add(cluster: ResourceArc<Cluster>, id: Binary<'_>) -> NifResult<u16> {
    let Shard(number) = cluster.slots.add(&id).ok_or(Error::BadArg)?.shard();
    Ok(number)
}

/// Its slots lose their owner; its keyspace is not read any more.
#[rustler::nif]
fn cluster_remove(env: Env<'_>, cluster: ResourceArc<Cluster>, number: u16) -> Atom {
    let shard = Shard(number);
    cluster.slots.remove(shard);
    cluster.keyspaces.remove(shard);
    // it waits no more, nor does anything for it
    cluster.wake(env, shard);
    cluster.forget_link(shard);
    cluster.wake_held(env, None);
    atoms::ok()
}

/// What a shard's master says of itself. Gives the slots that have another owner now.
#[rustler::nif]
fn cluster_commit(
    env: Env<'_>,
    cluster: ResourceArc<Cluster>,
    number: u16,
    RawStatement(statement): RawStatement,
) -> Told {
    let moves = cluster.slots.commit(Shard(number), statement);
    cluster.wake_held(env, None);
    told(moves)
}

/// Deletions up to this offset may be handled.
#[rustler::nif]
fn cluster_clear(env: Env<'_>, cluster: ResourceArc<Cluster>, number: u16, offset: u64) -> Atom {
    if cluster.slots.clear(Shard(number), offset) {
        cluster.wake(env, Shard(number));
    }
    atoms::ok()
}

/// Whether everything up to this offset has been handled. If not, the cluster's process is told when
/// it has.
#[rustler::nif]
fn cluster_await(cluster: ResourceArc<Cluster>, number: u16, offset: u64) -> NifResult<Atom> {
    let member = cluster.slots.member(Shard(number)).ok_or(Error::BadArg)?;
    Ok(if member.awaits(offset) { atoms::reached() } else { atoms::waiting() })
}

/// The keyspaces of all shards.
#[rustler::nif]
fn cluster_keyspaces<'a>(env: Env<'a>, cluster: ResourceArc<Cluster>) -> Term<'a> {
    cluster.keyspaces.load().iter().flatten().cloned().collect::<Vec<_>>().encode(env)
}

/// How many slots have an owner, and what each shard has.
#[rustler::nif]
fn cluster_info<'a>(env: Env<'a>, cluster: ResourceArc<Cluster>) -> NifResult<Term<'a>> {
    let (covered, standings) = cluster.slots.standings();
    let mut shards = map::map_new(env);
    for Standing { member, owned, importing, .. } in standings {
        let Shard(number) = member.shard();
        shards = shards.map_put(number, of_shard(env, &member, &owned, &importing)?)?;
    }
    map::map_new(env).map_put(atoms::covered(), covered)?.map_put(atoms::shards(), shards)
}

fn of_shard<'a>(
    env: Env<'a>,
    member: &Arc<Member>,
    owned: &Slots,
    importing: &Slots,
) -> NifResult<Term<'a>> {
    let held = match member.hold() {
        None => atoms::r#false(),
        Some(Hold::Deletion(_)) => atoms::deletion(),
        Some(Hold::Snapshot) => atoms::snapshot(),
        Some(Hold::Order(_)) => atoms::order(),
        Some(Hold::Import(_)) => atoms::import(),
    };
    let waits_for = member.waits_for().map(|Shard(number)| number);
    map::map_new(env)
        .map_put(atoms::slots(), owned.ranges())?
        .map_put(atoms::importing(), importing.ranges())?
        .map_put(atoms::clearance(), member.clearance())?
        .map_put(atoms::handled(), ErlOption::from(member.handled()).encode(env))?
        .map_put(atoms::held(), held)?
        .map_put(atoms::held_at(), ErlOption::from(member.held_at()).encode(env))?
        .map_put(atoms::held_behind(), ErlOption::from(member.held_behind()).encode(env))?
        .map_put(atoms::waits_for(), ErlOption::from(waits_for).encode(env))
}
