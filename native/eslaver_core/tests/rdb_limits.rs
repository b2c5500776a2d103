//! How long a string may be, and how large a value: beyond that it is refused, and at once.
#![allow(clippy::unwrap_used, clippy::field_reassign_with_default)]

mod support;

use eslaver_core::rdb::{
    Decoder, Error, ErrorKind, Item, Kind, LeftOut, Limits, Meta, ModuleField, Sink, Status,
    StreamId, StreamMeta,
};
use support::build::{intset, key, length, listpack, lp_int, lp_text, string};

const SMALL: Limits = Limits { proto_max_bulk_len: 8, ..Limits::NONE };

/// Counts pieces, and has room for a number of them in a value.
#[derive(Default)]
struct Counted {
    pieces: u64,
    room: Option<u64>,
}

impl Sink for Counted {
    fn aux(&mut self, _: &[u8], _: &[u8]) {}
    fn function(&mut self, _: &[u8]) {}
    fn begin(&mut self, _: &[u8], _: Kind, _: &Meta) -> bool {
        self.pieces = 0;
        true
    }
    fn item(&mut self, _: Item<'_>) {
        self.pieces += 1;
    }
    fn score(&mut self, _: f64) {}
    fn expiry(&mut self, _: u64) {}
    fn next_index(&mut self, _: u64) {}
    fn index(&mut self, _: u64) {}
    fn path(&mut self, _: Item<'_>) {}
    fn entry(&mut self, _: StreamId) {
        self.pieces += 1;
    }
    fn stream(&mut self, _: StreamMeta) {}
    fn module(&mut self, _: &[u8; 9], _: u16) {}
    fn module_field(&mut self, _: ModuleField<'_>) {
        self.pieces += 1;
    }
    fn end(&mut self) {}
    fn discard(&mut self) {}
    fn left_out(&mut self, _: LeftOut) {}
    fn overflow(&self) -> Option<u64> {
        self.room.filter(|&room| self.pieces > room)
    }
}

/// Decodes bytes that may end anywhere.
fn decode(limits: Limits, sink: &mut Counted, body: &[u8]) -> Result<(), Error> {
    let mut decoder = Decoder::with_limits(limits);
    decoder.feed(&[b"REDIS0013", body].concat());
    while decoder.next(sink)? == Status::Event {}
    Ok(())
}

/// What stands before a string, and whether that one may be a container.
fn places() -> Vec<(&'static str, Vec<u8>, bool)> {
    vec![
        ("an aux field's name", vec![250], false),
        ("an aux field's value", vec![250, 1, b'n'], false),
        ("a function", vec![245], false),
        ("a key", vec![0], false),
        ("a string", key(0, []), false),
        ("an element", key(1, [1]), false),
        ("a member", key(2, [1]), false),
        ("a member with a score", key(5, [1]), false),
        ("a field", key(4, [1]), false),
        ("a field's value", key(4, [1, 1, b'f']), false),
        ("a hash's zipmap", key(9, []), true),
        ("a list's ziplist", key(10, []), true),
        ("an intset", key(11, []), true),
        ("a quicklist's node", key(14, [1]), true),
        ("a hash's listpack", key(16, []), true),
        ("a node with one element", key(18, [1, 1]), false),
        ("a node of a listpack", key(18, [1, 2]), true),
        ("a node's id", key(15, [1]), false),
        ("a node of a stream", key(15, [1, 1, b'i']), true),
        ("an array's element", key(28, [1, 0, 0, 0]), false),
        ("an array's short element", key(28, [1, 0, 0, 3]), false),
        ("a template's name", vec![242, 1, 1], false),
        ("a template's name within a hash", key(31, [1, 1]), false),
        ("names of a hash", key(31, [0]), true),
        ("values of a hash", key(30, []), true),
        ("values behind their names", key(29, [1, 1, 1, b'f']), true),
        ("a value behind its name", key(31, [1, 1, 1, b'f']), false),
        ("a member that expires", key(35, [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]), false),
        ("members that expire", key(34, [0; 8]), true),
        ("a producer", key(27, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]), false),
        ("a module's string", key(7, [1, 5]), false),
        ("a module's auxiliary string", vec![247, 1, 2, 0, 5], false),
    ]
}

