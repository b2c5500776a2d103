//! Commands of vector sets (Redis 8). A master replicates no `VADD` of an element that exists.

use crate::keyspace::entry::Entry;
use crate::values::vector::{self, Quantization};
use crate::values::vectorset::{self, Projection, Shape, VectorSet};
use crate::values::{Large, NewValue, Type};
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, is, rest, to_int, to_size};
use crate::write::context::Context;
use crate::write::refusal::Refusal;

pub(crate) const COMMANDS: &[(&str, Apply)] =
    &[("vadd", vadd), ("vrem", vrem), ("vsetattr", vsetattr)];

const DEFAULT_M: u64 = 16;
/// A matrix of more numbers is no server's.
const LARGEST_MATRIX: usize = 1 << 28;

/// What `VADD` says apart from the element.
struct Options<'a> {
    quantization: Quantization,
    m: u64,
    attribute: Option<&'a [u8]>,
}

fn vadd(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (key, words) = (arg(args, 0)?, rest(args, 1)?);
    let (reduced, words) = match words {
        [word, dimension, words @ ..] if is(word, "REDUCE") => (Some(to_size(dimension)?), words),
        words => (None, words),
    };
    let (vector, words) = vector(words)?;
    let (element, words) = words.split_first().ok_or(Refusal::Syntax)?;
    let options = options(words)?;
    let exists = context.view(key, Type::VectorSet, |value| value.is_some())?;
    // A set that exists keeps its own shape, so none is made for it.
    let new = match exists {
        true => None,
        false => Some(shape(reduced, vector.len(), &options)?),
    };
    let new = || match new {
        Some(shape) => NewValue::Large(Large::VectorSet(VectorSet::new(shape))),
        // Not asked for where the key exists.
        None => NewValue::Packed { kind: Type::Unknown, form: 0, payload: Vec::new() },
    };
    context.change(key, Type::VectorSet, new, |entry| {
        let set = vectorset::of_entry(entry).ok_or(Refusal::Value)?;
        add(set, element, vector, options.attribute)
    })?
}

/// A replica that has the element takes the new vector; and the attribute, if there is one.
fn add(
    set: &mut VectorSet,
    element: &[u8],
    vector: Vec<f32>,
    given: Option<&[u8]>,
) -> Result<(), Refusal> {
    let kept = set.shape().keep(vector).ok_or(Refusal::Value)?;
    let old = set.get(element).map(|member| member.attribute.map(<[u8]>::to_vec));
    let attribute = match (&old, given) {
        (Some(old), None) => old.as_deref(),
        (Some(_), Some([])) => None,
        (_, given) => given,
    };
    if set.put(element, &kept, attribute) { Ok(()) } else { Err(Refusal::Range) }
}

fn vector<'a, 'b>(words: &'b Args<'a>) -> Result<(Vec<f32>, &'b Args<'a>), Refusal> {
    match words {
        [word, blob, words @ ..] if is(word, "FP32") => {
            Ok((vector::from_blob(blob).ok_or(Refusal::Value)?, words))
        }
        [word, count, words @ ..] if is(word, "VALUES") => {
            let split = words.split_at_checked(to_size(count)?);
            let (numbers, words) = split.ok_or(Refusal::Syntax)?;
            Ok((vector::from_numbers(numbers).ok_or(Refusal::Value)?, words))
        }
        _ => Err(Refusal::Syntax),
    }
}

fn options<'a>(words: &Args<'a>) -> Result<Options<'a>, Refusal> {
    let mut options = Options { quantization: Quantization::Int8, m: DEFAULT_M, attribute: None };
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(Refusal::Syntax);
        if is(word, "EF") {
            value()?;
        } else if is(word, "M") {
            options.m = u64::try_from(to_int(value()?)?).map_err(|_| Refusal::Range)?;
        } else if is(word, "SETATTR") {
            options.attribute = Some(value()?);
        } else if is(word, "NOQUANT") {
            options.quantization = Quantization::F32;
        } else if is(word, "BIN") {
            options.quantization = Quantization::Bin;
        } else if is(word, "Q8") {
            options.quantization = Quantization::Int8;
        } else if !is(word, "CAS") {
            return Err(Refusal::Syntax);
        }
    }
    Ok(options)
}

fn shape(reduced: Option<usize>, len: usize, options: &Options<'_>) -> Result<Shape, Refusal> {
    let Options { quantization, m, .. } = *options;
    let Some(dimension) = reduced else {
        return Ok(Shape { dimension: len, quantization, m, projection: None });
    };
    if dimension.checked_mul(len).is_none_or(|numbers| numbers > LARGEST_MATRIX) {
        return Err(Refusal::Range);
    }
    let projection = Projection { input_dimension: len, matrix: vector::hadamard(dimension, len) };
    Ok(Shape { dimension, quantization, m, projection: Some(projection) })
}

fn vrem(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let element = arg(args, 1)?;
    edit(context, arg(args, 0)?, |set| set.remove(element))
}

/// An empty attribute is none.
fn vsetattr(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let (element, attribute) = (arg(args, 1)?, arg(args, 2)?);
    let attribute = (!attribute.is_empty()).then_some(attribute);
    edit(context, arg(args, 0)?, |set| set.set_attribute(element, attribute))
}

/// Changes an element, which must exist, of a vector set that must exist.
fn edit(
    context: &mut Context<'_, '_>,
    key: &[u8],
    edit: impl FnOnce(&mut VectorSet) -> bool,
) -> Result<(), Refusal> {
    let found = context.edit(key, Type::VectorSet, |entry: &mut Entry| {
        vectorset::of_entry(entry).is_some_and(edit)
    })?;
    if found == Some(true) { Ok(()) } else { Err(Refusal::Missing) }
}
