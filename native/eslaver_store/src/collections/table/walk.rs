//! Reading a table as a whole, in pieces, or at random.

use super::Table;
use super::segment::TAG_BITS;
use crate::collections::record::{Kind, Record};

/// The last bits of a hash that a cursor leaves out: they are 0 in all positions of a scan. So it
/// fits where 60 bits do.
const CURSOR_SHIFT: u32 = 8;

const _: () = assert!(super::MAX_DEPTH + TAG_BITS <= 64 - CURSOR_SHIFT);

impl<K: Kind> Table<K> {
    /// All records, in an order of no meaning, which a change of the table may change.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_, K>> {
        self.segments().flat_map(|segment| segment.records())
    }

    /// All records with a time of their own to live.
    pub fn iter_timed(&self) -> impl Iterator<Item = Record<'_, K>> {
        let segments = self.segments().filter(|segment| segment.timed() > 0);
        segments.flat_map(|segment| segment.records()).filter(|record| record.expire_at.is_some())
    }

    /// How many records have expired at `now`, in ms since the epoch. It costs little where few have.
    pub fn expired(&self, now: i64) -> usize {
        match self.timed {
            0 => 0,
            _ => self.segments().map(|segment| segment.expired(now)).sum(),
        }
    }

    /// Steps of some 10 ns that [`Table::expired`] takes.
    pub fn expired_steps(&self, now: i64) -> usize {
        match self.timed {
            0 => 0,
            _ => self.segments().map(|segment| segment.expired_steps(now)).sum(),
        }
    }

    /// Hands `to` about `count` records from a cursor on, and says where to go on; 0 is the start and
    /// the end.
    ///
    /// A record that is there from the start of a scan to its end is handed out at least once, however
    /// the table changes in between: a cursor is a position in the order of hashes.
    pub fn scan(&self, cursor: u64, count: usize, mut to: impl FnMut(Record<'_, K>)) -> u64 {
        let mut hash = cursor << CURSOR_SHIFT;
        let mut left = count.max(1);
        loop {
            let segment = self.segment(hash);
            let mut last = None;
            for position in segment.first_from(hash).. {
                let Some(at) = segment.hash_at(position, hash) else { break };
                // Those with the same bits of their hashes cannot be told apart by a cursor.
                if left == 0 && last != Some(at) {
                    return at >> CURSOR_SHIFT;
                }
                if let Some(record) = segment.record(position) {
                    to(record);
                }
                left = left.saturating_sub(1);
                last = Some(at);
            }
            let next = match segment.depth() {
                0 => None,
                depth => ((hash >> (64 - depth)) + 1).checked_shl(64 - depth),
            };
            hash = match next {
                None | Some(0) => return 0,
                Some(next) => next,
            };
            // A segment without records counts too.
            left = left.saturating_sub(usize::from(last.is_none()));
            if left == 0 {
                return hash >> CURSOR_SHIFT;
            }
        }
    }

    /// A random record, each as likely as any other; `random` gives 64 random bits a call.
    pub fn random(&self, mut random: impl FnMut() -> u64) -> Option<Record<'_, K>> {
        if self.len == 0 {
            return None;
        }
        // A segment is met as often as it has hashes, and taken as often as it has records for them:
        // up to twice as many as the average, which none has where hashes are random.
        loop {
            let hash = random();
            let segment = self.segment(hash);
            let records = (segment.len() as u128) << segment.depth();
            let lot = (u128::from(random()) * 2 * self.len as u128) >> 64;
            if lot < records {
                let position = (u128::from(random()) * segment.len() as u128) >> 64;
                return segment.record(position as usize);
            }
        }
    }

    fn segments(&self) -> impl Iterator<Item = &super::Segment<K>> {
        let pages = self.pages.items().iter();
        pages.flat_map(|page| page.segments.items().iter().map(|segment| &**segment))
    }
}
