//! Values: for each RDB type, what stands where, resumable between any two elements.

use super::array;
use super::cursor::{Cursor, Read, Stop};
use super::error::ErrorKind;
use super::module::{self, RawField};
use super::path_hash::PathHash;
use super::seen::Seen;
use super::sink::{Item, Kind, ModuleField, Sink};
use super::stream::{Format, StreamReader};
use super::string::RawString;
use super::template::{Hash, Templates};
use super::unpack::{Packed, unpack};
use super::version::Family;

/// Redis keeps no field's or member's expiry beyond 48 bits of milliseconds. Valkey has no such limit.
pub(super) const EXPIRY_MAX: u64 = (1 << 48) - 1;
/// What Valkey writes for a field that does not expire.
pub(super) const NO_EXPIRY: i64 = -1;
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
    /// Time to live, as before, and a set's member.
    ExpiryMember { base: u64 },
    /// Field, value, time of expiry (−1: none).
    PairExpiry,
    /// A ziplist of some of a list's elements.
    ZiplistNode,
    /// A listpack of some of a list's elements, or one element.
    Quicklist2Node,
    /// An array's index, and the element there.
    Indexed,
}

/// What has the least of its expiries at its start.
#[derive(Clone, Copy)]
pub(super) enum Expiring {
    Pairs,
    PackedPairs,
    Members,
    PackedMembers,
}

/// What a decoder keeps for all values.
pub(crate) struct Context {
    pub(crate) seen: Seen,
    pub(crate) templates: Templates,
}

impl Context {
    pub(crate) fn new() -> Self {
        Self { seen: Seen::new(), templates: Templates::default() }
    }
}

pub(super) enum State {
    String,
    Packed(Packed),
    Count(Unit),
    Units {
        left: u64,
        unit: Unit,
    },
    MinimumExpiry(Expiring),
    Template(Box<Hash>),
    /// What stands before an array's elements.
    Array,
    Gcra,
    PathHash(Box<PathHash>),
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
    pub(crate) const LAST_TYPE: u8 = 35;

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
            (23, Redis) => (Kind::Hash, State::Packed(Packed::ListpackPairExpiry)),
            (24, Redis) => (Kind::Hash, State::MinimumExpiry(Expiring::Pairs)),
            (25, Redis) => (Kind::Hash, State::MinimumExpiry(Expiring::PackedPairs)),
            (26, Redis) => Self::stream(Format::Idempotency),
            (27, Redis) => Self::stream(Format::Nack),
            (28, Redis) => (Kind::Array, State::Array),
            (29, Redis) => (Kind::Hash, Self::template(Hash::Format { packed: true })),
            (30, Redis) => (Kind::Hash, Self::template(Hash::PackedById)),
            (31, Redis) => (Kind::Hash, Self::template(Hash::Format { packed: false })),
            (32, Redis) => (Kind::Hash, Self::template(Hash::Id)),
            (33, Redis) => (Kind::Gcra, State::Gcra),
            (34, Redis) => (Kind::Set, State::MinimumExpiry(Expiring::PackedMembers)),
            (35, Redis) => (Kind::Set, State::MinimumExpiry(Expiring::Members)),
            (22, Valkey) => (Kind::Hash, State::Count(Unit::PairExpiry)),
            (23, Valkey) => (Kind::PathHash, State::PathHash(Box::new(PathHash::new()))),
            _ => return Err(ErrorKind::UnknownType(value_type)),
        };
        Ok(Self { kind, state, elements: 0 })
    }

    fn template(hash: Hash) -> State {
        State::Template(Box::new(hash))
    }

    fn stream(format: Format) -> (Kind, State) {
        (Kind::Stream, State::Stream(Box::new(StreamReader::new(format))))
    }

    /// Real servers leave out a key whose container holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let counts = matches!(self.kind, Kind::List | Kind::Set | Kind::Zset | Kind::Hash);
        self.elements == 0 && counts
    }

    /// Reads one element; true when the value is complete.
    pub(crate) fn step<S: Sink>(
        &mut self,
        cursor: &mut Cursor<'_>,
        context: &mut Context,
        sink: &mut S,
    ) -> Read<bool> {
        let Context { seen, templates } = context;
        match &mut self.state {
            State::Units { left, unit } => {
                self.elements += read_unit(*unit, cursor, seen, sink)?;
                check_room(sink)?;
                *left -= 1;
                Ok(*left == 0)
            }
            State::String => {
                sink.item(cursor.value()?.decode()?.item());
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
            State::MinimumExpiry(what) => {
                let base = u64::from_le_bytes(cursor.array()?);
                let packed = matches!(what, Expiring::PackedPairs | Expiring::PackedMembers);
                if !packed && base > EXPIRY_MAX + 1 {
                    return Err(ErrorKind::BadExpiry.into());
                }
                self.state = match what {
                    Expiring::Pairs => State::Count(Unit::ExpiryPair { base }),
                    Expiring::PackedPairs => State::Packed(Packed::ListpackPairExpiry),
                    Expiring::Members => State::Count(Unit::ExpiryMember { base }),
                    Expiring::PackedMembers => State::Packed(Packed::ListpackMemberExpiry),
                };
                Ok(false)
            }
            State::Template(hash) => {
                self.elements = 1;
                hash.step(cursor, templates, sink)
            }
            State::Array => {
                let (left, next_index) = array::head(cursor)?;
                if let Some(index) = next_index {
                    sink.next_index(index);
                }
                self.state = State::Units { left, unit: Unit::Indexed };
                Ok(false)
            }
            State::Gcra => {
                let at = i64::try_from(cursor.length()?).map_err(|_| ErrorKind::BadGcra)?;
                sink.item(Item::Int(at));
                Ok(true)
            }
            State::PathHash(paths) => paths.step(cursor, seen, sink),
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
            time_to_live(base, ttl, sink)?;
        }
        Unit::ExpiryMember { base } => {
            let ttl = cursor.length()?;
            member(&cursor.string()?, seen, sink)?;
            time_to_live(base, ttl, sink)?;
        }
        Unit::Indexed => array::element(cursor, sink)?,
        Unit::PairExpiry => {
            let (field, value) = (cursor.string()?, cursor.string()?);
            let at = cursor.i64_le()?;
            pair(&field, &value, seen, sink)?;
            match u64::try_from(at) {
                Ok(at) => sink.expiry(at),
                Err(_) if at == NO_EXPIRY => {}
                Err(_) => return Err(ErrorKind::BadExpiry.into()),
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
pub(super) fn pair<S: Sink>(
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

fn time_to_live<S: Sink>(base: u64, ttl: u64, sink: &mut S) -> Result<(), ErrorKind> {
    match ttl.checked_sub(1) {
        Some(after) => expiry(base.checked_add(after), sink),
        None => Ok(()),
    }
}

pub(super) fn expiry<S: Sink>(at: Option<u64>, sink: &mut S) -> Result<(), ErrorKind> {
    let at = at.filter(|&at| at <= EXPIRY_MAX).ok_or(ErrorKind::BadExpiry)?;
    sink.expiry(at);
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
