//! Numbers and options among a command's arguments.

use eslaver_core::rdb::StreamId;

use crate::collections::element;
use crate::write::refusal::Refusal;

/// The arguments of a command, after its name.
pub(crate) type Args<'a> = [&'a [u8]];

/// The argument at `index`, the first being 0.
#[inline]
pub(crate) fn arg<'a>(args: &Args<'a>, index: usize) -> Result<&'a [u8], Refusal> {
    args.get(index).copied().ok_or(Refusal::Syntax)
}

/// The arguments from `index` on.
#[inline]
pub(crate) fn rest<'a, 'b>(args: &'b Args<'a>, index: usize) -> Result<&'b Args<'a>, Refusal> {
    args.get(index..).ok_or(Refusal::Syntax)
}

/// The integer at `index`.
#[inline]
pub(crate) fn int(args: &Args<'_>, index: usize) -> Result<i64, Refusal> {
    to_int(arg(args, index)?)
}

/// An integer, as servers read it.
#[inline]
pub(crate) fn to_int(arg: &[u8]) -> Result<i64, Refusal> {
    element::integer(arg).ok_or(Refusal::Value)
}

/// A count or an index that is not negative.
pub(crate) fn to_size(arg: &[u8]) -> Result<usize, Refusal> {
    usize::try_from(to_int(arg)?).map_err(|_| Refusal::Range)
}

/// What elements count as when they are put into a value or removed from it: long ones as several.
#[inline]
pub(crate) fn weight(elements: &Args<'_>) -> usize {
    const LONG: usize = 512;
    elements.iter().map(|element| 1 + element.len() / LONG).sum()
}

/// Whether an argument is this word, which is in capitals, in any case.
#[inline]
pub(crate) fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

/// The arguments as pairs. An odd number of them is an error.
pub(crate) fn pairs<'a, 'b>(
    args: &'b Args<'a>,
) -> Result<impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])> + 'b, Refusal> {
    let (pairs, rest) = args.as_chunks::<2>();
    if rest.is_empty() { Ok(pairs.iter().map(|&[a, b]| (a, b))) } else { Err(Refusal::Syntax) }
}

/// A stream id in full: `ms-seq`, or `ms` alone, whose sequence is `missing`.
pub(crate) fn to_stream_id(arg: &[u8], missing: u64) -> Result<StreamId, Refusal> {
    let number = |digits: &[u8]| -> Result<u64, Refusal> {
        let digits = std::str::from_utf8(digits).map_err(|_| Refusal::Value)?;
        digits.parse().map_err(|_| Refusal::Value)
    };
    match arg.iter().position(|&byte| byte == b'-') {
        Some(at) => Ok(StreamId {
            ms: number(arg.get(..at).unwrap_or_default())?,
            seq: number(arg.get(at + 1..).unwrap_or_default())?,
        }),
        None => Ok(StreamId { ms: number(arg)?, seq: missing }),
    }
}
