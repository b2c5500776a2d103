//! Why something cannot be written.

use super::dialect::Dialect;

/// Something that cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The version has no such thing. If [`Writer::begin`](super::Writer::begin) or
    /// [`Writer::function`](super::Writer::function) return this, they have written nothing: the caller
    /// may leave it out and go on.
    #[error("{dialect} has no {what}")]
    Unsupported {
        /// What it is, such as "hash whose fields expire".
        what: &'static str,
        /// The version of the file.
        dialect: Dialect,
    },
    /// The call does not fit the value that has begun, or its announced count.
    #[error("out of place in the file: {0}")]
    OutOfPlace(&'static str),
    /// A stream's entry is larger than a listpack can be.
    #[error("a stream's entry of {bytes} bytes")]
    EntryTooLarge {
        /// The size of its listpack.
        bytes: usize,
    },
}
