//! `SORT`, with values that somebody else looks up.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use crate::heap;
use crate::values::ValueRef;
use crate::values::list::List;
use crate::values::number::Dialect;
use crate::values::set::Set;
use crate::values::zset::Zset;

#[cfg(test)]
mod tests;

/// What a pattern stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern<'p> {
    /// The element itself.
    Element,
    /// Nothing, since no element is in it.
    Nothing,
    /// A key, which has the element within: its value, or a field of it.
    Key { before: &'p [u8], behind: &'p [u8], field: Option<&'p [u8]> },
}

impl<'p> Pattern<'p> {
    /// What a pattern of `GET` stands for.
    pub(crate) fn of(pattern: &'p [u8]) -> Self {
        let (before, rest) = match split(pattern, b"*") {
            _ if pattern == b"#" => return Self::Element,
            Some(parts) => parts,
            None => return Self::Nothing,
        };
        match split(rest, b"->") {
            Some((behind, field)) if !field.is_empty() => {
                Self::Key { before, behind, field: Some(field) }
            }
            _ => Self::Key { before, behind: rest, field: None },
        }
    }

    /// What a pattern of `BY` stands for: one without an element in it leaves all as they are.
    pub(crate) fn by(pattern: &'p [u8]) -> Self {
        match Self::of(pattern) {
            Self::Element => Self::Nothing,
            other => other,
        }
    }
}

fn split<'p>(text: &'p [u8], at: &[u8]) -> Option<(&'p [u8], &'p [u8])> {
    let start = text.windows(at.len()).position(|window| window == at)?;
    Some((text.get(..start)?, text.get(start + at.len()..)?))
}

/// How to sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options<'p> {
    pub(crate) by: Pattern<'p>,
    pub(crate) get: Vec<Pattern<'p>>,
    /// How many to leave out, and how many to take; all where this is negative.
    pub(crate) limit: (i64, i64),
    pub(crate) descending: bool,
    pub(crate) alpha: bool,
    /// Whether the result is to be the same wherever it is computed.
    pub(crate) certain: bool,
    /// What is a number.
    pub(crate) numbers: Dialect,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            by: Pattern::Element,
            get: Vec::new(),
            limit: (0, -1),
            descending: false,
            alpha: false,
            certain: false,
            numbers: Dialect::Any,
        }
    }
}

