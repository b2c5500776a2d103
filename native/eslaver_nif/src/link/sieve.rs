//! Which of the stream's commands go into the batch.

use std::sync::Arc;

use eslaver_core::commands::Learned;
use eslaver_core::filter::{Before, Filter, Gate};
use eslaver_core::position::Position;
use eslaver_core::resp::Command;

use crate::link::applier::Applier;
use crate::link::part::{Judged, Part};
use crate::terms::batch::Batch;
use crate::terms::event::Shape;

pub(crate) struct Sieve {
    /// What is wanted, and what of the current transaction has passed.
    filter: Option<(Arc<Filter>, Gate)>,
    /// What of this goes to the server, if that is not to know what a cluster does to move slots.
    users: Option<(Arc<Filter>, Gate)>,
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
        let gated = |filter| (filter, Gate::new(selects, open));
        let users = batch.is_of_users().then(|| batch.filter.clone().unwrap_or_default());
        let (filter, users) = (batch.filter.clone().map(gated), users.map(gated));
        Self { filter, users, learned, told: None, selects, until }
    }

    /// Whether everything passes, or something of the current transaction has.
    pub(crate) fn is_open(&self) -> bool {
        let gates = self.users.as_ref().or(self.filter.as_ref());
        gates.is_none_or(|(_, gate)| gate.is_open())
    }

    /// What the master told of its commands.
    pub(crate) fn learned(&self) -> &Learned {
        &self.learned
    }

    /// Applies a command, or adds it to the batch, if it is wanted.
    #[inline]
    pub(crate) fn take(
        &mut self,
        command: &Command<'_>,
        before: Position,
        after: Position,
        judged: Judged,
        to: &mut Target<'_>,
    ) {
        let is_new = self.is_new(before);
        let passes = match &mut self.filter {
            None => Some(Before::default()),
            Some((filter, gate)) => gate.pass(filter, &self.learned, command, before),
        };
        self.told = self.told.filter(|_| before.db == after.db);
        let frame_of_event = match &mut self.users {
            None => passes,
            Some(_) if judged.is_migration() => None,
            Some((filter, gate)) => gate.pass(filter, &self.learned, command, before),
        };
        if let (Some(frame), Some(applier)) = (passes, &mut to.applier) {
            applier.command(frame, command, before, after.offset, (judged, to.now));
        }
        match frame_of_event {
            Some(frame) if to.events && is_new => {
                to.batch.before(frame, before);
                to.batch.command(command, after, judged);
            }
            _ => to.batch.pass_over(command.len()),
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
                let gates = [&mut self.filter, &mut self.users].into_iter().flatten();
                gates.for_each(|(_, gate)| gate.forget_db());
                true
            }
        }
    }

    /// A db has been selected without a `SELECT`. Behind a filter the gate tells of it.
    pub(crate) fn tell_db(&mut self, now: Position, batch: &mut Batch) {
        let is_free = self.filter.is_none() && self.users.is_none();
        let tells = self.selects && is_free && self.is_new(now);
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
    /// In a cluster.
    pub(crate) part: Option<&'a mut Part>,
    /// Whether the batch gets them.
    pub(crate) events: bool,
    /// The time, in ms since the epoch.
    pub(crate) now: i64,
}

impl Target<'_> {
    /// What a command is that begins at this position, or `None` if it must wait. `safe` is the last
    /// position outside a transaction. A key that readers of
    /// the mirror do not have need not be waited for.
    #[inline]
    pub(crate) fn judge(
        &mut self,
        learned: &Learned,
        command: &Command<'_>,
        before: Position,
        safe: Position,
    ) -> Option<Judged> {
        let Some(part) = &mut self.part else { return Some(Judged::default()) };
        let applier = self.applier.as_deref().filter(|_| !self.events);
        let now = self.now;
        part.judge(learned, command, (before.offset, safe.offset), |key| {
            applier.is_none_or(|applier| applier.has(before.db, key, now))
        })
    }
}
