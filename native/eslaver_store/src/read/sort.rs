//! `SORT` without `STORE`. All that it reads is of one moment.

use std::cell::RefCell;

use hashbrown::{HashMap, HashSet};

use crate::collections::record::Fields;
use crate::keyspace::account::Account;
use crate::keyspace::entry::Entry;
use crate::keyspace::error::ReadError;
use crate::keyspace::look::Located;
use crate::keyspace::witness::Witness;
use crate::read::answer::Answer;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::values::Type;
use crate::values::bag::Bag;
use crate::values::number::Dialect;
use crate::values::sort::{self, Failure, Options, Pattern, Source};
use crate::values::string::Str;

#[cfg(test)]
mod tests;

pub(crate) const QUERIES: &[(&str, Answer)] = &[("sort_ro", sort_ro)];

/// How often it is tried anew, where keys change meanwhile, before it is done in another way.
const TRIES: usize = 8;
/// Steps of some 10 ns that an element takes, and a value that is looked up for it.
const STEPS: usize = 30;
const LOOKUP_STEPS: usize = 30;

/// The arguments are key, what to sort by (a pattern, `nosort`, or `self`), a list of patterns to
/// get, `{Start, Count}`, `asc` or `desc`, and whether elements are texts.
fn sort_ro(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    let key = args.bytes(0)?;
    let options = options(reader, args)?;
    match undisturbed(reader, key, &options).or_else(|| copied(reader, key, &options)) {
        Some(sorted) => give(sorted, reply),
        None => Err(ReadError::Busy),
    }
}

type Names = HashSet<Vec<u8>, foldhash::fast::RandomState>;
type Copies<'a> = HashMap<Vec<u8>, Option<Copy<'a>>, foldhash::fast::RandomState>;
type Sorted = Result<Vec<Option<Vec<u8>>>, Failure<ReadError>>;

fn give(sorted: Sorted, reply: &mut dyn Reply) -> Result<(), ReadError> {
    match sorted {
        Ok(elements) => {
            reply.begin();
            elements.iter().for_each(|element| match element {
                Some(element) => reply.bytes(element),
                None => reply.missing(),
            });
            reply.end_list();
        }
        Err(Failure::NotANumber) => {
            reply.begin();
            reply.atom("error");
            reply.atom("not_a_number");
            reply.end_tuple();
        }
        Err(Failure::Lookup(error)) => return Err(error),
        // Only where the result is to be certain.
        Err(Failure::OrderIsOpen) => return Err(ReadError::BadQuery),
    }
    Ok(())
}

/// What comes of reads between which nothing that they read has changed.
fn undisturbed(reader: &Reader<'_>, key: &[u8], options: &Options<'_>) -> Option<Sorted> {
    (0..TRIES).find_map(|_| {
        let witness = RefCell::<Witness>::default();
        let sorted = sorted(&Keys::Store(&reader.noting(&witness)), reader, key, options);
        let is_final = matches!(sorted, Err(Failure::Lookup(_)))
            || reader.is_as_seen(&witness.borrow()) == Some(true);
        is_final.then_some(sorted)
    })
}

/// What comes of copies of all keys, which are locked for as long as it takes to make these. Which
/// ones are needed shows when they are sorted without some.
fn copied(reader: &Reader<'_>, key: &[u8], options: &Options<'_>) -> Option<Sorted> {
    let mut names = Names::from_iter([key.to_vec()]);
    (0..TRIES).find_map(|_| {
        let names_now: Vec<_> = names.iter().collect();
        let copies = reader.entries(&names_now, |entries| {
            let copies = entries.iter().map(|entry| entry.map(Copy::of));
            Ok(names_now.iter().map(|name| name.to_vec()).zip(copies).collect())
        });
        let copies: Copies<'_> = match copies {
            Ok(copies) => copies,
            Err(error) => return Some(Err(Failure::Lookup(error))),
        };
        let missing = RefCell::default();
        let sorted = sorted(&Keys::Copies(&copies, &missing), reader, key, options);
        let missing: Names = missing.into_inner();
        let is_whole = missing.is_empty();
        names.extend(missing);
        is_whole.then_some(sorted)
    })
}

