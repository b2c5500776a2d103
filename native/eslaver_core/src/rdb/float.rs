//! Floats as Redis writes them, with the digits of Grisu2: nearly always the fewest that read as
//! the same float.

/// Integers up to here are written as such.
const INTEGERS: f64 = (i64::MAX / 2) as f64;

/// An array's float: what `ARGET` answers. It never reads as an integer.
pub(super) fn text(value: f64) -> String {
    let mut text = decimal(value);
    if value.is_finite() && !text.contains(['.', 'e']) {
        text.push_str(".0");
    }
    text
}

fn decimal(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "nan".into()
        } else if value > 0.0 {
            "inf".into()
        } else {
            "-inf".into()
        };
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value == 0.0 || (value.abs() <= INTEGERS && value.trunc() == value) {
        return format!("{sign}{}", value.abs() as i64);
    }
    let (digits, exponent) = digits(value.abs());
    format!("{sign}{}", laid_out(&digits, exponent, value < 0.0))
}

/// The text of `digits` times a power of ten: with zeros or a point if few are needed, else with an
/// exponent.
fn laid_out(digits: &str, power: i32, negative: bool) -> String {
    let count = digits.len() as i32;
    let exponent = power + count - 1;
    if power >= 0 && exponent < count + 7 {
        return format!("{digits}{}", "0".repeat(power.unsigned_abs() as usize));
    }
    if power < 0 && (power > -7 || exponent.abs() < 4) {
        let point = count + power;
        return match usize::try_from(point) {
            Ok(point) if point > 0 => format!("{}.{}", &digits[..point], &digits[point..]),
            _ => format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        };
    }
    let digits = &digits[..digits.len().min(if negative { 17 } else { 18 })];
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{first}{point}{rest}e{exponent:+}")
}

/// A number: `fraction` times two to the power of `exponent`.
#[derive(Clone, Copy)]
struct Scaled {
    fraction: u64,
    exponent: i32,
}

impl Scaled {
    fn normalized(self) -> Self {
        let shift = self.fraction.leading_zeros();
        Self { fraction: self.fraction << shift, exponent: self.exponent - shift as i32 }
    }

    /// The product, rounded to 64 bits.
    fn times(self, other: Self) -> Self {
        let product = u128::from(self.fraction) * u128::from(other.fraction);
        let fraction = ((product + (1 << 63)) >> 64) as u64;
        Self { fraction, exponent: self.exponent + other.exponent + 64 }
    }
}

/// The digits of a float above 0, and the power of ten to multiply them by.
fn digits(value: f64) -> (String, i32) {
    const FRACTION: u32 = f64::MANTISSA_DIGITS - 1;
    const BIAS: i32 = f64::MAX_EXP - 1 + FRACTION as i32;
    let (fraction, exponent) =
        (value.to_bits() & ((1 << FRACTION) - 1), value.to_bits() >> FRACTION);
    let exact = if exponent == 0 {
        Scaled { fraction, exponent: 1 - BIAS }
    } else {
        Scaled { fraction: fraction | (1 << FRACTION), exponent: exponent as i32 - BIAS }
    };
    // half of the way to the floats beside it
    let upper = Scaled { fraction: (exact.fraction << 1) + 1, exponent: exact.exponent - 1 };
    let upper = upper.normalized();
    let below = if exact.fraction == 1 << FRACTION { 2 } else { 1 };
    let lower = (exact.fraction << below) - 1;
    let lower = lower << (exact.exponent - below - upper.exponent);
    let lower = Scaled { fraction: lower, exponent: upper.exponent };

    let (power, tens) = power_of_ten(upper.exponent);
    let exact = exact.normalized().times(tens);
    let (lower, upper) = (lower.times(tens).fraction + 1, upper.times(tens));
    let upper = Scaled { fraction: upper.fraction - 1, ..upper };
    let (digits, kappa) = shortest(exact.fraction, lower, upper);
    (digits.iter().map(|digit| char::from(b'0' + digit)).collect(), kappa - power)
}

