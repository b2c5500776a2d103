//! Filters as Erlang gives them.

use eslaver_core::filter::Filter;
use eslaver_core::glob::Glob;
use eslaver_core::rdb::Kind;
use rustler::types::erlang_option::ErlOption;
use rustler::{Binary, NifMap, NifUnitEnum};

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

/// Who has made a change.
#[derive(NifUnitEnum)]
enum RawOrigin {
    User,
}

/// What `eslaver_filter` makes of a filter. `undefined` filters nothing.
#[derive(NifMap)]
pub(crate) struct RawFilter<'a> {
    keys: ErlOption<Vec<Binary<'a>>>,
    commands: ErlOption<Vec<Binary<'a>>>,
    types: ErlOption<Vec<RawType>>,
    dbs: ErlOption<Vec<u32>>,
    origin: ErlOption<RawOrigin>,
}

impl RawFilter<'_> {
    /// Whether it leaves out what a cluster does to move its slots. This is about events alone.
    pub(crate) fn is_of_users(&self) -> bool {
        matches!(self.origin.as_ref(), Some(RawOrigin::User))
    }

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
