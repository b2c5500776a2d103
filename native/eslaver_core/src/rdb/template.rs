//! Hash templates (Redis 8.10): the field names that hashes share.
//!
//! A snapshot defines a template once. Its hashes have the template's number, and values only. In
//! the payload of `DUMP` the names are part of the value.

use std::collections::HashMap;
use std::iter::once;
use std::sync::Arc;

use super::cursor::{Cursor, Read};
use super::error::ErrorKind;
use super::listpack::Listpack;
use super::sink::{Item, Nothing, Sink, check_room};
use super::string::RawString;

/// Bytes that a template takes besides its names, and a name besides its bytes.
const TEMPLATE_WEIGHT: u64 = 128;
const NAME_WEIGHT: u64 = size_of::<usize>() as u64;

/// The names are one string.
const NAMES_PACKED: u64 = 0;
/// The names are a number of strings.
const NAMES_LISTED: u64 = 1;

/// Field names, ordered by length, then by their bytes.
#[derive(Debug, Default)]
pub(crate) struct Names {
    bytes: Vec<u8>,
    /// The end of each name.
    ends: Vec<usize>,
}

impl Names {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.bytes.get(start..end)
    }

    fn push(&mut self, name: &[u8]) -> Result<(), ErrorKind> {
        let last = self.len().checked_sub(1).and_then(|last| self.get(last));
        if last.is_some_and(|last| (last.len(), last) >= (name.len(), name)) {
            return Err(ErrorKind::Template("its field names are not in order"));
        }
        self.bytes.extend_from_slice(name);
        self.ends.push(self.bytes.len());
        Ok(())
    }

    fn weight(&self) -> u64 {
        TEMPLATE_WEIGHT + self.bytes.len() as u64 + self.ends.len() as u64 * NAME_WEIGHT
    }
}

/// The templates of a snapshot.
#[derive(Default)]
pub(crate) struct Templates {
    by_id: HashMap<u64, Arc<Names>>,
    weight: u64,
}

impl Templates {
    fn get(&self, id: u64) -> Result<Arc<Names>, ErrorKind> {
        let names = self.by_id.get(&id);
        names.map(Arc::clone).ok_or(ErrorKind::Template("a hash names a missing one"))
    }

    /// How many fields a template's hashes have.
    pub(crate) fn fields(&self, id: u64) -> Result<u64, ErrorKind> {
        self.get(id).map(|names| names.len() as u64)
    }
}

/// A template's definition being read.
pub(crate) struct Definition {
    id: u64,
    left: u64,
    names: Names,
}

impl Definition {
    pub(crate) fn open(cursor: &mut Cursor<'_>, templates: &Templates) -> Read<Self> {
        let (id, left) = (cursor.length()?, cursor.length()?);
        if templates.by_id.contains_key(&id) {
            return Err(ErrorKind::Template("two have the same number").into());
        }
        Ok(Self { id, left: some_fields(left)?, names: Names::default() })
    }

    /// Reads one name. Returns whether it was the last.
    pub(crate) fn step(
        &mut self,
        cursor: &mut Cursor<'_>,
        templates: &mut Templates,
    ) -> Read<bool> {
        let weight = read_name(&mut self.names, templates.weight, cursor)?;
        self.left -= 1;
        if self.left > 0 {
            return Ok(false);
        }
        templates.weight = weight;
        templates.by_id.insert(self.id, Arc::new(std::mem::take(&mut self.names)));
        Ok(true)
    }
}

/// A hash with a template: the part that is next.
pub(crate) enum Hash {
    /// One string: the template's number before the values.
    PackedById,
    /// The template's number, then the values.
    Id,
    /// The template, then the values. They are one string if `packed`.
    Format {
        packed: bool,
    },
    PackedNames {
        packed: bool,
    },
    NameCount {
        packed: bool,
    },
    Names {
        packed: bool,
        left: u64,
        names: Names,
    },
    PackedValues {
        names: Arc<Names>,
    },
    Values {
        names: Arc<Names>,
        next: usize,
    },
}

impl Hash {
    /// Reads one element. Returns whether the hash is complete.
    pub(crate) fn step<S: Sink>(
        &mut self,
        cursor: &mut Cursor<'_>,
        templates: &Templates,
        sink: &mut S,
    ) -> Read<bool> {
        *self = match self {
            Hash::PackedById => {
                packed_by_id(&cursor.packed()?, templates, sink)?;
                return Ok(true);
            }
            Hash::Id => Hash::Values { names: templates.get(cursor.length()?)?, next: 0 },
            Hash::Format { packed } => match cursor.length()? {
                NAMES_PACKED => Hash::PackedNames { packed: *packed },
                NAMES_LISTED => Hash::NameCount { packed: *packed },
                _ => return Err(ErrorKind::Template("its names have an unknown form").into()),
            },
            Hash::PackedNames { packed } => Self::values(
                *packed,
                unpack_names(&cursor.packed()?, cursor.limits().max_templates)?,
            ),
            Hash::NameCount { packed } => {
                let left = some_fields(cursor.length()?)?;
                Hash::Names { packed: *packed, left, names: Names::default() }
            }
            Hash::Names { packed, left, names } => {
                read_name(names, 0, cursor)?;
                *left -= 1;
                if *left > 0 {
                    return Ok(false);
                }
                Self::values(*packed, std::mem::take(names))
            }
            Hash::PackedValues { names } => {
                unpack_values(&cursor.packed()?, sink, |_| Ok(Arc::clone(names)))?;
                return Ok(true);
            }
            Hash::Values { names, next } => {
                let value = cursor.string()?.decode()?;
                if let Some(name) = names.get(*next) {
                    sink.pairs(once((Item::Bytes(name), value.item())));
                }
                check_room(sink)?;
                *next += 1;
                return Ok(*next == names.len());
            }
        };
        Ok(false)
    }

