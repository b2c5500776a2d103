//! Why something cannot be written.

use super::dialect::Dialect;

/// Something that cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The version has no form for it. Where [`Writer::begin`](super::Writer::begin),
    /// [`Writer::function`](super::Writer::function) or [`Dialect`]'s own calls say so, nothing of it
    /// has been written, and the caller may go on without it.
    #[error("{dialect} has no {what}")]
    Unsupported {
        /// What it is, such as "hash whose fields expire".
        what: &'static str,
        /// The version in which it was to be written.
        dialect: Dialect,
    },
    /// A call that does not fit what was announced. The file cannot be finished any more.
    #[error("out of place in the file: {0}")]
    OutOfPlace(&'static str),
    /// A stream's entry of more bytes than a listpack can have.
    #[error("a stream's entry of {bytes} bytes")]
    EntryTooLarge {
        /// Bytes that it takes.
        bytes: usize,
    },
}
