//! The arithmetic of `INCRBYFLOAT` and `HINCRBYFLOAT`, which servers on x86 do with floats of 80 bits.
//! Masters send its result, so this is for the rare one that comes as it was given, from a module.

use num_bigint::{BigInt, BigUint, Sign};

/// The bits of such a float's mantissa, and the decimals of a result.
const MANTISSA: u64 = 64;
const DECIMALS: u32 = 17;
/// The most digits of an exponent, and of a number, that is read: more are no server's.
const EXPONENT_DIGITS: usize = 4;
const LONGEST: usize = 10_000;

/// An exact value: a fraction of two integers.
struct Fraction {
    numerator: BigInt,
    denominator: BigUint,
}

/// The sum of two numbers in decimal, as the server writes it. `None` where one is no number.
pub(crate) fn add(one: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let (one, other) = (parse(one)?, parse(other)?);
    let numerator = one.numerator * BigInt::from(other.denominator.clone())
        + other.numerator * BigInt::from(one.denominator.clone());
    let sum = Fraction { numerator, denominator: one.denominator * other.denominator };
    Some(write(&rounded(sum)))
}

fn parse(text: &[u8]) -> Option<Fraction> {
    if text.len() > LONGEST {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, parse_exponent(exponent)?),
        None => (text, 0),
    };
    let (sign, number) = match number.strip_prefix('-') {
        Some(number) => (Sign::Minus, number),
        None => (Sign::Plus, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{decimals}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = BigInt::from_biguint(sign, BigUint::parse_bytes(digits.as_bytes(), 10)?);
    let power = exponent - i64::try_from(decimals.len()).ok()?;
    let scale = BigUint::from(10u32).pow(u32::try_from(power.unsigned_abs()).ok()?);
    Some(rounded(match power {
        0.. => Fraction { numerator: digits * BigInt::from(scale), denominator: 1u32.into() },
        _ => Fraction { numerator: digits, denominator: scale },
    }))
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let fits = (1..=EXPONENT_DIGITS).contains(&digits.len());
    if fits && digits.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The nearest value with a mantissa of `MANTISSA` bits.
fn rounded(value: Fraction) -> Fraction {
    let (sign, numerator) = value.numerator.into_parts();
    let denominator = value.denominator;
    if sign == Sign::NoSign {
        return Fraction { numerator: 0.into(), denominator: 1u32.into() };
    }
    let bits = |value: &BigUint| i64::try_from(value.bits()).unwrap_or(i64::MAX);
    let mut shift = bits(&numerator) - bits(&denominator) - MANTISSA as i64;
    loop {
        let (up, down) = (shift.min(0).unsigned_abs(), shift.max(0).unsigned_abs());
        let (numerator, denominator) = (&numerator << up, &denominator << down);
        if (&numerator / &denominator).bits() <= MANTISSA {
            let mantissa = nearest(&numerator, &denominator) << down;
            return Fraction {
                numerator: BigInt::from_biguint(sign, mantissa),
                denominator: BigUint::from(1u32) << up,
            };
        }
        shift += 1;
    }
}

/// The nearest integer, of two the even one.
fn nearest(numerator: &BigUint, denominator: &BigUint) -> BigUint {
    let floor = numerator / denominator;
    let twice = (numerator - &floor * denominator) * 2u32;
    match twice.cmp(denominator) {
        std::cmp::Ordering::Greater => floor + 1u32,
        std::cmp::Ordering::Equal if floor.bit(0) => floor + 1u32,
        _ => floor,
    }
}

fn write(value: &Fraction) -> Vec<u8> {
    let (sign, numerator) = (value.numerator.sign(), value.numerator.magnitude());
    let unit = BigUint::from(10u32).pow(DECIMALS);
    let scaled = nearest(&(numerator * &unit), &value.denominator);
    let (whole, decimals) = (&scaled / &unit, &scaled % &unit);
    let decimals = format!("{decimals:0>width$}", width = DECIMALS as usize);
    let mut text = whole.to_string();
    match decimals.trim_end_matches('0') {
        "" => {}
        left => text = format!("{text}.{left}"),
    }
    if sign == Sign::Minus && text != "0" {
        format!("-{text}").into_bytes()
    } else {
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `INCRBYFLOAT` of a real server on x86 answers.
    #[test]
    fn sums_are_those_of_servers() {
        for (one, other, sum) in [
            ("10.50", "0.1", "10.6"),
            ("3.0e3", "200", "3200"),
            ("0.1", "0.2", "0.3"),
            ("1e17", "0.3", "100000000000000000.296875"),
            ("-1.7", "1.7", "0"),
            ("5", "1e-18", "5"),
            ("12345678901.123", "1e-7", "12345678901.12300009932368994"),
            ("1", "-1.000000000000000055", "-0.00000000000000005"),
        ] {
            let found = add(one.as_bytes(), other.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(found).unwrap(), sum, "{one} + {other}");
        }
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in ["", ".", "x", "1x", "1e", "1e99999", "--1", "0x1", "nan", "1 "] {
            assert_eq!(add(text.as_bytes(), b"1"), None, "{text}");
        }
    }
}
