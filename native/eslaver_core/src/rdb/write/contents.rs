//! How a value begins: its type, and the lengths before its elements.

use super::super::expiry;
use super::super::family::Family;
use super::super::types;
use super::dialect::Dialect;
use super::error::WriteError;
use super::feature::{
    ARRAY, BINARY_SCORE, GCRA, HASH_EXPIRY, MODULE, PATH_HASH, SET_EXPIRY, STREAM,
    STREAM_ACTIVE_TIME, STREAM_IDEMPOTENCY, STREAM_NACK, STREAM_OFFSETS,
};
use super::module;
use super::node::StreamNodes;

/// What a value is, with the counts that precede its elements. A list, set, sorted set, hash, array or
/// path hash has at least one.
///
/// | contents | calls until [`Writer::end`](super::Writer::end) |
/// |---|---|
/// | `String`, `Gcra` | one `item` |
/// | `Pieces` | `piece`, until all bytes have come |
/// | `List`, `Set` | `item` for each element |
/// | `ExpiringSet` | `item`, or `expiring_item` where the member has an expiry |
/// | `Zset` | `scored` for each member |
/// | `Hash` | `pair` for each field |
/// | `ExpiringHash` | `pair`, or `expiring_pair` where the field has an expiry |
/// | `Stream` | for each entry: `entry`, then `pair` for each field; at last `stream` |
/// | `Module` | `module_field` for each field |
/// | `Array` | `indexed` for each element |
/// | `PathHash` | for each path: `path`, then `pair` for each field |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// A string.
    String,
    /// A string, given in pieces.
    Pieces {
        /// The number of its bytes.
        length: u64,
    },
    /// A list.
    List {
        /// The number of its elements.
        count: u64,
    },
    /// A set.
    Set {
        /// The number of its members.
        count: u64,
    },
    /// A set whose members may expire.
    ExpiringSet {
        /// The number of its members.
        count: u64,
        /// The earliest expiry, or any time before that, in ms since the epoch.
        least_expiry: u64,
    },
    /// A sorted set.
    Zset {
        /// The number of its members.
        count: u64,
    },
    /// A hash.
    Hash {
        /// The number of its fields.
        count: u64,
    },
    /// A hash whose fields may expire.
    ExpiringHash {
        /// The number of its fields.
        count: u64,
        /// The earliest expiry, or any time before that, in ms since the epoch.
        least_expiry: u64,
    },
    /// A stream.
    Stream {
        /// The count of its nodes.
        nodes: StreamNodes,
    },
    /// A value of a module's own type.
    Module {
        /// The type's name.
        name: [u8; 9],
        /// The type's encoding version, of ten bits.
        version: u16,
    },
    /// An array.
    Array {
        /// The number of its elements.
        count: u64,
        /// The index of its next insertion, if it has an insert cursor.
        next_index: Option<u64>,
    },
    /// The time of a rate limiter, an integer.
    Gcra,
    /// A hash of hashes.
    PathHash {
        /// The number of its paths.
        count: u64,
    },
}

/// What the elements of a value are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Items,
    Bytes,
    ExpiringItems {
        least: u64,
    },
    Scores {
        binary: bool,
    },
    Pairs,
    ExpiringPairs(ExpiryForm),
    Entries,
    ModuleFields,
    Elements,
    Gcra,
    /// `pairs` fields of the current path are still to come.
    Paths {
        pairs: u64,
    },
}

/// How the file holds a field's expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExpiryForm {
    /// Before the field, counted from `least`.
    After { least: u64 },
    /// After the value, as a time.
    Time,
}

/// The beginning of a value.
pub(super) struct Head {
    pub(super) value_type: u8,
    /// A time of eight bytes, before the lengths.
    pub(super) time: Option<u64>,
    /// Lengths before the elements.
    pub(super) lengths: [Option<u64>; 3],
    pub(super) form: Form,
    /// The number of elements.
    pub(super) left: u64,
}

impl Head {
    /// A count, and as many elements.
    fn counted(value_type: u8, form: Form, count: u64) -> Self {
        Self { value_type, time: None, lengths: [Some(count), None, None], form, left: count }
    }

    /// One element, and nothing before it.
    fn single(value_type: u8, form: Form) -> Self {
        Self { value_type, time: None, lengths: [None; 3], form, left: 1 }
    }
}

