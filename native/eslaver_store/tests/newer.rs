//! Arrays, vector sets, path hashes and rate limits, saved and loaded.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use eslaver_core::commands::Learned;
use eslaver_core::rdb::write::{Contents, Dialect, Server, Writer as RdbWriter};
use eslaver_core::rdb::{Decoder, Item, Meta, ModuleField, Status};
use eslaver_store::{
    Answer, Arg, Command, Loader, Patience, Queries, Reader, Save, Store, Tree, Writer,
};

const NOW: i64 = 1_700_000_000_000;

fn read(store: &Store, name: &str, args: &[Arg<'_>]) -> Answer {
    let mut tree = Tree::default();
    let reader = Reader::new(store, 0, NOW, Patience::Long);
    Queries::default().answer(&reader, name, args, &mut tree).unwrap();
    tree.into_answer().unwrap()
}

fn filled(lines: &[String]) -> Arc<Store> {
    let store = Arc::new(Store::new());
    let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
    for line in lines {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let command = Command { db: 0, name: words[0], args: &words[1..] };
        writer.apply(&[command], NOW, |_, refusal| panic!("{line}: {refusal}"));
    }
    store
}

fn loaded(file: &[u8]) -> Arc<Store> {
    let store = Arc::new(Store::new());
    let mut loader = Loader::new(Arc::clone(&store), None);
    let mut decoder = Decoder::new();
    decoder.feed(file);
    while decoder.next(&mut loader).unwrap() != Status::Done {}
    assert_eq!(loader.problems(), []);
    store
}

fn saved(store: &Store, server: Server, major: u32, minor: u32) -> Arc<Store> {
    let dialect = Dialect::of_server(server, major, minor).unwrap();
    let mut rdb = RdbWriter::new(dialect, Vec::new());
    assert_eq!(Save::begin(store).unwrap().write_all(&mut rdb).unwrap().keys, store.len() as u64);
    loaded(&rdb.finish().unwrap())
}

#[test]
fn arrays_and_rate_limits_come_back() {
    let numbers: Vec<_> = (0..5000).map(|number: u32| (number * number).to_string()).collect();
    let store = filled(&[
        "arset small 3 a b 7".into(),
        "arinsert small x y".into(),
        "arset spread 0 zero".into(),
        "armset spread 18446744073709551614 last 70000 b".into(),
        format!("arset large 100 {}", numbers.join(" ")),
        format!("gcrasetvalue limit {}", (NOW + 5000) * 1000 + 7),
    ]);
    let again = saved(&store, Server::Redis, 8, 10);
    for key in ["small", "spread", "large"] {
        let range = [Arg::Int(0), Arg::Unsigned(u64::MAX - 1), Arg::Atom("infinity")];
        let args: Vec<_> = [Arg::Bytes(key.as_bytes())].into_iter().chain(range).collect();
        assert_eq!(read(&again, "arscan", &args), read(&store, "arscan", &args), "{key}");
        let info = |store| read(store, "arinfo", &args[..1]);
        assert_eq!(info(&again), info(&store), "{key}");
    }
    let limit = Arg::Bytes(b"limit");
    let time = Answer::Int(i128::from((NOW + 5000) * 1000 + 7));
    assert_eq!(read(&again, "gcra", &[limit]), time);
}

#[test]
fn path_hashes_come_back() {
    let mut lines: Vec<_> = (0..200)
        .map(|number| format!("phset tree path:{number} FIELDS 2 f {number} g x"))
        .collect();
    lines.extend((0..300).map(|number| format!("phset tree wide FIELDS 1 {number} v{number}")));
    lines.push("phset empty a FIELDS 1 f v".into());
    lines.push("phdel empty a".into());
    let store = filled(&lines);
    let again = saved(&store, Server::Valkey, 9, 2);
    let sorted = |store, path: &str| {
        let all = read(store, "phgetall", &[Arg::Bytes(b"tree"), Arg::Bytes(path.as_bytes())]);
        let Answer::Map(mut fields) = all else { panic!("no map") };
        fields.sort_by_key(|field| format!("{field:?}"));
        fields
    };
    for path in ["path:0", "path:199", "wide", "none"] {
        assert_eq!(sorted(&again, path), sorted(&store, path), "{path}");
    }
    for (key, count) in [(&b"tree"[..], 201), (b"empty", 0)] {
        assert_eq!(read(&again, "phcard", &[Arg::Bytes(key)]), Answer::Int(count));
    }
    assert_eq!(again.len(), 2);
}

#[test]
fn vector_sets_come_back() {
    let mut lines = Vec::new();
    for (key, count, how) in [("q8", 1, ""), ("f32", 40, " NOQUANT M 8"), ("bin", 300, " BIN")] {
        lines.extend((0..count).map(|n| format!("vadd {key} VALUES 3 {n} -2 0.5 e{n}{how}")));
    }
    lines.extend((0..5).map(|n| format!("vadd r REDUCE 2 VALUES 3 {n} 1 2 e{n} SETATTR {n}")));
    let store = filled(&lines);
    let again = saved(&store, Server::Redis, 8, 10);
    for key in ["q8", "f32", "bin", "r"] {
        let key = Arg::Bytes(key.as_bytes());
        for query in ["vinfo", "vdim", "vcard"] {
            let args = std::slice::from_ref(&key);
            assert_eq!(read(&again, query, args), read(&store, query, args), "{key:?} {query}");
        }
        for element in ["e0", "e3", "e39", "none"] {
            let args = [key.clone(), Arg::Bytes(element.as_bytes())];
            for query in ["vemb_raw", "vemb", "vgetattr", "vismember"] {
                assert_eq!(read(&again, query, &args), read(&store, query, &args), "{args:?}");
            }
        }
    }
}

#[test]
fn a_vector_set_is_no_other_module_value() {
    let dialect = Dialect::of_server(Server::Redis, 8, 10).unwrap();
    let mut rdb = RdbWriter::new(dialect, Vec::new());
    for (key, version) in [(&b"set"[..], 0), (b"other", 1)] {
        let contents = Contents::Module { name: *b"vectorset", version };
        rdb.begin(key, &Meta::default(), contents).unwrap();
        for number in [3, 1, 4097, 0] {
            rdb.module_field(ModuleField::Unsigned(number)).unwrap();
        }
        for string in [Item::Int(12), Item::Bytes(&[42, 171, 127])] {
            rdb.module_field(ModuleField::String(string)).unwrap();
        }
        for number in [1, 0] {
            rdb.module_field(ModuleField::Unsigned(number)).unwrap();
        }
        rdb.end().unwrap();
    }
    let store = loaded(&rdb.finish().unwrap());
    let members = [Arg::Bytes(b"set"), Arg::Atom("-"), Arg::Atom("+"), Arg::Atom("infinity")];
    let found = read(&store, "vrange", &members);
    assert_eq!(found, Answer::List(vec![Answer::Bytes(b"12".to_vec())]));
    let mut tree = Tree::default();
    let reader = Reader::new(&store, 0, NOW, Patience::Short);
    let other = Queries::default().answer(&reader, "vcard", &[Arg::Bytes(b"other")], &mut tree);
    assert_eq!(other, Err(eslaver_store::ReadError::WrongType));
}
