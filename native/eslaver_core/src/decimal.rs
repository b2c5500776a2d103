//! Decimals of few digits, as most scores are: they cost less than any number does.

/// The most digits of an integer that is exact as a float, whatever they are.
const EXACT_DIGITS: usize = 15;

/// The float next to a decimal without a sign or an exponent, of up to 15 characters: a quotient of two
/// integers that are exact as floats, which division rounds as the decimal is to be rounded. `None` for
/// any other text, which may be a number as well.
#[inline]
pub fn short(text: &[u8]) -> Option<f64> {
    let (mut value, mut point) = (0u64, None);
    if text.is_empty() || text.len() > EXACT_DIGITS {
        return None;
    }
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() && text.len() > 1 => point = Some(at),
            _ => return None,
        }
    }
    let places = point.map_or(0, |at| text.len() - at - 1);
    Some(value as f64 / 10u64.pow(places as u32) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_short_decimals_are_read() {
        for (text, number) in [("0", 0.0), ("3.25", 3.25), (".5", 0.5), ("12.", 12.0), ("007", 7.0)]
        {
            assert_eq!(short(text.as_bytes()), Some(number), "{text}");
        }
        let others = ["", ".", "1.2.3", "-1", "+1", " 1", "1e3", "0x10", "inf", "1234567890123456"];
        for text in others {
            assert_eq!(short(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn they_are_read_as_any_number_is(text in "[0-9]{0,8}\\.?[0-9]{1,6}") {
            let number = text.parse::<f64>().unwrap();
            prop_assert_eq!(short(text.as_bytes()).map(f64::to_bits), Some(number.to_bits()));
        }
    }
}