impl Contents {
    /// The beginning of the value in a file of this version.
    pub(super) fn head(self, dialect: Dialect) -> Result<Head, WriteError> {
        let head = match self {
            Contents::String => return Ok(Head::single(types::STRING, Form::Items)),
            Contents::Pieces { length } => {
                return Ok(Head::counted(types::STRING, Form::Bytes, length));
            }
            Contents::Gcra => {
                dialect.require(GCRA)?;
                return Ok(Head::single(types::GCRA, Form::Gcra));
            }
            Contents::Stream { nodes } => {
                let value_type = stream_type(dialect)?;
                return Ok(Head::counted(value_type, Form::Entries, nodes.nodes()));
            }
            Contents::Module { name, version } => {
                dialect.require(MODULE)?;
                let id = module::id(&name, version)?;
                return Ok(Head::counted(types::MODULE_2, Form::ModuleFields, id));
            }
            Contents::List { count } => Head::counted(types::LIST, Form::Items, count),
            Contents::Set { count } => Head::counted(types::SET, Form::Items, count),
            Contents::ExpiringSet { count, least_expiry } => {
                dialect.require(SET_EXPIRY)?;
                let least = possible(least_expiry)?;
                let form = Form::ExpiringItems { least };
                Head { time: Some(least), ..Head::counted(types::SET_METADATA, form, count) }
            }
            Contents::Zset { count } => {
                let binary = dialect.has(BINARY_SCORE);
                let value_type = if binary { types::ZSET_2 } else { types::ZSET };
                Head::counted(value_type, Form::Scores { binary }, count)
            }
            Contents::Hash { count } => Head::counted(types::HASH, Form::Pairs, count),
            Contents::ExpiringHash { count, least_expiry } => {
                dialect.require(HASH_EXPIRY)?;
                match dialect.family() {
                    Family::Redis => {
                        let least = possible(least_expiry)?;
                        let form = Form::ExpiringPairs(ExpiryForm::After { least });
                        Head {
                            time: Some(least),
                            ..Head::counted(types::HASH_METADATA, form, count)
                        }
                    }
                    Family::Valkey => {
                        let form = Form::ExpiringPairs(ExpiryForm::Time);
                        Head::counted(types::HASH_2, form, count)
                    }
                }
            }
            Contents::Array { count, next_index } => {
                dialect.require(ARRAY)?;
                // the file holds the index of the last insertion
                let last =
                    next_index.map(|next| next.checked_sub(1).ok_or(NO_CURSOR)).transpose()?;
                let lengths = [Some(count), Some(u64::from(last.is_some())), last];
                Head { lengths, ..Head::counted(types::ARRAY, Form::Elements, count) }
            }
            Contents::PathHash { count } => {
                dialect.require(PATH_HASH)?;
                // one that has lost its paths is still there
                return Ok(Head::counted(types::PATH_HASH, Form::Paths { pairs: 0 }, count));
            }
        };
        if head.left == 0 { Err(EMPTY) } else { Ok(head) }
    }
}

/// The time, if Redis can hold it as the expiry of a field or member.
pub(super) fn possible(expiry: u64) -> Result<u64, WriteError> {
    if expiry > expiry::MAX { Err(TOO_LATE) } else { Ok(expiry) }
}

const EMPTY: WriteError = WriteError::OutOfPlace("a value that holds nothing");
const NO_CURSOR: WriteError =
    WriteError::OutOfPlace("an array's insert cursor of 0, which is none");
pub(super) const TOO_LATE: WriteError =
    WriteError::OutOfPlace("a field's or member's expiry beyond what servers take");

/// Each form adds to those before it.
fn stream_type(dialect: Dialect) -> Result<u8, WriteError> {
    dialect.require(STREAM)?;
    let forms = [
        (STREAM_NACK, types::STREAM_LISTPACKS_5),
        (STREAM_IDEMPOTENCY, types::STREAM_LISTPACKS_4),
        (STREAM_ACTIVE_TIME, types::STREAM_LISTPACKS_3),
        (STREAM_OFFSETS, types::STREAM_LISTPACKS_2),
    ];
    let form = forms.into_iter().find(|(feature, _)| dialect.has(*feature));
    Ok(form.map_or(types::STREAM_LISTPACKS, |(_, value_type)| value_type))
}
