//! Writes a store as an RDB file that servers load.

mod trailer;
mod vectorset;

pub use trailer::{Trailer, TrailerError};

use std::ops::ControlFlow;

use eslaver_core::rdb::write::{Contents, Output, StreamNodes, WriteError, Writer as RdbWriter};
use eslaver_core::rdb::{Item, Meta, ModuleField};

use crate::collections::element::Element;
use crate::collections::record::{Fields, Members, Record};
use crate::keyspace::entry::Entry;
use crate::keyspace::moment::Moment;
use crate::keyspace::store::Store;
use crate::values::array::{Array, MAX_INDEX};
use crate::values::bag::{Bag, BagKind};
use crate::values::list::List;
use crate::values::module::Field;
use crate::values::path_hash::PathHash;
use crate::values::set::Set;
use crate::values::stream::packed;
use crate::values::string::Str;
use crate::values::zset::Zset;
use crate::values::{Large, Type, ValueRef, gcra};

/// A store that is being saved as it was when this began. Its writer may go on meanwhile: it copies
/// what it changes first. Dropped before its end, it saves nothing more.
///
/// ```
/// use std::sync::Arc;
///
/// use eslaver_core::commands::Learned;
/// use eslaver_core::rdb::write::{Dialect, Server, Writer as RdbWriter};
/// use eslaver_store::{Command, Save, Store, Writer};
///
/// let store = Arc::new(Store::new());
/// let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
/// let mut set = |key: &[u8]| {
///     writer.apply(&[Command { db: 0, name: b"set", args: &[key, b"1"] }], 0, |_, _| {});
/// };
/// set(b"one");
/// let mut save = Save::begin(&store).unwrap();
/// set(b"two");
/// let mut rdb = RdbWriter::new(Dialect::of_server(Server::Redis, 7, 0).unwrap(), Vec::new());
/// let saved = save.write_all(&mut rdb)?;
/// assert_eq!(saved.keys, 1);
/// let file: Vec<u8> = rdb.finish()?;
/// # Ok::<(), eslaver_core::rdb::write::WriteError>(())
/// ```
#[derive(Debug)]
pub struct Save {
    moment: Moment,
    saved: Saved,
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saved {
    /// The keys that it holds.
    pub keys: u64,
    /// Keys whose values are not known. They are left out.
    pub unknown: Vec<UnknownKey>,
}

/// A key whose value is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// Its database.
    pub db: u32,
    /// Its name.
    pub key: Box<[u8]>,
    /// Whether it is known that it exists.
    pub exists: bool,
}

impl Save {
    /// Begins to save a store, whose writer must not be within a change. `None` while it is being
    /// saved.
    pub fn begin(store: &Store) -> Option<Self> {
        Some(Self { moment: Moment::of(store)?, saved: Saved::default() })
    }

    /// Writes some more keys, if there are any: whether there were.
    ///
    /// # Errors
    /// If the version of the file has no such value as a key holds.
    pub fn write_some<O: Output>(&mut self, rdb: &mut RdbWriter<O>) -> Result<bool, WriteError> {
        let Some((db, entries)) = self.moment.next() else {
            return Ok(false);
        };
        for entry in entries.iter() {
            match entry.kind() {
                kind @ (Type::Unknown | Type::Unsure) => self.saved.unknown.push(UnknownKey {
                    db,
                    key: entry.key().into(),
                    exists: kind == Type::Unknown,
                }),
                _ => {
                    write_entry(rdb, db, entry)?;
                    self.saved.keys += 1;
                }
            }
        }
        Ok(true)
    }

    /// Writes all keys that are left, and says what the file holds.
    ///
    /// # Errors
    /// If the version of the file has no such value as a key holds.
    pub fn write_all<O: Output>(mut self, rdb: &mut RdbWriter<O>) -> Result<Saved, WriteError> {
        while self.write_some(rdb)? {}
        Ok(self.saved)
    }

    /// What the file holds so far.
    pub fn saved(&self) -> &Saved {
        &self.saved
    }
}

fn write_entry<O: Output>(
    rdb: &mut RdbWriter<O>,
    db: u32,
    entry: &Entry,
) -> Result<(), WriteError> {
    let meta = Meta { db, expire_at: entry.expire_at(), ..Meta::default() };
    write_value(rdb, entry.key(), &meta, entry.value())
}

