//! Reads of strings, of their bits, and of HyperLogLogs.

use xxhash_rust::xxh3::Xxh3;

use crate::keyspace::error::ReadError;
use crate::keyspace::kept::Kept;
use crate::keyspace::look::Located;
use crate::read::answer::Answer;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::bitfield::Field;
use crate::values::bits::{self, Part};
use crate::values::string::{Str, indexes};
use crate::values::{Type, ValueRef, hll, lcs};

pub(crate) const QUERIES: &[(&str, Answer)] = &[
    ("bitcount", bitcount),
    ("bitfield_ro", bitfield_ro),
    ("bitpos", bitpos),
    ("digest", digest),
    ("get", get),
    ("getbit", getbit),
    ("getrange", getrange),
    ("lcs", lcs),
    ("lcs_idx", lcs_idx),
    ("lcs_len", lcs_len),
    ("mget", mget),
    ("pfcount", pfcount),
    ("strlen", strlen),
];

/// Bytes that are copied or looked at in a step of some 10 ns.
const BYTES_A_STEP: usize = 64;

fn get(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.walk(args.bytes(0)?, Type::String, |value| match value {
        None => {
            reply.missing();
            Ok(())
        }
        Some(value) => give_whole(reader, value, reply),
    })
}

/// The string, as of `GET`.
pub(crate) fn give_whole(
    reader: &Reader<'_>,
    value: ValueRef<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let string = Str::of(Some(value));
    reader.check_steps(string.len() / BYTES_A_STEP)?;
    give(string, 0..string.len(), reply);
    Ok(())
}

fn give(string: Str<'_>, range: std::ops::Range<usize>, reply: &mut dyn Reply) {
    match string {
        Str::Flat(bytes) => reply.bytes(bytes.get(range).unwrap_or_default()),
        Str::Long(chunks) => {
            let len = range.len();
            reply.pieces(len, &mut chunks.slices(range.start as u64..range.end as u64));
        }
    }
}

/// Keys of other types count as missing.
fn mget(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let keys = args.strings(0)?;
    let values: Vec<Option<Kept<'_>>> = reader.entries(&keys, |entries| {
        let mut len = 0;
        for entry in entries.iter().flatten() {
            match entry.kind() {
                Type::Unknown | Type::Unsure => return Err(ReadError::Unknown),
                Type::String => len += 64 + Str::of(Some(entry.value())).len(),
                _ => {}
            }
        }
        reader.check_steps(len / BYTES_A_STEP)?;
        let strings = entries
            .iter()
            .map(|entry| entry.filter(|entry| entry.kind() == Type::String).map(Located::keep));
        Ok(strings.collect())
    })?;
    reply.begin();
    for value in &values {
        match value {
            None => reply.missing(),
            Some(value) => {
                let string = Str::of(Some(value.as_ref()));
                give(string, 0..string.len(), reply);
            }
        }
    }
    reply.end_list();
    Ok(())
}

fn strlen(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.point(args.bytes(0)?, Type::String, |value| {
        reply.unsigned(Str::of(value).len() as u64);
        Ok(())
    })
}

/// The XXH3 hash of the string in hexadecimal digits.
fn digest(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reader.walk(args.bytes(0)?, Type::String, |value| {
        let Some(value) = value else {
            reply.missing();
            return Ok(());
        };
        let string = Str::of(Some(value));
        reader.check_steps(string.len() / BYTES_A_STEP)?;
        let mut hash = Xxh3::new();
        string.pieces(0..string.len(), |piece| hash.update(piece));
        reply.bytes(format!("{:016x}", hash.digest()).as_bytes());
        Ok(())
    })
}

fn getrange(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (start, end) = (args.int(1)?, args.int(2)?);
    reader.walk(args.bytes(0)?, Type::String, |value| {
        let string = Str::of(value);
        let is_reversed = start < 0 && end < 0 && start > end;
        let range = match indexes(start, end, string.len()) {
            Some((first, last)) if !is_reversed => first..last + 1,
            _ => 0..0,
        };
        reader.check_steps(range.len() / BYTES_A_STEP)?;
        give(string, range, reply);
        Ok(())
    })
}

fn getbit(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let index = usize::try_from(args.int(1)?).map_err(|_| ReadError::BadQuery)?;
    reader.point(args.bytes(0)?, Type::String, |value| {
        reply.int(bits::get(Str::of(value), index).into());
        Ok(())
    })
}

