//! What has been applied to a keyspace, and where that stands in the stream.

use std::collections::BTreeMap;
use std::time::Instant;

use eslaver_store::Functions;

/// A place in the stream, outside a transaction.
#[derive(Clone)]
pub(crate) struct Position {
    /// A master without `PSYNC` has none.
    pub(crate) replid: Option<String>,
    pub(crate) offset: u64,
    pub(crate) db: u32,
}

/// What has been applied to the current store.
#[derive(Default)]
pub(crate) struct Applied {
    /// Missing before the first snapshot.
    pub(crate) position: Option<Position>,
    /// The libraries of the master's functions.
    pub(crate) functions: Functions,
    /// How often each command could not be applied.
    pub(crate) refused: BTreeMap<Vec<u8>, u64>,
    /// Whether only a full resync can tell again what the master has.
    pub(crate) is_lost: bool,
    /// Whether the link is up, and the stream goes on.
    pub(super) is_followed: bool,
    /// Whether the link is to a replica that has lost its own master.
    pub(super) is_cut_off: bool,
    pub(super) stale_since: Option<Instant>,
}

impl Applied {
    /// Whether this is what the master has, after a change.
    pub(super) fn refreshed(&mut self) -> bool {
        let fresh = self.is_followed && !self.is_lost && !self.is_cut_off;
        self.stale_since = match fresh {
            true => None,
            false => self.stale_since.or_else(|| Some(Instant::now())),
        };
        fresh
    }
}