#[test]
fn a_string_above_the_limit_is_refused_before_it_has_come() {
    for (name, before, packed) in places() {
        let max = if packed { 4 * SMALL.proto_max_bulk_len } else { SMALL.proto_max_bulk_len };
        for (form, claim) in [("plain", length as fn(u64) -> Vec<u8>), ("LZF", claimed)] {
            let with = |bytes| [before.as_slice(), &claim(bytes)].concat();
            let sink = &mut Counted::default();
            assert_eq!(decode(SMALL, sink, &with(max)), Ok(()), "{name}, {form}");
            let error = decode(SMALL, sink, &with(max + 1)).unwrap_err();
            let expected = ErrorKind::StringTooLong { found: max + 1, max };
            assert_eq!(error.kind, expected, "{name}, {form}");
            assert!(error.to_string().contains("option proto_max_bulk_len"), "{error}");
        }
    }
}

/// A compressed string that claims a length it could have, without its data.
fn claimed(bytes: u64) -> Vec<u8> {
    [&[0xc3], length(bytes.div_ceil(4)).as_slice(), &length(bytes)].concat()
}

/// Strings that are not a whole value have a limit of their own; `filter` still leaves the key out.
#[test]
fn an_element_has_a_limit_of_its_own() {
    let max = u64::from(u32::MAX);
    let limits = Limits { max_element: max, ..Limits::NONE };
    let elements = places().into_iter().filter(|(name, _, packed)| !packed && *name != "a string");
    for (name, before, _) in elements {
        let with = |bytes| [before.as_slice(), &length(bytes)].concat();
        assert_eq!(decode(limits, &mut Counted::default(), &with(max)), Ok(()), "{name}");
        let error = decode(limits, &mut Counted::default(), &with(max + 1)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ElementTooLong { found: max + 1, max }, "{name}");
        assert!(error.to_string().contains("option filter"), "{error}");
        assert!(error.to_string().contains(&format!("at byte {}", error.offset)), "{error}");
    }
    let whole = key(0, length(max + 1));
    assert_eq!(decode(limits, &mut Counted::default(), &whole), Ok(()), "waited for");
    let both = Limits { proto_max_bulk_len: 100, max_element: 200, ..Limits::NONE };
    let error =
        decode(both, &mut Counted::default(), &key(1, [&[1], length(150).as_slice()].concat()));
    let kind = ErrorKind::StringTooLong { found: 150, max: 100 };
    assert_eq!(error.map_err(|error| error.kind), Err(kind));
    let body = [key(1, [&[1], length(max + 1).as_slice()].concat()), vec![b'x'; 100]].concat();
    let mut sink = support::Json::default();
    sink.unwanted = Some(|_| true);
    let mut decoder = Decoder::with_limits(limits);
    decoder.feed(&[b"REDIS0013", body.as_slice()].concat());
    while decoder.next(&mut sink).unwrap() == Status::Event {}
}

#[test]
fn what_has_come_is_refused_all_the_same() {
    for count in [9, 63, 64, 300] {
        for body in [
            [&[0], string(vec![b'x'; count]).as_slice()].concat(),
            key(0, string(vec![b'x'; count])),
        ] {
            let error = decode(SMALL, &mut Counted::default(), &body).unwrap_err();
            assert_eq!(error.kind, ErrorKind::StringTooLong { found: count as u64, max: 8 });
        }
    }
}

#[test]
fn so_are_the_compressed_bytes() {
    let body = key(0, [&[0xc3], length(9).as_slice(), &length(1)].concat());
    let error = decode(SMALL, &mut Counted::default(), &body).unwrap_err();
    assert_eq!(error.kind, ErrorKind::StringTooLong { found: 9, max: 8 });
}

