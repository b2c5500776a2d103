//! Unsigned integers of 7 bits a byte, the lowest first.

/// Appends an integer.
#[inline]
pub(super) fn write(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// Reads the integer at the start of `bytes`, and says what follows it.
#[inline(always)]
pub(super) fn read(bytes: &[u8]) -> Option<(u64, &[u8])> {
    match bytes {
        [one @ ..0x80, rest @ ..] => Some((u64::from(*one), rest)),
        [low, high @ ..0x80, rest @ ..] => {
            Some((u64::from(low & 0x7f) | u64::from(*high) << 7, rest))
        }
        _ => read_long(bytes),
    }
}

fn read_long(mut bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (&byte, rest) = bytes.split_first()?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        bytes = rest;
        if byte < 0x80 {
            return Some((value, rest));
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back() {
        for shift in 0..64 {
            for value in [u64::MAX >> shift, (u64::MAX >> shift) + u64::from(shift > 0)] {
                let mut bytes = Vec::new();
                write(value, &mut bytes);
                for cut in 0..bytes.len() {
                    assert_eq!(read(&bytes[..cut]), None);
                }
                bytes.push(9);
                assert_eq!(read(&bytes), Some((value, &[9][..])));
            }
        }
        assert_eq!(read(&[0x80; 20]), None);
    }
}