/// Writes a value into a payload.
pub(crate) fn write_payload<O: Output>(
    rdb: &mut RdbWriter<O>,
    value: ValueRef<'_>,
) -> Result<(), WriteError> {
    write_value(rdb, &[], &Meta::default(), value)
}

fn write_value<O: Output>(
    rdb: &mut RdbWriter<O>,
    key: &[u8],
    meta: &Meta,
    value: ValueRef<'_>,
) -> Result<(), WriteError> {
    match value.kind() {
        Type::String => {
            let string = Str::of(Some(value));
            rdb.begin(key, meta, Contents::Pieces { length: string.len() as u64 })?;
            let mut result = Ok(());
            string.pieces(0..string.len(), |piece| {
                if result.is_ok() && !piece.is_empty() {
                    result = rdb.piece(piece);
                }
            });
            result?;
        }
        Type::List => write_list(rdb, key, meta, value)?,
        Type::Set => write_set(rdb, key, meta, value)?,
        Type::Zset => write_zset(rdb, key, meta, value)?,
        Type::Hash => write_hash(rdb, key, meta, value)?,
        Type::Stream => write_stream(rdb, key, meta, value)?,
        Type::Module => write_module(rdb, key, meta, value)?,
        Type::Array => write_array(rdb, key, meta, value)?,
        Type::Gcra => {
            rdb.begin(key, meta, Contents::Gcra)?;
            rdb.item(Item::Int(view(gcra::of(value))?))?;
        }
        Type::PathHash => write_path_hash(rdb, key, meta, value)?,
        Type::VectorSet => vectorset::write(rdb, key, meta, value)?,
        // The caller has left these out.
        Type::Unknown | Type::Unsure => return Ok(()),
    }
    rdb.end()
}

fn item(element: Element<'_>) -> Item<'_> {
    match element {
        Element::Bytes(bytes) => Item::Bytes(bytes),
        Element::Int(value) => Item::Int(value),
    }
}

/// A type's view of a value; that of another type cannot be here.
fn view<T>(view: Option<T>) -> Result<T, WriteError> {
    view.ok_or(WriteError::OutOfPlace("a value of another type"))
}

/// Hands pieces to `write` until it fails.
fn until_error<T>(
    result: &mut Result<(), WriteError>,
    write: impl FnOnce(T) -> Result<(), WriteError>,
) -> impl FnOnce(T) -> ControlFlow<()> {
    move |piece| {
        *result = write(piece);
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

fn write_list<O: Output>(
    rdb: &mut RdbWriter<O>,
    key: &[u8],
    meta: &Meta,
    value: ValueRef<'_>,
) -> Result<(), WriteError> {
    let list = view(List::of(value))?;
    rdb.begin(key, meta, Contents::List { count: list.len() as u64 })?;
    let mut result = Ok(());
    let _ = list.try_for_each(0..list.len(), |element| {
        until_error(&mut result, |element| rdb.item(item(element)))(element)
    });
    result
}

fn write_set<O: Output>(
    rdb: &mut RdbWriter<O>,
    key: &[u8],
    meta: &Meta,
    value: ValueRef<'_>,
) -> Result<(), WriteError> {
    let set = view(Set::of(value))?;
    let count = set.len() as u64;
    let least = match set {
        Set::Ints(_) => None,
        Set::Bag(bag) => least_expiry(bag),
    };
    let contents = match least {
        Some(least_expiry) => Contents::ExpiringSet { count, least_expiry },
        None => Contents::Set { count },
    };
    rdb.begin(key, meta, contents)?;
    let mut result = Ok(());
    let _ = match set {
        Set::Ints(ints) => ints.iter().try_for_each(|value| {
            until_error(&mut result, |value| rdb.item(Item::Int(value)))(value)
        }),
        Set::Bag(bag) => bag.try_for_each(|record| {
            until_error(&mut result, |record: Record<'_, Members>| {
                match record.expire_at.map(unsigned) {
                    Some(at) => rdb.expiring_item(item(record.element), at),
                    None => rdb.item(item(record.element)),
                }
            })(record)
        }),
    };
    result
}

/// The highest member first: a server that loads it then finds the place of each at once.
fn write_zset<O: Output>(
    rdb: &mut RdbWriter<O>,
    key: &[u8],
    meta: &Meta,
    value: ValueRef<'_>,
) -> Result<(), WriteError> {
    let zset = view(Zset::of(value))?;
    rdb.begin(key, meta, Contents::Zset { count: zset.len() as u64 })?;
    let mut result = Ok(());
    zset.for_each_back(0..zset.len(), |score, member| {
        if result.is_ok() {
            result = rdb.scored(item(member), score);
        }
    });
    result
}

fn write_hash<O: Output>(
    rdb: &mut RdbWriter<O>,
    key: &[u8],
    meta: &Meta,
    value: ValueRef<'_>,
) -> Result<(), WriteError> {
    let hash = view(Bag::<Fields>::of(value))?;
    let count = hash.len() as u64;
    let contents = match least_expiry(hash) {
        Some(least_expiry) => Contents::ExpiringHash { count, least_expiry },
        None => Contents::Hash { count },
    };
    rdb.begin(key, meta, contents)?;
    let mut result = Ok(());
    let _ = hash.try_for_each(|record| {
        until_error(&mut result, |record: Record<'_, Fields>| {
            let (field, value) = (item(record.element), item(record.tail));
            match record.expire_at.map(unsigned) {
                Some(at) => rdb.expiring_pair(field, value, at),
                None => rdb.pair(field, value),
            }
        })(record)
    });
    result
}

fn write_array<O: Output>(
    rdb: &mut RdbWriter<O>,
    key: &[u8],
    meta: &Meta,
    value: ValueRef<'_>,
) -> Result<(), WriteError> {
    let array = view(Array::of(value))?;
    let next_index = array.cursor().map(|cursor| cursor.saturating_add(1));
    rdb.begin(key, meta, Contents::Array { count: array.count(), next_index })?;
    let mut result = Ok(());
    let _ = array.try_for_each(0, MAX_INDEX, |index, element| {
        until_error(&mut result, |element| rdb.indexed(index, item(element)))(element)
    });
    result
}

fn write_path_hash<O: Output>(
    rdb: &mut RdbWriter<O>,
    key: &[u8],
    meta: &Meta,
    value: ValueRef<'_>,
) -> Result<(), WriteError> {
    let hash = view(PathHash::of(value))?;
    rdb.begin(key, meta, Contents::PathHash { count: hash.len() })?;
    for (path, fields) in hash.iter() {
        rdb.path(Item::Bytes(path), fields.len() as u64)?;
        let mut result = Ok(());
        let _ = fields.try_for_each(|record| {
            until_error(&mut result, |record: Record<'_, Fields>| {
                rdb.pair(item(record.element), item(record.tail))
            })(record)
        });
        result?;
    }
    Ok(())
}

