//! Errors in snapshots.

use super::family::{Family, KNOWN};

/// A snapshot that cannot be decoded: what was wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset} of the snapshot{}", self.subject())]
pub struct Error {
    /// Bytes of the snapshot before the element that was wrong.
    pub offset: u64,
    /// What was wrong.
    pub kind: ErrorKind,
    /// The key whose value was being read, cut to 128 bytes.
    pub key: Option<Vec<u8>>,
    /// The RDB type of that value.
    pub value_type: Option<u8>,
    /// The server that says it made the snapshot, such as `Redis 8.10.2`.
    pub server: Option<String>,
}

impl Error {
    fn subject(&self) -> String {
        let mut subject = match (&self.key, self.value_type) {
            (Some(key), Some(value_type)) => {
                format!(" (key \"{}\", type {value_type})", key.escape_ascii())
            }
            _ => String::new(),
        };
        if self.kind.is_too_new() {
            let server = self.server.as_deref().unwrap_or("a server that does not say its version");
            subject.push_str(&format!("; {server} wrote it, and {KNOWN}"));
        }
        subject
    }
}

impl ErrorKind {
    /// Whether the format is not supported: sending the same content again does not help.
    pub fn is_unsupported(&self) -> bool {
        self.is_too_new() || matches!(self, Self::UnsupportedType(..))
    }

    /// Whether a later version of eslaver may support it.
    pub(crate) fn is_too_new(&self) -> bool {
        matches!(self, Self::UnsupportedVersion { .. } | Self::UnknownType(_))
    }
}

/// What was wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The first nine bytes are neither `REDIS` nor `VALKEY` with a version.
    #[error("not an RDB file: it starts with \"{}\"", .0.escape_ascii())]
    BadMagic([u8; 9]),
    /// A version with an unknown format.
    #[error("RDB version {version} of {family} is not supported")]
    UnsupportedVersion {
        /// The family that the magic names.
        family: Family,
        /// The version in the magic.
        version: u32,
    },
    /// A byte that is neither a known type nor a known opcode.
    #[error("unknown RDB type or opcode {0}")]
    UnknownType(u8),
    /// A type or opcode that is known and not supported.
    #[error("unsupported RDB type or opcode {0} ({1})")]
    UnsupportedType(u8, &'static str),
    /// An invalid first byte of a length.
    #[error("invalid length byte {0:#04x}")]
    BadLength(u8),
    /// An encoded string instead of a plain length.
    #[error("an encoded string where a length was expected")]
    NotALength,
    /// An unknown string encoding.
    #[error("unknown string encoding {0}")]
    UnknownEncoding(u8),
    /// A string above the limit.
    #[error(
        "a string of {found} bytes, more than the {max} that the option proto_max_bulk_len allows"
    )]
    StringTooLong {
        /// Its claimed length, decompressed.
        found: u64,
        /// [`Limits::proto_max_bulk_len`](super::Limits::proto_max_bulk_len), four times as many
        /// for a container.
        max: u64,
    },
    /// A string above the limit of strings that are not the whole value of a key.
    #[error(
        "an element, field or name of {found} bytes: eslaver accepts at most {max}; leave its key out \
         with the option filter"
    )]
    ElementTooLong {
        /// Its claimed length, decompressed.
        found: u64,
        /// [`Limits::max_element`](super::Limits::max_element).
        max: u64,
    },
    /// A value that the sink has no room for.
    #[error("a value of more than the {max} bytes that the option max_value allows")]
    ValueTooLarge {
        /// The sink's room in bytes.
        max: u64,
    },
    /// A compressed string that claims to expand further than LZF can.
    #[error("a compressed string of {compressed} bytes cannot hold the {claimed} it claims")]
    LzfClaim {
        /// Bytes of compressed data.
        compressed: u64,
        /// The claimed length.
        claimed: u64,
    },
    /// A compressed string that does not decompress to its claimed length.
    #[error("corrupt compressed string")]
    LzfCorrupt,
    /// A score that is not a number.
    #[error("a sorted set's score is not a number")]
    BadScore,
    /// A damaged ziplist, listpack, intset or zipmap.
    #[error("corrupt {encoding}: {what} (byte {at} within it)")]
    Container {
        /// The encoding's name.
        encoding: &'static str,
        /// Bytes of the container before the damage.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A packed hash or sorted set that ends after a field or member.
    #[error("a field without a value, or a member without a score")]
    HalfPair,
    /// A member or field that its value has twice.
    #[error("a duplicate field or member")]
    Duplicate,
    /// An impossible expiry of a hash's field or a set's member.
    #[error("invalid time to live of a field or member")]
    BadExpiry,
    /// An array whose parts contradict each other.
    #[error("corrupt array: {0}")]
    Array(&'static str),
    /// A hash template, or a hash that uses one, whose parts contradict each other.
    #[error("corrupt hash template: {0}")]
    Template(&'static str),
    /// Hash templates above their limit.
    #[error("hash templates of more than the {max} bytes that the option max_value allows")]
    TemplatesTooLarge {
        /// [`Limits::max_templates`](super::Limits::max_templates).
        max: u64,
    },
    /// A rate limiter's time beyond 63 bits.
    #[error("invalid time of a rate limiter")]
    BadGcra,
    /// A path of a path hash without fields.
    #[error("a path without fields")]
    EmptyPath,
    /// A quicklist node of an unknown form.
    #[error("unknown quicklist container {0}")]
    BadQuicklistNode(u64),
    /// An empty quicklist node that is a single element: only large elements are kept so.
    #[error("an empty quicklist node")]
    EmptyQuicklistNode,
    /// A stream whose parts contradict each other.
    #[error("corrupt stream: {0}")]
    Stream(&'static str),
    /// A module's data that does not follow the modules' opcodes.
    #[error("corrupt module data: opcode {0}")]
    BadModuleOpcode(u64),
    /// An impossible database number.
    #[error("invalid database number {0}")]
    BadDb(u64),
    /// A slot migration of more ranges than there are slots.
    #[error("corrupt slot migration")]
    BadSlotImport,
    /// The checksum at the end does not match the bytes.
    #[error("wrong checksum: computed {computed:016x}, found {found:016x}")]
    Checksum {
        /// Of the bytes that came.
        computed: u64,
        /// At the snapshot's end.
        found: u64,
    },
    /// The transfer ended before the snapshot did.
    #[error("the snapshot ends too early")]
    Truncated,
    /// Bytes after the end of a snapshot without a length.
    #[error("bytes follow the snapshot's end")]
    Trailing,
    /// The payload of a `DUMP` ends before its value does.
    #[error("the payload ends too early")]
    PayloadTruncated,
    /// The payload of a `DUMP` is a container without elements, which no server restores.
    #[error("a container that holds nothing")]
    PayloadEmpty,
}
