//! The messages that the server gets: events, and how far they go.

use std::sync::Arc;

use eslaver_core::filter::{Before, Filter};
use eslaver_core::position::Position;
use eslaver_core::rdb::LeftOut;
use eslaver_core::resp::Command;
use rustler::{Atom, Env, LocalPid, Term};

use crate::atoms;
use crate::terms::etf::Body;
use crate::terms::message::{Built, Message};
use crate::terms::names::Names;
use crate::terms::value::Value;

/// A batch is closed at so many events …
const MAX_EVENTS: usize = 1024;
/// … or so many bytes, which is also the least that a batch weighs.
pub(crate) const MAX_WEIGHT: usize = 1024 * 1024;
/// What an event weighs besides its terms.
const EVENT_WEIGHT: usize = 96;

/// The form that events have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As in the original: no metadata, names as strings, integers in lists.
    Classic,
    /// With metadata.
    Full,
}

/// An event is a tuple: its head, its terms in the body of the message, and its tail. A value that
/// is too large for the body stands behind the first of those.
pub(crate) struct Event {
    pub(crate) head: [Built; 2],
    pub(crate) terms: usize,
    pub(crate) large: Option<Built>,
    pub(crate) tail: Option<Built>,
}

/// The events of one message to the server.
pub(crate) struct Batch {
    pub(crate) shape: Shape,
    pub(crate) message: Message,
    /// What the events hold that is not the same in many.
    pub(crate) body: Body,
    pub(crate) value: Value,
    events: Vec<Event>,
    /// For each event of the command stream: see [`Batch::event`].
    positions: Vec<u8>,
    names: Names,
    keys: u64,
    stream_db: u32,
    pub(crate) filter: Option<Arc<Filter>>,
    /// Bytes that are in the message and not in its body.
    pub(crate) large_bytes: usize,
    /// What the batch weighed before the value in hand, and what that may weigh.
    begun: usize,
    max_value: u64,
    /// The VM has not taken a part of a value.
    pub(crate) refused: bool,
    /// The first that the snapshot holds and events do not.
    pub(crate) left_out: Option<LeftOut>,
    /// Bytes of the commands since the batch before this one that are not wanted.
    passed_over: u64,
}

impl Batch {
    pub(crate) fn new(shape: Shape, filter: Option<Arc<Filter>>, max_value: u64) -> Self {
        Self {
            shape,
            message: Message::new(),
            body: Body::new(),
            value: Value::new(),
            events: Vec::with_capacity(MAX_EVENTS),
            positions: Vec::new(),
            names: Names::default(),
            keys: 0,
            stream_db: 0,
            filter,
            large_bytes: 0,
            begun: 0,
            max_value,
            refused: false,
            left_out: None,
            passed_over: 0,
        }
    }

