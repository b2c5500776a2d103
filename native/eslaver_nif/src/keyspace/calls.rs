//! What a mirror's server asks of its keyspace.

use std::sync::Arc;
use std::time::Duration;

use eslaver_cluster::Shard;
use eslaver_core::commands::Learned;
use eslaver_core::rdb::{self, Decoder, Limits, Status};
use eslaver_store::{Command, Feed, Functions, Loader, Refusal, Writer};
use rustler::types::erlang_option::ErlOption;
use rustler::types::map;
use rustler::{
    Atom, Binary, Encoder, Env, LocalPid, NewBinary, NifMap, NifResult, ResourceArc, Term,
};

use crate::atoms;
use crate::backlog::Backlog;
use crate::cluster::Cluster;
use crate::interests::Interests;
use crate::keyspace::applied::Position;
use crate::keyspace::fault::Fault;
use crate::keyspace::reads::status_atom;
use crate::keyspace::registry;
use crate::keyspace::state::{Keyspace, Policy};

/// What a mirror's options say of its keyspace; see `eslaver_nif`.
#[derive(NifMap)]
struct RawPolicy {
    serves_stale: bool,
    missing: Atom,
    in_place: bool,
    max_memory: ErlOption<u64>,
    fresh_within: ErlOption<u64>,
}

/// A keyspace without data, for the calling process, found by a name, or as that of a shard of a
/// cluster.
#[rustler::nif]
fn keyspace_new<'a>(
    env: Env<'a>,
    place: Term<'a>,
    interests: ResourceArc<Interests>,
    listener: LocalPid,
    policy: RawPolicy,
) -> NifResult<Term<'a>> {
    let mirror = env.pid();
    let name = place.decode::<Atom>().ok();
    let shard = match name {
        Some(_) => None,
        None => Some(place.decode::<(ResourceArc<Cluster>, u16)>()?),
    };
    let shard = shard.map(|(cluster, number)| (Shard(number), Arc::clone(&cluster.keyspaces)));
    let found = shard.as_ref().map(|(shard, keyspaces)| (*shard, Arc::downgrade(keyspaces)));
    let processes = (mirror, listener);
    let RawPolicy { serves_stale, missing, in_place, max_memory, fresh_within } = policy;
    let fresh_within: Option<u64> = fresh_within.into();
    let policy = Policy {
        serves_stale,
        missing,
        in_place,
        max_memory: max_memory.into(),
        fresh_within: fresh_within.map(Duration::from_millis),
    };
    let keyspace = Keyspace::new(processes, found, interests, policy);
    let keyspace = ResourceArc::new(keyspace);
    keyspace.monitor(Some(env), &mirror).ok_or(rustler::Error::BadArg)?;
    name.into_iter().for_each(|name| registry::add(name, &keyspace));
    shard.into_iter().for_each(|(shard, keyspaces)| keyspaces.put(shard, &keyspace));
    Ok(keyspace.encode(env))
}

/// How far it is behind.
#[rustler::nif]
fn keyspace_backlog(keyspace: ResourceArc<Keyspace>) -> ResourceArc<Backlog> {
    keyspace.backlog.clone()
}

/// Readers do not find it any more.
#[rustler::nif]
fn keyspace_close(keyspace: ResourceArc<Keyspace>) -> Atom {
    registry::remove(&keyspace);
    atoms::ok()
}

/// Takes the turn from the link that has it, and waits for its slice. Only a link with the new ticket
/// writes from now on; it goes on from the position, or has to begin anew.
#[rustler::nif(schedule = "DirtyIo")]
fn keyspace_detach<'a>(env: Env<'a>, keyspace: ResourceArc<Keyspace>) -> NifResult<Term<'a>> {
    let ticket = keyspace.detach();
    keyspace.projections().into_iter().for_each(|projections| projections.call(env));
    Keyspace::notify(&keyspace, env);
    let position = keyspace.position();
    let has_keys = keyspace.store().is_some_and(|store| !store.is_empty());
    Ok((ticket, position_term(env, position.as_ref())?, has_keys).encode(env))
}

fn position_term<'a>(env: Env<'a>, position: Option<&Position>) -> NifResult<Term<'a>> {
    match position {
        Some(Position { replid: Some(replid), offset, db }) => {
            let map = map::map_new(env);
            let map = map.map_put(atoms::replid(), binary(env, replid.as_bytes()))?;
            map.map_put(atoms::offset(), offset)?.map_put(atoms::db(), db)
        }
        _ => Ok(atoms::undefined().encode(env)),
    }
}

