//! The snapshot's envelope: each case whole, byte by byte, and at every split.

use eslaver_core::transfer::{Found, Size, Transfer, TransferError};
use proptest::prelude::*;

/// A mark that repeats itself, as no real one does, so that it may begin anew within itself.
const MARK: &[u8; 40] = b"aabaaaabaabaaaabaabaaaabaabaaaabaabaaaac";

#[derive(Debug, Default, PartialEq, Eq, Clone)]
struct Outcome {
    size: Option<Size>,
    payload: Vec<u8>,
    ended: bool,
    rest: Vec<u8>,
    error: Option<TransferError>,
}

fn run<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let (mut transfer, mut out) = (Transfer::new(), Outcome::default());
    let mut after_end: Vec<u8> = Vec::new();
    for chunk in chunks {
        if out.ended {
            after_end.extend_from_slice(chunk);
            continue;
        }
        let mut input = chunk;
        loop {
            match transfer.next(input) {
                Err(error) => {
                    out.error = Some(error);
                    return out;
                }
                Ok((consumed, found)) => {
                    match found {
                        Found::Start(size) => out.size = Some(size),
                        Found::Payload(bytes) => out.payload.extend_from_slice(bytes),
                        Found::End => out.ended = true,
                        Found::NeedMore => assert_eq!(consumed, input.len()),
                    }
                    input = &input[consumed..];
                    if found == Found::NeedMore || out.ended {
                        break;
                    }
                }
            }
        }
        after_end.extend_from_slice(input);
    }
    if out.ended {
        assert_eq!(transfer.next(b"more"), Ok((0, Found::End)));
    }
    out.rest = after_end;
    out
}

/// Every split but in an interpreter, where all of them would take hours.
const STEP: usize = if cfg!(miri) { 61 } else { 1 };

fn every_way(stream: &[u8]) -> Outcome {
    let whole = run([stream]);
    assert_eq!(run(stream.chunks(1)), whole, "byte by byte: {}", stream.escape_ascii());
    for at in (0..=stream.len()).step_by(STEP) {
        let (left, right) = stream.split_at(at);
        assert_eq!(run([left, right]), whole, "split at {at}: {}", stream.escape_ascii());
    }
    whole
}

fn marked(payload: &[u8], rest: &[u8]) -> Vec<u8> {
    [b"$EOF:", &MARK[..], b"\r\n", payload, MARK, rest].concat()
}

#[test]
fn of_known_length() {
    for (stream, len, rest) in [
        (&b"$5\r\nREDIS"[..], 5, &b""[..]),
        (b"$5\r\nREDIS*1\r\n", 5, b"*1\r\n"),
        (b"\n\n\n$5\nREDIS\r\n", 5, b"\r\n"),
        (b"\r\n\n$5\r\nREDIS", 5, b""),
        (b"$005\r\nREDIS", 5, b""),
    ] {
        let out = every_way(stream);
        assert_eq!(out.size, Some(Size::Known(len)), "{}", stream.escape_ascii());
        assert_eq!((&out.payload[..], out.ended, &out.rest[..]), (&b"REDIS"[..], true, rest));
    }
}

#[test]
fn of_known_length_and_cut_short() {
    let out = every_way(b"$6\r\nREDIS");
    assert_eq!((&out.payload[..], out.ended, out.error), (&b"REDIS"[..], false, None));
    let out = every_way(b"$9223372036854775807\r\nREDIS");
    assert_eq!((out.size, out.ended), (Some(Size::Known(i64::MAX as u64)), false));
}

#[test]
fn up_to_the_mark() {
    let nearly = [&MARK[..39], b"b"].concat();
    let again = [&MARK[..20], &MARK[..39], &MARK[..5]].concat();
    let payloads: &[&[u8]] = &[
        b"",
        b"REDIS0011",
        b"a",
        b"aaaa",
        b"aabaa",
        b"aabaaaabaab",
        &MARK[..39],
        &nearly,
        &again,
        &[0; 300],
        &[b'a'; 100],
    ];
    for payload in payloads {
        for rest in [&b""[..], b"\n", b"*1\r\n$4\r\nPING\r\n", &MARK[..]] {
            let out = every_way(&marked(payload, rest));
            assert_eq!(out.size, Some(Size::Marked));
            assert!(out.ended);
            assert_eq!(out.payload, *payload, "{}", payload.escape_ascii());
            assert_eq!(out.rest, rest);
        }
    }
}

