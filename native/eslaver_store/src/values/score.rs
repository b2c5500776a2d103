//! Scores of sorted sets: their texts and their arithmetic, as servers have them. No score is NaN.

use eslaver_core::decimal;

use crate::collections::element;

/// The most bits of a hexadecimal number, so that it is exact.
const MANTISSA: u32 = 53;

/// The score without a sign of zero.
#[inline]
pub(crate) fn plain(score: f64) -> f64 {
    score + 0.0
}

/// What `strtod` makes of a text, as servers use it for scores and for bounds of them: decimal or
/// hexadecimal, infinite if it is too large; nothing at all is zero. `None` for what is no number.
#[inline]
pub(crate) fn parse(text: &[u8]) -> Option<f64> {
    match element::integer(text) {
        // The conversion rounds to the nearest, as `strtod` does.
        Some(value) => Some(value as f64),
        None => parse_any(text),
    }
}

fn parse_any(text: &[u8]) -> Option<f64> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let text = text.get(start..)?;
    Some(match text {
        [] => 0.0,
        [b'-', digits @ ..] => -unsigned(digits)?,
        [b'+', digits @ ..] => unsigned(digits)?,
        digits => unsigned(digits)?,
    })
}

fn unsigned(digits: &[u8]) -> Option<f64> {
    match digits {
        [b'0', b'x' | b'X', digits @ ..] => hexadecimal(digits),
        [b'0'..=b'9' | b'.', ..] => {
            decimal::short(digits).or_else(|| std::str::from_utf8(digits).ok()?.parse().ok())
        }
        word if word.eq_ignore_ascii_case(b"inf") => Some(f64::INFINITY),
        word if word.eq_ignore_ascii_case(b"infinity") => Some(f64::INFINITY),
        _ => None,
    }
}

/// Its digits are bits: what they make is exact as long as a float has room for them.
fn hexadecimal(text: &[u8]) -> Option<f64> {
    let (mut mantissa, mut digits, mut decimals) = (0u64, 0usize, None);
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        match char::from(byte).to_digit(16) {
            Some(digit) => {
                mantissa = mantissa.checked_mul(16)? + u64::from(digit);
                digits += 1;
                decimals = decimals.map(|decimals: i64| decimals + 1);
            }
            None if byte == b'.' && decimals.is_none() => decimals = Some(0),
            None => break,
        }
        rest = behind;
    }
    if digits == 0 || mantissa >> MANTISSA != 0 {
        return None;
    }
    let exponent = match rest {
        [] => 0,
        [b'p' | b'P', exponent @ ..] => std::str::from_utf8(exponent).ok()?.parse::<i64>().ok()?,
        _ => return None,
    };
    let power = exponent.checked_sub(decimals.unwrap_or(0).checked_mul(4)?)?;
    Some(scale(mantissa as f64, power))
}

/// A number by a power of two, rounded once.
fn scale(mut number: f64, mut power: i64) -> f64 {
    const STEP: i64 = 1000;
    while power.abs() > STEP && number != 0.0 && number.is_finite() {
        let step = power.signum() * STEP;
        number *= power_of_two(step);
        power -= step;
    }
    if power.abs() > STEP { number } else { number * power_of_two(power) }
}

/// Two to the power of −1022 to 1023.
fn power_of_two(power: i64) -> f64 {
    f64::from_bits(((1023 + power) as u64) << 52)
}

/// How the scores of one member in several sorted sets are combined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Aggregate {
    #[default]
    Sum,
    Min,
    Max,
    /// The weights of the sets that have it are summed up.
    Count,
}

impl Aggregate {
    /// What a score counts with this weight. NaN for infinity by zero.
    pub(crate) fn weighted(self, weight: f64, score: f64) -> f64 {
        match self {
            Self::Count => weight,
            _ => weight * score,
        }
    }

    /// Two scores of one member. What is no number makes a sum zero, and is neither a least nor a
    /// greatest score.
    pub(crate) fn combine(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Sum | Self::Count => number(one + other),
            // Of the two zeros, which are equal, the first one stays.
            Self::Min => {
                if other < one {
                    other
                } else {
                    one
                }
            }
            Self::Max => {
                if other > one {
                    other
                } else {
                    one
                }
            }
        }
    }
}

