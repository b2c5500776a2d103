//! The messages that the server gets: events, and how far they go.

use std::sync::Arc;

use eslaver_core::filter::{Before, Filter};
use eslaver_core::position::Position;
use eslaver_core::resp::Command;
use rustler::{Env, LocalPid, Term};

use crate::atoms;
use crate::message::{Built, Message};
use crate::names::Names;
use crate::value::Value;

/// A batch is closed at so many events …
const MAX_EVENTS: usize = 256;
/// … or so many bytes, which is also the least that a batch weighs.
pub(crate) const MAX_WEIGHT: usize = 128 * 1024;
/// What a term weighs besides its bytes: a pointer to it, and its header.
const TERM_WEIGHT: usize = 24;
/// A character is an element of a list.
const CHARACTER_WEIGHT: usize = 16;

/// The form that events have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As in the original: no metadata, names as strings, integers in lists.
    Classic,
    /// With metadata.
    Full,
}

/// The events of one message to the server.
pub(crate) struct Batch {
    pub(crate) terms: Terms,
    pub(crate) value: Value,
    events: Vec<Built>,
    /// For each event of the command stream: see [`Batch::event`].
    positions: Vec<u8>,
    names: Names,
    keys: u64,
    stream_db: u32,
    pub(crate) filter: Option<Arc<Filter>>,
    /// Bytes of the commands since the batch before this one that are not wanted.
    passed_over: u64,
}

/// The message being built, and what is in it so far.
pub(crate) struct Terms {
    pub(crate) shape: Shape,
    pub(crate) message: Message,
    weight: usize,
    /// What it weighed before the value in hand.
    before: usize,
    max_value: u64,
}

impl Terms {
    #[inline]
    pub(crate) fn value_begins(&mut self) {
        self.before = self.weight;
    }

    /// What a value may weigh, once the one in hand weighs more.
    #[inline]
    pub(crate) fn overflow(&self) -> Option<u64> {
        ((self.weight - self.before) as u64 > self.max_value).then_some(self.max_value)
    }

    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Built {
        self.weight += bytes.len() + TERM_WEIGHT;
        self.message.binary(bytes)
    }

    /// A list of these bytes as characters.
    pub(crate) fn string(&mut self, bytes: &[u8]) -> Built {
        self.weight += bytes.len() * CHARACTER_WEIGHT + TERM_WEIGHT;
        self.message.string(bytes)
    }

    #[inline]
    pub(crate) fn int(&mut self, value: i64) -> Built {
        self.weight += TERM_WEIGHT;
        self.message.int(value)
    }

    /// A float, or the atom of what Erlang has no floats for.
    pub(crate) fn float(&mut self, value: f64) -> Built {
        self.weight += TERM_WEIGHT;
        if value.is_finite() {
            self.message.finite(value)
        } else if value.is_nan() {
            atoms::nan().into()
        } else if value > 0.0 {
            atoms::inf().into()
        } else {
            atoms::minus_inf().into()
        }
    }

    #[inline]
    pub(crate) fn tuple(&mut self, elements: &[Built]) -> Built {
        self.weight += TERM_WEIGHT;
        self.message.tuple(elements)
    }
}

impl Batch {
    pub(crate) fn new(shape: Shape, filter: Option<Arc<Filter>>, max_value: u64) -> Self {
        Self {
            terms: Terms { shape, message: Message::new(), weight: 0, before: 0, max_value },
            value: Value::new(),
            events: Vec::with_capacity(MAX_EVENTS),
            positions: Vec::new(),
            names: Names::default(),
            keys: 0,
            stream_db: 0,
            filter,
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
        self.value.abandon();
    }

    pub(crate) fn is_full(&self) -> bool {
        self.events.len() >= MAX_EVENTS
            || self.terms.weight >= MAX_WEIGHT
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

    #[inline]
    pub(crate) fn push(&mut self, event: Built) {
        self.events.push(event);
    }

    #[inline]
    pub(crate) fn push_key(&mut self, event: Built) {
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
    fn event<'a>(
        &mut self,
        name: &[u8],
        args_of: impl Iterator<Item = &'a [u8]>,
        position: Position,
    ) {
        let terms = &mut self.terms;
        let args = self.value.scratch();
        args.extend(args_of.map(|arg| terms.bytes(arg)));
        let list = terms.message.list(args);
        args.clear();
        let name = self.names.get(name, terms);
        let event = match terms.shape {
            Shape::Classic => terms.tuple(&[atoms::stream().into(), name, list]),
            Shape::Full => {
                let offset = terms.message.uint(position.offset);
                let db = terms.message.uint(position.db.into());
                let meta = terms.message.map(&[(atoms::db(), db), (atoms::offset(), offset)]);
                terms.tuple(&[atoms::stream().into(), name, list, meta])
            }
        };
        self.events.push(event);
        let transaction = u32::from(position.in_transaction) << 31;
        self.positions.extend_from_slice(&position.offset.to_be_bytes());
        self.positions.extend_from_slice(&(transaction | position.db).to_be_bytes());
    }

    /// What the batch weighs once it is sent.
    pub(crate) fn weight(&self) -> u64 {
        self.terms.weight.max(MAX_WEIGHT) as u64
    }

    /// The first event, for the caller of a NIF instead of a server.
    pub(crate) fn first<'a>(&self, caller: Env<'a>) -> Option<Term<'a>> {
        self.events.first().map(|&event| self.terms.message.copy(caller, event))
    }

    /// Sends what there is. `end` builds the position behind the batch.
    pub(crate) fn send(
        &mut self,
        caller: Env<'_>,
        server: LocalPid,
        end: impl FnOnce(&mut Message) -> Built,
    ) {
        debug_assert!(!self.is_within_key());
        let weight = self.weight();
        let message = &mut self.terms.message;
        let events = message.list(&self.events);
        let positions = message.binary(&self.positions);
        let end = end(message);
        let weighs = message.uint(weight);
        let batch = message.tuple(&[atoms::batch().into(), weighs, events, positions, end]);
        message.send_from_link(caller, server, batch);
        self.events.clear();
        self.positions.clear();
        self.passed_over = 0;
        self.names.clear();
        self.value.clear();
        self.terms.weight = 0;
        self.terms.before = 0;
    }
}