#[test]
fn without_its_mark() {
    let whole = marked(b"REDIS", b"");
    let out = every_way(&whole[..whole.len() - 1]);
    assert_eq!((&out.payload[..], out.ended), (&b"REDIS"[..], false));
}

#[test]
fn errors() {
    use TransferError::{Aborted, BadLength, BadMark, HeaderTooLong};
    let text = |text: &str| text.to_owned();
    let long_abort = [b"-".repeat(2), b"x".repeat(2000)].concat();
    let long_mark = [b"$EOF:".to_vec(), b"x".repeat(2000)].concat();
    let cases: &[(&[u8], TransferError)] = &[
        (b"\n-ERR no way\r\n", Aborted(text("ERR no way"))),
        (b"-\r\n", Aborted(text(""))),
        (&long_abort, Aborted(format!("-{}", "x".repeat(255)))),
        (b"$0\r\n", BadLength(text("0"))),
        (b"$\r\n", BadLength(text(""))),
        (b"$-1\r\n", BadLength(text("-1"))),
        (b"$+1\r\n", BadLength(text("+1"))),
        (b"$9223372036854775808\r\n", BadLength(text("9223372036854775808"))),
        (b"$18446744073709551617\r\n", BadLength(text("18446744073709551617"))),
        (b"$12 \r\n", BadLength(text("12 "))),
        (b"$EOF\r\n", BadLength(text("EOF"))),
        (b"$EOF:abc\r\n", BadMark(text("abc"))),
        (
            b"$EOF:aaaabaaaabaaaabaaaabaaaabaaaabaaaabaaaacc\r\n",
            BadMark(text("aaaabaaaabaaaabaaaabaaaabaaaabaaaabaaaacc")),
        ),
        (&long_mark, HeaderTooLong),
    ];
    for (stream, error) in cases {
        let out = every_way(stream);
        assert_eq!(out.error.as_ref(), Some(error), "{}", stream.escape_ascii());
    }
}

#[test]
fn something_else_is_refused_at_its_first_byte() {
    for stream in [&b"*1\r\n"[..], b"\n+OK\r\n", b"REDIS0011", b"\rx", b"\0\0"] {
        for chunk in [1, stream.len()] {
            let error = run(stream.chunks(chunk)).error;
            assert!(matches!(error, Some(TransferError::Unexpected(_))), "{error:?}");
        }
    }
    let shown = run([&b"HTTP/1.1 400\r\n"[..]]).error.map(|error| error.to_string());
    assert_eq!(shown.as_deref(), Some("expected a snapshot, found 'HTTP/1.1 400'"));
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (0..40usize).prop_map(|len| MARK[..len].to_vec()),
        prop::collection::vec(any::<u8>(), 0..50),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_mark_is_found_at_any_split(
        payload in pieces(),
        rest in prop::collection::vec(any::<u8>(), 0..50),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream = marked(&payload, &rest);
        let body = &stream[47..];
        let end = body.windows(40).position(|window| window == MARK).unwrap_or(0);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        at.extend([0, stream.len()]);
        at.sort_unstable();
        let out = run(at.windows(2).map(|pair| &stream[pair[0]..pair[1]]));
        prop_assert!(out.ended);
        prop_assert_eq!(out.payload, &body[..end]);
        prop_assert_eq!(out.rest, &body[end + 40..]);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        start in prop::sample::select(vec![&b""[..], b"$", b"$1", b"$EOF:", b"-", b"\n"]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let stream = [start, &bytes].concat();
        let whole = run([&stream[..]]);
        let split = run(stream.chunks(1));
        prop_assert_eq!(whole.payload, split.payload);
        prop_assert_eq!(whole.error.is_some(), split.error.is_some());
    }
}
