//! What is told of a value as a whole: how it is kept, what it takes, and its form for `RESTORE`.

use eslaver_core::rdb::write::{WriteError, Writer as RdbWriter};

use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::query::Args;
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::save;
use crate::values::set::Set;
use crate::values::{Large, Type, ValueRef};

pub(crate) const QUERIES: &[(&str, Answer)] =
    &[("dump", dump), ("memory_usage", memory_usage), ("object_encoding", object_encoding)];

/// The most bytes of a payload that are copied when it has become larger than the last buffer.
const BUFFER: usize = 256;

/// The value in the form of `DUMP` of its own server. What is large takes long.
fn dump(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let dialect = reader.server().dialect().ok_or(ReadError::Unknown)?;
    reader.walk_any(args.bytes(0)?, |value| {
        let Some(value) = value else {
            reply.missing();
            return Ok(());
        };
        if let ValueRef::Large(_) = value {
            reader.check_steps(usize::MAX)?;
        }
        let mut rdb = RdbWriter::payload(dialect, Vec::with_capacity(BUFFER));
        let written = save::write_payload(&mut rdb, value).and_then(|()| rdb.finish());
        // No server of this version has such a value.
        let payload = written.map_err(|_: WriteError| ReadError::Unknown)?;
        reply.bytes(&payload);
        Ok(())
    })
}

/// The bytes of a key with its value, as they were asked of the allocator.
fn memory_usage(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    reader.entry(args.bytes(0)?, |entry| match entry {
        None => {
            reply.missing();
            Ok(())
        }
        Some(entry) if matches!(entry.kind(), Type::Unknown | Type::Unsure) => {
            Err(ReadError::Unknown)
        }
        Some(entry) => {
            reply.unsigned(entry.size() as u64);
            Ok(())
        }
    })?
}

fn object_encoding(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    reader.walk_any(args.bytes(0)?, |value| {
        match value {
            None => reply.missing(),
            Some(value) => reply.atom(encoding(value)),
        }
        Ok(())
    })
}

fn encoding(value: ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Large(large) => match large {
            Large::String(_) => "chunks",
            Large::Hash(_) | Large::Set(_) => "table",
            Large::List(_) | Large::Array(_) | Large::PathHash(_) => "tree",
            Large::Zset(_) | Large::Stream(_) | Large::VectorSet(_) => "tree",
            Large::Module(_) => "module",
        },
        ValueRef::Packed { kind: Type::Set, .. } => match Set::of(value) {
            Some(Set::Ints(_)) => "ints",
            _ => "packed",
        },
        ValueRef::Packed { .. } => "packed",
    }
}
