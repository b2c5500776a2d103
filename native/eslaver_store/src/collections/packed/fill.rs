//! Many records at once, as a snapshot brings them.

use super::{MAX_RECORDS, MOST_BYTES, PackedMut};
use crate::collections::element::{Element, Parts};
use crate::collections::record::{Kind, Refused};

impl<K: Kind> PackedMut<'_, K> {
    /// Adds records at the end, without a look whether their elements are there, while there are no more
    /// than `most` and no more than [`MOST_BYTES`]: the first for which there is no room.
    #[inline]
    pub fn extend<'a>(
        &mut self,
        records: &mut impl Iterator<Item = (Element<'a>, K::Tail<'a>)>,
        most: usize,
    ) -> Result<Option<(Element<'a>, K::Tail<'a>)>, Refused> {
        let most = most.min(MAX_RECORDS);
        let mut count = self.get().len();
        let mut left = MOST_BYTES.saturating_sub(self.get().bytes());
        let mut beyond = Ok(None);
        for (element, tail) in records {
            let (Some(key), Some(value)) = (Parts::of_element(element), K::pack(tail)) else {
                beyond = Err(Refused::TooLong);
                break;
            };
            let rest = left.checked_sub(key.len() + value.len());
            let (Some(rest), true) = (rest, count < most) else {
                beyond = Ok(Some((element, tail)));
                break;
            };
            left = rest;
            count += 1;
            key.write(self.bytes);
            value.write(self.bytes);
        }
        self.count(|_| u8::try_from(count).unwrap_or(u8::MAX));
        beyond
    }
}