/// The place up to which all can be read, and projections have it, at least.
#[rustler::nif]
fn keyspace_reached<'a>(env: Env<'a>, keyspace: ResourceArc<Keyspace>) -> NifResult<Term<'a>> {
    let place = keyspace.readable().map(|position| {
        let offset = keyspace.reached(position.replid.as_deref(), 0).unwrap_or(0);
        Position { offset, ..position }
    });
    position_term(env, place.as_ref())
}

/// The offset up to which all can be read, if that is at least this one of this history. Else the
/// mirror is told when it is.
#[rustler::nif]
fn keyspace_await<'a>(
    env: Env<'a>,
    keyspace: ResourceArc<Keyspace>,
    replid: &str,
    offset: u64,
) -> Term<'a> {
    let reached = keyspace.wait_for(replid, offset);
    reached.map_or(atoms::waiting().encode(env), |offset| offset.encode(env))
}

/// Whether all up to this offset, of the history with this id or of any, can be read of the mirror
/// with this name.
#[rustler::nif]
fn keyspace_has(name: Atom, replid: Term<'_>, offset: u64) -> NifResult<bool> {
    let replid = if replid.is_atom() { None } else { Some(replid.decode::<&str>()?) };
    let keyspaces = registry::all();
    let keyspace = registry::find_keyspace(&keyspaces, name);
    Ok(keyspace.is_some_and(|keyspace| keyspace.reached(replid, offset).is_some()))
}

/// The next link has to begin with a full resync.
#[rustler::nif]
fn keyspace_forget(keyspace: ResourceArc<Keyspace>) -> Atom {
    keyspace.forget_position();
    atoms::ok()
}

/// The replica that the link goes to has lost its own master, or has it again.
#[rustler::nif]
fn keyspace_cut_off(keyspace: ResourceArc<Keyspace>, cut_off: bool) -> Atom {
    keyspace.set_cut_off(cut_off);
    atoms::ok()
}

/// Nothing is written until it is released. Waits for a slice that runs.
#[rustler::nif(schedule = "DirtyIo")]
fn keyspace_hold(keyspace: ResourceArc<Keyspace>) -> Atom {
    keyspace.hold();
    atoms::ok()
}

#[rustler::nif]
fn keyspace_release(env: Env<'_>, keyspace: ResourceArc<Keyspace>) -> Atom {
    keyspace.release(env);
    atoms::ok()
}

/// The listener has told notices of this weight.
#[rustler::nif]
fn keyspace_notified(env: Env<'_>, keyspace: ResourceArc<Keyspace>, weight: u64) -> Atom {
    keyspace.notified(env, weight);
    atoms::ok()
}

/// What there is, where it stands in the stream, and what could not be applied.
#[rustler::nif]
fn keyspace_info<'a>(env: Env<'a>, keyspace: ResourceArc<Keyspace>) -> NifResult<Term<'a>> {
    let store = keyspace.store().unwrap_or_default();
    let usage = store.usage();
    let mut types = map::map_new(env);
    for of in usage.iter().filter(|of| of.keys > 0) {
        let name = Atom::from_str(env, of.kind)?;
        let entry = map::map_new(env).map_put(atoms::keys(), of.keys)?;
        types = types.map_put(name, entry.map_put(atoms::bytes(), of.bytes)?)?;
    }
    let stale_for = u64::try_from(keyspace.stale_for().as_millis()).unwrap_or(u64::MAX);
    let applied = keyspace.applied();
    let position = applied.position.as_ref();
    let replid = position.and_then(|position| position.replid.as_deref());
    let mut unapplied = map::map_new(env);
    for (command, count) in &applied.refused {
        unapplied = unapplied.map_put(binary(env, command), count)?;
    }
    map::map_new(env)
        .map_put(atoms::keys(), store.len())?
        .map_put(atoms::memory(), keyspace.memory())?
        .map_put(atoms::types(), types)?
        .map_put(atoms::replid(), text(env, replid))?
        .map_put(atoms::offset(), position.map_or(0, |position| position.offset))?
        .map_put(atoms::db(), position.map_or(0, |position| position.db))?
        .map_put(atoms::functions(), applied.functions.len())?
        .map_put(atoms::unapplied(), unapplied)?
        .map_put(atoms::incomplete(), applied.is_lost)?
        .map_put(atoms::stale_for(), stale_for)?
        .map_put(atoms::status(), status_atom(keyspace.status()))
}

