//! What the process that keeps a mirror's projections asks of its keyspace.

use eslaver_core::glob::Glob;
use eslaver_store::{Changed, Interest};
use rustler::{Atom, Binary, Encoder, Env, NewBinary, ResourceArc, Term};

use crate::atoms;
use crate::keyspace::projections::Projections;
use crate::keyspace::state::Keyspace;

/// The calling process keeps projections of these keys, each of those of one db that match one of
/// its patterns.
#[rustler::nif]
fn keyspace_project(
    env: Env<'_>,
    keyspace: ResourceArc<Keyspace>,
    projections: Vec<(u32, Vec<Binary<'_>>)>,
) -> Atom {
    let interest = |(db, globs): &(u32, Vec<Binary<'_>>)| Interest {
        db: *db,
        keys: globs.iter().map(|glob| Glob::new(glob.as_slice())).collect(),
    };
    let interests = projections.iter().map(interest).collect();
    keyspace.project(Projections::new(env.pid(), interests));
    atoms::ok()
}

/// What has changed since this was called last, by projection: a list of keys, or `all`.
#[rustler::nif(schedule = "DirtyCpu")]
fn projections_changed<'a>(env: Env<'a>, keyspace: ResourceArc<Keyspace>) -> Vec<Term<'a>> {
    let changes = keyspace.projections().map(Projections::take).unwrap_or_default();
    let term = |changed: Changed| match changed {
        Changed::All => atoms::all().encode(env),
        Changed::Keys(keys) => {
            let binary = |key: &[u8]| Term::from(NewBinary::from_slice(env, key));
            keys.iter().map(|key| binary(key)).collect::<Vec<_>>().encode(env)
        }
    };
    changes.into_iter().map(term).collect()
}

/// The projections have it. The link may go on.
#[rustler::nif]
fn projections_settled(env: Env<'_>, keyspace: ResourceArc<Keyspace>) -> Atom {
    Keyspace::settle(&keyspace, env);
    atoms::ok()
}
