//! Inline commands: words with the quoting that Redis takes on a line.
//!
//! Within `"…"` a backslash escapes: `\n \r \t \b \a`, `\xHH`, else the next byte itself. Within
//! `'…'` only `\'` is one. A closing quote must end its word.

use std::ops::Range;

use super::error::Fault;

/// The words of a line. `None` where its quotes are not closed.
pub(crate) fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut bytes, mut ranges) = (Vec::new(), Vec::new());
    split(line, &mut bytes, &mut ranges).ok()?;
    Some(ranges.into_iter().map(|range| bytes[range].to_vec()).collect())
}

/// Puts the words of `line` into `out`, one after the other, and where each lies into `args`.
pub(super) fn split(
    line: &[u8],
    out: &mut Vec<u8>,
    args: &mut Vec<Range<usize>>,
) -> Result<(), Fault> {
    if let Some(at) = memchr::memchr(0, line) {
        return Err(Fault::inline_zero(at));
    }
    let mut at = 0;
    while let Some(blanks) = line[at..].iter().position(|&byte| !is_space(byte)) {
        let begin = out.len();
        at = word(line, at + blanks, out)?;
        args.push(begin..out.len());
    }
    Ok(())
}

fn word(line: &[u8], mut at: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
    while let Some(&byte) = line.get(at) {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => break,
            b'"' => return double_quoted(line, at, out),
            b'\'' => return single_quoted(line, at, out),
            _ => out.push(byte),
        }
        at += 1;
    }
    Ok(at)
}

fn double_quoted(line: &[u8], open: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
    let mut at = open + 1;
    loop {
        match &line[at..] {
            [] => return Err(Fault::unbalanced_quotes(open)),
            [b'"', rest @ ..] => return closed(rest, open, at + 1),
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(16 * hex(*high) + hex(*low));
                at += 4;
            }
            [b'\\', escaped, ..] => {
                out.push(unescape(*escaped));
                at += 2;
            }
            [byte, ..] => {
                out.push(*byte);
                at += 1;
            }
        }
    }
}

fn single_quoted(line: &[u8], open: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
    let mut at = open + 1;
    loop {
        match &line[at..] {
            [] => return Err(Fault::unbalanced_quotes(open)),
            [b'\'', rest @ ..] => return closed(rest, open, at + 1),
            [b'\\', b'\'', ..] => {
                out.push(b'\'');
                at += 2;
            }
            [byte, ..] => {
                out.push(*byte);
                at += 1;
            }
        }
    }
}

fn closed(rest: &[u8], open: usize, at: usize) -> Result<usize, Fault> {
    match rest.first() {
        Some(&byte) if !is_space(byte) => Err(Fault::unbalanced_quotes(open)),
        _ => Ok(at),
    }
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

/// What C's `isspace` takes for space, vertical tab and form feed included.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}
