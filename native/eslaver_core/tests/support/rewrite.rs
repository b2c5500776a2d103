//! A sink that writes what it is told, key by key, as another file. The example `rewrite` uses it, too.
#![allow(dead_code, unreachable_pub)]

use eslaver_core::rdb::write::{Contents, Output, StreamNodes, WriteError, Writer};
use eslaver_core::rdb::{Item, Kind, LeftOut, Meta, ModuleField, Sink, StreamId, StreamMeta};

/// What a sink is told between a key's beginning and its end.
#[derive(Debug, Clone)]
pub enum Part {
    Item(Text),
    Score(f64),
    Expiry(u64),
    NextIndex(u64),
    Index(u64),
    Path(Text),
    Entry(StreamId),
    Stream(StreamMeta),
    Module([u8; 9], u16),
    Signed(i64),
    Unsigned(u64),
    Float(f32),
    Double(f64),
    String(Text),
}

/// An item of one's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Text {
    Bytes(Vec<u8>),
    Int(i64),
}

impl Text {
    pub fn item(&self) -> Item<'_> {
        match self {
            Text::Bytes(bytes) => Item::Bytes(bytes),
            Text::Int(value) => Item::Int(*value),
        }
    }

    fn len(&self) -> usize {
        match self {
            Text::Bytes(bytes) => bytes.len(),
            Text::Int(value) => value.to_string().len(),
        }
    }
}

impl From<Item<'_>> for Text {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Bytes(bytes) => Text::Bytes(bytes.to_vec()),
            Item::Int(value) => Text::Int(value),
        }
    }
}

impl Part {
    /// Says this to a sink.
    pub fn tell(&self, sink: &mut impl Sink) {
        match self {
            Part::Item(text) => sink.item(text.item()),
            Part::Score(score) => sink.score(*score),
            Part::Expiry(at) => sink.expiry(*at),
            Part::NextIndex(index) => sink.next_index(*index),
            Part::Index(index) => sink.index(*index),
            Part::Path(path) => sink.path(path.item()),
            Part::Entry(id) => sink.entry(*id),
            Part::Stream(meta) => sink.stream(meta.clone()),
            Part::Module(name, version) => sink.module(name, *version),
            Part::Signed(_) | Part::Unsigned(_) | Part::Float(_) | Part::Double(_) => {
                self.field().into_iter().for_each(|field| sink.module_field(field));
            }
            Part::String(_) => self.field().into_iter().for_each(|field| sink.module_field(field)),
        }
    }

    fn field(&self) -> Option<ModuleField<'_>> {
        Some(match self {
            Part::Signed(value) => ModuleField::Signed(*value),
            Part::Unsigned(value) => ModuleField::Unsigned(*value),
            Part::Float(value) => ModuleField::Float(*value),
            Part::Double(value) => ModuleField::Double(*value),
            Part::String(value) => ModuleField::String(value.item()),
            _ => return None,
        })
    }
}

/// The sink.
pub struct Rewriter<O> {
    writer: Writer<O>,
    key: Vec<u8>,
    meta: Meta,
    kind: Kind,
    parts: Vec<Part>,
    /// The first error. Nothing after it was written.
    failed: Option<WriteError>,
    /// Keys and functions that the version cannot hold, and what they are.
    pub lacking: Vec<(Vec<u8>, WriteError)>,
}

impl<O: Output> Rewriter<O> {
    pub fn new(writer: Writer<O>) -> Self {
        Self {
            writer,
            key: Vec::new(),
            meta: Meta::default(),
            kind: Kind::String,
            parts: Vec::new(),
            failed: None,
            lacking: Vec::new(),
        }
    }

    pub fn finish(self) -> Result<O, WriteError> {
        self.failed.map_or_else(|| self.writer.finish(), Err)
    }

    fn write_key(&mut self) -> Result<(), WriteError> {
        let begun = self.writer.begin(&self.key, &self.meta, contents(self.kind, &self.parts));
        if let Err(error @ WriteError::Unsupported { .. }) = begun {
            self.lacking.push((self.key.clone(), error));
            return Ok(());
        }
        begun?;
        let mut rest = self.parts.as_slice();
        while !rest.is_empty() {
            rest = write_part(self.kind, rest, &mut self.writer)?;
        }
        self.writer.end()
    }

    fn note(&mut self, written: Result<(), WriteError>) {
        self.failed = self.failed.or(written.err());
    }
}

/// What the parts come to.
fn contents(kind: Kind, parts: &[Part]) -> Contents {
    let number =
        |wanted: fn(&Part) -> bool| parts.iter().filter(|part| wanted(part)).count() as u64;
    let items = number(|part| matches!(part, Part::Item(_)));
    let expiries = parts.iter().filter_map(|part| match part {
        Part::Expiry(at) => Some(*at),
        _ => None,
    });
    match (kind, expiries.min()) {
        (Kind::String, _) => match parts {
            // as a store has it that keeps long strings in chunks
            [Part::Item(Text::Bytes(bytes))] if bytes.len() > 1000 => {
                Contents::Pieces { length: bytes.len() as u64 }
            }
            _ => Contents::String,
        },
        (Kind::Gcra, _) => Contents::Gcra,
        (Kind::List, _) => Contents::List { count: items },
        (Kind::Set, None) => Contents::Set { count: items },
        (Kind::Set, Some(least_expiry)) => Contents::ExpiringSet { count: items, least_expiry },
        (Kind::Zset, _) => Contents::Zset { count: items },
        (Kind::Hash, None) => Contents::Hash { count: items / 2 },
        (Kind::Hash, Some(least_expiry)) => {
            Contents::ExpiringHash { count: items / 2, least_expiry }
        }
        (Kind::Stream, _) => {
            let mut nodes = StreamNodes::new();
            for (index, _) in parts.iter().enumerate().filter(|(_, part)| is_entry(part)) {
                nodes.add(entry_size(&parts[index + 1..]).1);
            }
            Contents::Stream { nodes }
        }
        (Kind::Module, _) => match parts {
            [Part::Module(name, version), ..] => {
                Contents::Module { name: *name, version: *version }
            }
            _ => Contents::Module { name: [0; 9], version: 0 },
        },
        (Kind::Array, _) => {
            let next_index = match parts {
                [Part::NextIndex(index), ..] => Some(*index),
                _ => None,
            };
            Contents::Array { count: items, next_index }
        }
        (Kind::PathHash, _) => {
            Contents::PathHash { count: number(|part| matches!(part, Part::Path(_))) }
        }
    }
}

