//! What can be wrong with a snapshot.

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
    /// The server that made the snapshot, by its own word, such as `Redis 8.10.2`.
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
    /// Whether each snapshot with the same content is refused, however often it is sent.
    pub fn is_unsupported(&self) -> bool {
        self.is_too_new() || matches!(self, Self::UnsupportedType(..))
    }

    /// Whether a later version of eslaver may know it.
    pub(crate) fn is_too_new(&self) -> bool {
        matches!(self, Self::UnsupportedVersion { .. } | Self::UnknownType(_))
    }
}

/// What was wrong, without the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The first nine bytes are neither `REDIS` nor `VALKEY` with a version.
    #[error("not an RDB file: it starts with \"{}\"", .0.escape_ascii())]
    BadMagic([u8; 9]),
    /// A version whose format is not known.
    #[error("RDB version {version} of {family} is not supported")]
    UnsupportedVersion {
        /// The family that the magic names.
        family: Family,
        /// The version in the magic.
        version: u32,
    },
    /// A byte that is neither a type nor an opcode.
    #[error("unknown RDB type or opcode {0}")]
    UnknownType(u8),
    /// A type or opcode that exists, but whose format is not supported.
    #[error("unsupported RDB type or opcode {0} ({1})")]
    UnsupportedType(u8, &'static str),
    /// The first byte of a length is of no known form.
    #[error("invalid length byte {0:#04x}")]
    BadLength(u8),
    /// An encoded string where only a plain length may stand.
    #[error("an encoded string where a length was expected")]
    NotALength,
    /// A string encoding that does not exist.
    #[error("unknown string encoding {0}")]
    UnknownEncoding(u8),
    /// A string that is longer than the limit.
    #[error(
        "a string of {found} bytes, more than the {max} that the option proto_max_bulk_len allows"
    )]
    StringTooLong {
        /// Bytes that it claims to have, decompressed.
        found: u64,
        /// [`Limits::proto_max_bulk_len`](super::Limits::proto_max_bulk_len), four times as many
        /// for a container.
        max: u64,
    },
    /// A string that is not the whole value of a key, and longer than the limit for those.
    #[error(
        "an element, field or name of {found} bytes: eslaver accepts at most {max}; leave its key out \
         with the option filter"
    )]
    ElementTooLong {
        /// Bytes that it claims to have, decompressed.
        found: u64,
        /// What it may have, by [`Limits::max_element`](super::Limits::max_element).
        max: u64,
    },
    /// A value that the sink has no room for.
    #[error("a value of more than the {max} bytes that the option max_value allows")]
    ValueTooLarge {
        /// What the sink has room for.
        max: u64,
    },
    /// A compressed string that claims more bytes than LZF can make of its own.
    #[error("a compressed string of {compressed} bytes cannot hold the {claimed} it claims")]
    LzfClaim {
        /// Bytes of compressed data.
        compressed: u64,
        /// Bytes it claims to expand to.
        claimed: u64,
    },
    /// A compressed string that does not decompress to the length it claims.
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
    /// A member of a set or sorted set, or a field of a hash, for the second time.
    #[error("a duplicate field or member")]
    Duplicate,
    /// A time to live, of a hash's field or a set's member, that no server could have written.
    #[error("invalid time to live of a field or member")]
    BadExpiry,
    /// An array whose parts contradict each other.
    #[error("corrupt array: {0}")]
    Array(&'static str),
    /// A hash template, or a hash that uses one, whose parts contradict each other.
    #[error("corrupt hash template: {0}")]
    Template(&'static str),
    /// Hash templates that take more room than there is for them.
    #[error("hash templates of more than the {max} bytes that the option max_value allows")]
    TemplatesTooLarge {
        /// What they may take, by [`Limits::max_templates`](super::Limits::max_templates).
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
    /// A quicklist node that is an element by itself, as only large ones are, and holds nothing.
    #[error("an empty quicklist node")]
    EmptyQuicklistNode,
    /// A stream whose parts contradict each other.
    #[error("corrupt stream: {0}")]
    Stream(&'static str),
    /// A module's data that does not follow the modules' opcodes.
    #[error("corrupt module data: opcode {0}")]
    BadModuleOpcode(u64),
    /// A database number that no server could have.
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
    /// The transfer goes on after the snapshot's end, and does not say where it ends itself.
    #[error("bytes follow the snapshot's end")]
    Trailing,
    /// The payload of a `DUMP` ends before its value does.
    #[error("the payload ends too early")]
    PayloadTruncated,
    /// The payload of a `DUMP` is a container without elements, which no server restores.
    #[error("a container that holds nothing")]
    PayloadEmpty,
}
