//! What can be wrong with a command stream, and where.

/// Bytes that are no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset} of the command stream: {kind}")]
pub struct Error {
    /// Where, counted from 0 at the first byte that was fed.
    pub offset: u64,
    /// What.
    pub kind: ErrorKind,
}

impl Error {
    /// Whether the master sent an error, in a stream that is right up to it.
    pub fn is_from_master(&self) -> bool {
        matches!(self.kind, ErrorKind::FromMaster(_))
    }
}

/// What was found, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An error that the master sent, shortened.
    #[error("the master sent an error: {0}")]
    FromMaster(Box<str>),
    /// No array where a command begins, and inline commands are not accepted.
    #[error("expected '*', found '{}'", found.escape_ascii())]
    ExpectedArray {
        /// The byte found instead.
        found: u8,
    },
    /// No bulk string where an argument begins.
    #[error("expected '$', found '{}'", found.escape_ascii())]
    ExpectedBulk {
        /// The byte found instead.
        found: u8,
    },
    /// No digit in a length.
    #[error("expected a digit of a length, found '{}'", found.escape_ascii())]
    ExpectedDigit {
        /// The byte found instead.
        found: u8,
    },
    /// A line or an argument that does not end where it should.
    #[error("expected CR LF, found '{}'", found.escape_ascii())]
    ExpectedCrLf {
        /// The byte found instead.
        found: u8,
    },
    /// A length with too many digits.
    #[error("expected a length, found a number of more than 18 digits")]
    LengthTooLong,
    /// An array that announces too many arguments.
    #[error(
        "expected at most {max} arguments (the option max_arguments), found an array of {found}"
    )]
    TooManyArguments {
        /// The arguments announced.
        found: u64,
        /// [`Limits::max_arguments`](super::Limits::max_arguments).
        max: u64,
    },
    /// A bulk string that announces too many bytes.
    #[error(
        "expected an argument of at most {max} bytes (the option proto_max_bulk_len, up to 4 GiB), \
         found one of {found}"
    )]
    BulkTooLong {
        /// The bytes announced.
        found: u64,
        /// [`Limits::proto_max_bulk_len`](super::Limits::proto_max_bulk_len).
        max: u64,
    },
    /// An inline command without an end.
    #[error("expected a newline within {max} bytes of an inline command")]
    InlineTooLong {
        /// [`Limits::max_inline`](super::Limits::max_inline).
        max: usize,
    },
    /// An inline command with a quote that does not close, or closes within a word.
    #[error("expected balanced quotes in an inline command")]
    UnbalancedQuotes,
    /// A zero byte in an inline command.
    #[error("expected text in an inline command, found a zero byte")]
    InlineZero,
}

/// An [`ErrorKind`] with its offset in the command in hand.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) kind: ErrorKind,
}

#[cold]
fn fault(at: usize, kind: ErrorKind) -> Fault {
    Fault { at, kind }
}

impl Fault {
    pub(super) fn from_master(words: &[u8]) -> Self {
        fault(0, ErrorKind::FromMaster(words.escape_ascii().to_string().into()))
    }

    pub(super) fn expected_array(found: u8) -> Self {
        fault(0, ErrorKind::ExpectedArray { found })
    }

    pub(super) fn expected_bulk(at: usize, found: u8) -> Self {
        fault(at, ErrorKind::ExpectedBulk { found })
    }

    pub(super) fn expected_digit(at: usize, found: u8) -> Self {
        fault(at, ErrorKind::ExpectedDigit { found })
    }

    pub(super) fn expected_crlf(at: usize, found: u8) -> Self {
        fault(at, ErrorKind::ExpectedCrLf { found })
    }

    pub(super) fn length_too_long(at: usize) -> Self {
        fault(at, ErrorKind::LengthTooLong)
    }

    pub(super) fn too_many_arguments(found: u64, max: u64) -> Self {
        fault(0, ErrorKind::TooManyArguments { found, max })
    }

    pub(super) fn bulk_too_long(at: usize, found: u64, max: u64) -> Self {
        fault(at, ErrorKind::BulkTooLong { found, max })
    }

    pub(super) fn inline_too_long(max: usize) -> Self {
        fault(0, ErrorKind::InlineTooLong { max })
    }

    pub(super) fn unbalanced_quotes(at: usize) -> Self {
        fault(at, ErrorKind::UnbalancedQuotes)
    }

    pub(super) fn inline_zero(at: usize) -> Self {
        fault(at, ErrorKind::InlineZero)
    }
}
