//! The commands that KeyDB's `RREPLAY` wraps.
#![allow(clippy::unwrap_used)]

use eslaver_core::replay::{self, Replay};
use eslaver_core::resp::{Commands, Limits, encode};
use proptest::collection::vec;
use proptest::prelude::*;

/// A db that is selected, and a command.
type Replayed = (Option<u32>, Vec<u8>);

fn wrap(body: &[u8], more: &[&str]) -> Vec<u8> {
    let mut words = vec![b"RREPLAY".as_slice(), b"cd3f719c-ab7b-4401-8b52-af4cc214bbf5", body];
    words.extend(more.iter().map(|word| word.as_bytes()));
    encode(&words)
}

fn unwrap(bytes: &[u8]) -> Option<Vec<Replayed>> {
    let mut parser = Commands::new(Limits::default());
    parser.feed(bytes);
    let command = parser.next().unwrap().unwrap();
    assert!(replay::is_replay(&command));
    let mut replay = Replay::read(&command, Limits::default())?;
    let (mut found, mut ended) = (Vec::new(), false);
    while let Some(one) = replay.take() {
        assert!(!ended);
        ended = one.is_last;
        found.push((one.db, one.bytes.to_vec()));
    }
    assert!(ended);
    Some(found)
}

fn replayed(db: Option<u32>, bytes: &[u8]) -> Replayed {
    (db, bytes.to_vec())
}

#[test]
fn what_is_wrapped() {
    let (set, del) = (encode(&[b"set", b"b", b"22"]), encode(&[b"del", b"\r\n"]));
    let both = [set.clone(), del.clone()].concat();
    for (bytes, expected) in [
        (wrap(&set, &[]), Some(vec![replayed(None, &set)])),
        (wrap(&set, &["3", "1883124263544684545"]), Some(vec![replayed(Some(3), &set)])),
        (wrap(&both, &["3"]), Some(vec![replayed(Some(3), &set), replayed(None, &del)])),
        (wrap(&wrap(&set, &["5"]), &["3"]), Some(vec![replayed(Some(5), &set)])),
        (wrap(&wrap(&set, &[]), &["3"]), Some(vec![replayed(Some(3), &set)])),
        (
            wrap(&[wrap(&set, &["5"]), del.clone()].concat(), &["3"]),
            Some(vec![replayed(Some(5), &set), replayed(None, &del)]),
        ),
        (
            wrap(&[b"\r\n*0\r\n", wrap(&[b"\n", &set[..]].concat(), &[]).as_slice()].concat(), &[]),
            Some(vec![replayed(None, &[b"\n", &set[..]].concat())]),
        ),
        (wrap(b"", &["3"]), None),
        (wrap(b"set b 22\r\n", &["3"]), None),
        (wrap(&set[..set.len() - 1], &["3"]), None),
        (wrap(&[set.as_slice(), b"*1"].concat(), &["3"]), None),
        (wrap(&set, &["x"]), None),
        (wrap(&set, &["-1"]), None),
        (wrap(&set, &["2147483648"]), None),
        (encode(&[b"rreplay", b"uuid"]), None),
    ] {
        assert_eq!(unwrap(&bytes), expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn not_without_end() {
    let wrapped = |depth| (0..depth).fold(encode(&[b"PING"]), |inner, _| wrap(&inner, &[]));
    assert_eq!(unwrap(&wrapped(16)).map(|found| found.len()), Some(1));
    assert_eq!(unwrap(&wrapped(17)), None);
}

/// What a body holds.
#[derive(Debug, Clone)]
enum Part {
    Command(Vec<Vec<u8>>),
    Wrapping(Option<u32>, Vec<Part>),
}

fn any_parts() -> impl Strategy<Value = Vec<Part>> {
    let word = || vec(prop::sample::select(b"*$12\r\nRsetx".to_vec()), 0..6);
    let command = vec(word(), 1..4).prop_map(Part::Command);
    let part = command.prop_recursive(5, 30, 4, |part| {
        (prop::option::of(0u32..9), vec(part, 1..4))
            .prop_map(|(db, parts)| Part::Wrapping(db, parts))
    });
    vec(part, 1..4)
}

fn body(parts: &[Part]) -> Vec<u8> {
    let encoded = parts.iter().map(|part| match part {
        Part::Command(words) => encode(&words.iter().map(Vec::as_slice).collect::<Vec<_>>()),
        Part::Wrapping(None, parts) => wrap(&body(parts), &[]),
        Part::Wrapping(Some(db), parts) => wrap(&body(parts), &[&db.to_string()]),
    });
    encoded.collect::<Vec<_>>().concat()
}

/// The db of a wrapping is that of its first command, unless a wrapping there names its own.
fn flat(parts: &[Part], mut db: Option<u32>) -> Vec<Replayed> {
    let mut found = Vec::new();
    for part in parts {
        let select = db.take();
        match part {
            Part::Command(_) => found.push((select, body(std::slice::from_ref(part)))),
            Part::Wrapping(own, parts) => found.extend(flat(parts, own.or(select))),
        }
    }
    found
}

proptest! {
    #[test]
    fn any_commands(parts in any_parts(), db in prop::option::of(0u32..9)) {
        let words = db.map(|db| db.to_string());
        let more: Vec<&str> = words.as_deref().into_iter().collect();
        prop_assert_eq!(unwrap(&wrap(&body(&parts), &more)), Some(flat(&parts, db)));
    }

    /// Bytes that are mostly no commands end without a panic.
    #[test]
    fn any_body(body in vec(prop::sample::select(b"*$123\r\nREPLAYset".to_vec()), 0..80)) {
        let _ = unwrap(&wrap(&body, &["0"]));
    }
}
