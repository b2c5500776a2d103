//! Ids of entries: their order's ends, their neighbours, and how they are written.

use eslaver_core::rdb::StreamId;

/// The least id, which no entry has.
pub(crate) const FIRST: StreamId = StreamId { ms: 0, seq: 0 };
/// The greatest id.
pub(crate) const LAST: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

/// The id behind this one, where there is one.
pub(crate) fn next(StreamId { ms, seq }: StreamId) -> Option<StreamId> {
    match seq.checked_add(1) {
        Some(seq) => Some(StreamId { ms, seq }),
        None => Some(StreamId { ms: ms.checked_add(1)?, seq: 0 }),
    }
}

/// The id before this one, where there is one.
pub(crate) fn previous(StreamId { ms, seq }: StreamId) -> Option<StreamId> {
    match seq.checked_sub(1) {
        Some(seq) => Some(StreamId { ms, seq }),
        None => Some(StreamId { ms: ms.checked_sub(1)?, seq: u64::MAX }),
    }
}

/// Hands the id, as servers write it, to `with`.
pub(crate) fn with_text<R>(id: StreamId, with: impl FnOnce(&[u8]) -> R) -> R {
    let (mut ms, mut seq) = (itoa::Buffer::new(), itoa::Buffer::new());
    let (ms, seq) = (ms.format(id.ms).as_bytes(), seq.format(id.seq).as_bytes());
    // Twice the 20 digits of the greatest number, and the dash.
    let mut text = [b'-'; 41];
    let len = ms.len() + 1 + seq.len();
    text[..ms.len()].copy_from_slice(ms);
    text[ms.len() + 1..len].copy_from_slice(seq);
    with(&text[..len])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    #[test]
    fn ids_have_neighbours() {
        for (before, after) in [
            (FIRST, id(0, 1)),
            (id(7, 8), id(7, 9)),
            (id(7, u64::MAX), id(8, 0)),
            (id(u64::MAX, u64::MAX - 1), LAST),
        ] {
            assert_eq!((next(before), previous(after)), (Some(after), Some(before)));
        }
        assert_eq!((previous(FIRST), next(LAST)), (None, None));
    }

    #[test]
    fn ids_are_written_as_servers_do() {
        for (id, text) in [
            (FIRST, "0-0"),
            (id(1_526_919_030_474, 55), "1526919030474-55"),
            (LAST, "18446744073709551615-18446744073709551615"),
        ] {
            assert_eq!(with_text(id, <[u8]>::to_vec), text.as_bytes());
        }
    }
}
