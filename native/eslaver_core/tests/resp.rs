//! The command stream: each case whole, byte by byte, and at every split.

use eslaver_core::resp::{Commands, Error, ErrorKind, Limits};
use proptest::prelude::*;

type Seen = (Vec<Vec<u8>>, u64);

const SMALL: Limits =
    Limits { proto_max_bulk_len: 32, max_arguments: 8, max_inline: 24, inline: true };

fn drain(parser: &mut Commands, seen: &mut Vec<Seen>) -> Result<(), Error> {
    while let Some(command) = parser.next()? {
        let mut words = vec![command.name().to_vec()];
        words.extend(command.args().iter().map(<[u8]>::to_vec));
        seen.push((words, command.len()));
    }
    Ok(())
}

fn parse<'a>(
    limits: Limits,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Seen>, Result<(), Error>) {
    let (mut parser, mut seen) = (Commands::new(limits), Vec::new());
    for chunk in chunks {
        parser.feed(chunk);
        if let Err(error) = drain(&mut parser, &mut seen) {
            return (seen, Err(error));
        }
    }
    (seen, Ok(()))
}

/// Parses the stream every way, checks that all ways agree, and gives what they gave.
fn every_way(limits: Limits, stream: &[u8]) -> (Vec<Seen>, Result<(), Error>) {
    let whole = parse(limits, [stream]);
    assert_eq!(parse(limits, stream.chunks(1)), whole, "byte by byte: {}", stream.escape_ascii());
    for at in 0..=stream.len() {
        let (left, right) = stream.split_at(at);
        assert_eq!(parse(limits, [left, right]), whole, "split at {at}: {}", stream.escape_ascii());
    }
    whole
}

fn seen(words: &[&[u8]], len: u64) -> Seen {
    (words.iter().map(|word| word.to_vec()).collect(), len)
}

