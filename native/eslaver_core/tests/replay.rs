//! The commands that KeyDB's `RREPLAY` wraps.
#![allow(clippy::unwrap_used)]

use eslaver_core::replay::{self, Replayed};
use eslaver_core::resp::{Commands, Limits, encode};
use proptest::prelude::*;

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
    replay::commands(&command, Limits::default())
}

fn replayed(db: Option<u32>, bytes: &[u8]) -> Replayed {
    Replayed { db, bytes: bytes.to_vec() }
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

proptest! {
    #[test]
    fn any_body(body in prop::collection::vec(prop::sample::select(b"*$123\r\nREPLAYset".to_vec()), 0..80)) {
        let _ = unwrap(&wrap(&body, &["0"]));
    }
}
