//! Where a link goes on: behind what has been handled, and behind what a keyspace has.

use eslaver_core::handshake::Resume;
use eslaver_core::position::{Position, Tracker};

use crate::keyspace::{self, Keyspace};

/// A place in the stream of the master with this id.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) replid: String,
    pub(crate) now: Position,
    /// The last position before it outside a transaction.
    pub(crate) safe: Position,
}

impl Place {
    fn applied(keyspace: &Keyspace) -> Option<Self> {
        let keyspace::Position { replid, offset, db } = keyspace.position()?;
        let now = Position { offset, db, in_transaction: false };
        Some(Self { replid: replid?, now, safe: now })
    }
}

/// What a link goes on from: without it, it has to begin with a snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// Behind the events that the server has handled.
    pub(crate) handled: Place,
    /// Behind what has been applied to a keyspace, where there is one.
    applied: Option<Place>,
}

impl Start {
    /// Behind these events and what this keyspace has, if anything.
    pub(crate) fn new(handled: Place, keyspace: Option<&Keyspace>) -> Option<Self> {
        let applied = match keyspace {
            Some(keyspace) => Some(Place::applied(keyspace)?),
            None => None,
        };
        Some(Self { handled, applied })
    }

    /// The id of the stream that the master is asked for.
    pub(crate) fn replid(&self) -> &str {
        &self.earlier().replid
    }

    /// What the master is asked for: nothing of it may be missed by either.
    pub(crate) fn resume(&self) -> Resume {
        let Place { replid, now, .. } = self.earlier();
        Resume { replid: replid.clone(), offset: now.offset }
    }

    /// The offsets up to which events have been handled, and commands applied.
    pub(crate) fn reached(&self) -> (u64, u64) {
        let handled = self.handled.safe.offset;
        (handled, self.applied.as_ref().map_or(handled, |applied| applied.safe.offset))
    }

    /// Follows the stream from there.
    pub(crate) fn tracker(&self) -> Tracker {
        let Place { now, safe, .. } = self.earlier();
        Tracker::resume(*now, *safe)
    }

    /// Whether the stream goes on within a transaction whose `MULTI` has been handled.
    pub(crate) fn is_open(&self) -> bool {
        self.earlier().now.in_transaction
    }

    /// Whether the later place is one of the master's stream, too, which goes on under this id. If
    /// that is a new one, the place may be behind the point where the old stream and the new part.
    pub(crate) fn is_of(&self, replid: &str) -> bool {
        let (earlier, later) = (self.earlier(), self.later());
        let is_same = later.replid == earlier.replid && later.now.offset == earlier.now.offset;
        is_same || later.replid == replid
    }

    fn earlier(&self) -> &Place {
        match &self.applied {
            Some(applied) if applied.now.offset < self.handled.now.offset => applied,
            _ => &self.handled,
        }
    }

    fn later(&self) -> &Place {
        match &self.applied {
            Some(applied) if applied.now.offset >= self.handled.now.offset => applied,
            _ => &self.handled,
        }
    }
}
