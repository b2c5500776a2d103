//! What a command does to keys.

/// A key of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Which argument it is, the first after the command's name being 0.
    pub index: usize,
    /// The db it is in, where that is another than the one the command is for.
    pub db: Option<u32>,
    /// Whether the command changes it, or only reads it.
    pub changed: bool,
}

/// What a command changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Its keys, of which it may have none.
    Keys,
    /// All keys of the db it is for: `FLUSHDB`.
    Db,
    /// All keys of all dbs: `FLUSHALL`.
    AllDbs,
    /// All keys of these two dbs: `SWAPDB`.
    Swap(u32, u32),
    /// All keys of some of a cluster's slots, of all dbs: see [`slots`](super::slots).
    Slots,
    /// Some keys, which it does not name.
    Unnamed,
    /// Nothing. `PING`, `SELECT`, `MULTI` and `PUBLISH`, for example.
    NotAWrite,
    /// That is not known: it is of a module, or of a server newer than the table.
    Unknown,
}
