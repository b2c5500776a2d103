//! Reads of vector sets. Nothing searches for what is similar.

use hashbrown::HashSet;

use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::vectorset::{Bound, VectorSet};
use crate::values::{Type, ValueRef};

#[cfg(test)]
mod tests;

pub(crate) const QUERIES: &[(&str, Answer)] = &[
    ("vcard", vcard),
    ("vdim", vdim),
    ("vemb", vemb),
    ("vemb_raw", vemb_raw),
    ("vgetattr", vgetattr),
    ("vinfo", vinfo),
    ("vismember", vismember),
    ("vrandmember", vrandmember),
    ("vrandmember_count", vrandmember_count),
    ("vrange", vrange),
];

/// Steps of some 10 ns that an element takes.
const STEPS: usize = 6;

fn point(
    reader: &Reader<'_>,
    args: Args<'_>,
    give: impl FnOnce(Option<&VectorSet>),
) -> Result<(), ReadError> {
    reader.point(args.bytes(0)?, Type::VectorSet, |value| {
        give(value.and_then(VectorSet::of));
        Ok(())
    })
}

fn vcard(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    point(reader, args, |set| reply.unsigned(set.map_or(0, VectorSet::len)))
}

fn vdim(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    point(reader, args, |set| match set {
        Some(set) => reply.unsigned(set.shape().dimension as u64),
        None => reply.missing(),
    })
}

fn vinfo(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    point(reader, args, |set| {
        let Some(set) = set else { return reply.missing() };
        let shape = set.shape();
        let input_dimension = shape.projection.as_ref().map_or(0, |p| p.input_dimension);
        reply.begin();
        reply.atom("quant_type");
        reply.atom(shape.quantization.name());
        for (name, number) in [
            ("hnsw_m", shape.m),
            ("vector_dim", shape.dimension as u64),
            ("projection_input_dim", input_dimension as u64),
            ("size", set.len()),
            ("attributes_count", set.attributes()),
        ] {
            reply.atom(name);
            reply.unsigned(number);
        }
        reply.end_map();
    })
}

fn vismember(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let element = args.bytes(1)?;
    point(reader, args, |set| {
        let is_member = set.is_some_and(|set| set.get(element).is_some());
        reply.atom(if is_member { "true" } else { "false" });
    })
}

fn vgetattr(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let element = args.bytes(1)?;
    point(reader, args, |set| match set.and_then(|set| set.get(element)?.attribute) {
        Some(attribute) => reply.bytes(attribute),
        None => reply.missing(),
    })
}

/// The vector of an element, as far as a server still knows what it was.
fn vemb(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let element = args.bytes(1)?;
    reader.walk(args.bytes(0)?, Type::VectorSet, |value| {
        let found = value.and_then(VectorSet::of).and_then(|set| Some((set, set.get(element)?)));
        let Some((set, member)) = found else {
            reply.missing();
            return Ok(());
        };
        let shape = set.shape();
        reader.check_steps(shape.dimension.saturating_mul(2))?;
        let quantization = shape.quantization;
        reply.begin();
        quantization
            .restore(shape.dimension, member.vector, member.l2, member.range)
            .into_iter()
            .for_each(|number| reply.float(number.into()));
        reply.end_list();
        Ok(())
    })
}

/// The vector as a server keeps it: `{Quantization, Vector, L2, Range}`.
fn vemb_raw(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let element = args.bytes(1)?;
    point(reader, args, |set| {
        let found = set.and_then(|set| Some((set.shape().quantization, set.get(element)?)));
        let Some((quantization, member)) = found else { return reply.missing() };
        reply.begin();
        reply.atom(quantization.name());
        reply.bytes(member.vector);
        reply.float(member.l2.into());
        reply.float(member.range.into());
        reply.end_tuple();
    })
}

/// The arguments are key, low, high (`-`, `+`, `{inclusive | exclusive, Element}`), and a count or
/// `infinity`.
fn vrange(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let (low, high) = (bound(args, 1)?, bound(args, 2)?);
    let count = match args.at(3)? {
        Arg::Atom("infinity") => usize::MAX,
        _ => usize::try_from(args.unsigned(3)?).map_err(|_| ReadError::BadQuery)?,
    };
    reader.walk(args.bytes(0)?, Type::VectorSet, |value| {
        let set = value.and_then(VectorSet::of);
        check_elements(reader, set.map_or(0, VectorSet::len).min(count as u64))?;
        reply.begin();
        if let Some(set) = set {
            set.range(low, high).take(count).for_each(|element| reply.bytes(element));
        }
        reply.end_list();
        Ok(())
    })
}

fn bound<'q>(args: Args<'q>, index: usize) -> Result<Bound<'q>, ReadError> {
    match args.at(index)? {
        Arg::Atom("-") => Ok(Bound::Lowest),
        Arg::Atom("+") => Ok(Bound::Highest),
        _ => {
            let bound = args.list(index)?;
            match bound.atom(0)? {
                "inclusive" => Ok(Bound::Inclusive(bound.bytes(1)?)),
                "exclusive" => Ok(Bound::Exclusive(bound.bytes(1)?)),
                _ => Err(ReadError::BadQuery),
            }
        }
    }
}

/// All elements, as of `VRANGE`.
pub(crate) fn give_whole(
    reader: &Reader<'_>,
    value: ValueRef<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let set = VectorSet::of(value);
    check_elements(reader, set.map_or(0, VectorSet::len))?;
    reply.begin();
    if let Some(set) = set {
        set.range(Bound::Lowest, Bound::Highest).for_each(|element| reply.bytes(element));
    }
    reply.end_list();
    Ok(())
}

fn check_elements(reader: &Reader<'_>, count: u64) -> Result<(), ReadError> {
    reader.check_steps(usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(STEPS))
}

fn vrandmember(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    point(reader, args, |set| {
        let random = set.and_then(|set| set.nth(fastrand::u64(..set.len().max(1))));
        match random {
            Some(element) => reply.bytes(element),
            None => reply.missing(),
        }
    })
}

/// Different elements, or with a negative count any.
fn vrandmember_count(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let count = args.int(1)?;
    reader.walk(args.bytes(0)?, Type::VectorSet, |value| {
        let set = value.and_then(VectorSet::of).filter(|set| !set.is_empty());
        let ranks = match set {
            None => Vec::new(),
            Some(set) => random_ranks(reader, set.len(), count)?,
        };
        reply.begin();
        if let Some(set) = set {
            let elements = ranks.into_iter().filter_map(|rank| set.nth(rank));
            elements.for_each(|element| reply.bytes(element));
        }
        reply.end_list();
        Ok(())
    })
}

fn random_ranks(reader: &Reader<'_>, len: u64, count: i64) -> Result<Vec<u64>, ReadError> {
    let wanted = count.unsigned_abs();
    let mut rng = fastrand::Rng::new();
    if count < 0 {
        check_elements(reader, wanted.saturating_mul(4))?;
        return Ok((0..wanted).map(|_| rng.u64(..len)).collect());
    }
    if wanted.saturating_mul(3) < len {
        check_elements(reader, wanted.saturating_mul(8))?;
        let mut seen = HashSet::<u64, foldhash::fast::RandomState>::default();
        let mut ranks = Vec::new();
        while (ranks.len() as u64) < wanted {
            let rank = rng.u64(..len);
            if seen.insert(rank) {
                ranks.push(rank);
            }
        }
        return Ok(ranks);
    }
    check_elements(reader, len.saturating_mul(4))?;
    let mut ranks: Vec<u64> = (0..len).collect();
    rng.shuffle(&mut ranks);
    ranks.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
    Ok(ranks)
}