    /// Whether there is nothing to tell. How far commands have been passed over is to be told, too.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.passed_over == 0
    }

    /// Whether a key has begun and not ended: its terms are in the message, which has to wait.
    pub(crate) fn is_within_key(&self) -> bool {
        self.value.is_open()
    }

    /// Drops the key that has begun, as it will not end.
    pub(crate) fn abandon_key(&mut self) {
        if let Some(start) = self.value.abandon() {
            self.body.terms.truncate(start);
        }
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

    pub(crate) fn set_stream_db(&mut self, db: u32) {
        self.stream_db = db;
    }

    /// What is no key of the snapshot: full events have it.
    pub(crate) fn of_the_snapshot(&mut self, what: Atom, name: &[u8], content: &[u8]) {
        if self.shape == Shape::Full {
            self.body.terms.binary(name);
            self.body.terms.binary(content);
            let head = [atoms::loading().into(), what.into()];
            let tail = Some(self.message.map(&[]));
            self.events.push(Event { head, terms: 2, large: None, tail });
        }
    }

    #[inline]
    pub(crate) fn push_key(&mut self, event: Event) {
        self.events.push(event);
        self.keys += 1;
    }

    /// A command of so many bytes is not wanted.
    pub(crate) fn pass_over(&mut self, length: u64) {
        self.passed_over += length;
    }

    /// Adds a command, and the position behind it.
    pub(crate) fn command(&mut self, command: &Command<'_>, position: Position) {
        self.event(command.name(), command.args().iter(), position);
    }

    /// Adds what has to come before a command that passes a filter, at `position`.
    pub(crate) fn before(&mut self, before: Before, position: Position) {
        if before.multi {
            self.event(b"multi", [].into_iter(), position);
        }
        if let Some(db) = before.select {
            let mut digits = itoa::Buffer::new();
            self.event(b"select", [digits.format(db).as_bytes()].into_iter(), position);
        }
    }

    /// A position is: offset (64 bits), whether it lies within a transaction (1 bit), and db (31
    /// bits).
    #[inline]
    fn event<'a>(&mut self, name: &[u8], args: impl Iterator<Item = &'a [u8]>, position: Position) {
        let terms = &mut self.body.terms;
        let list = terms.list();
        let mut count = 0;
        for arg in args {
            terms.binary(arg);
            count += 1;
        }
        terms.end_list(list, count);
        let name = self.names.get(name, self.shape, &mut self.message);
        let tail = (self.shape == Shape::Full).then(|| {
            let offset = self.message.uint(position.offset);
            let db = self.message.uint(position.db.into());
            self.message.map(&[(atoms::db(), db), (atoms::offset(), offset)])
        });
        let head = [atoms::stream().into(), name];
        self.events.push(Event { head, terms: 1, large: None, tail });
        let transaction = u32::from(position.in_transaction) << 31;
        self.positions.extend_from_slice(&position.offset.to_be_bytes());
        self.positions.extend_from_slice(&(transaction | position.db).to_be_bytes());
    }

    /// What the batch weighs so far.
    #[inline]
    fn gross(&self) -> usize {
        self.body.terms.weight()
            + self.large_bytes
            + self.names.weight()
            + self.events.len() * EVENT_WEIGHT
    }

    /// A value begins.
    #[inline]
    pub(crate) fn value_begins(&mut self) {
        self.begun = self.gross();
    }

    /// What a value may weigh, once the one in hand weighs more.
    #[inline]
    pub(crate) fn value_overflows(&self) -> Option<u64> {
        let weight = self.gross() - self.begun + self.value.expiries_weight();
        (weight as u64 > self.max_value).then_some(self.max_value)
    }

    /// What the batch weighs once it is sent.
    pub(crate) fn weight(&self) -> u64 {
        self.gross().max(MAX_WEIGHT) as u64
    }

    /// The only event, for the caller of a NIF instead of a server.
    pub(crate) fn only<'a>(&mut self, caller: Env<'a>) -> Option<Term<'a>> {
        let event = *self.build()?.first()?;
        Some(self.message.copy(caller, event))
    }

    /// The events as terms, unless the VM does not take what the body holds.
    fn build(&mut self) -> Option<Vec<Built>> {
        if self.refused {
            return None;
        }
        let arity = self.events.iter().map(|event| event.terms).sum();
        let body = self.body.whole(arity).and_then(|body| self.message.decode(body));
        // of a large value there is one copy less when the receiver makes one of its own
        self.body.clear();
        let body = body?;
        let mut rest = body.as_slice();
        let mut elements = Vec::new();
        let mut events = Vec::with_capacity(self.events.len());
        for event in &self.events {
            let (terms, others) = rest.split_at_checked(event.terms)?;
            rest = others;
            elements.clear();
            elements.extend_from_slice(&event.head);
            elements.extend_from_slice(terms);
            if let Some(large) = event.large {
                elements.insert(event.head.len() + 1, large);
            }
            elements.extend(event.tail);
            events.push(self.message.tuple(&elements));
        }
        Some(events)
    }

    /// Sends what there is. `end` builds the position behind the batch. False: the VM does not take
    /// it, which would be a bug; nothing has been sent then.
    pub(crate) fn send(
        &mut self,
        caller: Env<'_>,
        server: LocalPid,
        end: impl FnOnce(&mut Message) -> Built,
    ) -> bool {
        debug_assert!(!self.is_within_key());
        let weight = self.weight();
        let Some(events) = self.build() else { return false };
        let message = &mut self.message;
        let events = message.list(&events);
        let positions = message.binary(&self.positions);
        let end = end(message);
        let weighs = message.uint(weight);
        let batch = message.tuple(&[atoms::batch().into(), weighs, events, positions, end]);
        message.send_from_link(caller, server, batch);
        self.clear();
        true
    }

    /// Nothing is left of what there was.
    pub(crate) fn clear(&mut self) {
        self.events.clear();
        self.positions.clear();
        self.passed_over = 0;
        self.names.clear();
        self.value.clear();
        self.large_bytes = 0;
        self.refused = false;
    }
}
