//! Unions, intersections and differences of sorted sets and of sets, whose members all have the score 1.
//! Scores are combined in the order in which servers do it, by which sums of floats differ.

use std::ops::ControlFlow;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::{Zset, ZsetBuilder, compare};
use crate::collections::element::Element;
use crate::collections::record::Refused;
use crate::heap;
use crate::values::score::{Aggregate, number};
use crate::values::set::Set;
use crate::values::{NewValue, ValueRef};

/// Members with their scores, in no order.
pub(crate) type Scored = Vec<(f64, Vec<u8>)>;

/// What members are taken from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    Zset(Zset<'a>),
    /// A set, of which members count that have not expired at this time.
    Set(Set<'a>, i64),
    /// A key that is missing.
    None,
}

/// How scores are weighted, one weight for each source, and combined.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) weights: Option<Vec<f64>>,
    pub(crate) aggregate: Aggregate,
}

impl<'a> Source<'a> {
    /// What a value is for a reader at `now`. `None` where it can be no source.
    pub(crate) fn of(value: Option<ValueRef<'a>>, now: i64) -> Option<Self> {
        match value {
            None => Some(Self::None),
            Some(value) => Zset::of(value)
                .map(Self::Zset)
                .or_else(|| Set::of(value).map(|set| Self::Set(set, now))),
        }
    }

    pub(crate) fn len(self) -> usize {
        match self {
            Self::Zset(zset) => zset.len(),
            Self::Set(set, now) => set.live_len(now),
            Self::None => 0,
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Zset(zset) => zset.score(member),
            Self::Set(set, now) => set.contains(member, now).then_some(1.0),
            Self::None => None,
        }
    }

    fn try_for_each<B>(
        self,
        mut each: impl FnMut(f64, Element<'a>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut each = |score, member| {
            heap::step();
            each(score, member)
        };
        match self {
            Self::Zset(zset) => zset.try_for_each(0..zset.len(), each),
            Self::Set(set, now) => set.try_for_each(now, |member| each(1.0, member)),
            Self::None => ControlFlow::Continue(()),
        }
    }

    fn for_each(self, mut each: impl FnMut(f64, Element<'a>)) {
        let _: ControlFlow<()> = self.try_for_each(|score, member| {
            each(score, member);
            ControlFlow::Continue(())
        });
    }
}

/// What is in any source.
pub(crate) fn union(sources: &[Source<'_>], options: &Options) -> Scored {
    let how = options.aggregate;
    let most = sources.iter().map(|source| source.len()).max().unwrap_or_default();
    // A table that grows moves all members at once.
    let mut scores = HashMap::<Vec<u8>, f64, RandomState>::with_capacity_and_hasher(
        most,
        RandomState::default(),
    );
    for (source, weight) in by_size(sources, options) {
        source.for_each(|score, member| {
            let weighted = number(how.weighted(weight, score));
            member.with_bytes(|member| match scores.get_mut(member) {
                Some(before) => *before = how.combine(*before, weighted),
                None => {
                    scores.insert(member.to_vec(), weighted);
                }
            });
        });
    }
    scores.into_iter().inspect(|_| heap::step()).map(|(member, score)| (score, member)).collect()
}

/// What is in all sources, up to `limit` of it.
pub(crate) fn intersection(sources: &[Source<'_>], options: &Options, limit: usize) -> Scored {
    let how = options.aggregate;
    let by_size = by_size(sources, options);
    let mut found = Vec::new();
    let Some((&(smallest, weight), others)) = by_size.split_first() else { return found };
    let _ = smallest.try_for_each(|score, member| {
        if found.len() >= limit {
            return ControlFlow::Break(());
        }
        let member = member.to_bytes();
        let first = number(how.weighted(weight, score));
        let combined = others.iter().try_fold(first, |score, (source, weight)| {
            let other = source.score(&member)?;
            Some(how.combine(score, how.weighted(*weight, other)))
        });
        found.extend(combined.map(|score| (score, member.into_owned())));
        ControlFlow::Continue(())
    });
    found
}

/// What is in the first source, and in no other.
pub(crate) fn difference(sources: &[Source<'_>]) -> Scored {
    let mut found = Vec::new();
    if let Some((first, others)) = sources.split_first() {
        first.for_each(|score, member| {
            let member = member.to_bytes();
            if others.iter().all(|other| other.score(&member).is_none()) {
                found.push((score, member.into_owned()));
            }
        });
    }
    found
}

/// The sources with their weights, the smallest first.
fn by_size<'a>(sources: &[Source<'a>], options: &Options) -> Vec<(Source<'a>, f64)> {
    let weights = options.weights.as_deref().unwrap_or_default();
    let weights = weights.iter().copied().chain(std::iter::repeat(1.0));
    let mut all: Vec<_> = sources.iter().copied().zip(weights).collect();
    all.sort_by_cached_key(|(source, _)| source.len());
    all
}

/// Puts members in the order of a sorted set.
pub(crate) fn sort(members: &mut Scored) {
    members.sort_unstable_by(|(one, first), (other, second)| {
        heap::step();
        compare(*one, *other).then_with(|| first.cmp(second))
    });
}

/// A sorted set of members, none of which is there twice.
pub(crate) fn collect(mut members: Scored, seed: u64) -> Result<NewValue, Refused> {
    sort(&mut members);
    let mut builder = ZsetBuilder::new(seed);
    for (score, member) in members {
        builder.push(Element::Bytes(&member), score)?;
    }
    Ok(builder.finish())
}
