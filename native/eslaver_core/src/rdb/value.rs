//! Values: for each RDB type, what stands where, resumable between any two elements.

use super::cursor::{Cursor, Read, Stop, parse_score};
use super::decoder::Family;
use super::error::ErrorKind;
use super::listpack::Listpack;
use super::module::{self, RawField};
use super::seen::Seen;
use super::sink::{Item, Kind, ModuleField, Sink};
use super::stream::{Format, StreamReader};
use super::string::RawString;
use super::ziplist::Ziplist;
use super::{intset, zipmap};

/// Redis keeps no field's expiry beyond 48 bits of milliseconds. Valkey has no such limit.
const FIELD_EXPIRY_MAX: u64 = (1 << 48) - 1;
/// What Valkey writes for a field that does not expire.
const NO_FIELD_EXPIRY: i64 = -1;
pub(super) const NODE_PLAIN: u64 = 1;
pub(super) const NODE_PACKED: u64 = 2;

/// One element of a value that has a count and that many elements.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    /// A list's element.
    Element,
    /// A set's member.
    Member,
    /// A hash's field and value.
    Pair,
    /// A member, and a score as text.
    ScoreText,
    /// A member, and a score of eight bytes.
    ScoreBinary,
    /// Time to live (0: none, else counted from `base`), field, value.
    ExpiryPair { base: u64 },
    /// Field, value, time of expiry (−1: none).
    PairExpiry,
    /// A ziplist of some of a list's elements.
    ZiplistNode,
    /// A listpack of some of a list's elements, or one element.
    Quicklist2Node,
}

/// A value that is one string, with all its elements inside.
#[derive(Clone, Copy)]
pub(super) enum Packed {
    Zipmap,
    ZiplistElements,
    ZiplistPairs,
    ZiplistScores,
    Intset,
    ListpackElements,
    ListpackMembers,
    ListpackPairs,
    ListpackScores,
    /// Field, value, absolute expiry (0: none).
    ListpackExpiry,
}

pub(super) enum State {
    String,
    Packed(Packed),
    Count(Unit),
    Units {
        left: u64,
        unit: Unit,
    },
    /// The least expiry, which stands before the count or listpack.
    MinimumExpiry {
        packed: bool,
    },
    Stream(Box<StreamReader>),
    ModuleId,
    ModuleFields,
}

/// A value being read.
pub(crate) struct Value {
    pub(crate) kind: Kind,
    pub(super) state: State,
    elements: u64,
}

impl Value {
    /// The greatest number that any family gives a type.
    pub(crate) const LAST_TYPE: u8 = 33;

    /// The value of an RDB type, or why it cannot be read.
    #[inline]
    pub(crate) fn of_type(value_type: u8, family: Family) -> Result<Self, ErrorKind> {
        use Family::{Redis, Valkey};
        let unsupported = |what| Err(ErrorKind::UnsupportedType(value_type, what));
        let (kind, state) = match (value_type, family) {
            (0, _) => (Kind::String, State::String),
            (1, _) => (Kind::List, State::Count(Unit::Element)),
            (2, _) => (Kind::Set, State::Count(Unit::Member)),
            (3, _) => (Kind::Zset, State::Count(Unit::ScoreText)),
            (4, _) => (Kind::Hash, State::Count(Unit::Pair)),
            (5, _) => (Kind::Zset, State::Count(Unit::ScoreBinary)),
            (6, _) => return unsupported("a module value of the 4.0 release candidates"),
            (7, _) => (Kind::Module, State::ModuleId),
            (9, _) => (Kind::Hash, State::Packed(Packed::Zipmap)),
            (10, _) => (Kind::List, State::Packed(Packed::ZiplistElements)),
            (11, _) => (Kind::Set, State::Packed(Packed::Intset)),
            (12, _) => (Kind::Zset, State::Packed(Packed::ZiplistScores)),
            (13, _) => (Kind::Hash, State::Packed(Packed::ZiplistPairs)),
            (14, _) => (Kind::List, State::Count(Unit::ZiplistNode)),
            (15, _) => Self::stream(Format::Listpacks),
            (16, _) => (Kind::Hash, State::Packed(Packed::ListpackPairs)),
            (17, _) => (Kind::Zset, State::Packed(Packed::ListpackScores)),
            (18, _) => (Kind::List, State::Count(Unit::Quicklist2Node)),
            (19, _) => Self::stream(Format::Offsets),
            (20, _) => (Kind::Set, State::Packed(Packed::ListpackMembers)),
            (21, _) => Self::stream(Format::ActiveTime),
            (22, Redis) => (Kind::Hash, State::Count(Unit::ExpiryPair { base: 1 })),
            (23, Redis) => (Kind::Hash, State::Packed(Packed::ListpackExpiry)),
            (24, Redis) => (Kind::Hash, State::MinimumExpiry { packed: false }),
            (25, Redis) => (Kind::Hash, State::MinimumExpiry { packed: true }),
            (26, Redis) => Self::stream(Format::Idempotency),
            (27, Redis) => return unsupported("a stream of Redis 8.8"),
            (28, Redis) => return unsupported("an array of Redis 8.8"),
            (29..=32, Redis) => return unsupported("a hash template of Redis 8.10"),
            (33, Redis) => return unsupported("a rate limiter of Redis 8.10"),
            (22, Valkey) => (Kind::Hash, State::Count(Unit::PairExpiry)),
            (23, Valkey) => return unsupported("a hash of Valkey 9.2"),
            _ => return Err(ErrorKind::UnknownType(value_type)),
        };
        Ok(Self { kind, state, elements: 0 })
    }

