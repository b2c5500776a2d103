//! Containers that come as one string, with all their elements inside.

use super::cursor::packed_score;
use super::error::ErrorKind;
use super::expiry;
use super::listpack::Listpack;
use super::seen::Seen;
use super::sink::{Item, Sink, check_room};
use super::string::RawString;
use super::ziplist::Ziplist;
use super::{intset, zipmap};

/// What such a container holds, and how.
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

/// Hands out all that a packed value holds, and gives the number of its entries.
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
        Packed::Zipmap => unpack_zipmap(bytes, seen, sink),
        Packed::Intset => unpack_intset(bytes, sink),
        Packed::ZiplistElements => {
            let mut ziplist = Ziplist::open(bytes)?;
            unpack_items(|| ziplist.next(), sink)
        }
        Packed::ZiplistPairs => {
            let mut ziplist = Ziplist::open(bytes)?;
            unpack_pairs(|| ziplist.next(), seen, sink)
        }
        Packed::ZiplistScores => {
            let mut ziplist = Ziplist::open(bytes)?;
            unpack_scores(|| ziplist.next(), seen, sink)
        }
        Packed::ListpackElements => {
            let mut listpack = Listpack::open(bytes)?;
            unpack_items(|| listpack.next(), sink)
        }
        Packed::ListpackMembers => {
            let mut listpack = Listpack::open(bytes)?;
            unpack_members(|| listpack.next(), seen, sink)
        }
        Packed::ListpackPairs => {
            let mut listpack = Listpack::open(bytes)?;
            unpack_pairs(|| listpack.next(), seen, sink)
        }
        Packed::ListpackScores => {
            let mut listpack = Listpack::open(bytes)?;
            unpack_scores(|| listpack.next(), seen, sink)
        }
        Packed::ListpackPairExpiry => unpack_expiries(bytes, true, seen, sink),
        Packed::ListpackMemberExpiry => unpack_expiries(bytes, false, seen, sink),
    }
}

#[inline]
fn unpack_items<'a, S: Sink>(
    mut next: impl FnMut() -> Result<Option<Item<'a>>, ErrorKind>,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let mut count = 0;
    while let Some(item) = next()? {
        sink.item(item);
        check_room(sink)?;
        count += 1;
    }
    Ok(count)
}

#[inline]
fn unpack_members<'a, S: Sink>(
    mut next: impl FnMut() -> Result<Option<Item<'a>>, ErrorKind>,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let mut count = 0;
    while let Some(member) = next()? {
        seen.add(member)?;
        sink.item(member);
        check_room(sink)?;
        count += 1;
    }
    Ok(count)
}

#[inline]
fn unpack_pairs<'a, S: Sink>(
    mut next: impl FnMut() -> Result<Option<Item<'a>>, ErrorKind>,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let mut count = 0;
    while let Some(field) = next()? {
        let value = next()?.ok_or(ErrorKind::HalfPair)?;
        seen.add(field)?;
        sink.item(field);
        sink.item(value);
        check_room(sink)?;
        count += 1;
    }
    Ok(count)
}

fn unpack_scores<'a, S: Sink>(
    mut next: impl FnMut() -> Result<Option<Item<'a>>, ErrorKind>,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let mut count = 0;
    while let Some(member) = next()? {
        let score = match next()? {
            Some(Item::Int(score)) => score as f64,
            Some(Item::Bytes(text)) => packed_score(text)?,
            None => return Err(ErrorKind::HalfPair),
        };
        seen.add(member)?;
        sink.item(member);
        sink.score(score);
        check_room(sink)?;
        count += 1;
    }
    Ok(count)
}

fn unpack_expiries<S: Sink>(
    bytes: &[u8],
    with_values: bool,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let mut listpack = Listpack::open(bytes)?;
    let mut count = 0;
    while let Some(item) = listpack.next()? {
        let value = if with_values { Some(listpack.required()?) } else { None };
        let at = listpack.integer()?;
        seen.add(item)?;
        sink.item(item);
        if let Some(value) = value {
            sink.item(value);
        }
        if at != 0 {
            expiry::absolute(u64::try_from(at).ok(), sink)?;
        }
        check_room(sink)?;
        count += 1;
    }
    Ok(count)
}

fn unpack_zipmap<S: Sink>(bytes: &[u8], seen: &mut Seen, sink: &mut S) -> Result<u64, ErrorKind> {
    let mut count = 0;
    zipmap::for_each(bytes, |field, value| {
        seen.add(Item::Bytes(field))?;
        sink.item(Item::Bytes(field));
        sink.item(Item::Bytes(value));
        count += 1;
        check_room(sink)
    })?;
    Ok(count)
}

fn unpack_intset<S: Sink>(bytes: &[u8], sink: &mut S) -> Result<u64, ErrorKind> {
    let mut count = 0;
    intset::for_each(bytes, |value| {
        sink.item(Item::Int(value));
        count += 1;
        check_room(sink)
    })?;
    Ok(count)
}
