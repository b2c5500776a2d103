//! Values that are answers, fed at every split.

use eslaver_core::lines::Lines;
use eslaver_core::reply::{Limits, Replies, ReplyError, Value};

fn bulk(text: &str) -> Value {
    Value::Bulk(text.into())
}

fn read<'a>(
    limits: Limits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Value>, Result<Vec<u8>, ReplyError>) {
    let (mut replies, mut lines, mut values) = (Replies::new(limits), Lines::new(), Vec::new());
    for piece in pieces {
        lines.feed(piece);
        loop {
            match replies.next(&mut lines) {
                Ok(Some(value)) => values.push(value),
                Ok(None) => break,
                Err(error) => return (values, Err(error)),
            }
        }
    }
    (values, Ok(lines.into_rest()))
}

/// The same whole, byte by byte, and split in two anywhere.
fn check(limits: Limits, bytes: &[u8], values: &[Value], rest: Result<&[u8], ReplyError>) {
    let expected = (values.to_vec(), rest.map(<[u8]>::to_vec));
    assert_eq!(read(limits, [bytes]), expected, "{}", bytes.escape_ascii());
    assert_eq!(read(limits, bytes.chunks(1)), expected, "{}", bytes.escape_ascii());
    for at in 0..=bytes.len() {
        let (left, right) = bytes.split_at(at);
        assert_eq!(read(limits, [left, right]), expected, "at {at}: {}", bytes.escape_ascii());
    }
}

#[test]
fn every_form() {
    let array = |values: &[Value]| Value::Array(values.to_vec());
    let cases: &[(&[u8], &[Value], &[u8])] = &[
        (b"", &[], b""),
        (b"+OK\r\n", &[Value::Status(b"OK".to_vec())], b""),
        (b"-ERR no\r\n+", &[Value::Error(b"ERR no".to_vec())], b"+"),
        (b":-7\r\n:9223372036854775807\r\n", &[Value::Integer(-7), Value::Integer(i64::MAX)], b""),
        (b"\r\n\n$3\r\na\nb\r\n", &[bulk("a\nb")], b""),
        (b"$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n", &[bulk(""), Value::Nil, Value::Nil, array(&[])], b""),
        (
            b"*3\r\n*2\r\n$1\r\na\r\n*0\r\n:1\r\n*1\r\n$-1\r\n+then",
            &[array(&[array(&[bulk("a"), array(&[])]), Value::Integer(1), array(&[Value::Nil])])],
            b"+then",
        ),
    ];
    for (bytes, values, rest) in cases {
        check(Limits::default(), bytes, values, Ok(rest));
    }
}

#[test]
fn what_is_no_value() {
    let all: &[&[u8]] = &[
        b"HTTP/1.1 400 Bad Request\r\n",
        b"*1\r\n\r\n",
        b":one\r\n",
        b"$x\r\n",
        b"*-2\r\n",
        b"*2147483648\r\n",
        b"$1\r\nabc",
        b"%1\r\n",
    ];
    for bytes in all {
        check(Limits::default(), bytes, &[], Err(ReplyError::NoValue));
    }
}

#[test]
fn within_limits() {
    let limits = Limits { memory: 1000, depth: 2 };
    let nested = Value::Array(vec![Value::Array(vec![bulk("a")])]);
    check(limits, b"*1\r\n*1\r\n$1\r\na\r\n", &[nested], Ok(b""));
    check(limits, b"*1\r\n*1\r\n*1\r\n", &[], Err(ReplyError::TooDeep(2)));
    check(limits, b"$1000\r\n", &[], Err(ReplyError::TooLarge(1000)));
    check(limits, b"$2147483647\r\n", &[], Err(ReplyError::TooLarge(1000)));
    let many = [&b"*2147483647\r\n"[..], &b"*0\r\n".repeat(1000)].concat();
    assert_eq!(read(limits, [&many[..]]), (vec![], Err(ReplyError::TooLarge(1000))));
    // the limit is for each
    let value = bulk(&"x".repeat(900));
    let bytes = [b"$900\r\n".to_vec(), vec![b'x'; 900], b"\r\n".to_vec()].concat();
    check(limits, &bytes.repeat(2), &[value.clone(), value], Ok(b""));
}