/// The fewest digits of a number between `lower` and `upper`, and their power of ten.
fn shortest(exact: u64, lower: u64, upper: Scaled) -> (Vec<u8>, i32) {
    let bits = upper.exponent.unsigned_abs();
    let one = 1_u64 << bits;
    let (mut whole, mut part) = (upper.fraction >> bits, upper.fraction & (one - 1));
    let (mut room, mut distance) = (upper.fraction - lower, upper.fraction - exact);
    let mut digits = Vec::new();
    for kappa in (0..10).rev() {
        let unit = 10_u64.pow(kappa);
        let digit = whole / unit;
        whole %= unit;
        if digit > 0 || !digits.is_empty() {
            digits.push(digit as u8);
        }
        let rest = (whole << bits) + part;
        if rest <= room {
            round(&mut digits, room, rest, unit << bits, distance);
            return (digits, kappa as i32);
        }
    }
    for kappa in 1.. {
        (part, room, distance) = (part * 10, room * 10, distance.wrapping_mul(10));
        let digit = part >> bits;
        part &= one - 1;
        if digit > 0 || !digits.is_empty() {
            digits.push(digit as u8);
        }
        if part < room {
            round(&mut digits, room, part, one, distance);
            return (digits, -kappa);
        }
    }
    (digits, 0)
}

/// Lowers the last digit while the number gets nearer.
fn round(digits: &mut [u8], room: u64, mut rest: u64, unit: u64, distance: u64) {
    let Some(last) = digits.last_mut() else { return };
    while rest < distance
        && room - rest >= unit
        && (rest + unit < distance || distance - rest > rest + unit - distance)
    {
        *last -= 1;
        rest += unit;
    }
}

/// The power of ten that brings a number of 64 bits with this exponent to an exponent from −60 to
/// −32. Every eighth power is used, from −348 on.
fn power_of_ten(exponent: i32) -> (i32, Scaled) {
    const FIRST: i32 = -348;
    const STEP: i32 = 8;
    const COUNT: i32 = 87;
    const LOG_2: f64 = 0.301_029_995_663_981_14;
    let near = (f64::from(-(exponent + COUNT)) * LOG_2) as i32;
    let mut index = (near - FIRST) / STEP;
    loop {
        let power = FIRST + index * STEP;
        let tens = eighth_power(power);
        match exponent + tens.exponent + 64 {
            ..-60 => index += 1,
            -60..=-32 => return (power, tens),
            _ => index -= 1,
        }
    }
}

/// Ten to the power of 4, 12, 20 … or −4, −12 …, rounded to 64 bits.
fn eighth_power(power: i32) -> Scaled {
    const STEP: u128 = 100_000_000;
    let (mut fraction, mut exponent) = (10_000_u128 << 114, -114);
    for _ in 0..(power - 4) / 8 {
        // 128 bits by 27 are 155 at most
        let (high, low) = ((fraction >> 64) * STEP, (fraction & u128::from(u64::MAX)) * STEP);
        let high = high + (low >> 64);
        let shift = high.leading_zeros();
        fraction = (high << shift) | ((low & u128::from(u64::MAX)) >> (64 - shift));
        exponent += 64 - shift as i32;
    }
    for _ in 0..(4 - power) / 8 {
        // 36 bits more than there are, so that 128 are left
        let (high, rest) = (fraction / STEP, fraction % STEP);
        let shift = high.leading_zeros();
        fraction = (high << shift) | ((rest << shift) / STEP);
        exponent -= shift as i32;
    }
    let rounded = (fraction >> 64) + ((fraction >> 63) & 1);
    match u64::try_from(rounded) {
        Ok(fraction) => Scaled { fraction, exponent: exponent + 64 },
        Err(_) => Scaled { fraction: 1 << 63, exponent: exponent + 65 },
    }
}
