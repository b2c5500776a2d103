//! A snapshot is loaded as its events tell it: element by element or all of a container at once, right
//! or damaged, whole or in pieces.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::iter::once;
use std::sync::Arc;

use eslaver_core::commands::Learned;
use eslaver_core::rdb::write::{Dialect, Writer as RdbWriter};
use eslaver_core::rdb::{
    Decoder, Error, Family, Item, Kind, LeftOut, Meta, ModuleField, Sink, Status, StreamId,
    StreamMeta,
};
use eslaver_store::{Command, Loader, Save, Store, Writer};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const VERSIONS: [u32; 8] = [6, 7, 8, 9, 10, 11, 12, 17];
const NOW: i64 = 1_000_000;

/// An element: its bytes, its value or the bits of its score, and when it expires.
type Part = (Vec<u8>, Vec<u8>, Option<u64>);

/// A key's type and time, and its elements, in an order that their type has.
type Value = (String, Option<i64>, Vec<Part>);

/// What the events of a snapshot come to. It takes elements one by one unless it is `idle`: then it
/// leaves those that come together.
#[derive(Default)]
struct Told {
    keys: BTreeMap<(u32, Vec<u8>), Value>,
    begun: Option<((u32, Vec<u8>), Kind, Value)>,
    idle: bool,
}

impl Told {
    fn part(&mut self, part: Part) {
        if let Some((_, _, (_, _, parts))) = &mut self.begun {
            parts.push(part);
        }
    }
}

fn bytes(item: Item<'_>) -> Vec<u8> {
    match item {
        Item::Bytes(bytes) => bytes.to_vec(),
        Item::Int(value) => value.to_string().into_bytes(),
    }
}

impl Sink for Told {
    fn aux(&mut self, _name: &[u8], _value: &[u8]) {}
    fn function(&mut self, _code: &[u8]) {}
    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        let value = (format!("{kind:?}"), meta.expire_at, Vec::new());
        self.begun = Some(((meta.db, key.to_vec()), kind, value));
        true
    }
    fn item(&mut self, item: Item<'_>) {
        let item = bytes(item);
        match &mut self.begun {
            // A hash tells its fields and values in turn.
            Some((_, Kind::Hash, (_, _, parts)))
                if parts.last().is_some_and(|(_, value, _)| value.is_empty()) =>
            {
                if let Some((_, value, _)) = parts.last_mut() {
                    *value = [b"=", item.as_slice()].concat();
                }
            }
            _ => self.part((item, Vec::new(), None)),
        }
    }
    fn score(&mut self, score: f64) {
        if let Some((_, _, (_, _, parts))) = &mut self.begun {
            parts.last_mut().unwrap().1 = score.to_bits().to_be_bytes().to_vec();
        }
    }
    fn items<'a>(&mut self, items: impl Iterator<Item = Item<'a>>) {
        if !self.idle {
            items.for_each(|item| self.item(item));
        }
    }
    fn pairs<'a>(&mut self, pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>) {
        if !self.idle {
            pairs.for_each(|(field, value)| {
                self.item(field);
                self.item(value);
            });
        }
    }
    fn scores<'a>(&mut self, scores: impl Iterator<Item = (Item<'a>, f64)>) {
        if !self.idle {
            scores.for_each(|(member, score)| {
                self.item(member);
                self.score(score);
            });
        }
    }
    fn expiry(&mut self, at_ms: u64) {
        if let Some((_, _, (_, _, parts))) = &mut self.begun {
            parts.last_mut().unwrap().2 = Some(at_ms);
        }
    }
    fn next_index(&mut self, _index: u64) {}
    fn index(&mut self, _index: u64) {}
    fn path(&mut self, _path: Item<'_>) {}
    fn entry(&mut self, _id: StreamId) {}
    fn stream(&mut self, _meta: StreamMeta) {}
    fn module(&mut self, _name: &[u8; 9], _version: u16) {}
    fn module_field(&mut self, _field: ModuleField<'_>) {}
    fn end(&mut self) {
        let (key, kind, (name, at, mut parts)) = self.begun.take().unwrap();
        match kind {
            Kind::Set | Kind::Zset | Kind::Hash => parts.sort(),
            Kind::String | Kind::List => {}
            // Damage has made it another type; that of a key before goes, too.
            _ => return drop(self.keys.remove(&key)),
        }
        self.keys.insert(key, (name, at, parts));
    }
    fn discard(&mut self) {
        self.begun = None;
    }
    fn left_out(&mut self, _what: LeftOut) {}
}

/// Hands a loader each element by itself.
struct OneByOne(Loader);

impl Sink for OneByOne {
    fn aux(&mut self, name: &[u8], value: &[u8]) {
        self.0.aux(name, value);
    }
    fn function(&mut self, code: &[u8]) {
        self.0.function(code);
    }
    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        self.0.begin(key, kind, meta)
    }
    fn item(&mut self, item: Item<'_>) {
        self.0.item(item);
    }
    fn score(&mut self, score: f64) {
        self.0.score(score);
    }
    fn items<'a>(&mut self, items: impl Iterator<Item = Item<'a>>) {
        items.for_each(|item| self.0.items(once(item)));
    }
    fn pairs<'a>(&mut self, pairs: impl Iterator<Item = (Item<'a>, Item<'a>)>) {
        pairs.for_each(|pair| self.0.pairs(once(pair)));
    }
    fn scores<'a>(&mut self, scores: impl Iterator<Item = (Item<'a>, f64)>) {
        scores.for_each(|scored| self.0.scores(once(scored)));
    }
    fn expiry(&mut self, at_ms: u64) {
        self.0.expiry(at_ms);
    }
    fn next_index(&mut self, index: u64) {
        self.0.next_index(index);
    }
    fn index(&mut self, index: u64) {
        self.0.index(index);
    }
    fn path(&mut self, path: Item<'_>) {
        self.0.path(path);
    }
    fn entry(&mut self, id: StreamId) {
        self.0.entry(id);
    }
    fn stream(&mut self, meta: StreamMeta) {
        self.0.stream(meta);
    }
    fn module(&mut self, name: &[u8; 9], version: u16) {
        self.0.module(name, version);
    }
    fn module_field(&mut self, field: ModuleField<'_>) {
        self.0.module_field(field);
    }
    fn end(&mut self) {
        self.0.end();
    }
    fn discard(&mut self) {
        self.0.discard();
    }
    fn left_out(&mut self, what: LeftOut) {
        self.0.left_out(what);
    }
}

