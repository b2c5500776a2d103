//! Lines, and the bytes after them.

use eslaver_core::lines::{DEFAULT_LIMIT, LineTooLong, Lines};

/// Bytes, the lines in them, what is left, and whether a line is too long.
type Case = (&'static [u8], &'static [&'static [u8]], &'static [u8], bool);

fn run<'a>(
    limit: usize,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Vec<u8>>, Vec<u8>, bool) {
    let (mut lines, mut taken) = (Lines::with_limit(limit), Vec::new());
    for chunk in chunks {
        lines.feed(chunk);
        loop {
            match lines.take() {
                Ok(Some(line)) => taken.push(line.to_vec()),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(error, LineTooLong { limit });
                    assert_eq!(lines.take().map(|_| ()), Err(error));
                    return (taken, Vec::new(), true);
                }
            }
        }
    }
    (taken, lines.into_rest(), false)
}

#[test]
fn every_way() {
    let cases: &[Case] = &[
        (b"", &[], b"", false),
        (b"+OK", &[], b"+OK", false),
        (b"+OK\r", &[], b"+OK\r", false),
        (b"+OK\r\n", &[b"+OK"], b"", false),
        (b"+OK\n\n\r\n-E", &[b"+OK", b"", b""], b"-E", false),
        (b"a\rb\r\r\nc", &[b"a\rb\r"], b"c", false),
        (b"12345678\n1", &[b"12345678"], b"1", false),
        (b"a\n123456789\n", &[b"a"], b"", true),
        (b"a\n12345678\r\n", &[b"a"], b"", true),
        (b"a\n123456789", &[b"a"], b"", true),
    ];
    for (stream, taken, rest, too_long) in cases {
        let taken = taken.iter().map(|line| line.to_vec()).collect::<Vec<_>>();
        let expected = (taken, rest.to_vec(), *too_long);
        assert_eq!(run(8, [*stream]), expected, "{}", stream.escape_ascii());
        assert_eq!(run(8, stream.chunks(1)), expected, "{}", stream.escape_ascii());
        for at in 0..=stream.len() {
            let (left, right) = stream.split_at(at);
            assert_eq!(run(8, [left, right]), expected, "at {at}: {}", stream.escape_ascii());
        }
    }
}

#[test]
fn what_follows_a_line_is_left_alone() {
    let mut lines = Lines::new();
    lines.feed(b"+FULLRESYNC\r\n$5\r\nREDIS");
    assert_eq!(lines.take(), Ok(Some(&b"+FULLRESYNC"[..])));
    lines.feed(b"*1\r\n");
    assert_eq!(lines.rest(), b"$5\r\nREDIS*1\r\n");
    assert_eq!(lines.into_rest(), b"$5\r\nREDIS*1\r\n");
}

#[test]
fn bytes_between_lines() {
    let mut lines = Lines::with_limit(4);
    lines.feed(b"$7\r\n12\n45");
    assert_eq!(lines.take(), Ok(Some(&b"$7"[..])));
    assert_eq!(lines.take_bytes(7), None);
    lines.feed(b"67+OK\r\n");
    assert_eq!(lines.take_bytes(7), Some(&b"12\n4567"[..]));
    assert_eq!(lines.take(), Ok(Some(&b"+OK"[..])));
    assert_eq!(lines.take_bytes(0), Some(&b""[..]));
    assert_eq!(lines.take_bytes(1), None);
}

#[test]
fn the_default_limit_is_64_kib() {
    let mut lines = Lines::default();
    lines.feed(&vec![b'x'; DEFAULT_LIMIT]);
    assert_eq!(lines.take(), Ok(None));
    lines.feed(b"x");
    assert_eq!(lines.take(), Err(LineTooLong { limit: 65536 }));
}
