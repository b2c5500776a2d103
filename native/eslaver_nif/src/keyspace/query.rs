//! Terms as queries.

use eslaver_store::{Arg, Query};
use rustler::{Binary, Term, TermType};

use crate::keyspace::names;

/// A query is `{Name, Args...}`. Lists within lists are no deeper than this.
const DEEPEST: usize = 4;

/// Why a term is no query.
pub(crate) enum NoQuery {
    /// It has more parts than are read on a normal scheduler.
    TooLong,
    /// It is none.
    Bad,
}

/// Reads a query of at most so many parts. Its binaries are not copied.
pub(crate) fn read(term: Term<'_>, most: usize) -> Result<(Query, Vec<Arg<'_>>), NoQuery> {
    let parts = rustler::types::tuple::get_tuple(term).map_err(|_| NoQuery::Bad)?;
    let (name, args) = parts.split_first().ok_or(NoQuery::Bad)?;
    let query = names::query(name.as_c_arg()).ok_or(NoQuery::Bad)?;
    let mut left = most;
    let args = args.iter().map(|&arg| read_arg(arg, DEEPEST, &mut left));
    Ok((query, args.collect::<Result<_, _>>()?))
}

fn read_arg<'a>(term: Term<'a>, depth: usize, left: &mut usize) -> Result<Arg<'a>, NoQuery> {
    *left = left.checked_sub(1).ok_or(NoQuery::TooLong)?;
    let depth = depth.checked_sub(1).ok_or(NoQuery::Bad)?;
    let bad = |_| NoQuery::Bad;
    match term.get_type() {
        TermType::Binary => Ok(Arg::Bytes(Binary::from_term(term).map_err(bad)?.as_slice())),
        TermType::Atom => names::of_atom(term).map(Arg::Atom).ok_or(NoQuery::Bad),
        TermType::Integer => Ok(integer(term)),
        TermType::Float => term.decode().map(Arg::Float).map_err(bad),
        TermType::Tuple => {
            let parts = rustler::types::tuple::get_tuple(term).map_err(bad)?;
            let parts = parts.into_iter().map(|part| read_arg(part, depth, left));
            parts.collect::<Result<_, _>>().map(Arg::Tuple)
        }
        TermType::List => {
            let (mut items, mut rest) = (Vec::new(), term);
            while let Ok((item, tail)) = rest.list_get_cell() {
                items.push(read_arg(item, depth, left)?);
                rest = tail;
            }
            // it may end with something else than an empty list
            if rest.is_empty_list() { Ok(Arg::List(items)) } else { Err(NoQuery::Bad) }
        }
        _ => Err(NoQuery::Bad),
    }
}

/// An integer of any size: nothing that is counted here goes beyond 64 bits.
fn integer<'a>(term: Term<'a>) -> Arg<'a> {
    if let Ok(value) = term.decode() {
        return Arg::Int(value);
    }
    if let Ok(value) = term.decode() {
        return Arg::Unsigned(value);
    }
    let zero = rustler::Encoder::encode(&0, term.get_env());
    Arg::Int(if term > zero { i64::MAX } else { i64::MIN })
}