    fn stream(format: Format) -> (Kind, State) {
        (Kind::Stream, State::Stream(Box::new(StreamReader::new(format))))
    }

    /// Real servers leave out a key whose container holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.elements == 0 && !matches!(self.kind, Kind::String | Kind::Stream | Kind::Module)
    }

    /// Reads one element; true when the value is complete.
    pub(crate) fn step<S: Sink>(
        &mut self,
        cursor: &mut Cursor<'_>,
        seen: &mut Seen,
        sink: &mut S,
    ) -> Read<bool> {
        match &mut self.state {
            State::Units { left, unit } => {
                self.elements += read_unit(*unit, cursor, seen, sink)?;
                check_room(sink)?;
                *left -= 1;
                Ok(*left == 0)
            }
            State::String => {
                sink.item(cursor.string()?.decode()?.item());
                Ok(true)
            }
            State::Packed(packed) => {
                self.elements = unpack(*packed, &cursor.packed()?, seen, sink)?;
                Ok(true)
            }
            State::Count(unit) => {
                let left = cursor.length()?;
                self.state = State::Units { left, unit: *unit };
                Ok(left == 0)
            }
            State::MinimumExpiry { packed: true } => {
                cursor.array::<8>()?;
                self.state = State::Packed(Packed::ListpackExpiry);
                Ok(false)
            }
            State::MinimumExpiry { packed: false } => {
                let base = u64::from_le_bytes(cursor.array()?);
                if base > FIELD_EXPIRY_MAX + 1 {
                    return Err(ErrorKind::BadFieldExpiry.into());
                }
                self.state = State::Count(Unit::ExpiryPair { base });
                Ok(false)
            }
            State::Stream(stream) => stream.step(cursor, sink),
            State::ModuleId => {
                let (name, version) = module::name_and_version(cursor.length()?);
                sink.module(&name, version);
                self.state = State::ModuleFields;
                Ok(false)
            }
            State::ModuleFields => module_field(cursor, sink),
        }
    }
}

#[inline]
pub(super) fn check_room<S: Sink>(sink: &S) -> Result<(), ErrorKind> {
    sink.overflow().map_or(Ok(()), |max| Err(ErrorKind::ValueTooLarge { max }))
}

