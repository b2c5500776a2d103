//! The magic at a snapshot's start: its family and version.

use super::error::ErrorKind;
use super::family::Family;

/// Reads a magic.
pub(crate) fn header(magic: [u8; 9]) -> Result<(Family, u32), ErrorKind> {
    let (family, digits) = match &magic {
        [b'R', b'E', b'D', b'I', b'S', digits @ ..] => (Family::Redis, digits.as_slice()),
        [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] => (Family::Valkey, digits.as_slice()),
        _ => return Err(ErrorKind::BadMagic(magic)),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(ErrorKind::BadMagic(magic));
    }
    let version = digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    Ok((family, version))
}
