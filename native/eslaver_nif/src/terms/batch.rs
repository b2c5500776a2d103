//! The messages to the server: events, and the position behind them.

use std::sync::Arc;

use eslaver_core::filter::{Before, Filter};
use eslaver_core::position::Position;
use eslaver_core::rdb::LeftOut;
use eslaver_core::resp::Command;
use rustler::{Atom, Env, LocalPid, Term};

use crate::atoms;
use crate::link::part::{Judged, Seat};
use crate::terms::draft::Draft;
use crate::terms::event::{Event, Shape};
use crate::terms::message::{Built, Message};
use crate::terms::names::Names;
use crate::terms::offsets::Offsets;
use crate::terms::value::Value;

/// A batch is full with this number of events …
const MAX_EVENTS: usize = 1024;
/// … or at this weight in bytes, which is also the least that a batch weighs.
pub(crate) const MAX_WEIGHT: usize = 1024 * 1024;
/// What an event weighs besides its terms.
const EVENT_WEIGHT: usize = 96;

/// The events of one message to the server.
pub(crate) struct Batch {
    pub(crate) shape: Shape,
    pub(super) draft: Draft,
    pub(super) value: Value,
    events: Vec<Event>,
    offsets: Offsets,
    names: Names,
    keys: u64,
    stream_db: u32,
    pub(crate) filter: Option<Arc<Filter>>,
    /// The shard that it is all of, in a cluster.
    pub(super) seat: Option<Seat>,
    /// The shard's id as a term of the message.
    shard: Option<Built>,
    /// Whether events leave out what the cluster does to move its slots.
    pub(super) of_users: bool,
    /// The first that the snapshot holds and events do not.
    pub(crate) left_out: Option<LeftOut>,
    /// Bytes of unwanted commands since the last batch.
    passed_over: u64,
}

impl Batch {
    pub(crate) fn new(shape: Shape, filter: Option<Arc<Filter>>, max_value: u64) -> Self {
        Self {
            shape,
            draft: Draft::new(),
            value: Value::new(shape, max_value),
            events: Vec::with_capacity(MAX_EVENTS),
            offsets: Offsets::default(),
            names: Names::default(),
            keys: 0,
            stream_db: 0,
            filter,
            seat: None,
            shard: None,
            of_users: false,
            left_out: None,
            passed_over: 0,
        }
    }

    /// It is of a shard of a cluster. `of_users` is whether events leave out what the cluster does to
    /// move its slots.
    pub(crate) fn of_shard(self, seat: Option<Seat>, of_users: bool) -> Self {
        Self { of_users: of_users && seat.is_some(), seat, ..self }
    }

    /// Whether events leave out what a cluster does to move its slots.
    pub(crate) fn is_of_users(&self) -> bool {
        self.of_users
    }

