//! Slots that get another owner.

use crate::routes::Shard;
use crate::slots::{Range, Slots};

/// Slots that have another owner now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The slots.
    pub ranges: Vec<Range>,
    /// The owner before, if there was one.
    pub from: Option<Shard>,
    /// The owner now, if there is one.
    pub to: Option<Shard>,
}

/// Moves, slot by slot.
#[derive(Default)]
pub(super) struct Moves(Vec<(Option<Shard>, Option<Shard>, Slots)>);

impl Moves {
    pub(super) fn add(&mut self, slot: u16, from: Option<Shard>, to: Option<Shard>) {
        let at = self.0.iter().position(|&(source, target, _)| (source, target) == (from, to));
        let at = at.unwrap_or_else(|| {
            self.0.push((from, to, Slots::default()));
            self.0.len() - 1
        });
        self.0[at].2.insert(slot);
    }

    pub(super) fn done(self) -> Vec<Move> {
        let done = |(from, to, slots): (_, _, Slots)| Move { ranges: slots.ranges(), from, to };
        self.0.into_iter().map(done).collect()
    }
}
