//! Which texts a server takes for numbers when it sorts: servers have had several ways to read them.

use eslaver_core::rdb::Family;

use crate::keyspace::version::{Server, Version};
use crate::values::score;

fn is_space(byte: u8) -> bool {
    byte == b' ' || (b'\t'..=b'\r').contains(&byte)
}

/// Which texts a server takes for numbers when it sorts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// What any of them takes: of a command that has succeeded on the master.
    Any,
    C,
    FastFloat,
    Ffc,
    Redis8_10,
}

/// What is not the same for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feature {
    /// The text ends at a byte of zero.
    ZeroByte,
    /// Nothing at all.
    Nothing,
    /// White space at its start.
    Space,
    Hexadecimal,
    /// What becomes infinite.
    Huge,
    /// What becomes zero.
    Tiny,
    /// What is less than a double can have in full.
    Subnormal,
}

impl Dialect {
    /// How a server reads numbers.
    pub(crate) fn of(server: Server) -> Self {
        let version = server.version;
        match server.family {
            _ if version == Version::UNKNOWN => Self::C,
            Family::Valkey if version >= Version::new(9, 1) => Self::Ffc,
            Family::Redis if version >= Version::new(8, 10) => Self::Redis8_10,
            Family::Redis if version >= Version::new(8, 0) => Self::FastFloat,
            _ => Self::C,
        }
    }

    /// The number that a text is for this server.
    pub(crate) fn parse(self, text: &[u8]) -> Option<f64> {
        let text = match self.takes(Feature::ZeroByte) {
            true => text.split(|byte| *byte == 0).next()?,
            false => text,
        };
        let number = score::parse(text)?;
        features(text, number).all(|feature| self.takes(feature)).then_some(number)
    }

    fn takes(self, feature: Feature) -> bool {
        use Feature::*;
        match self {
            Self::Any => true,
            Self::C => matches!(feature, ZeroByte | Nothing | Space | Hexadecimal),
            Self::FastFloat => matches!(feature, ZeroByte | Nothing | Huge | Tiny | Subnormal),
            Self::Ffc => matches!(feature, ZeroByte | Subnormal),
            Self::Redis8_10 => matches!(feature, Hexadecimal | Subnormal),
        }
    }
}

/// What of a text not all servers take.
fn features(text: &[u8], number: f64) -> impl Iterator<Item = Feature> {
    let first = text.first().copied();
    let (only, digits) = match first {
        None => (Some(Feature::Nothing), None),
        Some(first) if is_space(first) => (Some(Feature::Space), None),
        Some(b'-' | b'+') => (None, text.get(1..)),
        Some(_) => (None, Some(text)),
    };
    let hexadecimal = digits.filter(|digits| matches!(digits, [b'0', b'x' | b'X', ..]));
    let size = digits.and_then(|digits| {
        let digits = if hexadecimal.is_some() { digits.get(2..)? } else { digits };
        if number.is_infinite() {
            return digits.iter().any(u8::is_ascii_digit).then_some(Feature::Huge);
        }
        let first = digits.iter().find(|byte| !matches!(byte, b'0' | b'.'));
        // A decimal's `e` is no digit.
        let is_digit = |byte: &u8| match hexadecimal {
            Some(_) => byte.is_ascii_hexdigit(),
            None => byte.is_ascii_digit(),
        };
        let is_tiny = number == 0.0 && first.is_some_and(is_digit);
        let is_subnormal = number != 0.0 && number.abs() < f64::MIN_POSITIVE;
        match (is_tiny, is_subnormal) {
            (true, _) => Some(Feature::Tiny),
            (_, true) => Some(Feature::Subnormal),
            _ => None,
        }
    });
    only.into_iter().chain(hexadecimal.map(|_| Feature::Hexadecimal)).chain(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read() {
        for (text, number) in [
            ("", Some(0.0)),
            (" \t", Some(0.0)),
            ("1", Some(1.0)),
            ("-1.5", Some(-1.5)),
            ("+.5", Some(0.5)),
            ("5.", Some(5.0)),
            (" 7", Some(7.0)),
            ("7 ", None),
            ("1e3", Some(1000.0)),
            ("1E+3", Some(1000.0)),
            ("1e", None),
            (".", None),
            ("-", None),
            ("- 1", None),
            ("--1", None),
            ("1_0", None),
            ("nan", None),
            ("inf", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("infinit", None),
            ("1e400", Some(f64::INFINITY)),
            ("1e-400", Some(0.0)),
            ("0x10", Some(16.0)),
            ("-0X1.8p1", Some(-3.0)),
            ("0x.8", Some(0.5)),
            ("0x", None),
            ("0x1p", None),
            ("0x1p99999", Some(f64::INFINITY)),
            ("0x1p-99999", Some(0.0)),
            ("0x1p-1074", Some(5e-324)),
            ("0x20000000000000", None),
        ] {
            assert_eq!(Dialect::Any.parse(text.as_bytes()), number, "{text}");
        }
        assert!(Dialect::Any.parse(b"-0").is_some_and(f64::is_sign_negative));
    }

    #[test]
    fn servers_take_different_texts() {
        use Dialect::*;
        // Those that take it, in the order of this list.
        let all = [Any, C, FastFloat, Ffc, Redis8_10];
        for (text, takes) in [
            (&b"1.5"[..], [1, 1, 1, 1, 1]),
            (b"-0", [1, 1, 1, 1, 1]),
            (b"0e0", [1, 1, 1, 1, 1]),
            (b"inf", [1, 1, 1, 1, 1]),
            (b"1\0x", [1, 1, 1, 1, 0]),
            (b"", [1, 1, 1, 0, 0]),
            (b" 1", [1, 1, 0, 0, 0]),
            (b"0x1", [1, 1, 0, 0, 1]),
            (b"1e400", [1, 0, 1, 0, 0]),
            (b"1e-400", [1, 0, 1, 0, 0]),
            (b"4e-310", [1, 0, 1, 1, 1]),
            (b"x", [0, 0, 0, 0, 0]),
        ] {
            let found = all.map(|dialect| u8::from(dialect.parse(text).is_some()));
            assert_eq!(found, takes, "{}", text.escape_ascii());
        }
    }
}