    /// Whether there is nothing to send. The server is also told how far commands were passed over.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.passed_over == 0
    }

    /// Whether a key has begun and not ended: the message, which has its terms, must wait.
    pub(crate) fn is_within_key(&self) -> bool {
        self.value.is_open()
    }

    /// Drops the key that has begun, as it will not end.
    pub(crate) fn abandon_key(&mut self) {
        self.value.abandon(self.draft.terms());
    }

    pub(crate) fn is_full(&self) -> bool {
        self.events.len() >= MAX_EVENTS
            || self.gross() >= MAX_WEIGHT
            || self.passed_over >= MAX_WEIGHT as u64
    }

    /// The keys added so far, in this batch and before.
    pub(crate) fn keys(&self) -> u64 {
        self.keys
    }

    /// The db that the stream after the snapshot begins with.
    pub(crate) fn stream_db(&self) -> u32 {
        self.stream_db
    }

    pub(super) fn set_stream_db(&mut self, db: u32) {
        self.stream_db = db;
    }

    /// Adds something of the snapshot other than a key. Only full events have it.
    pub(super) fn push_field(&mut self, what: Atom, name: &[u8], content: &[u8]) {
        if self.shape == Shape::Full {
            let terms = self.draft.terms();
            terms.binary(name);
            terms.binary(content);
            let head = [atoms::loading().into(), what.into()];
            let tail = Some(self.draft.message.map(&[]));
            self.events.push(Event { head, terms: 2, large: None, tail });
        }
    }

    #[inline]
    pub(super) fn push_key(&mut self, event: Event) {
        self.events.push(event);
        self.keys += 1;
    }

    /// A command of `length` bytes is not wanted.
    pub(crate) fn pass_over(&mut self, length: u64) {
        self.passed_over += length;
    }

    /// Adds a command, and the position behind it.
    pub(crate) fn command(&mut self, command: &Command<'_>, position: Position, judged: Judged) {
        self.event(command.name(), command.args().iter(), position, judged);
    }

    /// Adds what must precede a command that passes a filter, at `position`.
    pub(crate) fn before(&mut self, before: Before, position: Position) {
        if before.multi {
            self.event(b"multi", [].into_iter(), position, Judged::default());
        }
        if let Some(db) = before.select {
            let mut digits = itoa::Buffer::new();
            let args = [digits.format(db).as_bytes()].into_iter();
            self.event(b"select", args, position, Judged::default());
        }
    }

    #[inline]
    fn event<'a>(
        &mut self,
        name: &[u8],
        args: impl Iterator<Item = &'a [u8]>,
        position: Position,
        judged: Judged,
    ) {
        let terms = self.draft.terms();
        let list = terms.list();
        let mut count = 0;
        for arg in args {
            terms.binary(arg);
            count += 1;
        }
        terms.end_list(list, count);
        let message = &mut self.draft.message;
        let name = self.names.get(name, self.shape, message);
        let tail = (self.shape == Shape::Full).then(|| {
            let offset = message.uint(position.offset);
            let db = message.uint(position.db.into());
            match &self.seat {
                None => message.map(&[(atoms::db(), db), (atoms::offset(), offset)]),
                Some(seat) => {
                    let shard = *self.shard.get_or_insert_with(|| message.binary(&seat.id));
                    of_shard(message, (db, offset, shard), judged)
                }
            }
        });
        let head = [atoms::stream().into(), name];
        self.events.push(Event { head, terms: 1, large: None, tail });
        self.offsets.push(position, judged.is_migration());
    }

    /// What the batch weighs so far.
    #[inline]
    fn gross(&self) -> usize {
        self.draft.weight() + self.names.weight() + self.events.len() * EVENT_WEIGHT
    }

    /// What the batch weighs once it is sent.
    pub(crate) fn weight(&self) -> u64 {
        self.gross().max(MAX_WEIGHT) as u64
    }

    /// The only event, for the caller of a NIF instead of a server.
    pub(crate) fn only<'a>(&mut self, caller: Env<'a>) -> Option<Term<'a>> {
        let event = *self.draft.build(&self.events)?.first()?;
        Some(self.draft.message.copy(caller, event))
    }

    /// Sends the batch. `end` builds the position behind it. False: the VM rejects the terms, which
    /// would be a bug; nothing has been sent then.
    pub(crate) fn send(
        &mut self,
        caller: Env<'_>,
        server: LocalPid,
        end: impl FnOnce(&mut Message) -> Built,
    ) -> bool {
        debug_assert!(!self.is_within_key());
        let weight = self.weight();
        let Some(events) = self.draft.build(&self.events) else { return false };
        let message = &mut self.draft.message;
        let events = message.list(&events);
        let offsets = message.binary(self.offsets.as_bytes());
        let end = end(message);
        let weighs = message.uint(weight);
        let batch = message.tuple(&[atoms::batch().into(), weighs, events, offsets, end]);
        message.send_from_link(caller, server, batch);
        self.clear();
        true
    }

    /// Empties the batch.
    pub(crate) fn clear(&mut self) {
        self.events.clear();
        self.offsets.clear();
        self.passed_over = 0;
        self.names.clear();
        self.value.clear();
        self.draft.clear();
        self.shard = None;
    }
}

/// `#{db, offset, shard, slot, origin}`, without a slot if there is no key.
fn of_shard(
    message: &mut Message,
    (db, offset, shard): (Built, Built, Built),
    judged: Judged,
) -> Built {
    let origin = if judged.is_migration() { atoms::migration() } else { atoms::user() };
    let pairs = [
        (atoms::db(), db),
        (atoms::offset(), offset),
        (atoms::shard(), shard),
        (atoms::origin(), origin.into()),
    ];
    match judged.slot {
        None => message.map(&pairs),
        Some(slot) => {
            let [db, offset, shard, origin] = pairs;
            let slot = message.uint(slot.into());
            message.map(&[db, offset, shard, origin, (atoms::slot(), slot)])
        }
    }
}
