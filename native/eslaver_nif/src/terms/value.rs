//! The key that is being read, and its value.

use std::sync::Arc;

use eslaver_core::rdb::{Item, Kind, Meta, ModuleField, StreamId, StreamMeta};
use rustler::Atom;

use crate::atoms;
use crate::link::part::Judged;
use crate::terms::draft::Draft;
use crate::terms::etf::{Count, Terms};
use crate::terms::event::{Event, Shape};
use crate::terms::list::List;
use crate::terms::message::Built;
use crate::terms::meta::KeyMeta;
use crate::terms::stream;

/// A string from this length on is made a binary at once, and not copied twice.
const LARGE: usize = 64 * 1024;

/// The key that is being read, as far as it is written.
pub(crate) struct Value {
    shape: Shape,
    /// The option of that name.
    max_value: u64,
    /// What the message weighed before the key.
    begun: usize,
    kind: Kind,
    meta: KeyMeta,
    /// Where in the body the key begins, while there is one.
    start: Option<usize>,
    list: List,
    /// A stream's map and its list of entries, and the number of these.
    stream: Option<(Count, Count)>,
    entries: usize,
    /// Where in the body the last field or member begins and ends.
    field: (usize, usize),
    /// A path hash's list of paths, and the number of these.
    paths: Option<Count>,
    path_count: usize,
    /// The index of an array's next element.
    index: u64,
    /// A value that is in the message and not in the body.
    large: Option<Built>,
}

