//! Keys of a snapshot as events.

use eslaver_core::rdb::{Item, Kind, Meta, ModuleField, Sink, StreamId, StreamMeta};
use rustler::Atom;

use crate::atoms;
use crate::batch::{Batch, Shape, Terms};
use crate::message::Built;
use crate::stream;

/// The value of the key that is being read.
pub(crate) struct Value {
    open: bool,
    key: Built,
    kind: Kind,
    meta: Meta,
    items: Vec<Built>,
    /// When fields of a hash expire.
    expiries: Vec<Built>,
    /// A stream entry's id, and where in `items` its fields begin.
    entry: Option<(Built, usize)>,
    entries: Vec<Built>,
    /// Names of fields that entries of a stream refer to.
    names: Vec<Built>,
    whole: Option<Built>,
    module: Option<(Built, Built)>,
    /// The metadata of keys that have only a db, made once for each message.
    plain_meta: Option<(u32, Built)>,
}

impl Value {
    pub(crate) fn new() -> Self {
        Self {
            open: false,
            key: atoms::undefined().into(),
            kind: Kind::String,
            meta: Meta::default(),
            items: Vec::new(),
            expiries: Vec::new(),
            entry: None,
            entries: Vec::new(),
            names: Vec::new(),
            whole: None,
            module: None,
            plain_meta: None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    pub(crate) fn abandon(&mut self) {
        self.open = false;
        self.items.clear();
        self.expiries.clear();
        self.entry = None;
        self.entries.clear();
        self.names.clear();
        self.whole = None;
        self.module = None;
    }

    /// The message has been sent: its terms are gone.
    pub(crate) fn clear(&mut self) {
        self.plain_meta = None;
    }

    /// A vector for terms, empty, to be emptied after use.
    pub(crate) fn scratch(&mut self) -> &mut Vec<Built> {
        &mut self.items
    }

    /// The entry whose fields came last is complete.
    fn close_entry(&mut self, terms: &mut Terms) {
        if let Some((id, start)) = self.entry.take() {
            let fields = pairs(&self.items[start..], terms);
            self.items.truncate(start);
            self.entries.push(terms.tuple(&[id, fields]));
        }
    }

    /// The whole value, and nothing left of it here.
    fn finish(&mut self, terms: &mut Terms) -> (Atom, Built) {
        let (kind, whole) = match self.kind {
            Kind::String => (atoms::string(), self.items.first().copied()),
            Kind::List => (atoms::list(), None),
            Kind::Set => (atoms::set(), None),
            Kind::Zset => (atoms::zset(), None),
            Kind::Hash if terms.shape == Shape::Full => {
                (atoms::hash(), Some(pairs(&self.items, terms)))
            }
            Kind::Hash => (atoms::hash(), None),
            Kind::Stream => (atoms::stream(), self.whole.take()),
            Kind::Module => {
                let fields = terms.message.list(&self.items);
                let module = self.module.take();
                let whole = module.map(|(name, version)| terms.tuple(&[name, version, fields]));
                (atoms::module(), whole)
            }
        };
        let whole = whole.unwrap_or_else(|| terms.message.list(&self.items));
        self.items.clear();
        self.open = false;
        (kind, whole)
    }

    /// `#{db, expire_at, idle, freq, field_expire_at}`, of which all but the db may be absent.
    fn metadata(&mut self, terms: &mut Terms) -> Built {
        let Meta { db, expire_at, idle, freq } = self.meta;
        let plain = expire_at.is_none() && idle.is_none() && freq.is_none();
        let plain = plain && self.expiries.is_empty();
        if let Some((_, map)) = self.plain_meta.filter(|&(known, _)| plain && known == db) {
            return map;
        }
        let message = &mut terms.message;
        let mut pairs = vec![(atoms::db(), message.uint(db.into()))];
        pairs.extend(expire_at.map(|at| (atoms::expire_at(), message.int(at))));
        pairs.extend(idle.map(|seconds| (atoms::idle(), message.uint(seconds))));
        pairs.extend(freq.map(|freq| (atoms::freq(), message.uint(freq.into()))));
        if !self.expiries.is_empty() {
            pairs.push((atoms::field_expire_at(), message.list(&self.expiries)));
            self.expiries.clear();
        }
        let map = message.map(&pairs);
        if plain {
            self.plain_meta = Some((db, map));
        }
        map
    }
}

impl Sink for Batch {
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        if name == b"repl-stream-db" {
            let db = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            self.set_stream_db(db.unwrap_or_default());
        }
        if self.terms.shape == Shape::Full {
            let terms = &mut self.terms;
            let (name, value) = (terms.bytes(name), terms.bytes(value));
            let meta = terms.message.map(&[]);
            let head = [atoms::loading().into(), atoms::aux().into()];
            let event = terms.tuple(&[head[0], head[1], name, value, meta]);
            self.push(event);
        }
    }

    fn function(&mut self, code: &[u8]) {
        if self.terms.shape == Shape::Full {
            let terms = &mut self.terms;
            let (name, code) = (terms.bytes(library_name(code)), terms.bytes(code));
            let meta = terms.message.map(&[]);
            let head = [atoms::loading().into(), atoms::function().into()];
            let event = terms.tuple(&[head[0], head[1], name, code, meta]);
            self.push(event);
        }
    }

    #[inline]
    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        if self.filter.as_ref().is_some_and(|filter| !filter.wants_key(key, kind, meta.db)) {
            return false;
        }
        self.value.abandon();
        self.value.key = self.terms.bytes(key);
        self.value.kind = kind;
        self.value.meta = *meta;
        self.value.open = true;
        true
    }