fn is_entry(part: &Part) -> bool {
    matches!(part, Part::Entry(_))
}

/// The fields of an entry or path, which these parts begin with, and their bytes.
fn entry_size(parts: &[Part]) -> (u64, usize) {
    let items = parts.iter().map_while(|part| match part {
        Part::Item(text) => Some(text.len()),
        _ => None,
    });
    let (items, bytes) = items.fold((0, 0), |(items, bytes), size| (items + 1, bytes + size));
    (items / 2, bytes)
}

/// Writes what the parts begin with, and gives the others.
fn write_part<'a, O: Output>(
    kind: Kind,
    parts: &'a [Part],
    writer: &mut Writer<O>,
) -> Result<&'a [Part], WriteError> {
    use Part::{Entry, Expiry, Index, Item, Module, NextIndex, Path, Score, Stream};
    let rest = match (kind, parts) {
        (Kind::String, [Item(Text::Bytes(bytes)), rest @ ..]) if bytes.len() > 1000 => {
            bytes.chunks(777).try_for_each(|piece| writer.piece(piece))?;
            rest
        }
        (Kind::Set, [Item(member), Expiry(at), rest @ ..]) => {
            writer.expiring_item(member.item(), *at)?;
            rest
        }
        (Kind::String | Kind::Gcra | Kind::List | Kind::Set, [Item(item), rest @ ..]) => {
            writer.item(item.item())?;
            rest
        }
        (Kind::Zset, [Item(member), Score(score), rest @ ..]) => {
            writer.scored(member.item(), *score)?;
            rest
        }
        (Kind::Hash, [Item(field), Item(value), Expiry(at), rest @ ..]) => {
            writer.expiring_pair(field.item(), value.item(), *at)?;
            rest
        }
        (Kind::Hash | Kind::Stream | Kind::PathHash, [Item(field), Item(value), rest @ ..]) => {
            writer.pair(field.item(), value.item())?;
            rest
        }
        (_, [Entry(id), rest @ ..]) => {
            let (fields, bytes) = entry_size(rest);
            writer.entry(*id, fields, bytes)?;
            rest
        }
        (_, [Stream(meta), rest @ ..]) => {
            writer.stream(meta)?;
            rest
        }
        (_, [Path(path), rest @ ..]) => {
            writer.path(path.item(), entry_size(rest).0)?;
            rest
        }
        (_, [Index(index), Item(element), rest @ ..]) => {
            writer.indexed(*index, element.item())?;
            rest
        }
        (_, [Module(..) | NextIndex(_), rest @ ..]) => rest,
        (_, [field, rest @ ..]) => {
            field.field().into_iter().try_for_each(|field| writer.module_field(field))?;
            rest
        }
        (_, []) => parts,
    };
    Ok(rest)
}

impl<O: Output> Sink for Rewriter<O> {
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        let written = self.writer.aux(name, value);
        self.note(written);
    }

    fn function(&mut self, code: &[u8]) {
        let written = self.writer.function(code);
        if let Err(error @ WriteError::Unsupported { .. }) = written {
            self.lacking.push((code.to_vec(), error));
        } else {
            self.note(written);
        }
    }

    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        self.key = key.to_vec();
        self.kind = kind;
        self.meta = *meta;
        self.parts.clear();
        self.failed.is_none()
    }

    fn item(&mut self, item: Item<'_>) {
        self.parts.push(Part::Item(item.into()));
    }

    fn score(&mut self, score: f64) {
        self.parts.push(Part::Score(score));
    }

    fn expiry(&mut self, at_ms: u64) {
        self.parts.push(Part::Expiry(at_ms));
    }

    fn next_index(&mut self, index: u64) {
        self.parts.push(Part::NextIndex(index));
    }

    fn index(&mut self, index: u64) {
        self.parts.push(Part::Index(index));
    }

    fn path(&mut self, path: Item<'_>) {
        self.parts.push(Part::Path(path.into()));
    }

    fn entry(&mut self, id: StreamId) {
        self.parts.push(Part::Entry(id));
    }

    fn stream(&mut self, meta: StreamMeta) {
        self.parts.push(Part::Stream(meta));
    }

    fn module(&mut self, name: &[u8; 9], version: u16) {
        self.parts.push(Part::Module(*name, version));
    }

    fn module_field(&mut self, field: ModuleField<'_>) {
        self.parts.push(match field {
            ModuleField::Signed(value) => Part::Signed(value),
            ModuleField::Unsigned(value) => Part::Unsigned(value),
            ModuleField::Float(value) => Part::Float(value),
            ModuleField::Double(value) => Part::Double(value),
            ModuleField::String(value) => Part::String(value.into()),
        });
    }

    fn end(&mut self) {
        let written = self.write_key();
        self.note(written);
    }

    fn discard(&mut self) {
        self.parts.clear();
    }

    fn left_out(&mut self, _what: LeftOut) {}
}
