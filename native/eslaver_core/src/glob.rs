//! Globs, by the rules of `KEYS`, `SCAN … MATCH` and `PSUBSCRIBE`.
//!
//! `*` is any bytes and `?` any one; `[a-z]` one of a class and `[^a-z]` one that is not; a
//! backslash takes the next byte as it is, also within a class. Case counts. As on the servers, a
//! class that is not closed ends with the pattern, and `-` makes a range of whatever two bytes
//! stand around it.

use std::fmt;

/// A pattern.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Glob {
    pattern: Vec<u8>,
    /// How many bytes at its start stand for themselves.
    literal: usize,
}

impl Glob {
    /// Any bytes are a pattern.
    pub fn new(pattern: impl Into<Vec<u8>>) -> Self {
        let pattern = pattern.into();
        let special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'\\');
        let literal = pattern.iter().position(special).unwrap_or(pattern.len());
        Self { pattern, literal }
    }

    /// What all that matches begins with, and the pattern of the rest.
    #[inline]
    pub fn split(&self) -> (&[u8], &[u8]) {
        self.pattern.split_at(self.literal)
    }

    /// Whether the whole of `bytes` matches.
    #[inline]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        let (start, rest) = self.split();
        // names of one kind begin alike: where the start ends is where they differ
        if let Some(at) = self.literal.checked_sub(1)
            && bytes.get(at) != start.get(at)
        {
            return false;
        }
        bytes.strip_prefix(start).is_some_and(|bytes| matches(rest, bytes))
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({})", self.pattern.escape_ascii())
    }
}

/// Whether the whole of `bytes` matches `pattern`. It takes time of at most the product of their
/// lengths: only the last `*` is ever tried again, since what one before it took can be left as it
/// is.
pub fn matches(pattern: &[u8], bytes: &[u8]) -> bool {
    let (mut pattern, mut bytes) = (pattern, bytes);
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern, bytes) {
            ([b'*'], _) | ([], []) => return true,
            ([b'*', rest @ ..], _) => {
                star = Some((rest, bytes));
                pattern = rest;
                continue;
            }
            (_, []) => return false,
            ([first, rest @ ..], [byte, others @ ..]) => {
                let (matched, after) = one(*first, rest, *byte);
                if matched {
                    (pattern, bytes) = (after, others);
                    continue;
                }
            }
            ([], _) => {}
        }
        match star {
            Some((rest, [_, others @ ..])) => {
                star = Some((rest, others));
                (pattern, bytes) = (rest, others);
            }
            _ => return false,
        }
    }
}

/// Whether what `first` begins matches this byte, and the pattern after that.
#[inline]
fn one(first: u8, rest: &[u8], byte: u8) -> (bool, &[u8]) {
    match (first, rest) {
        (b'?', _) => (true, rest),
        (b'[', _) => class(rest, byte),
        (b'\\', [escaped, rest @ ..]) => (*escaped == byte, rest),
        _ => (first == byte, rest),
    }
}

fn class(pattern: &[u8], byte: u8) -> (bool, &[u8]) {
    let (negated, mut pattern) = match pattern {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let mut found = false;
    loop {
        pattern = match pattern {
            [] => return (found != negated, pattern),
            [b'\\', escaped, rest @ ..] => {
                found |= *escaped == byte;
                rest
            }
            [b']', rest @ ..] => return (found != negated, rest),
            [from, b'-', to, rest @ ..] => {
                found |= (*from.min(to)..=*from.max(to)).contains(&byte);
                rest
            }
            [single, rest @ ..] => {
                found |= *single == byte;
                rest
            }
        }
    }
}
