//! The snapshot's envelope.

use eslaver_core::transfer::{Found, MARK_LEN, Size, Transfer, TransferError};

use crate::pieces;

pub(crate) fn check(bytes: &[u8]) {
    let whole = read([bytes]);
    match whole.size {
        Some(Size::Known(size)) => {
            assert!(whole.payload.len() as u64 <= size);
            assert!(!whole.ended || whole.payload.len() as u64 == size);
        }
        Some(Size::Marked) if whole.ended => {
            let mark = &bytes[whole.header - MARK_LEN - 2..];
            let end = whole.header + whole.payload.len();
            let mark =
                if mark[MARK_LEN] == b'\r' { &mark[..MARK_LEN] } else { &mark[1..=MARK_LEN] };
            assert_eq!(&bytes[end..end + MARK_LEN], mark);
        }
        _ => {}
    }
    if whole.size.is_some() {
        assert!(bytes[whole.header..].starts_with(&whole.payload));
    }
    for pieces in pieces::ways(bytes) {
        let found = read(pieces);
        assert_eq!((whole.size, whole.ended), (found.size, found.ended));
        assert_eq!((whole.consumed, &whole.payload), (found.consumed, &found.payload));
        // what an error shows of what was found depends on how much had come
        let kind = |error: &TransferError| std::mem::discriminant(error);
        assert_eq!(whole.error.as_ref().map(kind), found.error.as_ref().map(kind));
    }
}

#[derive(Default)]
struct Read {
    size: Option<Size>,
    header: usize,
    payload: Vec<u8>,
    consumed: usize,
    ended: bool,
    error: Option<TransferError>,
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut transfer = Transfer::new();
    let mut read = Read::default();
    for mut piece in pieces {
        loop {
            let (consumed, found) = match transfer.next(piece) {
                Ok(next) => next,
                Err(error) => {
                    read.error = Some(error);
                    read.consumed = 0;
                    return read;
                }
            };
            piece = &piece[consumed..];
            read.consumed += consumed;
            match found {
                Found::NeedMore => {
                    assert!(piece.is_empty(), "it wants more, and has not taken all");
                    break;
                }
                Found::Start(size) => (read.size, read.header) = (Some(size), read.consumed),
                Found::Payload(bytes) => read.payload.extend_from_slice(bytes),
                Found::End => {
                    read.ended = true;
                    return read;
                }
            }
        }
    }
    read
}
