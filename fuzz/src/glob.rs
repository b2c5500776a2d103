//! Globs, next to a matcher that looks at every way to match.

use eslaver_core::glob::matches;

/// A byte says how many of those after it are the pattern; the rest is the key.
pub(crate) fn check(bytes: &[u8]) {
    let (size, rest) = crate::mode(bytes);
    let (pattern, key) = rest.split_at(usize::from(size).min(rest.len()));
    let expected = matches_slowly(pattern, key);
    assert_eq!(matches(pattern, key), expected, "{pattern:?} {key:?}");
    let prefixed = [b"*".as_slice(), pattern].concat();
    assert!(!expected || matches(&prefixed, key), "{pattern:?} {key:?} behind a star");
}

/// Whether the whole of `key` matches: for each part of the pattern, all places where what is
/// before it may end.
pub(crate) fn matches_slowly(pattern: &[u8], key: &[u8]) -> bool {
    let mut ends = vec![false; key.len() + 1];
    ends[0] = true;
    for part in parts(pattern) {
        let mut next = vec![false; key.len() + 1];
        for from in (0..=key.len()).filter(|&from| ends[from]) {
            match &part {
                Part::Star => next[from..].fill(true),
                Part::One(bytes) => {
                    if key.get(from).is_some_and(|&byte| bytes[usize::from(byte)]) {
                        next[from + 1] = true;
                    }
                }
            }
        }
        ends = next;
    }
    ends[key.len()]
}

enum Part {
    Star,
    /// One of these bytes.
    One(Box<[bool; 256]>),
}

fn parts(pattern: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < pattern.len() {
        let mut bytes = Box::new([false; 256]);
        match pattern[at] {
            b'*' => {
                parts.push(Part::Star);
                at += 1;
                continue;
            }
            b'?' => bytes.fill(true),
            b'[' => at = class(pattern, at + 1, &mut bytes),
            b'\\' if at + 1 < pattern.len() => {
                at += 1;
                bytes[usize::from(pattern[at])] = true;
            }
            byte => bytes[usize::from(byte)] = true,
        }
        parts.push(Part::One(bytes));
        at += 1;
    }
    parts
}

/// Gives where the class ends: at its `]`, or behind the pattern.
fn class(pattern: &[u8], from: usize, bytes: &mut [bool; 256]) -> usize {
    let negated = pattern.get(from) == Some(&b'^');
    let mut at = from + usize::from(negated);
    while at < pattern.len() && pattern[at] != b']' {
        let left = pattern.len() - at;
        if pattern[at] == b'\\' && left >= 2 {
            bytes[usize::from(pattern[at + 1])] = true;
            at += 2;
        } else if left >= 3 && pattern[at + 1] == b'-' {
            let (one, other) = (usize::from(pattern[at]), usize::from(pattern[at + 2]));
            bytes[one.min(other)..=one.max(other)].fill(true);
            at += 3;
        } else {
            bytes[usize::from(pattern[at])] = true;
            at += 1;
        }
    }
    if negated {
        bytes.iter_mut().for_each(|is_in| *is_in = !*is_in);
    }
    at
}