#[test]
fn what_no_compression_can_make_is_refused_before_it_has_come() {
    let body = key(0, [&[0xc3], length(4).as_slice(), &length(353)].concat());
    let error = decode(Limits::default(), &mut Counted::default(), &body).unwrap_err();
    assert_eq!(error.kind, ErrorKind::LzfClaim { compressed: 4, claimed: 353 });
}

#[test]
fn a_string_that_nobody_wants_has_no_limit() {
    let body = key(0, string([b'x'; 100]));
    let mut sink = support::Json::default();
    sink.unwanted = Some(|_| true);
    let mut decoder = Decoder::with_limits(SMALL);
    decoder.feed(&support::snapshot("REDIS0013", &body));
    while decoder.next(&mut sink).unwrap() == Status::Event {}
    assert_eq!(decoder.finish(), Ok(()));
}

#[test]
fn a_value_that_the_sink_has_no_room_for_is_refused_where_it_overflows() {
    let ints = |count: i64| (0..count).map(lp_int).collect::<Vec<_>>();
    let entry = |seq| [2, 0, seq, 7, 4].map(lp_int).to_vec();
    let mut stream = [vec![lp_int(6), lp_int(0), lp_int(1), lp_text(b"f"), lp_int(0)]].concat();
    stream.extend((1..=6).flat_map(entry));
    let fields: Vec<u8> = (b'a'..=b'f').flat_map(|field| [1, field, 1, 0, b'v']).collect();
    let zipmap = [&[6u8][..], &fields, &[255]].concat();
    let members: Vec<u8> = (b'a'..=b'l').flat_map(|member| string([member])).collect();
    let names: Vec<u8> = (b'a'..=b'f').flat_map(|name| string([name])).collect();
    let module = [vec![1], [2u8, 1].repeat(6), vec![0]].concat();
    let values = [
        ("a list", key(1, [&[6], string("x").repeat(6).as_slice()].concat())),
        ("a hash", key(4, [&[6], members.as_slice()].concat())),
        ("a zipmap", key(9, string(zipmap))),
        ("an intset", key(11, string(intset(2, &[1, 2, 3, 4, 5, 6])))),
        ("a listpack's pairs", key(16, string(listpack(&ints(12))))),
        ("a listpack's scores", key(17, string(listpack(&ints(12))))),
        ("a quicklist", key(18, [&[1, 2], string(listpack(&ints(6))).as_slice()].concat())),
        ("a listpack's items", key(20, string(listpack(&ints(6))))),
        (
            "a listpack's expiries",
            key(25, [&[0; 8], string(listpack(&ints(18))).as_slice()].concat()),
        ),
        (
            "a stream",
            key(15, [[1].as_slice(), &string([1; 16]), &string(listpack(&stream))].concat()),
        ),
        ("a module", key(7, module)),
        ("an array", key(28, [&[6, 0], [1, 0, 1, b'x'].repeat(6).as_slice()].concat())),
        ("a template's hash", key(31, [&[1, 6], names.as_slice(), &names].concat())),
        (
            "a template's listpack",
            key(29, [&[1, 6], names.as_slice(), &string(listpack(&ints(7)))].concat()),
        ),
        (
            "members that expire",
            key(34, [&[0; 8], string(listpack(&ints(12))).as_slice()].concat()),
        ),
    ];
    for (name, body) in values {
        let mut sink = Counted { pieces: 0, room: Some(4) };
        let error = decode(Limits::default(), &mut sink, &body).expect_err(name);
        assert_eq!(error.kind, ErrorKind::ValueTooLarge { max: 4 }, "{name}");
        assert!((5..=6).contains(&sink.pieces), "{name}: {} pieces", sink.pieces);
        assert!(error.to_string().contains("option max_value"), "{error}");
        let whole = Counted { pieces: 0, room: Some(u64::MAX) };
        assert_eq!(decode(Limits::default(), &mut { whole }, &body).err(), None, "{name}");
    }
}
