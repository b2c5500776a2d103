//! A score, packed as small as it can be while it stays exact.
//!
//! | first byte | score |
//! |---|---|
//! | `40`–`c4` | an integer, as [`super::element`] packs it |
//! | `d1`–`d9` | a decimal of 1 to 9 places: an integer follows, to be divided by 10 to that power |
//! | `da` | a float of 32 bits, little-endian: so −0 and the infinities |
//! | `db` | a float of 64 bits, little-endian: all others |
//!
//! Each score has one encoding.

use super::element::{Element, Parts};

const DECIMAL: u8 = 0xd0;
const FLOAT: u8 = 0xda;
const DOUBLE: u8 = 0xdb;
/// Ten to the power of as many places as a decimal can have. All are exact.
const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Integers up to here are exact in an `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// How `score` is packed, in at most 9 bytes.
#[inline]
pub fn pack(score: f64) -> Parts<'static> {
    match exact_int(score) {
        Some(value) => Parts::of_int(value),
        None => pack_fraction(score),
    }
}

/// Reads the score at the start of `packed`, and says how many bytes it takes.
#[inline]
pub fn read(packed: &[u8]) -> Option<(f64, usize)> {
    let (&first, rest) = packed.split_first()?;
    Some(match first {
        0x40..=0xc4 => int(packed)?,
        FLOAT => (f64::from(f32::from_le_bytes(*rest.first_chunk()?)), 5),
        DOUBLE => (f64::from_le_bytes(*rest.first_chunk()?), 9),
        _ => {
            let places = usize::from(first.checked_sub(DECIMAL)?);
            let (value, len) = int(rest)?;
            (value / POWERS.get(places)?, 1 + len)
        }
    })
}

fn pack_fraction(score: f64) -> Parts<'static> {
    let float = score as f32;
    let as_float = f64::from(float).to_bits() == score.to_bits();
    let longest = if as_float { 5 } else { 9 };
    match decimal(score).filter(|parts| parts.len() < longest) {
        Some(parts) => parts,
        None if as_float => {
            let [a, b, c, d] = float.to_le_bytes();
            Parts::raw([FLOAT, a, b, c, d], 5)
        }
        None => {
            let [a, b, c, d, e, f, g, h] = score.to_le_bytes();
            Parts::raw([DOUBLE, a, b, c, d, e, f, g, h], 9)
        }
    }
}

/// The decimal that reads as exactly this score, with as few places as possible. The quotient of two
/// exact numbers is the nearest float, so it is what a server makes of the decimal's text.
fn decimal(score: f64) -> Option<Parts<'static>> {
    for (places, power) in (0u8..).zip(POWERS).skip(1) {
        let value = (score * power).round();
        if value.abs() >= EXACT {
            return None;
        }
        if value / power == score && value != 0.0 {
            return prefixed(DECIMAL + places, exact_int(value)?);
        }
    }
    None
}

fn prefixed(code: u8, value: i64) -> Option<Parts<'static>> {
    let mut bytes = [code; 9];
    let int = Parts::of_int(value);
    let len = u8::try_from(1 + int.len()).ok()?;
    int.write_at(&mut bytes[1..]).then(|| Parts::raw(bytes, len))
}

/// The integer that is exactly this score. −0 is none.
#[inline]
fn exact_int(score: f64) -> Option<i64> {
    let value = score as i64;
    let same = (value as f64).to_bits() == score.to_bits();
    // Beyond, the cast may have met the end of its range.
    (same && score.abs() <= EXACT).then_some(value)
}

#[inline]
fn int(packed: &[u8]) -> Option<(f64, usize)> {
    match Element::read(packed)? {
        (Element::Int(value), len) => Some((value as f64, len)),
        (Element::Bytes(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assert_round(score: f64, len: usize) {
        let mut packed = Vec::new();
        pack(score).write(&mut packed);
        assert_eq!(packed.len(), len, "{score}");
        let (back, read) = read(&packed).unwrap();
        assert_eq!((back.to_bits(), read), (score.to_bits(), len), "{score}");
        for cut in 0..len {
            assert_eq!(super::read(&packed[..cut]), None, "{score} cut at {cut}");
        }
    }

    #[test]
    fn scores_take_few_bytes() {
        for (score, len) in [
            (0.0, 1),
            (63.0, 1),
            (64.0, 2),
            (16_447.0, 2),
            (-1.0, 3),
            (0.5, 2),
            (3.25, 3),
            (-2.75, 4),
            (1_700_000_000.0, 5),
            (1_700_000_000_123.0, 7),
            (1_700_000_000.25, 8),
            (EXACT, 9),
            (EXACT + 2.0, 9),
            (0.1, 2),
            (1e9 + 0.1, 8),
            (1.0 / 3.0, 9),
            (f64::from(1.0f32 / 3.0), 5),
            (1e-300, 9),
            (-0.0, 5),
            (f64::INFINITY, 5),
            (f64::NEG_INFINITY, 5),
            (1e300, 9),
            (f64::MAX, 9),
            (f64::MIN_POSITIVE, 9),
            (-9.223_372_036_854_776e18, 5),
        ] {
            assert_round(score, len);
        }
    }

    proptest! {
        #[test]
        fn any_score_comes_back(bits: u64, whole in -1_000_000i64..1_000_000, places in 0usize..10) {
            for score in [f64::from_bits(bits), whole as f64 / POWERS[places]] {
                if !score.is_nan() {
                    let mut packed = Vec::new();
                    pack(score).write(&mut packed);
                    let (back, len) = read(&packed).unwrap();
                    prop_assert_eq!((back.to_bits(), len), (score.to_bits(), packed.len()));
                    prop_assert!(len <= 9);
                }
            }
        }
    }
}