/// What has elements, in an order of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    Missing,
    List(List<'a>),
    /// Without the members that have expired at this time.
    Set(Set<'a>, i64),
    Zset(Zset<'a>),
}

impl<'a> Source<'a> {
    /// What a value has to be sorted, where it is of a type that has.
    pub(crate) fn of(value: Option<ValueRef<'a>>, now: i64) -> Option<Self> {
        let Some(value) = value else { return Some(Self::Missing) };
        let list = List::of(value).map(Self::List);
        let set = || Set::of(value).map(|set| Self::Set(set, now));
        list.or_else(set).or_else(|| Zset::of(value).map(Self::Zset))
    }

    pub(crate) fn is_set(self) -> bool {
        matches!(self, Self::Set(..))
    }

    pub(crate) fn len(self) -> usize {
        match self {
            Self::Missing => 0,
            Self::List(list) => list.len(),
            Self::Set(set, now) => set.live_len(now),
            Self::Zset(zset) => zset.len(),
        }
    }

    /// The elements in some places, counted from its beginning, or `from_end`.
    fn fetch(self, start: usize, count: usize, from_end: bool) -> Vec<Vec<u8>> {
        let mut found = Vec::with_capacity(count);
        let len = self.len();
        let range = match from_end {
            false => start..(start + count).min(len),
            true => len.saturating_sub(start + count)..len.saturating_sub(start),
        };
        match self {
            Self::Missing => {}
            Self::List(list) => found = list.to_vec(range),
            Self::Zset(zset) => {
                zset.for_each(range, |_, member| found.push(member.to_bytes().into_owned()));
            }
            Self::Set(set, now) => {
                let mut at = 0;
                let _ = set.try_for_each(now, |member| {
                    if range.contains(&at) {
                        found.push(member.to_bytes().into_owned());
                    }
                    at += 1;
                    if at < range.end { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                });
            }
        }
        if from_end {
            found.reverse();
        }
        found
    }
}

/// Why nothing could be sorted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure<E> {
    NotANumber,
    /// Equal texts are in whatever order the server's library leaves them in.
    OrderIsOpen,
    /// No value could be looked up.
    Lookup(E),
}

/// Looks up the value of a key, or of its field.
pub(crate) type Lookup<'l, E> = dyn FnMut(&[u8], Option<&[u8]>) -> Result<Option<Vec<u8>>, E> + 'l;

/// The elements in order, or what is got for each; `None` where there is nothing.
pub(crate) fn run<E>(
    source: Source<'_>,
    options: &Options<'_>,
    lookup: &mut Lookup<'_, E>,
) -> Result<Vec<Option<Vec<u8>>>, Failure<E>> {
    let (start, count) = window(options.limit, source.len());
    // The server sorts a set anyway, where another one would else come to another result.
    let by_name = source.is_set() && options.certain;
    let elements = match options.by {
        Pattern::Nothing if !by_name => {
            source.fetch(start, count, options.descending && !source.is_set())
        }
        _ => ranked(source, options, lookup, start, count)?,
    };
    if options.get.is_empty() {
        return Ok(elements.into_iter().map(Some).collect());
    }
    let mut got = Vec::with_capacity(elements.len().saturating_mul(options.get.len()));
    for element in &elements {
        for pattern in &options.get {
            got.push(value(*pattern, element, lookup)?);
        }
    }
    Ok(got)
}

fn window((start, count): (i64, i64), len: usize) -> (usize, usize) {
    let first = usize::try_from(start.max(0)).map_or(len, |start| start.min(len));
    match usize::try_from(count) {
        Ok(count) => (first, count.min(len - first)),
        Err(_) => (first, len - first),
    }
}

/// What an element is sorted by. What has no value comes before all texts; elements of one rank are
/// in the order of their own bytes.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Rank {
    Same,
    Number(f64),
    Missing,
    Text(Vec<u8>),
}

fn ranked<E>(
    source: Source<'_>,
    options: &Options<'_>,
    lookup: &mut Lookup<'_, E>,
    start: usize,
    count: usize,
) -> Result<Vec<Vec<u8>>, Failure<E>> {
    let mut ranked = Vec::with_capacity(source.len());
    for element in source.fetch(0, source.len(), false) {
        ranked.push((rank(options, &element, lookup)?, element));
    }
    ranked.sort_unstable_by(|(rank, element), (other, another)| {
        heap::step();
        // No rank is NaN.
        let by_rank = rank.partial_cmp(other).unwrap_or(Ordering::Equal);
        let order = by_rank.then_with(|| element.cmp(another));
        if options.descending { order.reverse() } else { order }
    });
    if options.certain && options.alpha && matches!(options.by, Pattern::Key { .. }) {
        // With the elements on both sides, whose place could also be within.
        let from = start.saturating_sub(1);
        let shown = ranked.get(from..(start + count + 1).min(ranked.len())).unwrap_or_default();
        let is_open = |pair: &[(Rank, Vec<u8>)]| match pair {
            [(rank, one), (other_rank, other)] => rank == other_rank && one != other,
            _ => false,
        };
        if shown.windows(2).any(is_open) {
            return Err(Failure::OrderIsOpen);
        }
    }
    Ok(ranked.into_iter().skip(start).take(count).map(|(_, element)| element).collect())
}

fn rank<E>(
    options: &Options<'_>,
    element: &[u8],
    lookup: &mut Lookup<'_, E>,
) -> Result<Rank, Failure<E>> {
    let number =
        |text: &[u8]| options.numbers.parse(text).map(Rank::Number).ok_or(Failure::NotANumber);
    match (options.by, options.alpha) {
        (Pattern::Nothing, _) | (Pattern::Element, true) => Ok(Rank::Same),
        (Pattern::Element, false) => number(element),
        (by, true) => Ok(value(by, element, lookup)?.map_or(Rank::Missing, Rank::Text)),
        (by, false) => match value(by, element, lookup)? {
            None => Ok(Rank::Number(0.0)),
            Some(text) => number(&text),
        },
    }
}

fn value<E>(
    pattern: Pattern<'_>,
    element: &[u8],
    lookup: &mut Lookup<'_, E>,
) -> Result<Option<Vec<u8>>, Failure<E>> {
    match pattern {
        Pattern::Element => Ok(Some(element.to_vec())),
        Pattern::Nothing => Ok(None),
        Pattern::Key { before, behind, field } => {
            lookup(&[before, element, behind].concat(), field).map_err(Failure::Lookup)
        }
    }
}