fn least_expiry<K: BagKind>(bag: Bag<'_, K>) -> Option<u64> {
    let mut least = None;
    bag.for_each(|record| {
        if let Some(at) = record.expire_at.map(unsigned) {
            least = Some(least.map_or(at, |least: u64| least.min(at)));
        }
    });
    least
}

/// No field expires before the epoch.
fn unsigned(at: i64) -> u64 {
    u64::try_from(at).unwrap_or_default()
}

fn write_stream<O: Output>(
    rdb: &mut RdbWriter<O>,
    key: &[u8],
    meta: &Meta,
    value: ValueRef<'_>,
) -> Result<(), WriteError> {
    let stream = view(packed::of(value))?;
    let entries = || stream.entries().iter(0..stream.len());
    let mut nodes = StreamNodes::new();
    entries().for_each(|entry| {
        nodes.add(entry.bytes());
    });
    rdb.begin(key, meta, Contents::Stream { nodes })?;
    for entry in entries() {
        let fields = entry.fields();
        rdb.entry(entry.id(), fields.len() as u64, entry.bytes())?;
        for (name, value) in fields {
            rdb.pair(item(name), item(value))?;
        }
    }
    rdb.stream(&stream.to_meta())
}

fn write_module<O: Output>(
    rdb: &mut RdbWriter<O>,
    key: &[u8],
    meta: &Meta,
    value: ValueRef<'_>,
) -> Result<(), WriteError> {
    let ValueRef::Large(Large::Module(module)) = value else {
        return view(None);
    };
    let name = view(module.name().try_into().ok())?;
    rdb.begin(key, meta, Contents::Module { name, version: module.version() })?;
    module.fields().iter().try_for_each(|field| {
        rdb.module_field(match field {
            Field::Signed(value) => ModuleField::Signed(*value),
            Field::Unsigned(value) => ModuleField::Unsigned(*value),
            Field::Float(value) => ModuleField::Float(*value),
            Field::Double(value) => ModuleField::Double(*value),
            Field::String(bytes) => ModuleField::String(Item::Bytes(bytes)),
        })
    })
}
