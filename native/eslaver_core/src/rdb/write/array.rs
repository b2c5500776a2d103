//! The elements of an array, each in the form that the server chooses for it.

use super::super::array::{FLOAT_MASK, SMALL_MAX, TAG_FLOAT, TAG_INT, TAG_SMALL, TAG_STRING};
use super::super::float;
use super::super::sink::Item;
use super::output::{Body, Output};
use super::primitive::canonical;

/// The server keeps an integer in a word whose last two bits are a tag.
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

/// The float that reads back as exactly these bytes. The server keeps no float with an exponent, nor
/// an infinite one.
fn exact(bytes: &[u8]) -> Option<f64> {
    let has_point = bytes.len() <= FLOAT_MAX && bytes.contains(&b'.');
    if !has_point || !bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-')) {
        return None;
    }
    let value: f64 = fast_float2::parse(bytes).ok()?;
    let kept = f64::from_bits(value.to_bits() & FLOAT_MASK);
    (float::text(kept).as_bytes() == bytes).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Redis 8.10.2 wrote for these.
    #[test]
    fn forms() {
        let table: &[(&str, u64)] = &[
            ("9223372036854775807", TAG_STRING),
            ("2305843009213693952", TAG_STRING),
            ("2305843009213693951", TAG_INT),
            ("-2305843009213693952", TAG_INT),
            ("-2305843009213693953", TAG_STRING),
            ("0", TAG_INT),
            ("1.5", TAG_FLOAT),
            ("0.1", TAG_SMALL),
            ("0.3", TAG_SMALL),
            ("inf", TAG_SMALL),
            ("nan", TAG_SMALL),
            ("1e300", TAG_SMALL),
            ("-0.0", TAG_FLOAT),
            ("-0", TAG_SMALL),
            ("1.0", TAG_FLOAT),
            ("1.00", TAG_SMALL),
            ("100000.0", TAG_FLOAT),
            ("3.14159265358979", TAG_STRING),
            ("3.141592653589793", TAG_FLOAT),
            ("abcdefg", TAG_SMALL),
            ("abcdefgh", TAG_STRING),
            ("12345678.5", TAG_FLOAT),
            ("0.000001", TAG_STRING),
            ("123456789012345678.0", TAG_STRING),
            ("4611686018427387904.0", TAG_FLOAT),
            ("1.7976931348623157e308", TAG_STRING),
            ("2.5e-8", TAG_SMALL),
            ("", TAG_SMALL),
            ("-", TAG_SMALL),
            ("1.2.3", TAG_SMALL),
        ];
        for (text, tag) in table {
            let mut body = Body::new(Vec::new());
            body.element(Item::Bytes(text.as_bytes()));
            assert_eq!(u64::from(body.finish()[0]), *tag, "{text}");
        }
    }
}
