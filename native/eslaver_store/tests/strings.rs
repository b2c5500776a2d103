//! Strings, written by commands and read by queries.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use eslaver_core::commands::Learned;
use eslaver_store::{Answer, Arg, Command, Patience, Queries, Reader, Store, Tree, Writer};

fn read(store: &Store, name: &str, args: &[Arg<'_>]) -> Answer {
    let mut tree = Tree::default();
    let reader = Reader::new(store, 0, 0, Patience::Short);
    Queries::default().answer(&reader, name, args, &mut tree).unwrap();
    tree.into_answer().unwrap()
}

fn apply(writer: &mut Writer, name: &[u8], args: &[&[u8]]) {
    writer.apply(&[Command { db: 0, name, args }], 0, |_, refusal| panic!("{refusal}"));
}

#[test]
fn set_is_seen() {
    let store = Arc::new(Store::new());
    let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
    assert_eq!(read(&store, "get", &[Arg::Bytes(b"key")]), Answer::Atom("undefined"));
    apply(&mut writer, b"set", &[b"key", b"value"]);
    assert_eq!(read(&store, "get", &[Arg::Bytes(b"key")]), Answer::Bytes(b"value".to_vec()));
    apply(&mut writer, b"flushall", &[]);
    assert_eq!(read(&store, "get", &[Arg::Bytes(b"key")]), Answer::Atom("undefined"));
}
