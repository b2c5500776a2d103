//! `AROP`: what an operation makes of elements. Those that are no numbers are left out.

use std::ops::ControlFlow;

use super::check_elements;
use crate::collections::element::integer;
use crate::keyspace::error::ReadError;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::array::Array;
use crate::values::{Type, score};

/// A number, as an element spells it.
#[derive(Debug, Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    /// An integer as servers write it, or else what C's `strtold` takes.
    fn parse(text: &[u8]) -> Option<Self> {
        match text.first()? {
            b' ' | b'\t'..=b'\r' => None,
            _ => match integer(text) {
                Some(value) => Some(Self::Int(value)),
                None => score::parse(text).map(Self::Float),
            },
        }
    }

    fn float(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// The integer that it is cut to, if that is one of 64 bits.
    fn whole(self) -> Option<i64> {
        // The first float beyond.
        const BEYOND: f64 = 9_223_372_036_854_775_808.0;
        match self {
            Self::Int(value) => Some(value),
            Self::Float(value) if (-BEYOND..BEYOND).contains(&value) => Some(value as i64),
            Self::Float(_) => None,
        }
    }
}

/// Sums, least and greatest numbers: integers where all numbers are.
#[derive(Debug, Clone, Copy)]
struct Totals {
    int: Option<i128>,
    float: f64,
}

/// The arguments are key, from, to, and an operation: its name, or `{match, Text}`.
pub(super) fn arop(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let (from, to) = (args.unsigned(1)?, args.unsigned(2)?);
    reader.walk(args.bytes(0)?, Type::Array, |value| {
        let array = value.and_then(Array::of);
        check_elements(reader, array.map_or(0, |array| array.count_between(from, to)))?;
        let each = |with: &mut dyn FnMut(&[u8])| {
            if let Some(array) = array {
                let _: ControlFlow<()> = array.try_for_each(from, to, |_, element| {
                    element.with_bytes(|bytes| with(bytes));
                    ControlFlow::Continue(())
                });
            }
        };
        let mut count = 0;
        match args.at(3)? {
            Arg::Atom("used") => {
                each(&mut |_| count += 1);
                reply.unsigned(count);
            }
            Arg::Tuple(_) => {
                let text = args.list(3)?.bytes(1)?;
                each(&mut |element| count += u64::from(element == text));
                reply.unsigned(count);
            }
            Arg::Atom(name @ ("and" | "or" | "xor")) => {
                let combine = match *name {
                    "and" => |one, other| one & other,
                    "or" => |one, other| one | other,
                    _ => |one: i64, other| one ^ other,
                };
                let mut total = None;
                each(&mut |element| {
                    if let Some(number) = Number::parse(element).and_then(Number::whole) {
                        total = Some(total.map_or(number, |total| combine(total, number)));
                    }
                });
                match total {
                    Some(total) => reply.int(total),
                    None => reply.missing(),
                }
            }
            Arg::Atom(name @ ("sum" | "min" | "max")) => {
                let mut totals: Option<Totals> = None;
                each(&mut |element| {
                    if let Some(number) = Number::parse(element) {
                        totals = Some(add(totals, number, name));
                    }
                });
                give(totals, reply);
            }
            _ => return Err(ReadError::BadQuery),
        }
        Ok(())
    })
}

fn add(totals: Option<Totals>, number: Number, operation: &str) -> Totals {
    let int = match number {
        Number::Int(value) => Some(i128::from(value)),
        Number::Float(_) => None,
    };
    let (float, Some(old)) = (number.float(), totals) else {
        return Totals { int, float: number.float() };
    };
    let ints = old.int.zip(int);
    // Of the two zeros, which are equal, the first one stays.
    let either = |next: bool| if next { float } else { old.float };
    match operation {
        "min" => Totals { int: ints.map(|(a, b)| a.min(b)), float: either(float < old.float) },
        "max" => Totals { int: ints.map(|(a, b)| a.max(b)), float: either(float > old.float) },
        _ => Totals { int: ints.map(|(a, b)| a + b), float: old.float + float },
    }
}

/// A sum of integers that 64 bits have no room for is given as a float.
fn give(totals: Option<Totals>, reply: &mut dyn Reply) {
    let Some(Totals { int, float }) = totals else { return reply.missing() };
    match int.map(|int| (i64::try_from(int), u64::try_from(int))) {
        Some((Ok(int), _)) => reply.int(int),
        Some((_, Ok(int))) => reply.unsigned(int),
        _ if float.is_nan() => reply.missing(),
        _ if float == f64::INFINITY => reply.atom("inf"),
        _ if float == f64::NEG_INFINITY => reply.atom("-inf"),
        _ => reply.float(float),
    }
}
