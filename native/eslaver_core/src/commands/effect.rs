//! What a command does to keys.

/// A key of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The argument's index. The first after the command's name has 0.
    pub index: usize,
    /// The key's db, if it is not the db of the command.
    pub db: Option<u32>,
    /// Whether the command changes it, or only reads it.
    pub changed: bool,
}

/// What a command changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Its keys, if it has any.
    Keys,
    /// All keys of its db: `FLUSHDB`.
    Db,
    /// All keys of all dbs: `FLUSHALL`.
    AllDbs,
    /// All keys of these two dbs: `SWAPDB`.
    Swap(u32, u32),
    /// All keys of some slots of a cluster, in all dbs: see [`slots`](super::slots).
    Slots,
    /// Keys that it does not name.
    Unnamed,
    /// Nothing. `PING`, `SELECT`, `MULTI` and `PUBLISH`, for example.
    NotAWrite,
    /// Unknown: the command is of a module, or of a server newer than the table.
    Unknown,
}
