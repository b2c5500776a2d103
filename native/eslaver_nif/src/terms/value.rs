//! Keys of a snapshot as events.

use eslaver_core::rdb::{Item, Kind, LeftOut, Meta, ModuleField, Sink, StreamId, StreamMeta};
use rustler::Atom;

use crate::atoms;
use crate::terms::batch::{Batch, Event, Shape};
use crate::terms::etf::{Body, Count, Terms};
use crate::terms::message::{Built, Message};
use crate::terms::stream;

/// A string from this length on is made a binary at once, and not copied twice.
const LARGE: usize = 64 * 1024;
/// So many bytes of a list's elements are made terms before the others have come, as a large list
/// need not be there twice.
const PART: usize = 64 * 1024;

/// The value of the key that is being read.
pub(crate) struct Value {
    kind: Kind,
    meta: Meta,
    /// Where in the body the key begins, while there is one.
    start: Option<usize>,
    /// The list that is open, the items it has so far, and whether each two of them are a pair.
    list: Option<Count>,
    items: usize,
    paired: bool,
    /// Where in the body its next part ends, and the elements that are terms already.
    part_end: usize,
    parts: Vec<Built>,
    part: Body,
    /// A stream, its list of entries, and how many it has.
    stream: Option<(Count, Count)>,
    entries: usize,
    /// Where in the body the first half of the last pair begins and ends.
    field: (usize, usize),
    /// A path hash, whose list this is, and how many paths it has.
    paths: Option<Count>,
    path_count: usize,
    /// The index of an array's next element, and its insert cursor.
    index: u64,
    next_index: Option<u64>,
    /// When fields of a hash or members of a set expire: pairs, and how many.
    expiries: Terms,
    expiring: usize,
    large: Option<Built>,
    /// The metadata of keys that have only a db, made once for each message.
    plain_meta: Option<(u32, Built)>,
}

impl Value {
    pub(crate) fn new() -> Self {
        Self {
            kind: Kind::String,
            meta: Meta::default(),
            start: None,
            list: None,
            items: 0,
            paired: false,
            part_end: usize::MAX,
            parts: Vec::new(),
            part: Body::new(),
            stream: None,
            entries: 0,
            paths: None,
            path_count: 0,
            index: 0,
            next_index: None,
            field: (0, 0),
            expiries: Terms::default(),
            expiring: 0,
            large: None,
            plain_meta: None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.start.is_some()
    }

    pub(crate) fn expiries_weight(&self) -> usize {
        self.expiries.weight()
    }

    /// The key in hand is not to be. Gives where it began.
    pub(crate) fn abandon(&mut self) -> Option<usize> {
        self.paired = false;
        self.part_end = usize::MAX;
        self.parts = Vec::new();
        self.list = None;
        self.stream = None;
        self.paths = None;
        self.large = None;
        self.start.take()
    }

    /// The message has been sent: its terms are gone.
    pub(crate) fn clear(&mut self) {
        self.plain_meta = None;
    }

    #[inline]
    fn open_list(&mut self, paired: bool, terms: &mut Terms) {
        self.list = Some(terms.list());
        self.items = 0;
        self.paired = paired;
    }

    #[inline]
    fn close_list(&mut self, terms: &mut Terms) {
        if let Some(list) = self.list.take() {
            terms.end_list(list, self.elements());
        }
        self.paired = false;
        self.part_end = usize::MAX;
    }

    fn elements(&self) -> usize {
        if self.paired { self.items / 2 } else { self.items }
    }

    /// Whether a part of the list is there, and ends where an element does.
    #[inline]
    fn is_part_due(&self, terms: &Terms) -> bool {
        terms.len() >= self.part_end && !(self.paired && self.items % 2 == 1)
    }

    /// Makes terms of the elements that have come, and gives how many bytes they were, unless the
    /// VM does not take them.
    fn take_part(&mut self, terms: &mut Terms, message: &mut Message) -> Option<usize> {
        let list = self.list?;
        let elements = terms.elements(list);
        let bytes = elements.len();
        self.part.terms.append(elements);
        let count = self.elements();
        let made = self.part.whole(count).and_then(|part| message.decode(part));
        self.part.clear();
        self.parts.extend(made?);
        // a list is made of a number of 32 bits
        u32::try_from(self.parts.len()).ok()?;
        terms.empty_list(list);
        self.part_end = terms.len() + PART;
        self.items = 0;
        Some(bytes)
    }

    /// The stream itself, with its list of entries, unless it is there already.
    fn open_stream(&mut self, terms: &mut Terms) -> (Count, Count) {
        *self.stream.get_or_insert_with(|| {
            self.entries = 0;
            let map = terms.map();
            terms.atom("entries");
            (map, terms.list())
        })
    }

    /// The metadata of a key with a db alone: one for all.
    fn plain_meta(&mut self, message: &mut Message) -> Option<Built> {
        let Meta { db, expire_at, idle, freq } = self.meta;
        let is_plain = expire_at.is_none() && idle.is_none() && freq.is_none();
        if !is_plain || self.expiring > 0 || self.next_index.is_some() {
            return None;
        }
        if let Some((_, map)) = self.plain_meta.filter(|&(known, _)| known == db) {
            return Some(map);
        }
        let number = message.uint(db.into());
        let map = message.map(&[(atoms::db(), number)]);
        self.plain_meta = Some((db, map));
        Some(map)
    }

    /// `#{db, expire_at, idle, freq, field_expire_at, member_expire_at, next_index}`, of which all but
    /// the db may be absent.
    fn write_meta(&mut self, terms: &mut Terms) {
        let Meta { db, expire_at, idle, freq } = self.meta;
        let map = terms.map();
        let mut pairs = 1;
        terms.atom("db");
        terms.uint(db.into());
        if let Some(at) = expire_at {
            pairs += 1;
            terms.atom("expire_at");
            terms.int(at);
        }
        if let Some(seconds) = idle {
            pairs += 1;
            terms.atom("idle");
            terms.uint(seconds);
        }
        if let Some(freq) = freq {
            pairs += 1;
            terms.atom("freq");
            terms.uint(freq.into());
        }
        if self.expiring > 0 {
            pairs += 1;
            let of_set = self.kind == Kind::Set;
            terms.atom(if of_set { "member_expire_at" } else { "field_expire_at" });
            let list = terms.list();
            terms.append(self.expiries.since(0));
            terms.end_list(list, self.expiring);
        }
        if let Some(index) = self.next_index {
            pairs += 1;
            terms.atom("next_index");
            terms.uint(index);
        }
        terms.end_map(map, pairs);
    }
}

impl Sink for Batch {
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        if name.eq_ignore_ascii_case(b"repl-stream-db") {
            self.set_stream_db(leading_number(value));
        }
        self.of_the_snapshot(atoms::aux(), name, value);
    }

