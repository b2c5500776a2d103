//! Which members of a sorted set are in a place.

use std::ops::ControlFlow;

use super::Position;
use super::place::Place;
use crate::values::zset::Zset;
use crate::values::zset::range::{End, Range};

/// A member that is in a place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hit {
    pub(crate) member: Vec<u8>,
    pub(crate) score: f64,
    pub(crate) meters: f64,
    pub(crate) position: Position,
}

/// The order of hits, by their distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
    /// As they are found.
    None,
}

/// How many members a search looks at, at most.
pub(crate) fn candidates(zset: Zset<'_>, place: &Place<'_>) -> usize {
    place.areas().into_iter().map(|area| scores(area).span(zset).len()).sum()
}

/// Up to `most` members in a place, in the order in which servers find them.
pub(crate) fn search(zset: Zset<'_>, place: &Place<'_>, most: usize) -> Vec<Hit> {
    let mut hits = Vec::new();
    for area in place.areas() {
        let _ = zset.try_for_each(scores(area).span(zset), |score, member| {
            if hits.len() >= most {
                return ControlFlow::Break(());
            }
            if let Some(position) = Position::of_score(score)
                && let Some(meters) = place.distance_within(position)
            {
                hits.push(Hit { member: member.to_bytes().into_owned(), score, meters, position });
            }
            ControlFlow::Continue(())
        });
    }
    hits
}

fn scores(area: std::ops::Range<u64>) -> Range<'static> {
    Range::score((End::Inclusive, area.start as f64), (End::Exclusive, area.end as f64))
}

/// Puts hits in order. How several at one distance are to follow is nowhere said.
pub(crate) fn sort(hits: &mut [Hit], order: Order) {
    let by_distance = |one: &Hit, other: &Hit| one.meters.total_cmp(&other.meters);
    match order {
        Order::Ascending => hits.sort_by(by_distance),
        Order::Descending => hits.sort_by(|one, other| by_distance(other, one)),
        Order::None => {}
    }
}
