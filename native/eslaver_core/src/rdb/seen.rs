//! Which members of a set or sorted set, or fields of a hash, have been there already.
//!
//! Servers refuse a value that holds one twice. So do we, among the first [`LIMIT`] of a value: in
//! all that come as one string, and in tables of that size. To remember millions would make the
//! load of large tables take half as long again, or four times as long once they outgrow the
//! caches.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

use super::error::ErrorKind;
use super::sink::Item;

/// How many of a value are remembered.
const LIMIT: usize = 1024;
/// Words of the table of bits: at eight bits for each, few share one.
const WORDS: usize = LIMIT / 8;

/// A hash of 64 bits, under a key of each decoder's own, stands for each member: two of a thousand
/// share one with a chance of 2⁻⁴⁵.
pub(crate) struct Seen {
    key: RandomState,
    hashes: Vec<u64>,
    /// A bit that is not set tells without a search that its hash is new.
    bits: Box<[u64; WORDS]>,
}

impl Seen {
    pub(crate) fn new() -> Self {
        Self { key: RandomState::default(), hashes: Vec::new(), bits: Box::new([0; WORDS]) }
    }

    /// A value begins.
    #[inline]
    pub(crate) fn clear(&mut self) {
        if !self.hashes.is_empty() {
            self.hashes.clear();
            self.bits.fill(0);
        }
    }

    /// Takes the next one of a value.
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
