//! Streams: entries by id, and the consumer groups that read them.
//!
//! | module | holds |
//! |---|---|
//! | [`id`] | ids of entries |
//! | [`entries`] | the entries, in the leaves of a tree |
//! | [`entry`] | how they are packed |
//! | [`group`] | consumer groups, and what is pending in them |
//! | [`idempotency`] | what is remembered of idempotent producers |
//! | [`builder`] | a stream of what a snapshot holds, and the reverse |
//! | [`packed`] | a small stream without groups in its key's block |
//! | [`sorted`] | records by key, the stuff of groups and producers |
//! | [`named`] | things by name and number, the same |
//! | [`varint`] | integers in few bytes |

pub(crate) mod builder;
pub(crate) mod entries;
pub(crate) mod entry;
pub(crate) mod group;
pub(crate) mod id;
pub(crate) mod idempotency;
pub(crate) mod named;
pub(crate) mod packed;
pub(crate) mod sorted;
#[cfg(test)]
mod tests;
mod varint;

use std::fmt;
use std::ops::Range;

use eslaver_core::rdb::StreamId;

use crate::collections::element::Element;
use crate::collections::mover::Mover;
use crate::collections::record::Refused;
use crate::collections::tree::Removed;
use entries::{Entries, EntryLeaf};
use group::{Group, Groups};
use idempotency::Producers;

/// A stream. A clone shares all that it holds.
#[derive(Clone, Default)]
pub(crate) struct Stream {
    entries: Entries,
    /// The last id given, if only to an entry that is gone.
    pub(crate) last_id: StreamId,
    /// The greatest that `XDEL` has removed.
    pub(crate) max_deleted_id: StreamId,
    pub(crate) entries_added: u64,
    pub(crate) groups: Groups,
    pub(crate) producers: Producers,
}

/// Entries that were removed from a stream.
pub(crate) type Gone = Removed<EntryLeaf>;

/// What the end of an entry means for groups in which it is pending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Nothing.
    #[default]
    KeepRef,
    /// It is not pending any more.
    DelRef,
    /// It does not end before it has been acknowledged in all.
    Acked,
}

/// Which entries a stream may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// So many, the last ones.
    MaxLen(u64),
    /// Those from this id on.
    MinId(StreamId),
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("len", &self.len())
            .field("last_id", &self.last_id)
            .finish_non_exhaustive()
    }
}

impl Stream {
    /// The number of entries.
    pub(crate) fn len(&self) -> u64 {
        self.entries.len()
    }

    pub(crate) fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Has `mover` see to all parts from the entry of a rank on, until it is tired: the rank to go on
    /// at.
    pub(crate) fn compact(&mut self, from: u64, mover: &mut Mover<'_>) -> Option<u64> {
        if from == 0 {
            self.groups.compact(mover);
            self.producers.compact(mover);
        }
        self.entries.compact(from, mover)
    }

    /// The bytes that it takes on the heap, without its own fields.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.entries.heap_bytes() + self.groups.heap_bytes() + self.producers.heap_bytes()
    }

    /// Appends an entry. `None` where its id is not greater than any before.
    pub(crate) fn add<'e>(
        &mut self,
        id: StreamId,
        fields: impl ExactSizeIterator<Item = (Element<'e>, Element<'e>)> + Clone,
    ) -> Option<Result<(), Refused>> {
        if id <= self.last_id {
            return None;
        }
        let added = self.entries.push_entry(id, fields);
        if added.is_ok() {
            self.last_id = id;
            self.entries_added += 1;
        }
        Some(added)
    }

    /// Removes these entries, as far as they exist and the policy lets them go.
    pub(crate) fn delete(&mut self, ids: &[StreamId], policy: Policy) {
        for &id in ids {
            if self.may_go(id, policy)
                && let Some(rank) = self.entries.rank_of(id)
            {
                drop(self.entries.remove_range(rank..rank + 1));
                self.max_deleted_id = self.max_deleted_id.max(id);
            }
        }
    }

    fn may_go(&mut self, id: StreamId, policy: Policy) -> bool {
        match policy {
            Policy::KeepRef => true,
            Policy::DelRef => {
                self.groups.unreference(id);
                true
            }
            Policy::Acked => !self.groups.reference(id),
        }
    }

    /// Removes the first entries, until those that are left are within the limit. Many are returned,
    /// to be dropped where nobody waits.
    pub(crate) fn trim(&mut self, limit: Limit, policy: Policy) -> Option<Gone> {
        const MANY: u64 = 1000;
        let surplus = match limit {
            Limit::MaxLen(most) => self.len().saturating_sub(most),
            Limit::MinId(least) => self.entries.rank_from(least),
        };
        if surplus == 0 {
            return None;
        }
        if self.groups.is_empty() || policy == Policy::KeepRef {
            let gone = self.entries.remove_range(0..surplus);
            return (surplus > MANY).then_some(gone);
        }
        // With `MAXLEN`, others go instead of those that may not.
        let looked_at = match limit {
            Limit::MaxLen(_) => self.len(),
            Limit::MinId(_) => surplus,
        };
        let gone = self.goers(looked_at, surplus, policy);
        for ranks in gone.into_iter().rev() {
            drop(self.entries.remove_range(ranks));
        }
        None
    }

    /// The ranks of the first entries that may go, of the first `looked_at`, at most `most`.
    fn goers(&mut self, looked_at: u64, most: u64, policy: Policy) -> Vec<Range<u64>> {
        let mut gone: Vec<Range<u64>> = Vec::new();
        let (mut rank, mut left) = (0, most);
        let entries = self.entries.clone();
        for entry in entries.iter(0..looked_at) {
            if left == 0 {
                break;
            }
            if self.may_go(entry.id(), policy) {
                left -= 1;
                match gone.last_mut() {
                    Some(last) if last.end == rank => last.end += 1,
                    _ => gone.push(rank..rank + 1),
                }
            }
            rank += 1;
        }
        gone
    }

    /// How many entries had been added up to this id, as far as that can be known.
    pub(crate) fn entries_read_to(&self, id: StreamId) -> Option<u64> {
        let has_entries = self.entries_added > 0 && self.len() > 0;
        let is_open = has_entries && id != id::FIRST && id < self.max_deleted_id;
        if is_open { None } else { self.entries_counted_to(id) }
    }

    /// The same where it does not matter whether entries behind it were deleted.
    pub(crate) fn entries_counted_to(&self, id: StreamId) -> Option<u64> {
        let (len, added, deleted) = (self.len(), self.entries_added, self.max_deleted_id);
        if added == 0 {
            Some(0)
        } else if id == self.last_id || len == 0 && id < self.last_id {
            Some(added)
        } else if id > self.last_id {
            None
        } else {
            let first = self.entries.first_id()?;
            if deleted != id::FIRST && deleted >= first || id > first {
                None
            } else {
                Some(added.saturating_sub(len) + u64::from(id == first))
            }
        }
    }

    /// How many entries a group has read once it has read this one.
    pub(crate) fn entries_read_with(&self, group: &Group, id: StreamId) -> Option<u64> {
        match group.entries_read {
            Some(read)
                if self.entries.first_id().is_some_and(|first| group.last_id >= first)
                    && !self.has_deleted_from(group.last_id) =>
            {
                Some(read + 1)
            }
            _ => self.entries_read_to(id),
        }
    }

    /// Whether entries from this id on may have been deleted.
    pub(crate) fn has_deleted_from(&self, id: StreamId) -> bool {
        self.len() > 0 && self.max_deleted_id != id::FIRST && id <= self.max_deleted_id
    }
}