/// The code of each library of functions.
#[rustler::nif]
fn keyspace_functions<'a>(env: Env<'a>, keyspace: ResourceArc<Keyspace>) -> NifResult<Term<'a>> {
    let applied = keyspace.applied();
    applied.functions.iter().try_fold(map::map_new(env), |map, (name, code)| {
        map.map_put(binary(env, name), binary(env, code))
    })
}

/// Loads a snapshot, for tests: without a link there is no other way.
#[rustler::nif(schedule = "DirtyCpu")]
fn keyspace_load<'a>(
    env: Env<'a>,
    keyspace: ResourceArc<Keyspace>,
    snapshot: Binary<'_>,
) -> Term<'a> {
    let store = keyspace.new_store();
    let mut loader = Loader::new(Arc::clone(&store), None);
    match load(&snapshot, &mut loader) {
        Ok(()) => {
            loader.finish();
            let position = Position { replid: None, offset: 0, db: 0 };
            keyspace.publish(store, position, Functions::default());
            keyspace.projections().into_iter().for_each(|projections| projections.call(env));
            atoms::ok().encode(env)
        }
        Err(error) => {
            drop(loader);
            keyspace.bury(store);
            (atoms::error(), error.to_string()).encode(env)
        }
    }
}

/// Applies commands of a db, for tests: those that could not be applied, and why.
#[rustler::nif(schedule = "DirtyCpu")]
fn keyspace_apply<'a>(
    env: Env<'a>,
    keyspace: ResourceArc<Keyspace>,
    db: u32,
    commands: Vec<Vec<Binary<'_>>>,
    now: i64,
) -> NifResult<Vec<(Term<'a>, String)>> {
    let store = keyspace.store().ok_or(rustler::Error::BadArg)?;
    let learned = Learned::default();
    let mut feed = Feed::new(Writer::new(store, learned.clone(), None));
    let mut refused = Vec::new();
    for command in &commands {
        let words: Vec<&[u8]> = command.iter().map(Binary::as_slice).collect();
        let (name, args) = words.split_first().ok_or(rustler::Error::BadArg)?;
        let refused = |command: &Command<'_>, refusal: Refusal| {
            refused.push((binary(env, command.name), refusal.to_string()));
        };
        let applied = |unit: &[Command<'_>]| {
            keyspace.note(&learned, unit, 0, |_| false);
        };
        feed.command(db, name, args, now, refused, applied);
    }
    Keyspace::notify(&keyspace, env);
    keyspace.bury_trash(feed.writer().take_trash());
    Ok(refused)
}

/// The names of all commands that change keys here, for tests.
#[rustler::nif(schedule = "DirtyCpu")]
fn keyspace_commands<'a>(env: Env<'a>) -> Vec<Term<'a>> {
    let writer = Writer::new(Arc::default(), Learned::default(), None);
    writer.commands().map(|name| binary(env, name)).collect()
}

/// The next link that applies commands panics within this one, in lower case.
#[rustler::nif]
fn keyspace_fail_command(name: Atom, command: Binary<'_>) -> Atom {
    set_fault(name, Fault::Command(command.to_vec()))
}

/// The next link that loads a snapshot panics at its key of this number.
#[rustler::nif]
fn keyspace_fail_load(name: Atom, key: u64) -> Atom {
    set_fault(name, Fault::Load(key))
}

fn set_fault(name: Atom, fault: Fault) -> Atom {
    match registry::find_keyspace(&registry::all(), name) {
        None => atoms::not_running(),
        Some(keyspace) => {
            keyspace.set_fault(fault);
            atoms::ok()
        }
    }
}

fn load(snapshot: &[u8], loader: &mut Loader) -> Result<(), rdb::Error> {
    let mut decoder = Decoder::with_limits(Limits::NONE);
    decoder.feed(snapshot);
    while let Status::Event = decoder.next(loader)? {}
    decoder.finish()
}

fn text<'a>(env: Env<'a>, text: Option<&str>) -> Term<'a> {
    text.map_or(atoms::undefined().encode(env), |text| binary(env, text.as_bytes()))
}

fn binary<'a>(env: Env<'a>, bytes: &[u8]) -> Term<'a> {
    NewBinary::from_slice(env, bytes).into()
}
