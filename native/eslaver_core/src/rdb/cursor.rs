//! Reading primitives off the bytes at hand.

use super::error::ErrorKind;
use super::limits::Limits;
use crate::decimal;

/// Why a read gives no value.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The element is incomplete: read it again when there are more bytes.
    NeedMore,
    /// The bytes are wrong.
    Bad(ErrorKind),
}

impl From<ErrorKind> for Stop {
    fn from(kind: ErrorKind) -> Self {
        Stop::Bad(kind)
    }
}

/// The result of reading.
pub(crate) type Read<T> = Result<T, Stop>;

const LEN_6_BIT_MAX: u8 = 0x3f;
const LEN_14_BIT_MAX: u8 = 0x7f;
const LEN_14_BIT: u8 = 0b01;
const LEN_ENCODED: u8 = 0b11;
const LEN_32_BIT: u8 = 0x80;
const LEN_64_BIT: u8 = 0x81;

/// A length, or a string encoding instead of it.
pub(crate) enum Length {
    Plain(u64),
    Encoded(u8),
}

/// A position in the bytes at hand.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
    limits: Limits,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8], position: usize, limits: Limits) -> Self {
        Self { bytes, position, limits }
    }

    pub(crate) fn position(&self) -> usize {
        self.position
    }

    #[inline]
    pub(crate) fn take(&mut self, count: u64) -> Read<&'a [u8]> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        match usize::try_from(count).ok().and_then(|count| rest.get(..count)) {
            Some(taken) => {
                self.position += taken.len();
                Ok(taken)
            }
            None => Err(Stop::NeedMore),
        }
    }

    /// Up to `count` bytes: those at hand, of which there must be some.
    #[inline]
    pub(crate) fn some(&mut self, count: u64) -> Read<&'a [u8]> {
        let start = self.position;
        match self.pass(count) {
            0 => Err(Stop::NeedMore),
            _ => Ok(self.bytes.get(start..self.position).unwrap_or_default()),
        }
    }

    /// Passes over up to `count` bytes. Returns the number of bytes passed.
    #[inline]
    pub(crate) fn pass(&mut self, count: u64) -> u64 {
        let rest = self.bytes.len().saturating_sub(self.position);
        let passed = usize::try_from(count).map_or(rest, |count| count.min(rest));
        self.position += passed;
        passed as u64
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        match self.bytes.get(self.position..).and_then(|rest| rest.first_chunk::<N>()) {
            Some(chunk) => {
                self.position += N;
                Ok(*chunk)
            }
            None => Err(Stop::NeedMore),
        }
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Read<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn i64_le(&mut self) -> Read<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn f64_le(&mut self) -> Read<f64> {
        self.array().map(f64::from_le_bytes)
    }

    #[inline]
    pub(crate) fn length_or_encoding(&mut self) -> Read<Length> {
        let first = self.byte()?;
        let length = match first >> 6 {
            LEN_ENCODED => return Ok(Length::Encoded(first & 0x3f)),
            LEN_14_BIT => u64::from(first & 0x3f) << 8 | u64::from(self.byte()?),
            0 => u64::from(first),
            _ if first == LEN_32_BIT => u64::from(u32::from_be_bytes(self.array()?)),
            _ if first == LEN_64_BIT => u64::from_be_bytes(self.array()?),
            _ => return Err(ErrorKind::BadLength(first).into()),
        };
        Ok(Length::Plain(length))
    }

    pub(crate) fn length(&mut self) -> Read<u64> {
        match self.length_or_encoding()? {
            Length::Plain(length) => Ok(length),
            Length::Encoded(_) => Err(ErrorKind::NotALength.into()),
        }
    }

    /// A plain string of at most `max` bytes whose length takes one byte or two, as most do, if one
    /// comes next.
    #[inline]
    pub(crate) fn short(&mut self, max: u64) -> Option<&'a [u8]> {
        let (length, rest) = match self.bytes.get(self.position..)? {
            [length @ ..=LEN_6_BIT_MAX, rest @ ..] => (usize::from(*length), rest),
            [first @ ..=LEN_14_BIT_MAX, second, rest @ ..] => {
                (usize::from(first & LEN_6_BIT_MAX) << 8 | usize::from(*second), rest)
            }
            _ => return None,
        };
        let (string, rest) = rest.split_at_checked(length)?;
        if length as u64 > max {
            return None;
        }
        self.position = self.bytes.len() - rest.len();
        Some(string)
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// A score of the first sorted set format: a length and text, or one of three special lengths.
    pub(crate) fn score_text(&mut self) -> Read<f64> {
        match self.byte()? {
            253 => Err(ErrorKind::BadScore.into()),
            254 => Ok(f64::INFINITY),
            255 => Ok(f64::NEG_INFINITY),
            length => Ok(parse_score(self.take(u64::from(length))?)?),
        }
    }

    pub(crate) fn score_binary(&mut self) -> Read<f64> {
        Ok(checked_score(self.f64_le()?)?)
    }
}

/// A score as text: a decimal, `inf` or `-inf`. As in C, blanks before it and anything after it are
/// skipped.
fn parse_score(text: &[u8]) -> Result<f64, ErrorKind> {
    number(text)?.map_or(Err(ErrorKind::BadScore), checked_score)
}

/// The same in a container, where servers read any other text as 0.
pub(crate) fn packed_score(text: &[u8]) -> Result<f64, ErrorKind> {
    number(text)?.map_or(Ok(0.0), checked_score)
}

fn number(text: &[u8]) -> Result<Option<f64>, ErrorKind> {
    if let Some(number) = decimal::short(text) {
        return Ok(Some(number));
    }
    let text = text.trim_ascii_start();
    let Ok((number, length)) = fast_float2::parse_partial::<f64, _>(text) else {
        return Ok(None);
    };
    // C reads a hexadecimal number there
    match text.get(length) {
        Some(b'x' | b'X') if number == 0.0 => Err(ErrorKind::BadScore),
        _ => Ok(Some(number)),
    }
}

fn checked_score(score: f64) -> Result<f64, ErrorKind> {
    if score.is_nan() { Err(ErrorKind::BadScore) } else { Ok(score) }
}
