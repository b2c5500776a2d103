//! Which of the stream's commands go into the batch.

use std::sync::Arc;

use eslaver_core::commands::Learned;
use eslaver_core::filter::{Before, Filter, Gate};
use eslaver_core::position::Position;
use eslaver_core::resp::Command;

use crate::link::applier::Applier;
use crate::terms::batch::Batch;
use crate::terms::event::Shape;

pub(crate) struct Sieve {
    /// What is wanted, and what of the current transaction has passed.
    filter: Option<(Arc<Filter>, Gate)>,
    learned: Arc<Learned>,
    /// The db that the batch was last told of. Only classic events need a `SELECT`.
    told: Option<u32>,
    selects: bool,
    /// The offset behind what the batch had before, while the stream is before it.
    until: Option<u64>,
}

impl Sieve {
    /// `open` is whether the stream goes on within a transaction. What comes before `until` the batch
    /// had before.
    pub(crate) fn new(
        batch: &Batch,
        learned: Arc<Learned>,
        open: bool,
        until: Option<u64>,
    ) -> Self {
        let selects = batch.shape == Shape::Classic;
        let filter = batch.filter.clone().map(|filter| (filter, Gate::new(selects, open)));
        Self { filter, learned, told: None, selects, until }
    }

    /// Whether everything passes, or something of the current transaction has.
    pub(crate) fn is_open(&self) -> bool {
        self.filter.as_ref().is_none_or(|(_, gate)| gate.is_open())
    }

    /// Applies a command, or adds it to the batch, if it is wanted.
    #[inline]
    pub(crate) fn take(
        &mut self,
        command: &Command<'_>,
        before: Position,
        after: Position,
        to: &mut Target<'_>,
    ) {
        let is_new = self.is_new(before);
        let passes = match &mut self.filter {
            None => Some(Before::default()),
            Some((filter, gate)) => gate.pass(filter, &self.learned, command, before),
        };
        self.told = self.told.filter(|_| before.db == after.db);
        match passes {
            Some(frame) => to.take(frame, command, before, after, is_new),
            None => to.batch.pass_over(command.len()),
        }
    }

    /// Whether the batch did not have what begins here. As with every start, it is told its db first.
    #[inline]
    fn is_new(&mut self, before: Position) -> bool {
        match self.until {
            None => true,
            Some(until) if before.offset < until => false,
            Some(_) => {
                self.until = None;
                self.told = None;
                if let Some((_, gate)) = &mut self.filter {
                    gate.forget_db();
                }
                true
            }
        }
    }

    /// A db has been selected without a `SELECT`. Behind a filter the gate tells of it.
    pub(crate) fn tell_db(&mut self, now: Position, batch: &mut Batch) {
        let tells = self.selects && self.filter.is_none() && self.is_new(now);
        if tells && self.told != Some(now.db) {
            self.told = Some(now.db);
            batch.before(Before { multi: false, select: Some(now.db) }, now);
        }
    }
}

/// Where commands go.
pub(crate) struct Target<'a> {
    pub(crate) batch: &'a mut Batch,
    pub(crate) applier: Option<&'a mut Applier>,
    /// Whether the batch gets them.
    pub(crate) events: bool,
    /// The time, in ms since the epoch.
    pub(crate) now: i64,
}

impl Target<'_> {
    #[inline]
    fn take(
        &mut self,
        frame: Before,
        command: &Command<'_>,
        before: Position,
        after: Position,
        is_new: bool,
    ) {
        if let Some(applier) = &mut self.applier {
            applier.command(frame, command, before, after.offset, self.now);
        }
        if !(self.events && is_new) {
            return self.batch.pass_over(command.len());
        }
        self.batch.before(frame, before);
        self.batch.command(command, after);
    }
}
