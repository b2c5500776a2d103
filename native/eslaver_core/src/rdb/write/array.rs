//! An array's elements, each in the form in which the server keeps it.

use super::super::array::{FLOAT_MASK, SMALL_MAX, TAG_FLOAT, TAG_INT, TAG_SMALL, TAG_STRING};
use super::super::float;
use super::super::sink::Item;
use super::output::{Body, Output};
use super::primitive::canonical;

/// Two bits of a word of the server's tell what it is; the others are an integer.
const INT_MAX: i64 = i64::MAX >> 2;
const INT_MIN: i64 = i64::MIN >> 2;
/// The longest text of a float.
const FLOAT_MAX: usize = 32;

impl<O: Output> Body<O> {
    pub(super) fn element(&mut self, item: Item<'_>) {
        let mut digits = itoa::Buffer::new();
        let bytes = match item {
            Item::Bytes(bytes) => bytes,
            Item::Int(value) => digits.format(value).as_bytes(),
        };
        if let Some(value) = canonical(bytes).filter(|value| (INT_MIN..=INT_MAX).contains(value)) {
            self.length(TAG_INT);
            self.put(&value.to_le_bytes());
        } else if let Some(value) = exact(bytes) {
            self.length(TAG_FLOAT);
            self.put(&value.to_le_bytes());
        } else {
            self.length(if bytes.len() <= SMALL_MAX { TAG_SMALL } else { TAG_STRING });
            self.string(bytes);
        }
    }
}

/// The float that the server gives back as exactly these bytes.
fn exact(bytes: &[u8]) -> Option<f64> {
    let may_be = matches!(bytes, [b'0'..=b'9' | b'-' | b'i' | b'n', ..]);
    if !may_be || bytes.len() > FLOAT_MAX {
        return None;
    }
    let value: f64 = fast_float2::parse(bytes).ok()?;
    let kept = f64::from_bits(value.to_bits() & FLOAT_MASK);
    (float::text(kept).as_bytes() == bytes).then_some(kept)
}
