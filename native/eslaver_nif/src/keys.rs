//! The keys of commands, and whether they match a pattern, for tests against servers' own answers.

use std::sync::Arc;

use eslaver_core::commands::{self, Effect, Learned};
use eslaver_core::glob;
use rustler::types::erlang_option::ErlOption;
use rustler::{Binary, Encoder, Env, NifResult, Resource, ResourceArc, Term};

use crate::atoms;

/// What a master has told about its commands, as Erlang holds it.
pub(crate) struct Told(pub(crate) Arc<Learned>);

#[rustler::resource_impl]
impl Resource for Told {}

type RawTold = ErlOption<ResourceArc<Told>>;

/// The keys that a command changes, and those that it only reads: each as it was given, or `{Db,
/// Key}` if it is in another db. For a command without keys, what it does instead.
// the macro has a name `args` of its own
#[rustler::nif(schedule = "DirtyCpu")]
fn keys<'a>(
    env: Env<'a>,
    name: Binary<'_>,
    words: Vec<Term<'a>>,
    told: RawTold,
) -> NifResult<Term<'a>> {
    let nothing = Learned::default();
    let told = Option::from(told);
    let learned = told.as_ref().map_or(&nothing, |told: &ResourceArc<Told>| &told.0);
    let bytes = words.iter().map(|arg| arg.decode()).collect::<Result<Vec<Binary<'_>>, _>>()?;
    let bytes: Vec<&[u8]> = bytes.iter().map(Binary::as_slice).collect();
    let (mut changed, mut read) = (Vec::new(), Vec::new());
    let effect = commands::keys(learned, &name, bytes.as_slice(), |key| {
        if let Some(arg) = words.get(key.index) {
            let found = key.db.map_or(*arg, |db| (db, *arg).encode(env));
            if key.changed { changed.push(found) } else { read.push(found) }
        }
    });
    Ok(match effect {
        Effect::Keys => (changed, read).encode(env),
        Effect::Db => atoms::flushdb().encode(env),
        Effect::AllDbs => atoms::flushall().encode(env),
        Effect::Swap(one, other) => (atoms::swapdb(), one, other).encode(env),
        Effect::Slots => (atoms::slots(), commands::slots(&name, bytes.as_slice())).encode(env),
        Effect::Unnamed => atoms::unnamed().encode(env),
        Effect::NotAWrite => atoms::not_a_write().encode(env),
        Effect::Unknown => atoms::unknown().encode(env),
    })
}

/// Whether a key matches a pattern.
#[rustler::nif(name = "glob", schedule = "DirtyCpu")]
fn glob_matches(pattern: Binary<'_>, bytes: Binary<'_>) -> bool {
    glob::matches(&pattern, &bytes)
}
