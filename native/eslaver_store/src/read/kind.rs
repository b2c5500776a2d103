//! Types of values, as readers are told them and ask for them.

use crate::keyspace::error::ReadError;
use crate::read::query::{Arg, Args};
use crate::read::reply::Reply;
use crate::values::{Large, Type, ValueRef};

/// Gives the type of a value: a name, or `{module, Name}` with the name of the module's type.
pub(crate) fn give(value: ValueRef<'_>, reply: &mut dyn Reply) {
    let name = value.kind().name();
    match module_name(value) {
        None => reply.atom(name),
        Some(module) => {
            reply.begin();
            reply.atom(name);
            reply.bytes(module);
            reply.end_tuple();
        }
    }
}

fn module_name<'a>(value: ValueRef<'a>) -> Option<&'a [u8]> {
    match value {
        ValueRef::Large(Large::Module(module)) => Some(module.name()),
        _ => None,
    }
}

/// Which values are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted<'q> {
    Any,
    Named(&'q str),
    Module(&'q [u8]),
}

impl<'q> Wanted<'q> {
    /// From an argument: `any`, a name, or `{module, Name}`.
    pub(crate) fn read(args: Args<'q>, index: usize) -> Result<Self, ReadError> {
        match args.at(index)? {
            Arg::Atom("any") => Ok(Self::Any),
            Arg::Atom(name) => Ok(Self::Named(name)),
            Arg::Tuple(parts) => match parts.as_slice() {
                [Arg::Atom("module"), Arg::Bytes(name)] => Ok(Self::Module(name)),
                _ => Err(ReadError::BadQuery),
            },
            _ => Err(ReadError::BadQuery),
        }
    }

    /// Whether a value is of those.
    pub(crate) fn has(self, value: ValueRef<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Named(name) => value.kind().name() == name,
            Self::Module(name) => module_name(value) == Some(name),
        }
    }
}

/// The name of a type that is not known.
pub(crate) const UNKNOWN: &str = Type::Unknown.name();
