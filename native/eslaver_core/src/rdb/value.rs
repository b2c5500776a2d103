//! Values: the layout of each RDB type, resumable between any two elements.

use super::array;
use super::cursor::{Cursor, Read, Stop};
use super::element::Element;
use super::error::ErrorKind;
use super::expiry;
use super::family::Family;
use super::module::{self, RawField};
use super::path_hash::PathHash;
use super::seen::Seen;
use super::sink::{Item, Kind, ModuleField, Sink, check_room};
use super::stream::{Format, StreamReader};
use super::template::{Hash, Templates};
use super::types;
use super::unpack::{Packed, unpack};

/// Values that begin with the least of their expiries.
#[derive(Clone, Copy)]
pub(super) enum Expiring {
    Pairs,
    PackedPairs,
    Members,
    PackedMembers,
}

/// What a decoder keeps across values.
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
    /// The rest of a string that the sink takes in parts.
    Part {
        left: u64,
    },
    Packed(Packed),
    Count(Element),
    Elements {
        left: u64,
        element: Element,
    },
    MinimumExpiry(Expiring),
    Template(Box<Hash>),
    /// The header of an array.
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
    /// A value of an RDB type, or why the type cannot be read.
    #[inline]
    pub(crate) fn of_type(value_type: u8, family: Family) -> Result<Self, ErrorKind> {
        use Family::{Redis, Valkey};
        let unsupported = |what| Err(ErrorKind::UnsupportedType(value_type, what));
        let (kind, state) = match (value_type, family) {
            (types::STRING, _) => (Kind::String, State::String),
            (types::LIST, _) => (Kind::List, State::Count(Element::Item)),
            (types::SET, _) => (Kind::Set, State::Count(Element::Member)),
            (types::ZSET, _) => (Kind::Zset, State::Count(Element::ScoreText)),
            (types::HASH, _) => (Kind::Hash, State::Count(Element::Pair)),
            (types::ZSET_2, _) => (Kind::Zset, State::Count(Element::ScoreBinary)),
            (types::MODULE_PRE_GA, _) => {
                return unsupported("a module value of the 4.0 release candidates");
            }
            (types::MODULE_2, _) => (Kind::Module, State::ModuleId),
            (types::HASH_ZIPMAP, _) => (Kind::Hash, State::Packed(Packed::Zipmap)),
            (types::LIST_ZIPLIST, _) => (Kind::List, State::Packed(Packed::ZiplistElements)),
            (types::SET_INTSET, _) => (Kind::Set, State::Packed(Packed::Intset)),
            (types::ZSET_ZIPLIST, _) => (Kind::Zset, State::Packed(Packed::ZiplistScores)),
            (types::HASH_ZIPLIST, _) => (Kind::Hash, State::Packed(Packed::ZiplistPairs)),
            (types::LIST_QUICKLIST, _) => (Kind::List, State::Count(Element::ZiplistNode)),
            (types::STREAM_LISTPACKS, _) => Self::stream(Format::Listpacks),
            (types::HASH_LISTPACK, _) => (Kind::Hash, State::Packed(Packed::ListpackPairs)),
            (types::ZSET_LISTPACK, _) => (Kind::Zset, State::Packed(Packed::ListpackScores)),
            (types::LIST_QUICKLIST_2, _) => (Kind::List, State::Count(Element::Quicklist2Node)),
            (types::STREAM_LISTPACKS_2, _) => Self::stream(Format::Offsets),
            (types::SET_LISTPACK, _) => (Kind::Set, State::Packed(Packed::ListpackMembers)),
            (types::STREAM_LISTPACKS_3, _) => Self::stream(Format::ActiveTime),
            (types::HASH_METADATA_PRE_GA, Redis) => {
                (Kind::Hash, State::Count(Element::ExpiryPair { base: 1 }))
            }
            (types::HASH_LISTPACK_EX_PRE_GA, Redis) => {
                (Kind::Hash, State::Packed(Packed::ListpackPairExpiry))
            }
            (types::HASH_METADATA, Redis) => (Kind::Hash, State::MinimumExpiry(Expiring::Pairs)),
            (types::HASH_LISTPACK_EX, Redis) => {
                (Kind::Hash, State::MinimumExpiry(Expiring::PackedPairs))
            }
            (types::STREAM_LISTPACKS_4, Redis) => Self::stream(Format::Idempotency),
            (types::STREAM_LISTPACKS_5, Redis) => Self::stream(Format::Nack),
            (types::ARRAY, Redis) => (Kind::Array, State::Array),
            (types::HASH_TEMPLATE_LISTPACK, Redis) => {
                (Kind::Hash, Self::template(Hash::Format { packed: true }))
            }
            (types::HASH_TEMPLATE_ID_LISTPACK, Redis) => {
                (Kind::Hash, Self::template(Hash::PackedById))
            }
            (types::HASH_TEMPLATE, Redis) => {
                (Kind::Hash, Self::template(Hash::Format { packed: false }))
            }
            (types::HASH_TEMPLATE_ID, Redis) => (Kind::Hash, Self::template(Hash::Id)),
            (types::GCRA, Redis) => (Kind::Gcra, State::Gcra),
            (types::SET_LISTPACK_EX, Redis) => {
                (Kind::Set, State::MinimumExpiry(Expiring::PackedMembers))
            }
            (types::SET_METADATA, Redis) => (Kind::Set, State::MinimumExpiry(Expiring::Members)),
            (types::HASH_2, Valkey) => (Kind::Hash, State::Count(Element::PairExpiry)),
            (types::PATH_HASH, Valkey) => {
                (Kind::PathHash, State::PathHash(Box::new(PathHash::new())))
            }
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

    /// Whether it is an empty container: real servers drop its key.
    pub(crate) fn is_empty(&self) -> bool {
        let counts = matches!(self.kind, Kind::List | Kind::Set | Kind::Zset | Kind::Hash);
        self.elements == 0 && counts
    }

    /// Reads one element. Returns whether the value is complete.
    pub(crate) fn step<S: Sink>(
        &mut self,
        cursor: &mut Cursor<'_>,
        context: &mut Context,
        sink: &mut S,
    ) -> Read<bool> {
        let Context { seen, templates } = context;
        match &mut self.state {
            State::Elements { left, element } => {
                self.elements += element.read(cursor, seen, sink)?;
                check_room(sink)?;
                *left -= 1;
                Ok(*left == 0)
            }
            State::String => {
                let max = cursor.limits().proto_max_bulk_len;
                if let Some(bytes) = cursor.short(max) {
                    sink.item(Item::Bytes(bytes));
                    return Ok(true);
                }
                if let Some((left, behind)) = cursor.long()?
                    && sink.long(left)
                {
                    *cursor = behind;
                    self.state = State::Part { left };
                    return Ok(false);
                }
                sink.item(cursor.value()?.decode()?.item());
                Ok(true)
            }
            State::Part { left } => {
                let bytes = cursor.some(*left)?;
                sink.part(bytes);
                *left -= bytes.len() as u64;
                Ok(*left == 0)
            }
            State::Packed(packed) => {
                self.elements = unpack(*packed, &cursor.packed()?, seen, sink)?;
                Ok(true)
            }
            State::Count(element) => {
                let left = cursor.length()?;
                self.state = State::Elements { left, element: *element };
                Ok(left == 0)
            }
            State::MinimumExpiry(what) => {
                let base = u64::from_le_bytes(cursor.array()?);
                let packed = matches!(what, Expiring::PackedPairs | Expiring::PackedMembers);
                if !packed {
                    expiry::check_base(base)?;
                }
                self.state = match what {
                    Expiring::Pairs => State::Count(Element::ExpiryPair { base }),
                    Expiring::PackedPairs => State::Packed(Packed::ListpackPairExpiry),
                    Expiring::Members => State::Count(Element::ExpiryMember { base }),
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
                self.state = State::Elements { left, element: Element::Indexed };
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
