//! Filters as Erlang gives them, and what the server asks for its key notifications.

use std::sync::Arc;

use eslaver_core::commands::{self, Effect, Learned};
use eslaver_core::filter::Filter;
use eslaver_core::glob::{self, Glob};
use eslaver_core::rdb::Kind;
use rustler::types::erlang_option::ErlOption;
use rustler::{Binary, Encoder, Env, NifMap, NifUnitEnum, Resource, ResourceArc, Term};

use crate::atoms;

/// The type of a key.
#[derive(NifUnitEnum)]
enum RawType {
    String,
    List,
    Set,
    Zset,
    Hash,
    Stream,
    Module,
    Array,
    Gcra,
    PathHash,
}

impl From<RawType> for Kind {
    fn from(raw: RawType) -> Self {
        match raw {
            RawType::String => Kind::String,
            RawType::List => Kind::List,
            RawType::Set => Kind::Set,
            RawType::Zset => Kind::Zset,
            RawType::Hash => Kind::Hash,
            RawType::Stream => Kind::Stream,
            RawType::Module => Kind::Module,
            RawType::Array => Kind::Array,
            RawType::Gcra => Kind::Gcra,
            RawType::PathHash => Kind::PathHash,
        }
    }
}

/// What `eslaver_filter` makes of a filter: what is undefined filters nothing.
#[derive(NifMap)]
pub(crate) struct RawFilter<'a> {
    keys: ErlOption<Vec<Binary<'a>>>,
    commands: ErlOption<Vec<Binary<'a>>>,
    types: ErlOption<Vec<RawType>>,
    dbs: ErlOption<Vec<u32>>,
}

impl RawFilter<'_> {
    pub(crate) fn read(self) -> Filter {
        let keys: Option<Vec<Binary<'_>>> = self.keys.into();
        let commands: Option<Vec<Binary<'_>>> = self.commands.into();
        let types: Option<Vec<RawType>> = self.types.into();
        Filter {
            keys: keys.map(|keys| keys.iter().map(|key| Glob::new(key.as_slice())).collect()),
            commands: commands
                .map(|names| names.iter().map(|name| name.to_ascii_lowercase()).collect()),
            types: types.map(|types| types.into_iter().map(Kind::from).collect()),
            dbs: self.dbs.into(),
        }
    }
}

/// What a master told of its commands, as Erlang holds it.
pub(crate) struct Told(pub(crate) Arc<Learned>);

#[rustler::resource_impl]
impl Resource for Told {}

type RawTold = ErlOption<ResourceArc<Told>>;

/// The keys of a command, those it changes and those it only reads, each as it was given, or
/// `{Db, Key}` where it is in another db; or an atom for what has none.
fn keys<'a>(
    env: Env<'a>,
    name: Binary<'_>,
    args: Vec<Term<'a>>,
    told: RawTold,
) -> rustler::NifResult<Term<'a>> {
    let nothing = Learned::default();
    let told = Option::from(told);
    let learned = told.as_ref().map_or(&nothing, |told: &ResourceArc<Told>| &told.0);
    let bytes = args.iter().map(|arg| arg.decode()).collect::<Result<Vec<Binary<'_>>, _>>()?;
    let bytes: Vec<&[u8]> = bytes.iter().map(Binary::as_slice).collect();
    let (mut changed, mut read) = (Vec::new(), Vec::new());
    let effect = commands::keys(learned, &name, bytes.as_slice(), |key| {
        if let Some(arg) = args.get(key.index) {
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

// the macro has a name `args` of its own
#[rustler::nif(name = "keys")]
fn keys_short<'a>(
    env: Env<'a>,
    name: Binary<'_>,
    words: Vec<Term<'a>>,
    told: RawTold,
) -> rustler::NifResult<Term<'a>> {
    keys(env, name, words, told)
}

#[rustler::nif(name = "keys_dirty", schedule = "DirtyCpu")]
fn keys_long<'a>(
    env: Env<'a>,
    name: Binary<'_>,
    words: Vec<Term<'a>>,
    told: RawTold,
) -> rustler::NifResult<Term<'a>> {
    keys(env, name, words, told)
}

#[rustler::nif(name = "glob")]
fn glob_short(pattern: Binary<'_>, bytes: Binary<'_>) -> bool {
    glob::matches(&pattern, &bytes)
}

#[rustler::nif(name = "glob_dirty", schedule = "DirtyCpu")]
fn glob_long(pattern: Binary<'_>, bytes: Binary<'_>) -> bool {
    glob::matches(&pattern, &bytes)
}