    #[inline]
    fn item(&mut self, item: Item<'_>) {
        let list = self.value.kind == Kind::List && self.terms.shape == Shape::Classic;
        let term = if list { element(item, &mut self.terms) } else { text(item, &mut self.terms) };
        self.value.items.push(term);
    }

    fn score(&mut self, score: f64) {
        let score = self.terms.float(score);
        if let Some(member) = self.value.items.last_mut() {
            *member = self.terms.tuple(&[*member, score]);
        }
    }

    fn field_expiry(&mut self, at_ms: u64) {
        if let (Shape::Full, [.., field, _value]) = (self.terms.shape, &self.value.items[..]) {
            let field = *field;
            let at = self.terms.message.uint(at_ms);
            self.value.expiries.push(self.terms.tuple(&[field, at]));
        }
    }

    fn names(&mut self, names: &[Item<'_>]) {
        let terms = &mut self.terms;
        self.value.names.clear();
        self.value.names.extend(names.iter().map(|name| text(*name, terms)));
    }

    fn named(&mut self, index: usize) {
        if let Some(name) = self.value.names.get(index) {
            self.value.items.push(*name);
        }
    }

    fn entry(&mut self, id: StreamId) {
        self.value.close_entry(&mut self.terms);
        let id = stream::id(id, &mut self.terms.message);
        self.value.entry = Some((id, self.value.items.len()));
    }

    fn stream(&mut self, meta: StreamMeta) {
        self.value.close_entry(&mut self.terms);
        let entries = self.terms.message.list(&self.value.entries);
        self.value.entries.clear();
        self.value.names.clear();
        self.value.whole = Some(stream::map(entries, &meta, &mut self.terms.message));
    }

    fn module(&mut self, name: &[u8; 9], version: u16) {
        let name = self.terms.bytes(name);
        let version = self.terms.int(version.into());
        self.value.module = Some((name, version));
    }

    fn module_field(&mut self, field: ModuleField<'_>) {
        let terms = &mut self.terms;
        let (tag, value): (Atom, Built) = match field {
            ModuleField::Signed(value) => (atoms::sint(), terms.int(value)),
            ModuleField::Unsigned(value) => (atoms::uint(), terms.message.uint(value)),
            ModuleField::Float(value) => (atoms::float(), terms.float(value.into())),
            ModuleField::Double(value) => (atoms::double(), terms.float(value)),
            ModuleField::String(item) => (atoms::string(), text(item, terms)),
        };
        let field = terms.tuple(&[tag.into(), value]);
        self.value.items.push(field);
    }

    #[inline]
    fn end(&mut self) {
        let terms = &mut self.terms;
        let key = self.value.key;
        let (kind, whole) = self.value.finish(terms);
        let loading = atoms::loading().into();
        let event = match terms.shape {
            Shape::Classic => terms.tuple(&[loading, kind.into(), key, whole]),
            Shape::Full => {
                let meta = self.value.metadata(terms);
                terms.tuple(&[loading, kind.into(), key, whole, meta])
            }
        };
        self.push_key(event);
    }

    fn discard(&mut self) {
        self.abandon_key();
    }
}

/// A list of pairs, of terms that come one after the other.
fn pairs(items: &[Built], terms: &mut Terms) -> Built {
    let (pairs, _odd) = items.as_chunks::<2>();
    let pairs: Vec<Built> = pairs.iter().map(|pair| terms.tuple(pair)).collect();
    terms.message.list(&pairs)
}

#[inline]
fn text(item: Item<'_>, terms: &mut Terms) -> Built {
    match item {
        Item::Bytes(bytes) => terms.bytes(bytes),
        Item::Int(value) => terms.bytes(itoa::Buffer::new().format(value).as_bytes()),
    }
}

/// A list's element: what reads as a 64-bit integer is one, as in the original.
fn element(item: Item<'_>, terms: &mut Terms) -> Built {
    match item {
        Item::Int(value) => terms.int(value),
        Item::Bytes(bytes) => match canonical_integer(bytes) {
            Some(value) => terms.int(value),
            None => terms.bytes(bytes),
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

/// A library's code begins with a line such as `#!lua name=mylib`.
fn library_name(code: &[u8]) -> &[u8] {
    let line = code.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(u8::is_ascii_whitespace);
    words.find_map(|word| word.strip_prefix(b"name=")).unwrap_or_default()
}
