//! Events as terms, collected into the messages that the server gets.

use eslaver_core::rdb::{Item, Kind, Meta, ModuleField, Sink, StreamId, StreamMeta};
use eslaver_core::resp::Command;
use rustler::{Atom, Env, LocalPid};

use crate::atoms;
use crate::message::{Built, Message};
use crate::names::Names;
use crate::stream;

/// A batch is closed at so many events …
const MAX_EVENTS: usize = 256;
/// … or so many bytes, which is also the least that a batch weighs.
pub(crate) const MAX_WEIGHT: usize = 128 * 1024;
/// What a term weighs besides its bytes: a pointer to it, and its header.
const TERM_WEIGHT: usize = 24;

/// The events of one message to the server.
pub(crate) struct Batch {
    message: Message,
    events: Vec<Built>,
    /// For each event of the command stream: see [`Batch::command`].
    positions: Vec<u8>,
    weight: usize,
    names: Names,
    value: Value,
    keys: u64,
    stream_db: u32,
}

/// The value of the key that is being read.
struct Value {
    /// Whether there is one.
    open: bool,
    key: Built,
    kind: Kind,
    items: Vec<Built>,
    /// A stream entry's id, and where in `items` its fields begin.
    entry: Option<(Built, usize)>,
    entries: Vec<Built>,
    whole: Option<Built>,
    module: Option<(Built, Built)>,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self {
            message: Message::new(),
            events: Vec::with_capacity(MAX_EVENTS),
            positions: Vec::new(),
            weight: 0,
            names: Names::default(),
            keys: 0,
            stream_db: 0,
            value: Value {
                open: false,
                key: atoms::undefined().into(),
                kind: Kind::String,
                items: Vec::new(),
                entry: None,
                entries: Vec::new(),
                whole: None,
                module: None,
            },
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whether a key has begun and not ended: its terms are in the message, which has to wait.
    pub(crate) fn is_within_key(&self) -> bool {
        self.value.open
    }

    /// Drops the key that has begun, as it will not end.
    pub(crate) fn abandon_key(&mut self) {
        self.value.open = false;
        self.value.items.clear();
        self.value.entries.clear();
    }

    pub(crate) fn is_full(&self) -> bool {
        self.events.len() >= MAX_EVENTS || self.weight >= MAX_WEIGHT
    }

    /// The keys added so far, in this batch and before.
    pub(crate) fn keys(&self) -> u64 {
        self.keys
    }

    /// The db that the stream after the snapshot begins with.
    pub(crate) fn stream_db(&self) -> u32 {
        self.stream_db
    }

    /// Adds a command, and the position behind it: offset (64 bits), whether it lies within a
    /// transaction (1 bit), and db (31 bits).
    pub(crate) fn command(
        &mut self,
        command: &Command<'_>,
        position: eslaver_core::position::Position,
    ) {
        let args: &mut Vec<Built> = &mut self.value.items;
        for arg in command.args() {
            args.push(self.message.binary(arg));
            self.weight += arg.len() + TERM_WEIGHT;
        }
        let list = self.message.list(args);
        args.clear();
        let name = self.names.get(command.name(), &mut self.message);
        let event = self.message.tuple(&[atoms::stream().into(), name, list]);
        self.weight += 2 * TERM_WEIGHT;
        self.events.push(event);
        let transaction = u32::from(position.in_transaction) << 31;
        self.positions.extend_from_slice(&position.offset.to_be_bytes());
        self.positions.extend_from_slice(&(transaction | position.db).to_be_bytes());
    }

    /// Sends what there is, and gives what it weighs. `end` builds the position behind the batch.
    pub(crate) fn send(
        &mut self,
        caller: Env<'_>,
        server: LocalPid,
        end: impl FnOnce(&mut Message) -> Built,
    ) -> u64 {
        let weight = self.weight.max(MAX_WEIGHT) as u64;
        let message = &mut self.message;
        let events = message.list(&self.events);
        let positions = message.binary(&self.positions);
        let end = end(message);
        let weighs = message.uint(weight);
        let batch = message.tuple(&[atoms::batch().into(), weighs, events, positions, end]);
        message.send_from_link(caller, server, batch);
        self.events.clear();
        self.positions.clear();
        self.names.clear();
        self.weight = 0;
        weight
    }

    fn bytes(&mut self, bytes: &[u8]) -> Built {
        self.weight += bytes.len() + TERM_WEIGHT;
        self.message.binary(bytes)
    }

    fn text(&mut self, item: Item<'_>) -> Built {
        match item {
            Item::Bytes(bytes) => self.bytes(bytes),
            Item::Int(value) => self.bytes(itoa::Buffer::new().format(value).as_bytes()),
        }
    }

    /// A list's element: what reads as a 64-bit integer is one, as in the original.
    fn element(&mut self, item: Item<'_>) -> Built {
        match item {
            Item::Int(value) => self.integer(value),
            Item::Bytes(bytes) => match canonical_integer(bytes) {
                Some(value) => self.integer(value),
                None => self.bytes(bytes),
            },
        }
    }

    fn integer(&mut self, value: i64) -> Built {
        self.weight += TERM_WEIGHT;
        self.message.int(value)
    }

    fn float(&mut self, value: f64) -> Built {
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

    /// The entry whose fields came last is complete.
    fn close_entry(&mut self) {
        let value = &mut self.value;
        if let Some((id, start)) = value.entry.take() {
            let message = &mut self.message;
            let fields: Vec<Built> = value.items[start..]
                .as_chunks::<2>()
                .0
                .iter()
                .map(|pair| message.tuple(pair))
                .collect();
            value.items.truncate(start);
            let fields = message.list(&fields);
            value.entries.push(message.tuple(&[id, fields]));
        }
    }
}

impl Sink for Batch {
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        if name == b"repl-stream-db" {
            let db = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            self.stream_db = db.unwrap_or_default();
        }
    }

    fn function(&mut self, _code: &[u8]) {}

    #[inline]
    fn begin(&mut self, key: &[u8], kind: Kind, _meta: &Meta) {
        let key = self.bytes(key);
        self.value.items.clear();
        self.value.entries.clear();
        self.value.open = true;
        self.value.key = key;
        self.value.kind = kind;
    }

    #[inline]
    fn item(&mut self, item: Item<'_>) {
        let term = match self.value.kind {
            Kind::List => self.element(item),
            _ => self.text(item),
        };
        self.value.items.push(term);
    }

    fn score(&mut self, score: f64) {
        let score = self.float(score);
        if let Some(member) = self.value.items.last_mut() {
            *member = self.message.tuple(&[*member, score]);
        }
    }

    fn field_expiry(&mut self, _at_ms: u64) {}

    fn entry(&mut self, id: StreamId) {
        self.close_entry();
        let id = stream::id(id, &mut self.message);
        self.weight += TERM_WEIGHT;
        self.value.entry = Some((id, self.value.items.len()));
    }

    fn stream(&mut self, meta: StreamMeta) {
        self.close_entry();
        let entries = self.message.list(&self.value.entries);
        self.value.entries.clear();
        self.value.whole = Some(stream::map(entries, &meta, &mut self.message));
    }

    fn module(&mut self, name: &[u8; 9], version: u16) {
        let name = self.bytes(name);
        let version = self.integer(version.into());
        self.value.module = Some((name, version));
    }

    fn module_field(&mut self, field: ModuleField<'_>) {
        let (tag, value): (Atom, Built) = match field {
            ModuleField::Signed(value) => (atoms::sint(), self.integer(value)),
            ModuleField::Unsigned(value) => (atoms::uint(), self.message.uint(value)),
            ModuleField::Float(value) => (atoms::float(), self.float(value.into())),
            ModuleField::Double(value) => (atoms::double(), self.float(value)),
            ModuleField::String(item) => (atoms::string(), self.text(item)),
        };
        let field = self.message.tuple(&[tag.into(), value]);
        self.weight += TERM_WEIGHT;
        self.value.items.push(field);
    }

    #[inline]
    fn end(&mut self) {
        let message = &mut self.message;
        let value = &mut self.value;
        let (kind, whole) = match value.kind {
            Kind::String => (atoms::string(), value.items.first().copied()),
            Kind::List => (atoms::list(), None),
            Kind::Set => (atoms::set(), None),
            Kind::Zset => (atoms::zset(), None),
            Kind::Hash => (atoms::hash(), None),
            Kind::Stream => (atoms::stream(), value.whole.take()),
            Kind::Module => {
                let fields = message.list(&value.items);
                let whole = value.module.take();
                (
                    atoms::module(),
                    whole.map(|(name, version)| message.tuple(&[name, version, fields])),
                )
            }
        };
        let whole = whole.unwrap_or_else(|| message.list(&value.items));
        value.items.clear();
        value.open = false;
        let event = message.tuple(&[atoms::loading().into(), kind.into(), value.key, whole]);
        self.events.push(event);
        self.keys += 1;
    }

    fn discard(&mut self) {
        self.abandon_key();
    }
}

/// The integer of which these bytes are the one decimal form.
fn canonical_integer(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    match digits {
        [b'0'] if bytes.len() == 1 => return Some(0),
        [b'1'..=b'9', rest @ ..] if rest.len() < 19 && rest.iter().all(u8::is_ascii_digit) => {}
        _ => return None,
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}
