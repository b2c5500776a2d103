//! A key and a small value in one allocation.
//!
//! | bytes | |
//! |---|---|
//! | 1 | type (low 4 bits), whether a time follows (bit 4), the value's form (bits 5–7) |
//! | 1–5 | length of the key, 7 bits a byte, the lowest first |
//! | 0 or 8 | when the key expires, in ms since the epoch, little-endian |
//! | | the key |
//! | | the value's payload, whose layout is the type's own for each form |

use std::ops::Range;

use crate::collections::mover::Mover;
use crate::values::Type;

const TYPE: u8 = 0x0f;
const HAS_EXPIRY: u8 = 0x10;
const FORM_SHIFT: u32 = 5;
const EXPIRY_LEN: usize = 8;

/// A key and its value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Block(Box<[u8]>);

/// Where the parts of a block are.
struct Parts {
    expiry: Range<usize>,
    key: Range<usize>,
}

impl Block {
    pub(crate) fn new(
        key: &[u8],
        expire_at: Option<i64>,
        kind: Type,
        form: u8,
        payload: &[u8],
    ) -> Self {
        let (has_expiry, expiry_len) = match expire_at {
            Some(_) => (HAS_EXPIRY, EXPIRY_LEN),
            None => (0, 0),
        };
        let head_len = 1 + len_len(key.len()) + expiry_len;
        // Exact: what is given back at once is lost to the allocator's fragments.
        let mut bytes = Vec::with_capacity(head_len + key.len() + payload.len());
        bytes.push(kind as u8 | has_expiry | (form << FORM_SHIFT));
        write_len(key.len(), &mut bytes);
        if let Some(at) = expire_at {
            bytes.extend(at.to_le_bytes());
        }
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(payload);
        Self(bytes.into_boxed_slice())
    }

    #[inline]
    fn header(&self) -> u8 {
        self.0.first().copied().unwrap_or_default()
    }

    #[inline]
    pub(crate) fn kind(&self) -> Type {
        Type::from_code(self.header() & TYPE)
    }

    #[inline]
    pub(crate) fn form(&self) -> u8 {
        self.header() >> FORM_SHIFT
    }

    #[inline]
    fn parts(&self) -> Parts {
        let mut key_len = 0;
        let mut at = 1;
        let mut shift = 0;
        while let Some(&byte) = self.0.get(at) {
            key_len |= usize::from(byte & 0x7f) << shift;
            at += 1;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let expiry = at..at + if self.header() & HAS_EXPIRY == 0 { 0 } else { EXPIRY_LEN };
        let key = expiry.end..expiry.end + key_len;
        Parts { expiry, key }
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        self.0.get(self.parts().key).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn payload(&self) -> &[u8] {
        self.0.get(self.parts().key.end..).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn expire_at(&self) -> Option<i64> {
        if self.header() & HAS_EXPIRY == 0 {
            return None;
        }
        let bytes = self.0.get(self.parts().expiry)?.try_into().ok()?;
        Some(i64::from_le_bytes(bytes))
    }

    pub(crate) fn set_expire_at(&mut self, at: Option<i64>) {
        let expiry = self.parts().expiry;
        match at {
            Some(at) if !expiry.is_empty() => {
                self.0[expiry].copy_from_slice(&at.to_le_bytes());
            }
            None if expiry.is_empty() => {}
            _ => *self = Self::new(self.key(), at, self.kind(), self.form(), self.payload()),
        }
    }

    /// Puts another payload, of this kind, form and time, in the place of one of the same length, if that
    /// is all that differs.
    #[inline]
    pub(crate) fn overwrite(
        &mut self,
        expire_at: Option<i64>,
        kind: Type,
        form: u8,
        payload: &[u8],
    ) -> bool {
        let at = self.parts().key.end;
        let is_same = (self.kind(), self.form(), self.expire_at()) == (kind, form, expire_at);
        match self.0.get_mut(at..) {
            Some(old) if is_same && old.len() == payload.len() => {
                old.copy_from_slice(payload);
                true
            }
            _ => false,
        }
    }

    /// The payload, to be changed in place.
    pub(crate) fn edit(&mut self) -> Edit<'_> {
        let base = self.parts().key.end;
        let bytes = std::mem::take(&mut self.0).into_vec();
        Edit { block: self, bytes, base }
    }

    pub(crate) fn compact(&mut self, mover: &mut Mover<'_>) {
        mover.bytes(&mut self.0);
    }

    /// The bytes that it takes, apart from what the allocator adds.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.0.len()
    }
}

/// A block whose payload is being changed. The block is whole again when this is dropped.
#[derive(Debug)]
pub(crate) struct Edit<'a> {
    block: &'a mut Block,
    bytes: Vec<u8>,
    base: usize,
}

