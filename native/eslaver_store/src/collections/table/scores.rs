//! Edits of the scores of a large sorted set.

use super::Table;
use crate::collections::element::{Element, Parts};
use crate::collections::record::{Expiry, Kind, Refused, Scores};

impl Table<Scores> {
    /// Gives a member a score: the score that it had. Of the two zeros, which are equal, it keeps the
    /// one that it has.
    pub fn put(&mut self, member: Element<'_>, score: f64) -> Result<Option<f64>, Refused> {
        let key = Parts::of_element(member).ok_or(Refused::TooLong)?;
        let tail = Scores::pack(score).ok_or(Refused::TooLong)?;
        let hash = self.hash.of(&key);
        let segment = self.segment(hash);
        let old = match segment.find(&key, hash) {
            None => {
                self.change(hash, |segment| segment.add(hash, &key, &tail, None))?;
                None
            }
            Some(at) => {
                let old = segment.record(at).map(|record| record.tail);
                if old == Some(score) {
                    return Ok(old);
                }
                self.change(hash, |segment| segment.replace(at, &key, &tail, Expiry::Never))?;
                old
            }
        };
        self.split(hash);
        Ok(old)
    }

    /// Removes a member: the score that it had.
    pub fn take(&mut self, member: Element<'_>) -> Option<f64> {
        let key = Parts::of_element(member)?;
        let hash = self.hash.of(&key);
        let segment = self.segment(hash);
        let at = segment.find(&key, hash)?;
        let old = segment.record(at)?.tail;
        self.remove_at(hash, at);
        Some(old)
    }
}
