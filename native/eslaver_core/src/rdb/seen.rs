//! Finds duplicate members of sets and sorted sets, and duplicate fields of hashes.
//!
//! Servers refuse a value that holds one twice. So do we, among the first [`LIMIT`] of a value: in
//! all that come as one string, and in tables of that size. To remember millions would make the
//! load of large tables take half as long again, or four times as long once they outgrow the
//! caches.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

use super::error::ErrorKind;
use super::sink::Item;

/// Members remembered of a value.
const LIMIT: usize = 1024;
/// Words of the table of bits. At eight bits for each member, few share one.
const WORDS: usize = LIMIT / 8;

/// A hash of 64 bits, with a random key of each decoder, stands for each member. Two of a thousand
/// share one with a probability of 2⁻⁴⁵.
pub(crate) struct Seen {
    key: RandomState,
    hashes: Vec<u64>,
    /// If a hash's bit is not set, the hash is new.
    bits: Box<[u64; WORDS]>,
}

impl Seen {
    pub(crate) fn new() -> Self {
        Self { key: RandomState::default(), hashes: Vec::new(), bits: Box::new([0; WORDS]) }
    }

    /// Begins a value.
    #[inline]
    pub(crate) fn clear(&mut self) {
        if !self.hashes.is_empty() {
            self.hashes.clear();
            self.bits.fill(0);
        }
    }

    /// Adds a member or field.
    #[inline]
    pub(crate) fn add(&mut self, item: Item<'_>) -> Result<(), ErrorKind> {
        if self.hashes.len() >= LIMIT {
            return Ok(());
        }
        let hash = match item {
            Item::Bytes(bytes) => self.hash(bytes),
            Item::Int(value) => self.hash(itoa::Buffer::new().format(value).as_bytes()),
        };
        let (word, bit) = (hash as usize / 64 % WORDS, 1 << (hash % 64));
        if self.bits[word] & bit != 0 && self.hashes.contains(&hash) {
            return Err(ErrorKind::Duplicate);
        }
        self.bits[word] |= bit;
        self.hashes.push(hash);
        Ok(())
    }

    #[inline]
    fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.key.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }
}
