//! Reads of strings.

use crate::keyspace::store::ReadError;
use crate::read::query::Args;
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::read::table::Answer;
use crate::values::{Large, Type, ValueRef};

pub(crate) const QUERIES: &[(&str, Answer)] = &[("get", get)];

fn get(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.walk(args.bytes(0)?, Type::String, |value| {
        match value {
            None => reply.atom("undefined"),
            Some(ValueRef::Packed { payload, .. }) => reply.bytes(payload),
            Some(ValueRef::Large(Large::String(chunks))) => {
                let len = chunks.len();
                reply.pieces(len as usize, &mut chunks.slices(0..len));
            }
            Some(_) => return Err(ReadError::WrongType),
        }
        Ok(())
    })
}
