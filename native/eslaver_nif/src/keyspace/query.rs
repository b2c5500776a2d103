//! Terms as queries.

use eslaver_store::{Arg, Query};
use rustler::{Binary, Term, TermType, sys};
use smallvec::SmallVec;

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

/// Most queries have no more arguments than this.
const FEW: usize = 4;

/// The arguments of a query.
pub(crate) type Args<'a> = SmallVec<[Arg<'a>; FEW]>;

/// Reads a query of at most `most` parts. Its binaries are not copied.
pub(crate) fn read(term: Term<'_>, most: usize) -> Result<(Query, Args<'_>), NoQuery> {
    let mut parts = parts(term)?;
    let name = parts.next().ok_or(NoQuery::Bad)?;
    let query = names::query(name.as_c_arg()).ok_or(NoQuery::Bad)?;
    let mut left = most;
    let args = parts.map(|arg| read_arg(arg, DEEPEST, &mut left));
    Ok((query, args.collect::<Result<_, _>>()?))
}

/// The parts of a tuple.
fn parts<'a>(tuple: Term<'a>) -> Result<impl Iterator<Item = Term<'a>>, NoQuery> {
    let env = tuple.get_env();
    let (mut arity, mut array) = (0, std::ptr::null());
    // SAFETY: the term is of this environment. Of a tuple, the VM gives an array of `arity` terms of
    // the same environment, which is there for as long as the term is.
    let parts = unsafe {
        if sys::enif_get_tuple(env.as_c_arg(), tuple.as_c_arg(), &mut arity, &mut array) == 0 {
            return Err(NoQuery::Bad);
        }
        std::slice::from_raw_parts(array, usize::try_from(arity).unwrap_or_default())
    };
    // SAFETY: see above.
    Ok(parts.iter().map(move |&part| unsafe { Term::new(env, part) }))
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