/// A copy of an entry, and whose memory it is in.
struct Copy<'a> {
    entry: Entry,
    account: &'a Account,
}

impl<'a> Copy<'a> {
    fn of(located: Located<'_, 'a>) -> Self {
        Self { entry: located.entry().clone(), account: located.account() }
    }
}

/// Where keys are looked up.
enum Keys<'k, 'a> {
    Store(&'k Reader<'a>),
    /// In copies of them. Notes which ones are missing there.
    Copies(&'k Copies<'a>, &'k RefCell<Names>),
}

impl<'a> Keys<'_, 'a> {
    fn entry<R>(
        &self,
        key: &[u8],
        with: impl FnOnce(Option<Located<'_, 'a>>) -> R,
    ) -> Result<R, ReadError> {
        match self {
            Self::Store(reader) => reader.located(key, with),
            Self::Copies(copies, missing) => Ok(with(match copies.get(key) {
                Some(copy) => copy.as_ref().map(|copy| Located::new(&copy.entry, copy.account)),
                None => {
                    missing.borrow_mut().insert(key.to_vec());
                    None
                }
            })),
        }
    }
}

fn options<'q>(reader: &Reader<'_>, args: Args<'q>) -> Result<Options<'q>, ReadError> {
    let by = match args.at(1)? {
        Arg::Atom("self") => Pattern::Element,
        Arg::Atom("nosort") => Pattern::Nothing,
        _ => Pattern::by(args.bytes(1)?),
    };
    let limit = args.list(3)?;
    Ok(Options {
        by,
        get: args.strings(2)?.into_iter().map(Pattern::of).collect(),
        limit: (limit.int(0)?, limit.int(1)?),
        descending: args.atom(4)? == "desc",
        alpha: args.atom(5)? == "true",
        certain: false,
        numbers: Dialect::of(reader.server()),
    })
}

fn sorted(keys: &Keys<'_, '_>, reader: &Reader<'_>, key: &[u8], options: &Options<'_>) -> Sorted {
    let value = keys.entry(key, |entry| match entry {
        None => Ok(None),
        Some(entry) => {
            check(&entry)?;
            match entry.kind() {
                Type::List | Type::Set | Type::Zset => Ok(Some(entry.keep())),
                _ => Err(ReadError::WrongType),
            }
        }
    });
    let value = value.and_then(|value| value).map_err(Failure::Lookup)?;
    let source = Source::of(value.as_ref().map(|value| value.as_ref()), reader.now());
    let source = source.ok_or(Failure::Lookup(ReadError::WrongType))?;
    let is_key = |pattern: &Pattern<'_>| matches!(pattern, Pattern::Key { .. });
    let lookups =
        usize::from(is_key(&options.by)) + options.get.iter().filter(|g| is_key(g)).count();
    let steps = source.len().saturating_mul(STEPS + LOOKUP_STEPS.saturating_mul(lookups));
    reader.check_steps(steps).map_err(Failure::Lookup)?;
    let mut lookup = |key: &[u8], field: Option<&[u8]>| {
        keys.entry(key, |entry| match entry {
            None => Ok(None),
            Some(entry) => found(reader, &entry, field),
        })?
    };
    sort::run(source, options, &mut lookup)
}

fn check(entry: &Entry) -> Result<(), ReadError> {
    match entry.kind() {
        Type::Unknown | Type::Unsure => Err(ReadError::Unknown),
        _ => Ok(()),
    }
}

/// What a key has for a pattern. Values of other types count as missing.
fn found(
    reader: &Reader<'_>,
    entry: &Entry,
    field: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, ReadError> {
    check(entry)?;
    Ok(match (entry.kind(), field) {
        (Type::String, None) => Some(Str::of(Some(entry.value())).to_bytes().into_owned()),
        (Type::Hash, Some(field)) => Bag::<Fields>::of(entry.value())
            .and_then(|hash| hash.live(field, reader.now()))
            .map(|record| record.tail.to_bytes().into_owned()),
        _ => None,
    })
}