    /// The number of strings up to the hash's end, if known.
    pub(crate) fn strings(
        &mut self,
        cursor: &mut Cursor<'_>,
        templates: &Templates,
    ) -> Read<Option<u64>> {
        let strings = match self {
            Hash::PackedById => 1,
            Hash::Id => templates.fields(cursor.length()?)?,
            Hash::Format { .. } => {
                self.step(cursor, templates, &mut Nothing)?;
                return Ok(None);
            }
            Hash::PackedNames { packed: true } => 2,
            Hash::PackedNames { packed: false } => some_fields(count_entries(&cursor.packed()?)?)?,
            Hash::NameCount { packed } => {
                let names = some_fields(cursor.length()?)?;
                names.saturating_add(if *packed { 1 } else { names })
            }
            // these occur only in a hash that is decoded
            Hash::Names { left, .. } => *left,
            Hash::PackedValues { .. } => 1,
            Hash::Values { names, next } => names.len().saturating_sub(*next) as u64,
        };
        Ok(Some(strings))
    }

    fn values(packed: bool, names: Names) -> Self {
        let names = Arc::new(names);
        if packed { Hash::PackedValues { names } } else { Hash::Values { names, next: 0 } }
    }
}

fn some_fields(count: u64) -> Result<u64, ErrorKind> {
    if count == 0 { Err(ErrorKind::Template("one has no fields")) } else { Ok(count) }
}

fn read_name(names: &mut Names, kept: u64, cursor: &mut Cursor<'_>) -> Read<u64> {
    let (name, mut digits) = (cursor.string()?.decode()?, itoa::Buffer::new());
    let name = name.bytes(&mut digits);
    Ok(add_name(names, name, kept, cursor.limits().max_templates)?)
}

/// Adds a name. Returns the weight of all names, with `kept` for those of other templates.
fn add_name(names: &mut Names, name: &[u8], kept: u64, max: u64) -> Result<u64, ErrorKind> {
    names.push(name)?;
    let weight = kept + names.weight();
    if weight > max { Err(ErrorKind::TemplatesTooLarge { max }) } else { Ok(weight) }
}

fn unpack_names(raw: &RawString<'_>, max: u64) -> Result<Names, ErrorKind> {
    let decoded = raw.decode()?;
    let mut digits = itoa::Buffer::new();
    let mut names = Names::default();
    for name in Listpack::open(decoded.bytes(&mut digits))? {
        match name? {
            Item::Bytes(name) => add_name(&mut names, name, 0, max)?,
            Item::Int(name) => {
                add_name(&mut names, itoa::Buffer::new().format(name).as_bytes(), 0, max)?
            }
        };
    }
    some_fields(names.len() as u64)?;
    Ok(names)
}

fn count_entries(raw: &RawString<'_>) -> Result<u64, ErrorKind> {
    let decoded = raw.decode()?;
    let mut digits = itoa::Buffer::new();
    let mut listpack = Listpack::open(decoded.bytes(&mut digits))?;
    listpack.try_fold(0, |count, entry| entry.map(|_| count + 1))
}

fn packed_by_id<S: Sink>(
    raw: &RawString<'_>,
    templates: &Templates,
    sink: &mut S,
) -> Result<(), ErrorKind> {
    unpack_values(raw, sink, |id| {
        let id = u64::try_from(id)
            .map_err(|_| ErrorKind::Template("a hash names one with a negative number"))?;
        templates.get(id)
    })
}

/// Hands out the values of a listpack, which begins with the template's number.
fn unpack_values<S: Sink>(
    raw: &RawString<'_>,
    sink: &mut S,
    names: impl FnOnce(i64) -> Result<Arc<Names>, ErrorKind>,
) -> Result<(), ErrorKind> {
    let decoded = raw.decode()?;
    let mut digits = itoa::Buffer::new();
    let mut listpack = Listpack::open(decoded.bytes(&mut digits))?;
    let names = names(listpack.integer()?)?;
    let mut next = 0;
    for value in listpack {
        let value = value?;
        let name = names.get(next).ok_or(WRONG_COUNT)?;
        sink.pairs(once((Item::Bytes(name), value)));
        check_room(sink)?;
        next += 1;
    }
    if next == names.len() { Ok(()) } else { Err(WRONG_COUNT) }
}

const WRONG_COUNT: ErrorKind = ErrorKind::Template("a hash has more or fewer values than fields");