impl Value {
    pub(crate) fn new(shape: Shape, max_value: u64) -> Self {
        Self {
            shape,
            max_value,
            begun: 0,
            kind: Kind::String,
            meta: KeyMeta::default(),
            start: None,
            list: List::new(),
            stream: None,
            entries: 0,
            field: (0, 0),
            paths: None,
            path_count: 0,
            index: 0,
            large: None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.start.is_some()
    }

    /// Drops the key that has begun.
    pub(crate) fn abandon(&mut self, terms: &mut Terms) {
        self.list.abandon();
        self.stream = None;
        self.paths = None;
        self.large = None;
        if let Some(start) = self.start.take() {
            terms.truncate(start);
        }
    }

    /// The message has been sent: its terms are gone.
    pub(crate) fn clear(&mut self) {
        self.meta.clear();
    }

    /// The most that a value may weigh, once this one weighs more.
    #[inline]
    pub(crate) fn overflow(&self, draft: &Draft) -> Option<u64> {
        let weight = draft.weight() - self.begun + self.meta.weight();
        (weight as u64 > self.max_value).then_some(self.max_value)
    }

    #[inline]
    pub(crate) fn begin(
        &mut self,
        key: &[u8],
        kind: Kind,
        meta: &Meta,
        shard: Option<(Arc<[u8]>, Judged)>,
        draft: &mut Draft,
    ) {
        self.begun = draft.weight();
        let terms = draft.terms();
        self.start = Some(terms.len());
        self.kind = kind;
        self.meta.begin(meta, shard);
        terms.binary(key);
        match kind {
            Kind::String | Kind::Stream | Kind::Module | Kind::Gcra => {}
            Kind::PathHash => {
                self.paths = Some(terms.list());
                self.path_count = 0;
            }
            Kind::Hash => self.list.open_in_parts(self.shape == Shape::Full, terms),
            Kind::List | Kind::Set | Kind::Zset | Kind::Array => {
                self.list.open_in_parts(false, terms);
            }
        }
    }

    #[inline]
    pub(crate) fn item(&mut self, item: Item<'_>, draft: &mut Draft) {
        if self.list.is_part_due(draft.terms()) {
            self.list.take_part(draft);
        }
        let terms = draft.terms();
        match (self.kind, item) {
            (Kind::String, Item::Bytes(bytes)) if bytes.len() >= LARGE => {
                self.large = Some(draft.large_binary(bytes));
                return;
            }
            (Kind::Gcra, Item::Int(at)) => return terms.int(at),
            (Kind::Zset, _) => terms.tuple(2),
            (Kind::Set, _) => self.field.0 = terms.len(),
            (Kind::Array, _) => {
                terms.tuple(2);
                terms.uint(self.index);
            }
            _ if !self.list.is_paired() => {}
            _ if self.list.is_between_pairs() => {
                terms.tuple(2);
                self.field.0 = terms.len();
            }
            _ => self.field.1 = terms.len(),
        }
        self.list.add();
        if self.kind == Kind::List && self.shape == Shape::Classic {
            element(item, terms);
        } else {
            text(item, terms);
        }
        if self.kind == Kind::Set {
            self.field.1 = terms.len();
        }
    }

    #[inline]
    pub(crate) fn score(&mut self, score: f64, terms: &mut Terms) {
        terms.float(score);
    }

    pub(crate) fn expiry(&mut self, at_ms: u64, terms: &Terms) {
        if self.shape == Shape::Full {
            let (start, end) = self.field;
            self.meta.expiry(&terms.since(start)[..end - start], at_ms);
        }
    }

    pub(crate) fn next_index(&mut self, index: u64) {
        self.meta.set_next_index(index);
    }

    pub(crate) fn index(&mut self, index: u64) {
        self.index = index;
    }

    pub(crate) fn path(&mut self, path: Item<'_>, terms: &mut Terms) {
        self.list.close_short(terms);
        self.path_count += 1;
        terms.tuple(2);
        text(path, terms);
        self.list.open(true, terms);
    }

    pub(crate) fn entry(&mut self, id: StreamId, terms: &mut Terms) {
        self.list.close_short(terms);
        self.open_stream(terms);
        self.entries += 1;
        terms.tuple(2);
        stream::id(id, terms);
        self.list.open(true, terms);
    }

    pub(crate) fn stream(&mut self, meta: &StreamMeta, terms: &mut Terms) {
        self.list.close_short(terms);
        let (map, entries) = self.open_stream(terms);
        terms.end_list(entries, self.entries);
        let pairs = stream::pairs(meta, terms);
        terms.end_map(map, 1 + pairs);
    }

    /// The stream's map, with its list of entries. They begin with the first entry, or where there
    /// is none.
    fn open_stream(&mut self, terms: &mut Terms) -> (Count, Count) {
        *self.stream.get_or_insert_with(|| {
            self.entries = 0;
            let map = terms.map();
            terms.atom("entries");
            (map, terms.list())
        })
    }

    pub(crate) fn module(&mut self, name: &[u8; 9], version: u16, terms: &mut Terms) {
        terms.tuple(3);
        terms.binary(name);
        terms.uint(version.into());
        self.list.open(false, terms);
    }

    pub(crate) fn module_field(&mut self, field: ModuleField<'_>, terms: &mut Terms) {
        terms.tuple(2);
        terms.atom(match field {
            ModuleField::Signed(_) => "sint",
            ModuleField::Unsigned(_) => "uint",
            ModuleField::Float(_) => "float",
            ModuleField::Double(_) => "double",
            ModuleField::String(_) => "string",
        });
        match field {
            ModuleField::Signed(value) => terms.int(value),
            ModuleField::Unsigned(value) => terms.uint(value),
            ModuleField::Float(value) => terms.float(value.into()),
            ModuleField::Double(value) => terms.float(value),
            ModuleField::String(item) => text(item, terms),
        }
        self.list.add();
    }

    /// The key is complete.
    #[inline]
    pub(crate) fn end(&mut self, draft: &mut Draft) -> Event {
        let large = self.list.close(draft).or(self.large.take());
        if let Some(paths) = self.paths.take() {
            draft.terms().end_list(paths, self.path_count);
        }
        self.stream = None;
        self.start = None;
        let head = [atoms::loading().into(), type_of(self.kind).into()];
        let mut event = Event { head, terms: 2 - usize::from(large.is_some()), large, tail: None };
        if self.shape == Shape::Full {
            event.tail = self.meta.end(self.kind, draft);
            event.terms += usize::from(event.tail.is_none());
        }
        event
    }
}

fn type_of(kind: Kind) -> Atom {
    match kind {
        Kind::String => atoms::string(),
        Kind::List => atoms::list(),
        Kind::Set => atoms::set(),
        Kind::Zset => atoms::zset(),
        Kind::Hash => atoms::hash(),
        Kind::Stream => atoms::stream(),
        Kind::Module => atoms::module(),
        Kind::Array => atoms::array(),
        Kind::Gcra => atoms::gcra(),
        Kind::PathHash => atoms::path_hash(),
    }
}

#[inline]
fn text(item: Item<'_>, terms: &mut Terms) {
    match item {
        Item::Bytes(bytes) => terms.binary(bytes),
        Item::Int(value) => terms.binary(itoa::Buffer::new().format(value).as_bytes()),
    }
}

/// A list's element: as in the original, an integer where it reads as one of 64 bits.
fn element(item: Item<'_>, terms: &mut Terms) {
    match item {
        Item::Int(value) => terms.int(value),
        Item::Bytes(bytes) => match canonical_integer(bytes) {
            Some(value) => terms.int(value),
            None => terms.binary(bytes),
        },
    }
}

/// The integer whose only decimal form is these bytes.
fn canonical_integer(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    match digits {
        [b'0'] if bytes.len() == 1 => return Some(0),
        [b'1'..=b'9', rest @ ..] if rest.len() < 19 && rest.iter().all(u8::is_ascii_digit) => {}
        _ => return None,
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}