    fn function(&mut self, code: &[u8]) {
        self.of_the_snapshot(atoms::function(), library_name(code), code);
    }

    #[inline]
    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        if self.filter.as_ref().is_some_and(|filter| !filter.wants_key(key, kind, meta.db)) {
            return false;
        }
        self.abandon_key();
        self.value_begins();
        let (value, terms) = (&mut self.value, &mut self.body.terms);
        value.start = Some(terms.len());
        value.kind = kind;
        value.meta = *meta;
        value.next_index = None;
        value.expiring = 0;
        value.expiries.clear();
        terms.binary(key);
        match kind {
            Kind::String | Kind::Stream | Kind::Module | Kind::Gcra => {}
            Kind::PathHash => {
                value.paths = Some(terms.list());
                value.path_count = 0;
            }
            Kind::Hash => value.open_list(self.shape == Shape::Full, terms),
            Kind::List | Kind::Set | Kind::Zset | Kind::Array => value.open_list(false, terms),
        }
        if value.list.is_some() {
            value.part_end = terms.len() + PART;
        }
        true
    }

    #[inline]
    fn item(&mut self, item: Item<'_>) {
        if self.value.is_part_due(&self.body.terms) {
            self.take_part();
        }
        let (value, terms) = (&mut self.value, &mut self.body.terms);
        match (value.kind, item) {
            (Kind::String, Item::Bytes(bytes)) if bytes.len() >= LARGE => {
                value.large = Some(self.message.binary(bytes));
                self.large_bytes += bytes.len();
                return;
            }
            (Kind::Gcra, Item::Int(at)) => return terms.int(at),
            (Kind::Zset, _) => terms.tuple(2),
            (Kind::Set, _) => value.field.0 = terms.len(),
            (Kind::Array, _) => {
                terms.tuple(2);
                terms.uint(value.index);
            }
            _ if !value.paired => {}
            _ if value.items.is_multiple_of(2) => {
                terms.tuple(2);
                value.field.0 = terms.len();
            }
            _ => value.field.1 = terms.len(),
        }
        value.items += 1;
        if value.kind == Kind::List && self.shape == Shape::Classic {
            element(item, terms);
        } else {
            text(item, terms);
        }
        if value.kind == Kind::Set {
            value.field.1 = terms.len();
        }
    }

    fn score(&mut self, score: f64) {
        self.body.terms.float(score);
    }

    fn expiry(&mut self, at_ms: u64) {
        if self.shape == Shape::Full {
            let value = &mut self.value;
            let (start, end) = value.field;
            value.expiries.tuple(2);
            value.expiries.append(&self.body.terms.since(start)[..end - start]);
            value.expiries.uint(at_ms);
            value.expiring += 1;
        }
    }

    fn next_index(&mut self, index: u64) {
        self.value.next_index = Some(index);
    }

    fn index(&mut self, index: u64) {
        self.value.index = index;
    }

    fn path(&mut self, path: Item<'_>) {
        let (value, terms) = (&mut self.value, &mut self.body.terms);
        value.close_list(terms);
        value.path_count += 1;
        terms.tuple(2);
        text(path, terms);
        value.open_list(true, terms);
    }

    fn entry(&mut self, id: StreamId) {
        let (value, terms) = (&mut self.value, &mut self.body.terms);
        value.close_list(terms);
        value.open_stream(terms);
        value.entries += 1;
        terms.tuple(2);
        stream::id(id, terms);
        value.open_list(true, terms);
    }

    fn stream(&mut self, meta: StreamMeta) {
        let (value, terms) = (&mut self.value, &mut self.body.terms);
        value.close_list(terms);
        let (map, entries) = value.open_stream(terms);
        terms.end_list(entries, value.entries);
        let pairs = stream::pairs(&meta, terms);
        terms.end_map(map, 1 + pairs);
    }

    fn module(&mut self, name: &[u8; 9], version: u16) {
        let (value, terms) = (&mut self.value, &mut self.body.terms);
        terms.tuple(3);
        terms.binary(name);
        terms.uint(version.into());
        value.open_list(false, terms);
    }

    fn module_field(&mut self, field: ModuleField<'_>) {
        let terms = &mut self.body.terms;
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
        self.value.items += 1;
    }

    #[inline]
    fn end(&mut self) {
        if !self.value.parts.is_empty() {
            self.end_parts();
        }
        let (value, terms) = (&mut self.value, &mut self.body.terms);
        value.close_list(terms);
        if let Some(paths) = value.paths.take() {
            terms.end_list(paths, value.path_count);
        }
        value.stream = None;
        value.start = None;
        let head = [atoms::loading().into(), type_of(value.kind).into()];
        let large = value.large.take();
        let mut event = Event { head, terms: 2 - usize::from(large.is_some()), large, tail: None };
        if self.shape == Shape::Full {
            event.tail = value.plain_meta(&mut self.message);
            if event.tail.is_none() {
                value.write_meta(terms);
                event.terms += 1;
            }
        }
        self.push_key(event);
    }

    fn discard(&mut self) {
        self.abandon_key();
    }

    fn left_out(&mut self, what: LeftOut) {
        self.left_out.get_or_insert(what);
    }

    #[inline]
    fn overflow(&self) -> Option<u64> {
        self.value_overflows()
    }
}

