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
        Packed::Zipmap => {
            each(Zipmap::open(bytes)?, sink, |field, rest, sink| pair(field, rest, seen, sink))
        }
        Packed::Intset => each(Intset::open(bytes)?, sink, |integer, _, sink| item(integer, sink)),
        Packed::ZiplistElements => {
            each(Ziplist::open(bytes)?, sink, |element, _, sink| item(element, sink))
        }
        Packed::ZiplistPairs => {
            each(Ziplist::open(bytes)?, sink, |field, rest, sink| pair(field, rest, seen, sink))
        }
        Packed::ZiplistScores => {
            each(Ziplist::open(bytes)?, sink, |member, rest, sink| score(member, rest, seen, sink))
        }
        Packed::ListpackElements => {
            each(Listpack::open(bytes)?, sink, |element, _, sink| item(element, sink))
        }
        Packed::ListpackMembers => each(Listpack::open(bytes)?, sink, |member, _, sink| {
            seen.add(member)?;
            item(member, sink)
        }),
        Packed::ListpackPairs => {
            each(Listpack::open(bytes)?, sink, |field, rest, sink| pair(field, rest, seen, sink))
        }
        Packed::ListpackScores => {
            each(Listpack::open(bytes)?, sink, |member, rest, sink| score(member, rest, seen, sink))
        }
        Packed::ListpackPairExpiry => each(Listpack::open(bytes)?, sink, |field, rest, sink| {
            let value = rest.required()?;
            expiring(field, Some(value), rest, seen, sink)
        }),
        Packed::ListpackMemberExpiry => each(Listpack::open(bytes)?, sink, |member, rest, sink| {
            expiring(member, None, rest, seen, sink)
        }),
    }
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
fn item<S: Sink>(item: Item<'_>, sink: &mut S) -> Result<(), ErrorKind> {
    sink.item(item);
    Ok(())
}

#[inline]
fn pair<'a, E: Iterator<Item = Entry<'a>>, S: Sink>(
    field: Item<'a>,
    rest: &mut E,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<(), ErrorKind> {
    let value = rest.next().ok_or(ErrorKind::HalfPair)??;
    seen.add(field)?;
    sink.item(field);
    sink.item(value);
    Ok(())
}

#[inline]
fn score<'a, E: Iterator<Item = Entry<'a>>, S: Sink>(
    member: Item<'a>,
    rest: &mut E,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<(), ErrorKind> {
    let score = match rest.next().transpose()? {
        Some(Item::Int(score)) => score as f64,
        Some(Item::Bytes(text)) => packed_score(text)?,
        None => return Err(ErrorKind::HalfPair),
    };
    seen.add(member)?;
    sink.item(member);
    sink.score(score);
    Ok(())
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