#[test]
fn commands() {
    let cases: &[(&[u8], &[Seen])] = &[
        (b"", &[]),
        (b"*1\r\n$4\r\nPING\r\n", &[seen(&[b"PING"], 14)]),
        (b"*1\r\n$4\r\nPING\r", &[]),
        (
            b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n",
            &[seen(&[b"REPLCONF", b"GETACK", b"*"], 37)],
        ),
        (
            b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1\r\n$4\r\nEXEC\r\n",
            &[seen(&[b"GET", b""], 19), seen(&[b"EXEC"], 14)],
        ),
        (b"*2\r\n$1\r\n\r\r\n$2\r\n\r\n\r\n", &[seen(&[b"\r", b"\r\n"], 19)]),
        (b"*1\r\n$0\r\n\r\n", &[seen(&[b""], 10)]),
        (b"*01\r\n$04\r\nPING\r\n", &[seen(&[b"PING"], 16)]),
        (b"\n\n*1\r\n$4\r\nPING\r\n\n", &[seen(&[b"PING"], 16)]),
        (b"\r\n\n*1\r\n$4\r\nPING\r\n\r\n", &[seen(&[b"PING"], 17)]),
        (b"*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n", &[seen(&[b"PING"], 23)]),
        (b"select 3\r\n", &[seen(&[b"select", b"3"], 10)]),
        (b"select 3\n*1\r\n$4\r\nPING\r\n", &[seen(&[b"select", b"3"], 9), seen(&[b"PING"], 14)]),
        (b" \t\x0b\x0c \r\n  ping \r\n", &[seen(&[b"ping"], 16)]),
        (b"\rping\r\n", &[seen(&[b"ping"], 7)]),
        (b"a\x0bb c\rd\n", &[seen(&[b"a\x0bb", b"c", b"d"], 8)]),
        (b"e \"\" ''\n", &[seen(&[b"e", b"", b""], 8)]),
        (b"e \"a b\"\n", &[seen(&[b"e", b"a b"], 8)]),
        (b"e x\"a b\"\n", &[seen(&[b"e", b"xa b"], 9)]),
        (br#"e "\x41\xfF\n\r\t\b\a""#, &[]),
        (b"e \"\\x4A\\xfF\\n\\r\\t\\b\\a\"\n", &[seen(&[b"e", b"J\xff\n\r\t\x08\x07"], 23)]),
        (b"e \"\\q\\\"\\\\\\xg0\"\n", &[seen(&[b"e", b"q\"\\xg0"], 15)]),
        (b"e 'it\\'s \\n'\n", &[seen(&[b"e", b"it's \\n"], 13)]),
        (b"e \"a\"\x0bb\n", &[seen(&[b"e", b"a", b"b"], 8)]),
    ];
    for (stream, expected) in cases {
        let got = every_way(SMALL, stream);
        assert_eq!(got, (expected.to_vec(), Ok(())), "{}", stream.escape_ascii());
    }
}

#[test]
fn errors() {
    use ErrorKind::{
        BulkTooLong, ExpectedBulk, ExpectedCrLf, ExpectedDigit, InlineTooLong, InlineZero,
        LengthTooLong, TooManyArguments, UnbalancedQuotes,
    };
    let cases: &[(&[u8], u64, ErrorKind)] = &[
        (b"*1\r\n+PING\r\n", 4, ExpectedBulk { found: b'+' }),
        (b"*x\r\n", 1, ExpectedDigit { found: b'x' }),
        (b"*\r\n", 1, ExpectedDigit { found: b'\r' }),
        (b"*-\r\n", 2, ExpectedDigit { found: b'\r' }),
        (b"*+1\r\n", 1, ExpectedDigit { found: b'+' }),
        (b"*1\n", 2, ExpectedDigit { found: b'\n' }),
        (b"*1\rx", 3, ExpectedCrLf { found: b'x' }),
        (b"*1\r\n$-1\r\n", 5, ExpectedDigit { found: b'-' }),
        (b"*1\r\n$1x\r\n", 6, ExpectedDigit { found: b'x' }),
        (b"*1\r\n$4\r\nPINGS\r\n", 12, ExpectedCrLf { found: b'S' }),
        (b"*1\r\n$4\r\nPING\rx", 13, ExpectedCrLf { found: b'x' }),
        (b"*1\r\n$4\r\nPING\n", 12, ExpectedCrLf { found: b'\n' }),
        (b"*9\r\n", 0, TooManyArguments { found: 9, max: 8 }),
        (
            b"\n\n*999999999999999999\r\n",
            2,
            TooManyArguments { found: 999_999_999_999_999_999, max: 8 },
        ),
        (b"*1000000000000000000\r\n", 1, LengthTooLong),
        (b"*1\r\n$33\r\n", 4, BulkTooLong { found: 33, max: 32 }),
        (b"*1\r\n$18446744073709551616\r\n", 5, LengthTooLong),
        (b"0123456789012345678901234\n", 0, InlineTooLong { max: 24 }),
        (b"0123456789012345678901234", 0, InlineTooLong { max: 24 }),
        (b"set a \"b\n", 6, UnbalancedQuotes),
        (b"set a 'b\n", 6, UnbalancedQuotes),
        (b"set \"a\"b\n", 4, UnbalancedQuotes),
        (b"set 'a'\"b\"\n", 4, UnbalancedQuotes),
        (b"set a\0 b\n", 5, InlineZero),
    ];
    for (stream, offset, kind) in cases {
        let mut whole = b"*1\r\n$4\r\nPING\r\nget a\r\n".to_vec();
        let before = vec![seen(&[b"PING"], 14), seen(&[b"get", b"a"], 7)];
        let expected = Error { offset: offset + whole.len() as u64, kind: kind.clone() };
        whole.extend_from_slice(stream);
        let got = every_way(SMALL, &whole);
        assert_eq!(got, (before, Err(expected)), "{}", stream.escape_ascii());
    }
}

#[test]
fn errors_say_what_was_expected_and_last() {
    let mut parser = Commands::new(SMALL);
    parser.feed(b"*1\r\n\xffx\r\n");
    let first = parser.next().map(|_| ()).unwrap_err();
    assert_eq!(first.to_string(), r"byte 4 of the command stream: expected '$', found '\xff'");
    parser.feed(b"*1\r\n$4\r\nPING\r\n");
    assert_eq!(parser.next().map(|_| ()).unwrap_err(), first);
}

#[test]
fn limits_are_the_last_that_is_taken() {
    let (bulk, args) = ("x".repeat(32), "$1\r\na\r\n".repeat(8));
    let stream = format!("*1\r\n$32\r\n{bulk}\r\n*8\r\n{args}012345678901234567890123\n");
    let (seen, result) = every_way(SMALL, stream.as_bytes());
    assert_eq!(result, Ok(()));
    assert_eq!(seen.iter().map(|(words, _)| words.len()).collect::<Vec<_>>(), [1, 8, 1]);
}

#[test]
fn inline_can_be_refused() {
    let limits = Limits { inline: false, ..SMALL };
    let (seen, result) = every_way(limits, b"\n\r\n*1\r\n$4\r\nPING\r\n\nping\r\n");
    assert_eq!((seen.len(), seen[0].1), (1, 17));
    assert_eq!(result, Err(Error { offset: 18, kind: ErrorKind::ExpectedArray { found: b'p' } }));
    let (_, result) = every_way(limits, b"\rping\r\n");
    assert_eq!(result, Err(Error { offset: 0, kind: ErrorKind::ExpectedArray { found: b'\r' } }));
}

#[test]
fn an_error_of_the_masters_is_shown_in_its_words() {
    let long = format!("ERR {}", "x".repeat(1000));
    let cases = [
        ("-ERR no more\r\n*1\r\n$4\r\nPING\r\n", "ERR no more"),
        ("-NOPERM no\x07\n", "NOPERM no\\x07"),
        ("-E\r\n", "E"),
        (&format!("-{long}"), &long[..200]),
    ];
    for inline in [true, false] {
        let limits = Limits { inline, ..SMALL };
        for (stream, words) in cases {
            let stream = format!("*1\r\n$4\r\nPING\r\n\n{stream}");
            let (seen, result) = every_way(limits, stream.as_bytes());
            assert_eq!(seen.len(), 1);
            let kind = ErrorKind::FromMaster(words.into());
            assert_eq!(result, Err(Error { offset: 15, kind }), "{stream:?}");
        }
    }
    let (_, result) = every_way(Limits { inline: false, ..SMALL }, b"-1\r\n");
    assert_eq!(result, Err(Error { offset: 0, kind: ErrorKind::ExpectedArray { found: b'-' } }));
}

#[test]
fn arguments_can_be_had_every_way() {
    let mut parser = Commands::new(Limits::default());
    parser.feed(b"mset a 1 b 2\r\n");
    let command = parser.next().unwrap().unwrap();
    let args = command.args();
    assert_eq!(command.name(), b"mset");
    assert_eq!((args.len(), args.is_empty()), (4, false));
    assert_eq!((&args[0], &args[3]), (&b"a"[..], &b"2"[..]));
    assert_eq!((args.get(2), args.get(4)), (Some(&b"b"[..]), None));
    assert_eq!(args.iter().len(), 4);
    assert_eq!(args.into_iter().collect::<Vec<_>>(), [b"a", b"1", b"b", b"2"]);
}

#[test]
fn a_huge_command_between_small_ones() {
    let size = 3 << 20;
    let mut stream = b"*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n".to_vec();
    stream.extend_from_slice(format!("${size}\r\n").as_bytes());
    stream.resize(stream.len() + size, b'z');
    stream.extend_from_slice(b"\r\n*1\r\n$4\r\nPING\r\n");
    for chunk in [1000, 65536, stream.len()] {
        let (seen, result) = parse(Limits::default(), stream.chunks(chunk));
        assert_eq!(result, Ok(()));
        assert_eq!(seen.iter().map(|(_, len)| len).sum::<u64>(), stream.len() as u64);
        assert_eq!(seen[1].0[1].len(), size);
        assert_eq!(seen[2].0[0], b"PING");
    }
}

fn encode(words: &[Vec<u8>]) -> Vec<u8> {
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    eslaver_core::resp::encode(&words)
}

fn cut<'a>(stream: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    at.extend([0, stream.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

/// Bytes that look like a command stream more often than chance would have it.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let byte =
        prop_oneof![any::<u8>(), prop::sample::select(b"*$0123456789-\r\n \"'\\xa".to_vec()),];
    let piece = prop_oneof![
        Just(b"*2\r\n".to_vec()),
        Just(b"$3\r\nabc\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"select 3\r\n".to_vec()),
        prop::collection::vec(byte, 0..6),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(
        commands in prop::collection::vec(
            (0..3usize, prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6)),
            0..12,
        ),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let (mut stream, mut expected) = (Vec::new(), Vec::new());
        for (newlines, words) in commands {
            let bytes = encode(&words);
            expected.push((words, (newlines + bytes.len()) as u64));
            stream.resize(stream.len() + newlines, b'\n');
            stream.extend_from_slice(&bytes);
        }
        prop_assert_eq!(parse(Limits::default(), cut(&stream, &cuts)), (expected, Ok(())));
    }

    #[test]
    fn any_bytes_mean_the_same_at_any_split(
        stream in nearly(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let whole = parse(SMALL, [&stream[..]]);
        prop_assert_eq!(parse(SMALL, cut(&stream, &cuts)), whole.clone());
        prop_assert_eq!(parse(SMALL, stream.chunks(1)), whole);
    }
}
