//! Containers that are one string, with all their elements inside.

use super::cursor::packed_score;
use super::error::ErrorKind;
use super::expiry;
use super::intset::Intset;
use super::listpack::Listpack;
use super::seen::Seen;
use super::sink::{Item, Sink, check_room};
use super::string::RawString;
use super::ziplist::Ziplist;
use super::zipmap::Zipmap;

/// The form of a container, and of its elements.
#[derive(Clone, Copy)]
pub(super) enum Packed {
    Zipmap,
    ZiplistElements,
    ZiplistPairs,
    ZiplistScores,
    Intset,
    ListpackElements,
    ListpackMembers,
    ListpackPairs,
    ListpackScores,
    /// Field, value, absolute expiry (0: none).
    ListpackPairExpiry,
    /// Member, absolute expiry (0: none).
    ListpackMemberExpiry,
}

/// An entry of a container, as its iterator gives it.
type Entry<'a> = Result<Item<'a>, ErrorKind>;

/// Gives the sink all elements of a packed value, and returns their number.
pub(super) fn unpack<S: Sink>(
    packed: Packed,
    raw: &RawString<'_>,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let decoded = raw.decode()?;
    let mut digits = itoa::Buffer::new();
    let bytes = decoded.bytes(&mut digits);
    match packed {
        Packed::Zipmap => pairs(Zipmap::open(bytes)?, seen, sink),
        Packed::Intset => items(Intset::open(bytes)?, sink),
        Packed::ZiplistElements => items(Ziplist::open(bytes)?, sink),
        Packed::ZiplistPairs => pairs(Ziplist::open(bytes)?, seen, sink),
        Packed::ZiplistScores => scores(Ziplist::open(bytes)?, seen, sink),
        Packed::ListpackElements => items(Listpack::open(bytes)?, sink),
        Packed::ListpackMembers => members(Listpack::open(bytes)?, seen, sink),
        Packed::ListpackPairs => pairs(Listpack::open(bytes)?, seen, sink),
        Packed::ListpackScores => scores(Listpack::open(bytes)?, seen, sink),
        Packed::ListpackPairExpiry => each(Listpack::open(bytes)?, sink, |field, rest, sink| {
            let value = rest.required()?;
            expiring(field, Some(value), rest, seen, sink)
        }),
        Packed::ListpackMemberExpiry => each(Listpack::open(bytes)?, sink, |member, rest, sink| {
            expiring(member, None, rest, seen, sink)
        }),
    }
}

#[inline]
fn items<'a, S: Sink>(
    entries: impl Iterator<Item = Entry<'a>>,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    all(entries, sink, |item, _| Ok(item), |sink, items| sink.items(items))
}

#[inline]
fn members<'a, S: Sink>(
    entries: impl Iterator<Item = Entry<'a>>,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let member = |member, _: &mut _| seen.add(member).map(|()| member);
    all(entries, sink, member, |sink, members| sink.items(members))
}

#[inline]
fn pairs<'a, S: Sink>(
    entries: impl Iterator<Item = Entry<'a>>,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let pair = |field, rest: &mut _| pair(field, rest, seen);
    all(entries, sink, pair, |sink, pairs| sink.pairs(pairs))
}

#[inline]
fn scores<'a, S: Sink>(
    entries: impl Iterator<Item = Entry<'a>>,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let score = |member, rest: &mut _| score(member, rest, seen);
    all(entries, sink, score, |sink, scores| sink.scores(scores))
}

/// The elements of a container: `read` makes one of its first entry, and takes its others. They end at
/// the first that is wrong.
struct Elements<E, R> {
    entries: E,
    read: R,
    count: u64,
    failed: Result<(), ErrorKind>,
}

impl<'a, E, R, T> Iterator for Elements<E, R>
where
    E: Iterator<Item = Entry<'a>>,
    R: FnMut(Item<'a>, &mut E) -> Result<T, ErrorKind>,
{
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.failed.is_err() {
            return None;
        }
        let first = self.entries.next()?;
        match first.and_then(|first| (self.read)(first, &mut self.entries)) {
            Ok(element) => {
                self.count += 1;
                Some(element)
            }
            Err(kind) => {
                self.failed = Err(kind);
                None
            }
        }
    }
}

/// Gives the sink all elements at once. Those that it leaves are checked all the same.
#[inline]
fn all<'a, E, R, T, S>(
    entries: E,
    sink: &mut S,
    read: R,
    give: impl FnOnce(&mut S, &mut Elements<E, R>),
) -> Result<u64, ErrorKind>
where
    E: Iterator<Item = Entry<'a>>,
    R: FnMut(Item<'a>, &mut E) -> Result<T, ErrorKind>,
    S: Sink,
{
    let mut elements = Elements { entries, read, count: 0, failed: Ok(()) };
    give(sink, &mut elements);
    if elements.failed.is_ok() {
        check_room(sink)?;
    }
    elements.by_ref().for_each(drop);
    elements.failed.map(|()| elements.count)
}

/// Calls `element` with the first entry of each element. It takes the others from the entries.
#[inline]
fn each<'a, E: Iterator<Item = Entry<'a>>, S: Sink>(
    mut entries: E,
    sink: &mut S,
    mut element: impl FnMut(Item<'a>, &mut E, &mut S) -> Result<(), ErrorKind>,
) -> Result<u64, ErrorKind> {
    let mut count = 0;
    while let Some(first) = entries.next() {
        element(first?, &mut entries, sink)?;
        check_room(sink)?;
        count += 1;
    }
    Ok(count)
}

#[inline]
fn pair<'a>(
    field: Item<'a>,
    rest: &mut impl Iterator<Item = Entry<'a>>,
    seen: &mut Seen,
) -> Result<(Item<'a>, Item<'a>), ErrorKind> {
    let value = rest.next().ok_or(ErrorKind::HalfPair)??;
    seen.add(field)?;
    Ok((field, value))
}

#[inline]
fn score<'a>(
    member: Item<'a>,
    rest: &mut impl Iterator<Item = Entry<'a>>,
    seen: &mut Seen,
) -> Result<(Item<'a>, f64), ErrorKind> {
    let score = match rest.next().transpose()? {
        Some(Item::Int(score)) => score as f64,
        Some(Item::Bytes(text)) => packed_score(text)?,
        None => return Err(ErrorKind::HalfPair),
    };
    seen.add(member)?;
    Ok((member, score))
}

fn expiring<'a, S: Sink>(
    item: Item<'a>,
    value: Option<Item<'a>>,
    rest: &mut Listpack<'a>,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<(), ErrorKind> {
    let at = rest.integer()?;
    seen.add(item)?;
    sink.item(item);
    if let Some(value) = value {
        sink.item(value);
    }
    if at != 0 {
        expiry::absolute(u64::try_from(at).ok(), sink)?;
    }
    Ok(())
}