/// Zero for what is no number.
pub(crate) fn number(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INF: f64 = f64::INFINITY;

    proptest! {
        #[test]
        fn short_numbers_are_read_as_long_ones(text in r"[0-9]{1,9}\.?[0-9]{0,9}|\.[0-9]{1,16}") {
            let found = parse(text.as_bytes()).map(f64::to_bits);
            prop_assert_eq!(found, text.parse().ok().map(f64::to_bits));
            let padded = parse(format!("{text:0>40}").as_bytes()).map(f64::to_bits);
            prop_assert_eq!(found, padded);
        }
    }

    #[test]
    fn texts_are_read_as_servers_do() {
        for (text, score) in [
            ("0", 0.0),
            ("-0", -0.0),
            ("-0.0", -0.0),
            ("-0x0", -0.0),
            ("-1e-400", -0.0),
            ("3", 3.0),
            ("+3", 3.0),
            ("007", 7.0),
            ("-3.5", -3.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("1E+3", 1000.0),
            ("-.5e-3", -0.0005),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("9223372036854775807", 9.223_372_036_854_776e18),
            ("9223372036854775808", 9.223_372_036_854_776e18),
            ("0.30000000000000004", 0.30000000000000004),
            ("12345678901234567890123456789012345678901234567890", 1.2345678901234567e49),
            ("1.7976931348623157e308", f64::MAX),
            ("1e400", INF),
            ("-1e400", -INF),
            ("1.7976931348623159e308", INF),
            ("1e-400", 0.0),
            ("5e-324", 5e-324),
            ("inf", INF),
            ("+inf", INF),
            ("-INF", -INF),
            ("Infinity", INF),
            ("0x1p3", 8.0),
            ("0X10", 16.0),
            ("-0x.8", -0.5),
            ("0x1.8p-1074", 1e-323),
            ("0x1p1024", INF),
            ("0x1p99999", INF),
            ("0x1p-99999", 0.0),
            ("0x0p99999", 0.0),
            ("", 0.0),
            (" 7", 7.0),
            (" \t\n-7", -7.0),
        ] {
            let found = parse(text.as_bytes()).map(f64::to_bits);
            assert_eq!(found, Some(f64::to_bits(score)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in [
            "nan",
            "NaN",
            "-nan",
            "infi",
            "1e",
            "1e+",
            "1d",
            "0x",
            "0x.",
            "0x1p",
            "0x1g",
            ".",
            "1_0",
            "5 ",
            "--1",
            "+-1",
            "- 1",
            "-",
            "+",
            "e5",
            "0x1.8.1",
            "\u{e9}",
            "1\0",
            "0x123456789abcdef01",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"1\xff"), None);
    }

    #[test]
    fn scores_are_combined_as_servers_do() {
        let sum = |one, other| Aggregate::Sum.combine(one, other);
        let product = |weight, score| Aggregate::Sum.weighted(weight, score);
        for (found, wanted) in [
            (sum(0.1, 0.2), 0.30000000000000004),
            (sum(f64::MAX, f64::MAX), INF),
            (sum(-f64::MAX, -f64::MAX), -INF),
            (sum(INF, -f64::MAX), INF),
            (sum(1.0, -INF), -INF),
            (sum(INF, INF), INF),
            (sum(INF, -INF), 0.0),
            (sum(5.0, f64::NAN), 0.0),
            (sum(-1.0, 1.0), 0.0),
            (product(-f64::MAX, 2.0), -INF),
            (product(INF, -2.0), -INF),
            (product(-INF, -INF), INF),
            (product(-1.0, 0.0), -0.0),
            (sum(-0.0, -0.0), -0.0),
            (sum(-0.0, 0.0), 0.0),
            (Aggregate::Min.combine(0.0, -0.0), 0.0),
            (Aggregate::Max.combine(-0.0, 0.0), -0.0),
            (number(product(0.0, -INF)), 0.0),
            (Aggregate::Count.weighted(3.0, INF), 3.0),
            (Aggregate::Count.combine(3.0, 2.0), 5.0),
            (Aggregate::Max.combine(5.0, f64::NAN), 5.0),
            (Aggregate::Max.combine(5.0, INF), INF),
            (Aggregate::Min.combine(5.0, INF), 5.0),
            (Aggregate::Min.combine(5.0, f64::NAN), 5.0),
        ] {
            assert_eq!(found.to_bits(), f64::to_bits(wanted), "{found} {wanted}");
        }
    }
}
