//! The longest common subsequence of two strings, for `LCS`.

/// The bytes of the largest table that a server with default settings makes, of 4 bytes each.
const LARGEST: usize = 512 << 20;

/// Whether servers with default settings compute that of strings of these lengths.
pub(crate) fn is_allowed(one: usize, other: usize) -> bool {
    let size = (one + 1).checked_mul(other + 1).and_then(|cells| cells.checked_mul(4));
    size.is_some_and(|size| size <= LARGEST)
}

/// Its length.
pub(crate) fn len(one: &[u8], other: &[u8]) -> u32 {
    let mut row = vec![0; other.len() + 1];
    for &byte in one {
        next_row(&mut row, byte, other);
    }
    row.last().copied().unwrap_or_default()
}

/// That one that servers find among several of the same length.
pub(crate) fn sequence(one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut found = Vec::new();
    walk(one, other, |at, _| found.push(one[at]));
    found.reverse();
    found
}

/// A part of both strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    /// Where it begins in each.
    pub(crate) one: usize,
    pub(crate) other: usize,
    /// How long it is.
    pub(crate) len: usize,
}

/// The parts that it consists of, the last one first.
pub(crate) fn matches(one: &[u8], other: &[u8]) -> Vec<Match> {
    let mut found: Vec<Match> = Vec::new();
    walk(one, other, |one, other| match found.last_mut() {
        Some(last) if (last.one, last.other) == (one + 1, other + 1) => {
            *last = Match { one, other, len: last.len + 1 };
        }
        _ => found.push(Match { one, other, len: 1 }),
    });
    found
}

/// Hands the places in both strings of each of its bytes to `each`, the last one first.
fn walk(one: &[u8], other: &[u8], mut each: impl FnMut(usize, usize)) {
    let width = other.len() + 1;
    let mut table = vec![0u32; width];
    let mut row = table.clone();
    for &byte in one {
        next_row(&mut row, byte, other);
        table.extend_from_slice(&row);
    }
    let cell = |i: usize, j: usize| table.get(i * width + j).copied().unwrap_or_default();
    let (mut i, mut j) = (one.len(), other.len());
    while i > 0 && j > 0 {
        if one[i - 1] == other[j - 1] {
            (i, j) = (i - 1, j - 1);
            each(i, j);
        } else if cell(i - 1, j) > cell(i, j - 1) {
            i -= 1;
        } else {
            j -= 1;
        }
    }
}

/// For each prefix of `other`, the length that it has in common with a prefix of the other string,
/// once that has `byte` more.
fn next_row(row: &mut [u32], byte: u8, other: &[u8]) {
    let mut diagonal = 0;
    let mut left = 0;
    for (cell, &other) in row.iter_mut().skip(1).zip(other) {
        let above = *cell;
        left = if byte == other { diagonal + 1 } else { above.max(left) };
        *cell = left;
        diagonal = above;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `LCS` of a real server answers.
    #[test]
    fn sequences_are_those_of_servers() {
        for (one, other, found) in [
            ("ohmytext", "mynewtext", "mytext"),
            ("", "abc", ""),
            ("abc", "", ""),
            ("abc", "abc", "abc"),
            ("abcdef", "xyz", ""),
        ] {
            let (one, other) = (one.as_bytes(), other.as_bytes());
            assert_eq!(sequence(one, other), found.as_bytes());
            assert_eq!(len(one, other) as usize, found.len());
        }
        let found = |one, other, len| Match { one, other, len };
        assert_eq!(matches(b"ohmytext", b"mynewtext"), [found(4, 5, 4), found(2, 0, 2)]);
        assert_eq!(matches(b"abc", b"abc"), [found(0, 0, 3)]);
        assert_eq!(matches(b"abc", b"xyz"), []);
        assert_eq!(matches(b"", b"abc"), []);
        assert!(is_allowed(11_000, 11_000));
        assert!(!is_allowed(12_000, 12_000));
    }
}