/// Decodes a file in pieces of this size.
fn decode<S: Sink>(file: &[u8], size: usize, sink: &mut S) -> Result<(), Error> {
    let mut decoder = Decoder::new();
    for piece in file.chunks(size) {
        decoder.feed(piece);
        while decoder.next(sink)? == Status::Event {}
    }
    decoder.finish()
}

/// What a store has, of the types that are compared.
fn kept(store: &Arc<Store>) -> BTreeMap<(u32, Vec<u8>), Value> {
    let file = saved(store, 17).expect("all that is loaded can be written");
    let mut told = Told::default();
    decode(&file, file.len(), &mut told).unwrap();
    told.keys
}

fn saved(store: &Arc<Store>, version: u32) -> Option<Vec<u8>> {
    let mut rdb = RdbWriter::new(Dialect::new(Family::Redis, version)?, Vec::new());
    Save::begin(store)?.write_all(&mut rdb).ok()?;
    rdb.finish().ok()
}

/// A collection: the command that fills it, how many elements it has, and how long they are.
fn collection() -> impl Strategy<Value = (&'static str, usize, usize, bool)> {
    let command = select(vec!["set", "rpush", "sadd", "zadd", "hset", "hset-timed"]);
    let count = prop_oneof![3 => 1usize..30, 1 => 100usize..300, 1 => 500usize..600];
    let len = select(vec![0, 1, 12, 60, 300, 9000, 20_000, 40_000]);
    (command, count, len, any::<bool>()).prop_map(|(command, count, len, expires)| {
        (command, count.min(200_000 / (len + 1)), len, expires)
    })
}

/// A file with these collections.
fn file(collections: &[(&'static str, usize, usize, bool)], version: u32) -> Option<Vec<u8>> {
    let store = Arc::new(Store::new());
    let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
    let mut run = |words: &[Vec<u8>]| {
        let args: Vec<&[u8]> = words[1..].iter().map(Vec::as_slice).collect();
        let command = Command { db: 0, name: &words[0], args: &args };
        writer.apply(&[command], NOW, |command, refusal| panic!("{command:?}: {refusal}"));
        drop(writer.take_trash());
    };
    for (number, (command, count, len, expires)) in collections.iter().enumerate() {
        let key = format!("key:{number}").into_bytes();
        let text = |n: usize| format!("{}{n}", "x".repeat(*len)).into_bytes();
        let score = |n: usize| format!("{}", (n * 7 % 100) as f64 / 4.0).into_bytes();
        let is_timed = *command == "hset-timed";
        let name = command.trim_end_matches("-timed");
        let mut words = vec![name.as_bytes().to_vec(), key.clone()];
        for n in 0..*count {
            match name {
                "zadd" => words.extend([score(n), text(n)]),
                "hset" => words.extend([text(n), text(n * 5)]),
                "set" if n > 0 => {}
                _ => words.push(text(n * 3)),
            }
        }
        run(&words);
        if is_timed {
            let words = ["hpexpireat", "", "4102444800000", "FIELDS", "1", ""];
            let mut words = words.map(|word| word.as_bytes().to_vec());
            (words[1], words[5]) = (key.clone(), text(0));
            run(&words);
        }
        if *expires {
            run(&[b"pexpireat".to_vec(), key, b"4102444800000".to_vec()]);
        }
    }
    saved(&store, version)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn a_snapshot_is_loaded_as_it_is_told(
        collections in proptest::collection::vec(collection(), 1..6),
        version in select(VERSIONS.to_vec()),
        damage in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..3),
        sizes in (1usize..9, 9usize..5000),
    ) {
        // Not every version has fields that expire.
        let Some(mut file) = file(&collections, version) else { return Ok(()) };
        for (at, byte) in damage {
            *at.get_mut(&mut file) = byte;
        }
        // Without a checksum, damage is only seen where it lies.
        let end = file.len() - 8;
        file[end..].fill(0);

        let mut told = Told::default();
        let wanted = decode(&file, file.len(), &mut told);
        let mut idle = Told { idle: true, ..Told::default() };
        prop_assert_eq!(&decode(&file, file.len(), &mut idle), &wanted);
        for size in [file.len(), 1, sizes.0, sizes.1] {
            let store = Arc::new(Store::new());
            let mut loader = Loader::new(Arc::clone(&store), None);
            prop_assert_eq!(&decode(&file, size, &mut loader), &wanted);
            drop(loader);
            prop_assert_eq!(&kept(&store), &told.keys);
        }
        let store = Arc::new(Store::new());
        let mut one_by_one = OneByOne(Loader::new(Arc::clone(&store), None));
        prop_assert_eq!(&decode(&file, file.len(), &mut one_by_one), &wanted);
        drop(one_by_one);
        prop_assert_eq!(&kept(&store), &told.keys);
    }
}