impl Batch {
    #[cold]
    fn take_part(&mut self) {
        match self.value.take_part(&mut self.body.terms, &mut self.message) {
            Some(bytes) => self.large_bytes += bytes,
            None => self.refused = true,
        }
    }

    /// All elements are terms, and so is the list.
    #[cold]
    fn end_parts(&mut self) {
        self.take_part();
        if let Some(list) = self.value.list.take() {
            self.body.terms.drop_list(list);
        }
        let parts = std::mem::take(&mut self.value.parts);
        self.value.large = Some(self.message.list(&parts));
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

/// A list's element: what reads as a 64-bit integer is one, as in the original.
fn element(item: Item<'_>, terms: &mut Terms) {
    match item {
        Item::Int(value) => terms.int(value),
        Item::Bytes(bytes) => match canonical_integer(bytes) {
            Some(value) => terms.int(value),
            None => terms.binary(bytes),
        },
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

/// The number that a text begins with, else 0, as C reads it.
fn leading_number(text: &[u8]) -> u32 {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = std::str::from_utf8(&text[..digits]).ok();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

/// A library's code begins with a line such as `#!lua name=mylib`.
fn library_name(code: &[u8]) -> &[u8] {
    let line = code.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(u8::is_ascii_whitespace);
    words.find_map(|word| word.strip_prefix(b"name=")).unwrap_or_default()
}