/// Reads one element, and gives how many elements of the value it stands for.
#[inline]
fn read_unit<S: Sink>(
    unit: Unit,
    cursor: &mut Cursor<'_>,
    seen: &mut Seen,
    sink: &mut S,
) -> Read<u64> {
    match unit {
        Unit::Element => sink.item(cursor.string()?.decode()?.item()),
        Unit::Member => member(&cursor.string()?, seen, sink)?,
        Unit::Pair => {
            let (field, value) = (cursor.string()?, cursor.string()?);
            pair(&field, &value, seen, sink)?;
        }
        Unit::ScoreText => {
            let (member, score) = (cursor.string()?, cursor.score_text()?);
            self::member(&member, seen, sink)?;
            sink.score(score);
        }
        Unit::ScoreBinary => {
            let (member, score) = (cursor.string()?, cursor.score_binary()?);
            self::member(&member, seen, sink)?;
            sink.score(score);
        }
        Unit::ExpiryPair { base } => {
            let ttl = cursor.length()?;
            let (field, value) = (cursor.string()?, cursor.string()?);
            pair(&field, &value, seen, sink)?;
            if let Some(after) = ttl.checked_sub(1) {
                field_expiry(base.checked_add(after), sink)?;
            }
        }
        Unit::PairExpiry => {
            let (field, value) = (cursor.string()?, cursor.string()?);
            let at = cursor.i64_le()?;
            pair(&field, &value, seen, sink)?;
            match u64::try_from(at) {
                Ok(at) => sink.field_expiry(at),
                Err(_) if at == NO_FIELD_EXPIRY => {}
                Err(_) => return Err(ErrorKind::BadFieldExpiry.into()),
            }
        }
        Unit::ZiplistNode => {
            return Ok(unpack(Packed::ZiplistElements, &cursor.packed()?, seen, sink)?);
        }
        Unit::Quicklist2Node => return quicklist2_node(cursor, seen, sink),
    }
    Ok(1)
}

#[inline]
fn member<S: Sink>(member: &RawString<'_>, seen: &mut Seen, sink: &mut S) -> Read<()> {
    let member = member.decode()?;
    seen.add(member.item())?;
    sink.item(member.item());
    Ok(())
}

#[inline]
fn pair<S: Sink>(
    field: &RawString<'_>,
    value: &RawString<'_>,
    seen: &mut Seen,
    sink: &mut S,
) -> Read<()> {
    let (field, value) = (field.decode()?, value.decode()?);
    seen.add(field.item())?;
    sink.item(field.item());
    sink.item(value.item());
    Ok(())
}

fn field_expiry<S: Sink>(at: Option<u64>, sink: &mut S) -> Result<(), ErrorKind> {
    let at = at.filter(|&at| at <= FIELD_EXPIRY_MAX).ok_or(ErrorKind::BadFieldExpiry)?;
    sink.field_expiry(at);
    Ok(())
}

fn quicklist2_node<S: Sink>(cursor: &mut Cursor<'_>, seen: &mut Seen, sink: &mut S) -> Read<u64> {
    match cursor.length()? {
        NODE_PLAIN => {
            let element = cursor.string()?.decode()?;
            if element.item() == Item::Bytes(&[]) {
                return Err(ErrorKind::EmptyQuicklistNode.into());
            }
            sink.item(element.item());
            Ok(1)
        }
        NODE_PACKED => Ok(unpack(Packed::ListpackElements, &cursor.packed()?, seen, sink)?),
        other => Err(ErrorKind::BadQuicklistNode(other).into()),
    }
}

/// Hands out all that a packed value holds, and gives the number of its entries.
fn unpack<S: Sink>(
    packed: Packed,
    raw: &RawString<'_>,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let decoded = raw.decode()?;
    let mut digits = itoa::Buffer::new();
    let bytes = decoded.bytes(&mut digits);
    match packed {
        Packed::Zipmap => unpack_zipmap(bytes, seen, sink),
        Packed::Intset => unpack_intset(bytes, sink),
        Packed::ZiplistElements => {
            let mut ziplist = Ziplist::open(bytes)?;
            unpack_items(|| ziplist.next(), sink)
        }
        Packed::ZiplistPairs => {
            let mut ziplist = Ziplist::open(bytes)?;
            unpack_pairs(|| ziplist.next(), seen, sink)
        }
        Packed::ZiplistScores => {
            let mut ziplist = Ziplist::open(bytes)?;
            unpack_scores(|| ziplist.next(), seen, sink)
        }
        Packed::ListpackElements => {
            let mut listpack = Listpack::open(bytes)?;
            unpack_items(|| listpack.next(), sink)
        }
        Packed::ListpackMembers => {
            let mut listpack = Listpack::open(bytes)?;
            unpack_members(|| listpack.next(), seen, sink)
        }
        Packed::ListpackPairs => {
            let mut listpack = Listpack::open(bytes)?;
            unpack_pairs(|| listpack.next(), seen, sink)
        }
        Packed::ListpackScores => {
            let mut listpack = Listpack::open(bytes)?;
            unpack_scores(|| listpack.next(), seen, sink)
        }
        Packed::ListpackExpiry => unpack_expiries(bytes, seen, sink),
    }
}