impl Edit<'_> {
    pub(crate) fn payload(&self) -> &[u8] {
        self.bytes.get(self.base..).unwrap_or_default()
    }

    /// The block's bytes, whose payload begins at [`Edit::base`]. What is before it must stay.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(crate) fn base(&self) -> usize {
        self.base
    }

    /// Replaces a range of the payload.
    pub(crate) fn splice(&mut self, range: Range<usize>, with: &[u8]) {
        self.bytes.reserve_exact(with.len().saturating_sub(range.len()));
        self.bytes.splice(self.base + range.start..self.base + range.end, with.iter().copied());
    }

    /// Appends zeros until the payload has `len` bytes.
    pub(crate) fn grow(&mut self, len: usize) {
        let len = self.base + len;
        if len > self.bytes.len() {
            self.bytes.reserve_exact(len - self.bytes.len());
            self.bytes.resize(len, 0);
        }
    }
}

impl Drop for Edit<'_> {
    fn drop(&mut self) {
        self.block.0 = std::mem::take(&mut self.bytes).into_boxed_slice();
    }
}

/// The number of bytes of a length.
fn len_len(len: usize) -> usize {
    len.checked_ilog2().map_or(1, |bits| bits as usize / 7 + 1)
}

fn write_len(mut len: usize, to: &mut Vec<u8>) {
    loop {
        let low = (len & 0x7f) as u8;
        len >>= 7;
        if len == 0 {
            return to.push(low);
        }
        to.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_parts(block: &Block, key: &[u8], at: Option<i64>, form: u8, payload: &[u8]) {
        assert_eq!((block.key(), block.expire_at()), (key, at));
        assert_eq!((block.kind(), block.form(), block.payload()), (Type::Hash, form, payload));
    }

    #[test]
    fn parts_come_back() {
        for key_len in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
            let key = vec![b'k'; key_len];
            for at in [None, Some(0), Some(-1), Some(i64::MAX)] {
                for payload in [&b""[..], b"p", &[0xff; 1000]] {
                    let mut block = Block::new(&key, at, Type::Hash, 5, payload);
                    assert_parts(&block, &key, at, 5, payload);
                    for other in [Some(7), Some(8), None, None] {
                        block.set_expire_at(other);
                        assert_parts(&block, &key, other, 5, payload);
                    }
                }
            }
        }
    }

    #[test]
    fn payload_is_overwritten_where_all_else_is_the_same() {
        let mut block = Block::new(b"key", Some(9), Type::Hash, 1, b"one");
        assert!(block.overwrite(Some(9), Type::Hash, 1, b"two"));
        assert_parts(&block, b"key", Some(9), 1, b"two");
        for (at, kind, form, payload) in [
            (Some(8), Type::Hash, 1, b"six".as_slice()),
            (None, Type::Hash, 1, b"six"),
            (Some(9), Type::Set, 1, b"six"),
            (Some(9), Type::Hash, 0, b"six"),
            (Some(9), Type::Hash, 1, b"four"),
        ] {
            assert!(!block.overwrite(at, kind, form, payload));
            assert_parts(&block, b"key", Some(9), 1, b"two");
        }
    }

    #[test]
    fn payload_changes_in_place() {
        let mut block = Block::new(b"key", Some(9), Type::Hash, 0, b"one");
        let mut edit = block.edit();
        edit.splice(1..2, b"...");
        assert_eq!(edit.payload(), b"o...e");
        drop(edit);
        assert_parts(&block, b"key", Some(9), 0, b"o...e");
    }
}
