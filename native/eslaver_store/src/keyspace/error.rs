//! Why a read has no answer.

/// Why a read has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The writer has the keys: try again.
    #[error("the writer is changing the keys")]
    Busy,
    /// A change was cut short by a panic: the store holds half of it.
    #[error("a change failed half-way")]
    Broken,
    /// The key has a value of another type.
    #[error("the key holds a value of another type")]
    WrongType,
    /// It takes longer than the reader has patience for.
    #[error("the answer takes long")]
    TakesLong,
    /// There is no such query, or its arguments are others.
    #[error("there is no such query, or its arguments are others")]
    BadQuery,
    /// What the key holds is not known.
    #[error("the value of the key is not known")]
    Unknown,
    /// No shard has the key's slot.
    #[error("no shard has the slot of the key")]
    NotServed,
    /// The shard has no data.
    #[error("the shard has no data yet")]
    Loading,
    /// The shard's data may be old, and is not to be read then.
    #[error("the data of the shard may be old")]
    Stale,
    /// It is of another slot than what was read before, or of all slots, in reads that are to be of
    /// one.
    #[error("the keys are of more than one slot")]
    CrossSlot,
}