#[inline]
fn unpack_items<'a, S: Sink>(
    mut next: impl FnMut() -> Result<Option<Item<'a>>, ErrorKind>,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let mut count = 0;
    while let Some(item) = next()? {
        sink.item(item);
        check_room(sink)?;
        count += 1;
    }
    Ok(count)
}

#[inline]
fn unpack_members<'a, S: Sink>(
    mut next: impl FnMut() -> Result<Option<Item<'a>>, ErrorKind>,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let mut count = 0;
    while let Some(member) = next()? {
        seen.add(member)?;
        sink.item(member);
        check_room(sink)?;
        count += 1;
    }
    Ok(count)
}

#[inline]
fn unpack_pairs<'a, S: Sink>(
    mut next: impl FnMut() -> Result<Option<Item<'a>>, ErrorKind>,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let mut count = 0;
    while let Some(field) = next()? {
        let value = next()?.ok_or(ErrorKind::HalfPair)?;
        seen.add(field)?;
        sink.item(field);
        sink.item(value);
        check_room(sink)?;
        count += 1;
    }
    Ok(count)
}

fn unpack_scores<'a, S: Sink>(
    mut next: impl FnMut() -> Result<Option<Item<'a>>, ErrorKind>,
    seen: &mut Seen,
    sink: &mut S,
) -> Result<u64, ErrorKind> {
    let mut count = 0;
    while let Some(member) = next()? {
        let score = match next()? {
            Some(Item::Int(score)) => score as f64,
            Some(Item::Bytes(text)) => parse_score(text)?,
            None => return Err(ErrorKind::HalfPair),
        };
        seen.add(member)?;
        sink.item(member);
        sink.score(score);
        check_room(sink)?;
        count += 1;
    }
    Ok(count)
}

fn unpack_expiries<S: Sink>(bytes: &[u8], seen: &mut Seen, sink: &mut S) -> Result<u64, ErrorKind> {
    let mut listpack = Listpack::open(bytes)?;
    let mut count = 0;
    while let Some(field) = listpack.next()? {
        let value = listpack.required()?;
        let at = listpack.integer()?;
        seen.add(field)?;
        sink.item(field);
        sink.item(value);
        if at != 0 {
            field_expiry(u64::try_from(at).ok(), sink)?;
        }
        check_room(sink)?;
        count += 1;
    }
    Ok(count)
}

fn unpack_zipmap<S: Sink>(bytes: &[u8], seen: &mut Seen, sink: &mut S) -> Result<u64, ErrorKind> {
    let mut count = 0;
    zipmap::for_each(bytes, |field, value| {
        seen.add(Item::Bytes(field))?;
        sink.item(Item::Bytes(field));
        sink.item(Item::Bytes(value));
        count += 1;
        check_room(sink)
    })?;
    Ok(count)
}

fn unpack_intset<S: Sink>(bytes: &[u8], sink: &mut S) -> Result<u64, ErrorKind> {
    let mut count = 0;
    intset::for_each(bytes, |value| {
        sink.item(Item::Int(value));
        count += 1;
        check_room(sink)
    })?;
    Ok(count)
}

fn module_field<S: Sink>(cursor: &mut Cursor<'_>, sink: &mut S) -> Read<bool> {
    let Some(field) = module::field(cursor)? else {
        return Ok(true);
    };
    match field {
        RawField::Signed(value) => sink.module_field(ModuleField::Signed(value)),
        RawField::Unsigned(value) => sink.module_field(ModuleField::Unsigned(value)),
        RawField::Float(value) => sink.module_field(ModuleField::Float(value)),
        RawField::Double(value) => sink.module_field(ModuleField::Double(value)),
        RawField::String(raw) => {
            let decoded = raw.decode().map_err(Stop::Bad)?;
            sink.module_field(ModuleField::String(decoded.item()));
        }
    }
    check_room(sink)?;
    Ok(false)
}
