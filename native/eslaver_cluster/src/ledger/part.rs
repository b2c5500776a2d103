//! What is known of a shard.

use std::collections::HashMap;
use std::sync::Arc;

use crate::mark::Import;
use crate::member::Member;
use crate::restored::Restored;
use crate::routes::Shard;
use crate::slots::{Range, Slots};

/// A shard's part.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) member: Arc<Member>,
    /// What it owns at this place of its stream, as far as that is known. Its writes there are an
    /// owner's, though the owner may be another by now.
    pub(super) mine: Slots,
    /// From this offset on, what its stream tells is newer than what it said of itself. `None` before
    /// it has said anything.
    pub(super) floor: Option<u64>,
    /// The slots that have left it by marks of its stream, and where.
    pub(super) left: HashMap<u16, u64>,
    /// The only slots whose keys could be moved to it before an offset: those that its master has named
    /// when the stream was held there.
    pub(super) shared: Option<(Slots, u64)>,
    /// How often routes had changed when deletions were cleared.
    pub(super) cleared: u64,
    pub(super) imports: Vec<Import>,
    /// Imports that have ended, and where. A stream that goes on after a cut may tell of them again.
    pub(super) ended: Vec<(Import, u64)>,
    /// The import at whose end its stream waits, and the offset of that.
    pub(super) ending: Option<(Vec<Range>, u64)>,
    pub(super) restored: Restored,
}

impl Part {
    /// Whether a slot is one of an open import.
    pub(crate) fn is_importing(&self, slot: u16) -> bool {
        self.imports.iter().any(|import| import.has(slot))
    }

    /// The slots that it owns at this place of its stream.
    pub(crate) fn own(&self) -> Slots {
        self.mine.clone()
    }

    /// The shard that wrote to keys of a slot before they came, if not all of that has been handled.
    pub(crate) fn waits_to_write(&self, slot: u16) -> Option<Shard> {
        self.restored.from(slot).filter(|_| self.member.listens())
    }

    /// Whether a key has come, and was not deleted since where it came from.
    pub(crate) fn has_restored(&self, slot: u16, hash: u64) -> bool {
        self.restored.has(slot, hash)
    }

    pub(super) fn changed_restored(&self) {
        self.member.set_unsettled(self.member.listens() && self.restored.is_unsettled());
    }

    pub(super) fn changed_imports(&self) {
        self.member.set_importing(!self.imports.is_empty());
    }
}
