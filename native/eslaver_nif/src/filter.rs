//! Filters as Erlang gives them, and what the server asks for its key notifications.

use eslaver_core::commands::{Effect, Written, written_keys};
use eslaver_core::filter::Filter;
use eslaver_core::glob::{self, Glob};
use eslaver_core::rdb::Kind;
use rustler::types::erlang_option::ErlOption;
use rustler::{Binary, Encoder, Env, NifMap, NifUnitEnum, Term};

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

/// The keys that a command changes, each as it was given, or `{Db, Key}` where it is in another db;
/// or an atom for what has none.
fn written<'a>(
    env: Env<'a>,
    name: Binary<'_>,
    args: Vec<Term<'a>>,
) -> rustler::NifResult<Term<'a>> {
    let bytes = args.iter().map(|arg| arg.decode()).collect::<Result<Vec<Binary<'_>>, _>>()?;
    let bytes: Vec<&[u8]> = bytes.iter().map(Binary::as_slice).collect();
    Ok(match written_keys(&name, bytes.as_slice()) {
        Written::Keys(keys) => {
            let keys = keys.iter().filter_map(|key| {
                let arg = args.get(key.index)?;
                Some(key.db.map_or(*arg, |db| (db, *arg).encode(env)))
            });
            keys.collect::<Vec<_>>().encode(env)
        }
        Written::Other(Effect::Keys) => Vec::<Term<'_>>::new().encode(env),
        Written::Other(Effect::Db) => atoms::flushdb().encode(env),
        Written::Other(Effect::AllDbs) => atoms::flushall().encode(env),
        Written::Other(Effect::Swap(one, other)) => (atoms::swapdb(), one, other).encode(env),
        Written::Other(Effect::Unnamed) => atoms::unnamed().encode(env),
        Written::Other(Effect::NotAWrite) => atoms::not_a_write().encode(env),
        Written::Other(Effect::Unknown) => atoms::unknown().encode(env),
    })
}

#[rustler::nif(name = "written_keys")]
fn written_keys_short<'a>(
    env: Env<'a>,
    name: Binary<'_>,
    args: Vec<Term<'a>>,
) -> rustler::NifResult<Term<'a>> {
    written(env, name, args)
}

#[rustler::nif(name = "written_keys_dirty", schedule = "DirtyCpu")]
fn written_keys_long<'a>(
    env: Env<'a>,
    name: Binary<'_>,
    args: Vec<Term<'a>>,
) -> rustler::NifResult<Term<'a>> {
    written(env, name, args)
}

#[rustler::nif(name = "glob")]
fn glob_short(pattern: Binary<'_>, bytes: Binary<'_>) -> bool {
    glob::matches(&pattern, &bytes)
}

#[rustler::nif(name = "glob_dirty", schedule = "DirtyCpu")]
fn glob_long(pattern: Binary<'_>, bytes: Binary<'_>) -> bool {
    glob::matches(&pattern, &bytes)
}
