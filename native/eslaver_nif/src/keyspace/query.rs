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
const FEW: usize = 8;

/// The arguments of a query.
pub(crate) type Args<'a> = SmallVec<[Arg<'a>; FEW]>;

/// Where arguments are put, each as it is made: a result that has one in it is moved in pieces, which
/// takes longer than making it.
trait Arguments<'a> {
    fn add(&mut self, arg: Arg<'a>);
}

impl<'a> Arguments<'a> for Args<'a> {
    #[inline]
    fn add(&mut self, arg: Arg<'a>) {
        self.push(arg);
    }
}

impl<'a> Arguments<'a> for Vec<Arg<'a>> {
    fn add(&mut self, arg: Arg<'a>) {
        self.push(arg);
    }
}

/// Reads a query of at most `most` parts into `args`. Its binaries are not copied.
#[inline]
pub(crate) fn read<'a>(term: Term<'a>, most: usize, args: &mut Args<'a>) -> Result<Query, NoQuery> {
    let mut parts = parts(term)?;
    let name = parts.next().ok_or(NoQuery::Bad)?;
    let query = names::query(name.as_c_arg()).ok_or(NoQuery::Bad)?;
    let mut left = most;
    parts.try_for_each(|arg| read_arg(arg, DEEPEST, &mut left, args))?;
    Ok(query)
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

fn read_arg<'a>(
    term: Term<'a>,
    depth: usize,
    left: &mut usize,
    to: &mut impl Arguments<'a>,
) -> Result<(), NoQuery> {
    *left = left.checked_sub(1).ok_or(NoQuery::TooLong)?;
    let depth = depth.checked_sub(1).ok_or(NoQuery::Bad)?;
    // what most arguments are is asked first
    if let Ok(binary) = Binary::from_term(term) {
        to.add(Arg::Bytes(binary.as_slice()));
    } else if let Ok(value) = term.decode() {
        to.add(Arg::Int(value));
    } else if term.is_atom() {
        to.add(Arg::Atom(names::of_atom(term).ok_or(NoQuery::Bad)?));
    } else {
        read_other(term, depth, left, to)?;
    }
    Ok(())
}

fn read_other<'a>(
    term: Term<'a>,
    depth: usize,
    left: &mut usize,
    to: &mut impl Arguments<'a>,
) -> Result<(), NoQuery> {
    match term.get_type() {
        TermType::Integer => to.add(large_integer(term)),
        TermType::Float => to.add(Arg::Float(term.decode().map_err(|_| NoQuery::Bad)?)),
        TermType::Tuple => {
            let mut items = Vec::new();
            parts(term)?.try_for_each(|part| read_arg(part, depth, left, &mut items))?;
            to.add(Arg::Tuple(items));
        }
        TermType::List => {
            let (mut items, mut rest) = (Vec::new(), term);
            while let Ok((item, tail)) = rest.list_get_cell() {
                read_arg(item, depth, left, &mut items)?;
                rest = tail;
            }
            // it may end with something else than an empty list
            if !rest.is_empty_list() {
                return Err(NoQuery::Bad);
            }
            to.add(Arg::List(items));
        }
        _ => return Err(NoQuery::Bad),
    }
    Ok(())
}

/// An integer beyond 63 bits and a sign: nothing that is counted here goes beyond 64.
fn large_integer<'a>(term: Term<'a>) -> Arg<'a> {
    if let Ok(value) = term.decode() {
        return Arg::Unsigned(value);
    }
    let zero = rustler::Encoder::encode(&0, term.get_env());
    Arg::Int(if term > zero { i64::MAX } else { i64::MIN })
}
