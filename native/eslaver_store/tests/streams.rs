//! Streams, filled by commands, saved and loaded again.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use eslaver_core::commands::Learned;
use eslaver_core::rdb::write::{Dialect, Server, Writer as RdbWriter};
use eslaver_core::rdb::{Decoder, Status};
use eslaver_store::{
    Answer, Arg, Command, Loader, Patience, Queries, Reader, Save, Store, Tree, Writer,
};

fn ask(store: &Store, name: &str, args: &[Arg<'_>]) -> Answer {
    let mut tree = Tree::default();
    let reader = Reader::new(store, 0, 1000, Patience::Long);
    Queries::default().answer(&reader, name, args, &mut tree).unwrap();
    tree.into_answer().unwrap()
}

fn apply(writer: &mut Writer, command: &str) {
    let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
    let command = Command { db: 0, name: words[0], args: &words[1..] };
    writer.apply(&[command], 1000, |_, refusal| panic!("{refusal}"));
}

/// All that reads say of a stream.
fn all(store: &Store, key: &str) -> Vec<Answer> {
    let (key, from, to) = (Arg::Bytes(key.as_bytes()), Arg::Atom("-"), Arg::Atom("+"));
    let mut all = vec![
        ask(store, "xrange", &[key.clone(), from.clone(), to.clone()]),
        ask(store, "xinfo_stream", std::slice::from_ref(&key)),
        ask(store, "xinfo_groups", std::slice::from_ref(&key)),
    ];
    for group in [&b"g"[..], b"h"] {
        let group = Arg::Bytes(group);
        all.push(ask(store, "xinfo_consumers", &[key.clone(), group.clone()]));
        all.push(ask(store, "xpending", &[key.clone(), group.clone()]));
        let range = [key.clone(), group, from.clone(), to.clone(), Arg::Atom("infinity")];
        all.push(ask(store, "xpending", &range));
    }
    all
}

#[test]
fn what_is_saved_is_loaded() {
    let store = Arc::new(Store::new());
    let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
    for n in 1..=1000 {
        apply(&mut writer, &format!("xadd large {n}-{} name {} at {n}", n % 3, n * 7));
        if n % 5 == 0 {
            apply(&mut writer, &format!("xdel large {n}-{}", n % 3));
        }
    }
    apply(&mut writer, "xadd small 1-1 a 1");
    apply(&mut writer, "xadd small 1-2 b 2");
    apply(&mut writer, "xgroup create large g 0");
    apply(&mut writer, "xgroup create large h 500 mkstream entriesread 400");
    apply(&mut writer, "xgroup createconsumer large h idle");
    apply(&mut writer, "xreadgroup group g c count 300 streams large >");
    apply(&mut writer, "xclaim large g d 0 1-1 2-2 3-0 time 9 retrycount 4");
    apply(&mut writer, "xnack large g fail ids 2 4-1 3-0");
    apply(&mut writer, "xadd large idmp p i 2000-1 a 1");
    let dialect = Dialect::of_server(Server::Redis, 8, 8).unwrap();
    let mut rdb = RdbWriter::new(dialect, Vec::new());
    assert_eq!(Save::begin(&store).unwrap().write_all(&mut rdb).unwrap().keys, 2);
    let mut decoder = Decoder::new();
    decoder.feed(&rdb.finish().unwrap());
    let loaded = Arc::new(Store::new());
    let mut loader = Loader::new(Arc::clone(&loaded), None);
    while decoder.next(&mut loader).unwrap() != Status::Done {}
    assert_eq!(loader.problems(), []);
    loader.finish();
    for key in ["large", "small"] {
        for (loaded, expected) in all(&loaded, key).into_iter().zip(all(&store, key)) {
            assert_eq!(loaded, expected, "{key}");
        }
    }
}
