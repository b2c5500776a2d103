//! Which members of a sorted set lie in a range, by index, score or name.

use std::ops;

use super::Zset;
use crate::collections::element::Element;
use crate::collections::tree::zset::{Bound, Member, Score};

/// From one place to another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Range<'a> {
    /// From an index to another, both of which may count from the end.
    Index(i64, i64),
    /// By scores.
    Score(Bound<Score>, Bound<Score>),
    /// By names, which are in order where the scores are equal.
    Lex(Place<'a>, Place<'a>),
}

/// A place among names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    Lowest,
    At(Bound<Member<'a>>),
    Highest,
}

/// From the lowest member on, or from the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Forward,
    Backward,
}

/// What is selected of a range. Going backward, indexes and offsets count from the highest member on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection<'a> {
    pub(crate) range: Range<'a>,
    pub(crate) way: Way,
    /// An offset, and a count, which is negative for all.
    pub(crate) limit: Option<(i64, i64)>,
}

/// Where a range ends that includes its bounds, or that does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Inclusive,
    Exclusive,
}

impl Range<'_> {
    /// From a lower bound to an upper one.
    pub(crate) fn score(low: (End, f64), high: (End, f64)) -> Self {
        Self::Score(lower(low.0, Score(low.1)), upper(high.0, Score(high.1)))
    }

    /// The places of the members in the range.
    pub(crate) fn span(self, zset: Zset<'_>) -> ops::Range<usize> {
        let (from, to) = match self {
            Self::Index(start, stop) => return indexes(start, stop, zset.len()),
            Self::Score(from, to) => (zset.rank_of_score(from), zset.rank_of_score(to)),
            Self::Lex(from, to) => (from.rank(zset), to.rank(zset)),
        };
        from..to.max(from)
    }
}

impl<'a> Place<'a> {
    /// Below it is all that is not in a range from this name on.
    pub(crate) fn lower(end: End, member: &'a [u8]) -> Self {
        Self::At(lower(end, Member(member)))
    }

    /// Above it is all that is not in a range up to this name.
    pub(crate) fn upper(end: End, member: &'a [u8]) -> Self {
        Self::At(upper(end, Member(member)))
    }

    fn rank(self, zset: Zset<'_>) -> usize {
        match self {
            Self::Lowest => 0,
            Self::At(bound) => zset.rank_of_member(bound),
            Self::Highest => zset.len(),
        }
    }

    fn is_after(self, member: Element<'_>) -> bool {
        match self {
            Self::Lowest => false,
            Self::At(bound) => bound.is_after_member(member),
            Self::Highest => true,
        }
    }
}

fn lower<K>(end: End, key: K) -> Bound<K> {
    Bound { key, behind: end == End::Exclusive }
}

fn upper<K>(end: End, key: K) -> Bound<K> {
    Bound { key, behind: end == End::Inclusive }
}

fn indexes(start: i64, stop: i64, len: usize) -> ops::Range<usize> {
    let signed = i64::try_from(len).unwrap_or(i64::MAX);
    let index = |index: i64| if index < 0 { index.saturating_add(signed) } else { index };
    let (first, last) = (index(start).max(0), index(stop).min(signed - 1));
    // Neither is negative then, nor beyond the end.
    if first <= last { first as usize..last as usize + 1 } else { 0..0 }
}

impl Selection<'_> {
    /// The places of the selected members.
    pub(crate) fn select(self, zset: Zset<'_>) -> ops::Range<usize> {
        let mut span = self.range.span(zset);
        if let (Range::Index(..), Way::Backward) = (self.range, self.way) {
            span = zset.len() - span.end..zset.len() - span.start;
        }
        let Some((offset, most)) = self.limit else { return span };
        let Ok(offset) = usize::try_from(offset) else { return 0..0 };
        let left = span.len().saturating_sub(offset);
        let taken = usize::try_from(most).map_or(left, |most| most.min(left));
        if taken == 0 {
            return 0..0;
        }
        // What is taken lies within the span.
        let start = match self.way {
            Way::Forward => span.start + offset,
            Way::Backward => span.start + left - taken,
        };
        start..start + taken
    }

    /// Whether it is sure what a server selects. Where scores differ, names are not in order, and what
    /// it finds by them then depends on how it has them stored, unless those in the range happen to
    /// stand together, with all lower names before them and all higher ones behind. What it makes of
    /// a negative offset depends on the same.
    pub(crate) fn is_certain(self, zset: Zset<'_>) -> bool {
        let negative = self.limit.is_some_and(|(offset, _)| offset < 0);
        if negative && !self.range.span(zset).is_empty() {
            return false;
        }
        let Range::Lex(from, to) = self.range else { return true };
        let score = |rank| zset.get(rank).map(|(score, _)| score);
        if score(0) == score(zset.len().saturating_sub(1)) {
            return true;
        }
        let (before, below) = (from.rank(zset), to.rank(zset));
        let (mut at, mut certain) = (0, true);
        zset.for_each(0..zset.len(), |_, member| {
            certain &=
                from.is_after(member) == (at < before) && to.is_after(member) == (at < below);
            at += 1;
        });
        certain
    }
}
