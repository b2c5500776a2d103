//! The elements of values that begin with their number of elements.

use std::iter::once;

use super::array;
use super::cursor::{Cursor, Read};
use super::error::ErrorKind;
use super::expiry;
use super::seen::Seen;
use super::sink::{Item, Sink};
use super::string::RawString;
use super::unpack::{Packed, unpack};

/// What Valkey writes for a field that does not expire.
pub(super) const NO_EXPIRY: i64 = -1;
pub(super) const NODE_PLAIN: u64 = 1;
pub(super) const NODE_PACKED: u64 = 2;

/// The form of one element.
#[derive(Clone, Copy)]
pub(super) enum Element {
    /// A list's element.
    Item,
    /// A set's member.
    Member,
    /// A hash's field and value.
    Pair,
    /// A member, and a score as text.
    ScoreText,
    /// A member, and a score of eight bytes.
    ScoreBinary,
    /// Time to live from `base`, field, value.
    ExpiryPair { base: u64 },
    /// Time to live from `base`, and a set's member.
    ExpiryMember { base: u64 },
    /// Field, value, expiry (−1: none).
    PairExpiry,
    /// A ziplist of elements of a list.
    ZiplistNode,
    /// A listpack of elements of a list, or a single element.
    Quicklist2Node,
    /// An array's index, and the element there.
    Indexed,
}

impl Element {
    /// Reads one element. Gives the number of the value's elements that it stands for.
    #[inline]
    pub(super) fn read<S: Sink>(
        self,
        cursor: &mut Cursor<'_>,
        seen: &mut Seen,
        sink: &mut S,
    ) -> Read<u64> {
        match self {
            Element::Item => sink.items(once(cursor.string()?.decode()?.item())),
            Element::Member => {
                let member = cursor.string()?.decode()?;
                seen.add(member.item())?;
                sink.items(once(member.item()));
            }
            Element::Pair => {
                let (field, value) = (cursor.string()?, cursor.string()?);
                let (field, value) = (field.decode()?, value.decode()?);
                seen.add(field.item())?;
                sink.pairs(once((field.item(), value.item())));
            }
            Element::ScoreText => {
                let (member, score) = (cursor.string()?, cursor.score_text()?);
                add_scored(&member, score, seen, sink)?;
            }
            Element::ScoreBinary => {
                let (member, score) = (cursor.string()?, cursor.score_binary()?);
                add_scored(&member, score, seen, sink)?;
            }
            Element::ExpiryPair { base } => {
                let ttl = cursor.length()?;
                let (field, value) = (cursor.string()?, cursor.string()?);
                add_pair(&field, &value, seen, sink)?;
                expiry::relative(base, ttl, sink)?;
            }
            Element::ExpiryMember { base } => {
                let ttl = cursor.length()?;
                add_member(&cursor.string()?, seen, sink)?;
                expiry::relative(base, ttl, sink)?;
            }
            Element::Indexed => array::element(cursor, sink)?,
            Element::PairExpiry => {
                let (field, value) = (cursor.string()?, cursor.string()?);
                let at = cursor.i64_le()?;
                add_pair(&field, &value, seen, sink)?;
                match u64::try_from(at) {
                    Ok(at) => sink.expiry(at),
                    Err(_) if at == NO_EXPIRY => {}
                    Err(_) => return Err(ErrorKind::BadExpiry.into()),
                }
            }
            Element::ZiplistNode => {
                return Ok(unpack(Packed::ZiplistElements, &cursor.packed()?, seen, sink)?);
            }
            Element::Quicklist2Node => return quicklist2_node(cursor, seen, sink),
        }
        Ok(1)
    }
}

#[inline]
fn add_scored<S: Sink>(
    member: &RawString<'_>,
    score: f64,
    seen: &mut Seen,
    sink: &mut S,
) -> Read<()> {
    let member = member.decode()?;
    seen.add(member.item())?;
    sink.scores(once((member.item(), score)));
    Ok(())
}

#[inline]
fn add_member<S: Sink>(member: &RawString<'_>, seen: &mut Seen, sink: &mut S) -> Read<()> {
    let member = member.decode()?;
    seen.add(member.item())?;
    sink.item(member.item());
    Ok(())
}

/// Gives the sink a field and its value.
#[inline]
pub(super) fn add_pair<S: Sink>(
    field: &RawString<'_>,
    value: &RawString<'_>,
    seen: &mut Seen,
    sink: &mut S,
) -> Read<()> {
    let (field, value) = (field.decode()?, value.decode()?);
    seen.add(field.item())?;
    sink.item(field.item());
    sink.item(value.item());
    Ok(())
}

fn quicklist2_node<S: Sink>(cursor: &mut Cursor<'_>, seen: &mut Seen, sink: &mut S) -> Read<u64> {
    match cursor.length()? {
        NODE_PLAIN => {
            let element = cursor.string()?.decode()?;
            if element.item() == Item::Bytes(&[]) {
                return Err(ErrorKind::EmptyQuicklistNode.into());
            }
            sink.items(once(element.item()));
            Ok(1)
        }
        NODE_PACKED => Ok(unpack(Packed::ListpackElements, &cursor.packed()?, seen, sink)?),
        other => Err(ErrorKind::BadQuicklistNode(other).into()),
    }
}
