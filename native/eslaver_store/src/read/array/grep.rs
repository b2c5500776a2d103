//! `ARGREP`: the elements that match.

use std::ops::ControlFlow;

use eslaver_core::glob::Glob;

use super::{check_elements, limit};
use crate::keyspace::error::ReadError;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::Type;
use crate::values::array::Array;

/// What an element is tested for.
enum Test {
    Exact(Vec<u8>),
    Contains(Vec<u8>),
    Glob(Glob),
}

impl Test {
    fn matches(&self, element: &[u8]) -> bool {
        match self {
            Self::Exact(text) => element == text,
            Self::Contains(text) => {
                text.is_empty() || element.windows(text.len()).any(|window| window == text)
            }
            Self::Glob(glob) => glob.matches(element),
        }
    }
}

/// What elements are tested for, and how tests are combined.
struct Plan {
    tests: Vec<Test>,
    all: bool,
    no_case: bool,
}

impl Plan {
    fn matches(&self, element: &[u8]) -> bool {
        let lower;
        let element = match self.no_case {
            true => {
                lower = element.to_ascii_lowercase();
                &lower
            }
            false => element,
        };
        match self.all {
            true => self.tests.iter().all(|test| test.matches(element)),
            false => self.tests.iter().any(|test| test.matches(element)),
        }
    }
}

/// The arguments are key, from, to (`-`, `+` or an index), a list of `{exact | match | glob, Text}`,
/// `or` or `and`, whether case does not count, a limit or `infinity`, and whether elements are given
/// with their indexes.
pub(super) fn argrep(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut dyn Reply,
) -> Result<(), ReadError> {
    let plan = plan(args)?;
    let (limit, with_values) = (limit(args, 6)?, args.atom(7)? == "true");
    reader.walk(args.bytes(0)?, Type::Array, |value| {
        let Some(array) = value.and_then(Array::of) else {
            reply.begin();
            reply.end_list();
            return Ok(());
        };
        let last = array.len().saturating_sub(1);
        let (from, to) = (bound(args, 1, last)?, bound(args, 2, last)?);
        let elements = array.count_between(from, to);
        check_elements(reader, elements.saturating_mul(plan.tests.len() as u64))?;
        let mut left = limit;
        reply.begin();
        let _: ControlFlow<()> = array.try_for_each(from, to, |index, element| {
            if left == 0 {
                return ControlFlow::Break(());
            }
            element.with_bytes(|bytes| {
                if !plan.matches(bytes) {
                    return;
                }
                left -= 1;
                if with_values {
                    reply.begin();
                    reply.unsigned(index);
                    reply.bytes(bytes);
                    reply.end_tuple();
                } else {
                    reply.unsigned(index);
                }
            });
            ControlFlow::Continue(())
        });
        reply.end_list();
        Ok(())
    })
}

fn plan(args: Args<'_>) -> Result<Plan, ReadError> {
    let (texts, all, no_case) = (args.list(3)?, args.atom(4)? == "and", args.atom(5)? == "true");
    let mut tests = Vec::with_capacity(texts.len());
    for index in 0..texts.len() {
        let test = texts.list(index)?;
        let text = match no_case {
            true => test.bytes(1)?.to_ascii_lowercase(),
            false => test.bytes(1)?.to_vec(),
        };
        tests.push(match test.atom(0)? {
            "exact" => Test::Exact(text),
            "match" => Test::Contains(text),
            "glob" => Test::Glob(Glob::new(text)),
            _ => return Err(ReadError::BadQuery),
        });
    }
    Ok(Plan { tests, all, no_case })
}

fn bound(args: Args<'_>, index: usize, last: u64) -> Result<u64, ReadError> {
    match args.at(index)? {
        Arg::Atom("-") => Ok(0),
        Arg::Atom("+") => Ok(last),
        _ => args.unsigned(index),
    }
}