/// `all`, `{Start, open}`, `{Start, End, byte}` or `{Start, End, bit}`.
fn part(args: Args<'_>, index: usize) -> Result<Part, ReadError> {
    if matches!(args.at(index)?, Arg::Atom("all")) {
        return Ok(Part::All);
    }
    let part = args.list(index)?;
    let start = part.int(0)?;
    match (part.at(1)?, part.len()) {
        (Arg::Atom("open"), 2) => Ok(Part::From(start)),
        (Arg::Int(end), 3) => match part.atom(2)? {
            "byte" => Ok(Part::Bytes(start, *end)),
            "bit" => Ok(Part::Bits(start, *end)),
            _ => Err(ReadError::BadQuery),
        },
        _ => Err(ReadError::BadQuery),
    }
}

fn bitcount(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let part = part(args, 1)?;
    reader.walk(args.bytes(0)?, Type::String, |value| {
        let string = Str::of(value);
        reader.check_steps(string.len() / BYTES_A_STEP)?;
        reply.unsigned(bits::count(string, part));
        Ok(())
    })
}

fn bitpos(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (bit, part) = (args.int(1)? == 1, part(args, 2)?);
    reader.walk(args.bytes(0)?, Type::String, |value| {
        if value.is_none() {
            reply.int(-i64::from(bit));
            return Ok(());
        }
        let string = Str::of(value);
        reader.check_steps(string.len() / 8)?;
        match bits::position(string, bit, part) {
            Some(index) => reply.unsigned(index as u64),
            None => reply.int(-1),
        }
        Ok(())
    })
}

/// The fields are tuples of `i` or `u`, the number of bits, and the first of them.
fn bitfield_ro(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let list = args.list(1)?;
    let mut fields = Vec::with_capacity(list.len());
    for index in 0..list.len() {
        let field = list.list(index)?;
        fields.push(Field {
            signed: field.atom(0)? == "i",
            bits: u32::try_from(field.int(1)?).map_err(|_| ReadError::BadQuery)?,
            offset: usize::try_from(field.int(2)?).map_err(|_| ReadError::BadQuery)?,
        });
    }
    if !fields.iter().all(|field| (1..=64).contains(&field.bits)) {
        return Err(ReadError::BadQuery);
    }
    reader.check_steps(fields.len() * 4)?;
    reader.point(args.bytes(0)?, Type::String, |value| {
        let string = Str::of(value);
        reply.begin();
        fields.iter().for_each(|field| reply.int(field.get(string)));
        reply.end_list();
        Ok(())
    })
}

/// Keys that are missing count nothing.
fn pfcount(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let keys = args.strings(0)?;
    reader.check_steps(keys.len() * 1000)?;
    let values = reader.all(&keys, Type::String)?;
    let hlls: Vec<_> = values
        .iter()
        .flatten()
        .map(|value| Str::of(Some(value.as_ref())).to_bytes().into_owned())
        .collect();
    let version = reader.server().redis;
    reply.unsigned(hll::count(version, &hlls).ok_or(ReadError::WrongType)?);
    Ok(())
}

fn lcs(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    two(reader, args, reply, |one, other, reply| reply.bytes(&lcs::sequence(one, other)))
}

fn lcs_len(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    two(reader, args, reply, |one, other, reply| reply.int(lcs::len(one, other).into()))
}

/// Two keys, the least length of a match, and whether to tell their lengths.
fn lcs_idx(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (least, with_length) = (args.int(2)?, args.atom(3)? == "true");
    two(reader, args, reply, |one, other, reply| {
        let matches = lcs::matches(one, other);
        let wanted =
            matches.iter().filter(|found| i64::try_from(found.len).is_ok_and(|len| len >= least));
        reply.begin();
        reply.atom("len");
        reply.unsigned(matches.iter().map(|found| found.len as u64).sum());
        reply.atom("matches");
        reply.begin();
        for found in wanted {
            reply.begin();
            for first in [found.one, found.other] {
                reply.begin();
                reply.unsigned(first as u64);
                reply.unsigned((first + found.len - 1) as u64);
                reply.end_tuple();
            }
            if with_length {
                reply.unsigned(found.len as u64);
            }
            reply.end_tuple();
        }
        reply.end_list();
        reply.end_map();
    })
}

fn two(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
    answer: impl FnOnce(&[u8], &[u8], &mut dyn Reply),
) -> Result<(), ReadError> {
    let values = reader.all(&[args.bytes(0)?, args.bytes(1)?], Type::String)?;
    let string = |index: usize| {
        let value: Option<ValueRef<'_>> = values.get(index)?.as_ref().map(|value| value.as_ref());
        Some(Str::of(value).to_bytes())
    };
    let (one, other) = (string(0).unwrap_or_default(), string(1).unwrap_or_default());
    if !lcs::is_allowed(one.len(), other.len()) {
        reply.begin();
        reply.atom("error");
        reply.atom("too_large");
        reply.end_tuple();
        return Ok(());
    }
    reader.check_steps(one.len() * other.len() / 8)?;
    answer(&one, &other, reply);
    Ok(())
}
