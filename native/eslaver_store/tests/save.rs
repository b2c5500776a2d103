//! A store is saved as it was at one moment, whatever its writer does meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod model;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use eslaver_core::commands::Learned;
use eslaver_core::rdb::write::{Dialect, Writer as RdbWriter};
use eslaver_core::rdb::{
    Decoder, Family, Item, Kind, LeftOut, Meta, ModuleField, Sink, Status, StreamId, StreamMeta,
};
use eslaver_store::{Command, Loader, Save, Saved, Store, UnknownKey, Writer};
use model::commands::Choices;
use model::{Model, NOW};
use proptest::prelude::*;

/// A store with its writer.
struct Subject {
    store: Arc<Store>,
    writer: Writer,
}

/// A file that is being written.
struct File(RdbWriter<Vec<u8>>);

/// All that a file tells of each key, in its order.
type Keys = BTreeMap<(u32, Vec<u8>), Vec<String>>;

#[derive(Debug, Default)]
struct Contents {
    keys: Keys,
    key: (u32, Vec<u8>),
}

impl Subject {
    fn new() -> Self {
        let store = Arc::new(Store::new());
        let writer = Writer::new(Arc::clone(&store), Learned::default(), None);
        Self { store, writer }
    }

    fn apply(&mut self, unit: &[model::Command]) {
        let args: Vec<Vec<&[u8]>> =
            unit.iter().map(|command| command.args.iter().map(Vec::as_slice).collect()).collect();
        let unit: Vec<_> = unit
            .iter()
            .zip(&args)
            .map(|(command, args)| Command { db: command.db, name: command.name.as_bytes(), args })
            .collect();
        self.writer.apply(&unit, NOW, |command, refusal| panic!("{command:?}: {refusal}"));
        drop(self.writer.take_trash());
    }

    /// Applies lines of commands as one change.
    fn run(&mut self, lines: &[&str]) {
        let words: Vec<(u32, Vec<&[u8]>)> = lines
            .iter()
            .map(|line| {
                let (db, line) = line.split_once(": ").unwrap_or(("0", line));
                (db.parse().unwrap(), line.split(' ').map(str::as_bytes).collect())
            })
            .collect();
        let unit: Vec<_> = words
            .iter()
            .map(|(db, words)| Command { db: *db, name: words[0], args: &words[1..] })
            .collect();
        self.writer.apply(&unit, NOW, |_, _| {});
        drop(self.writer.take_trash());
    }

    fn contents(&self) -> Keys {
        let mut file = File::new();
        let saved = Save::begin(&self.store).unwrap().write_all(&mut file.0).unwrap();
        file.contents(&saved)
    }
}

impl File {
    fn new() -> Self {
        Self(RdbWriter::new(Dialect::new(Family::Redis, 17).unwrap(), Vec::new()))
    }

    fn contents(self, saved: &Saved) -> Keys {
        let mut contents = Contents::default();
        let mut decoder = Decoder::new();
        decoder.feed(&self.0.finish().unwrap());
        while decoder.next(&mut contents).unwrap() != Status::Done {}
        assert_eq!(contents.keys.len() as u64, saved.keys);
        contents.keys
    }
}

impl Contents {
    fn tell(&mut self, what: String) {
        self.keys.get_mut(&self.key).unwrap().push(what);
    }
}

impl Sink for Contents {
    fn aux(&mut self, _name: &[u8], _value: &[u8]) {}
    fn function(&mut self, _code: &[u8]) {}
    fn begin(&mut self, key: &[u8], kind: Kind, meta: &Meta) -> bool {
        self.key = (meta.db, key.to_vec());
        let old = self.keys.insert(self.key.clone(), vec![format!("{kind:?} {meta:?}")]);
        assert_eq!(old, None, "{:?} comes twice", self.key);
        true
    }
    fn item(&mut self, item: Item<'_>) {
        self.tell(format!("{item:?}"));
    }
    fn score(&mut self, score: f64) {
        self.tell(format!("{score:?}"));
    }
    fn expiry(&mut self, at_ms: u64) {
        self.tell(format!("until {at_ms}"));
    }
    fn next_index(&mut self, index: u64) {
        self.tell(format!("next {index}"));
    }
    fn index(&mut self, index: u64) {
        self.tell(format!("at {index}"));
    }
    fn path(&mut self, path: Item<'_>) {
        self.tell(format!("path {path:?}"));
    }
    fn entry(&mut self, id: StreamId) {
        self.tell(format!("{id:?}"));
    }
    fn stream(&mut self, meta: StreamMeta) {
        self.tell(format!("{meta:?}"));
    }
    fn module(&mut self, name: &[u8; 9], version: u16) {
        self.tell(format!("{name:?} {version}"));
    }
    fn module_field(&mut self, field: ModuleField<'_>) {
        self.tell(format!("{field:?}"));
    }
    fn end(&mut self) {}
    fn discard(&mut self) {}
    fn left_out(&mut self, _what: LeftOut) {}
}

/// The commands of some bytes that a master would have let pass, in units.
fn units(bytes: &[u8]) -> Vec<Vec<model::Command>> {
    let mut model = Model::default();
    let mut choices = Choices(bytes);
    let mut units = Vec::new();
    while !choices.is_empty() {
        let mut unit = choices.unit();
        unit.retain(|command| model.apply(command));
        units.push(unit);
    }
    units
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// Saves begin between the same random commands, and go on by random steps between others.
    #[test]
    fn a_save_is_of_its_beginning(
        script in proptest::collection::vec(any::<u8>(), 0..1500),
        plan in proptest::collection::vec((0usize..8, any::<bool>()), 1..200),
    ) {
        let mut subject = Subject::new();
        let mut running: Option<(Save, File, Keys)> = None;
        for (unit, (steps, begins)) in units(&script).iter().zip(plan.iter().cycle()) {
            if running.is_none() && *begins {
                let wanted = subject.contents();
                running = Some((Save::begin(&subject.store).unwrap(), File::new(), wanted));
            }
            if let Some((mut save, mut file, wanted)) = running.take() {
                let is_over = (0..*steps).any(|_| !save.write_some(&mut file.0).unwrap());
                match is_over {
                    true => prop_assert_eq!(file.contents(save.saved()), wanted),
                    false => running = Some((save, file, wanted)),
                }
            }
            subject.apply(unit);
        }
        if let Some((save, mut file, wanted)) = running {
            let saved = save.write_all(&mut file.0).unwrap();
            prop_assert_eq!(file.contents(&saved), wanted);
        }
    }
}

/// Values of every size that a writer changes in place, and databases that come and go.
fn filled() -> Subject {
    let mut subject = Subject::new();
    let many = |name: &str, each: fn(usize) -> String| {
        let words: Vec<String> = (0..500).map(each).collect();
        format!("{name} {}", words.join(" "))
    };
    for line in [
        "set string one",
        "pexpire string 5000",
        "rpush list a b c",
        "sadd set a b",
        "zadd zset 1 a 2 b",
        "hset hash a 1 b 2",
        "xadd stream 1-1 a 1",
        "1: set other one",
        "2: set third one",
        &format!("set long {}", "x".repeat(50_000)),
        &many("rpush large-list", |n| format!("e{n}")),
        &many("sadd large-set", |n| format!("m{n}")),
        &many("zadd large-zset", |n| format!("{n} m{n}")),
        &many("hset large-hash", |n| format!("f{n} v{n}")),
        "unheard-of unknown",
    ] {
        subject.run(&[line]);
    }
    subject
}

const CHANGES: &[&[&str]] = &[
    &["append string two", "rpush list d", "sadd set c", "zincrby zset 5 a"],
    &["hset hash a 2", "xadd stream 2-1 a 1", "pexpire string 9000"],
    &["setrange long 10000 yyyy", "lpop large-list", "srem large-set m7", "zadd large-zset 9 m1"],
    &["hdel large-hash f3", "rename large-hash renamed", "del zset", "set new 1", "4: set new 1"],
    &["swapdb 0 1", "set other two"],
    &["1: flushdb", "1: set string three", "2: set third two"],
    &["del string", "flushall"],
    &["set string 4", "2: set third 3"],
];

#[test]
fn changes_after_any_step_are_left_out() {
    let mut steps = 0;
    loop {
        let mut subject = filled();
        let wanted = subject.contents();
        let (mut save, mut file) = (Save::begin(&subject.store).unwrap(), File::new());
        let is_over = (0..steps).any(|_| !save.write_some(&mut file.0).unwrap());
        CHANGES.iter().for_each(|lines| subject.run(lines));
        let saved = save.write_all(&mut file.0).unwrap();
        assert_eq!(file.contents(&saved), wanted, "after {steps} steps");
        if is_over {
            assert!(steps > 10);
            return;
        }
        steps += 1;
    }
}

#[test]
fn changes_between_all_steps_are_left_out() {
    for skipped in 0..CHANGES.len() {
        let mut subject = filled();
        let wanted = subject.contents();
        let (mut save, mut file) = (Save::begin(&subject.store).unwrap(), File::new());
        for lines in CHANGES.iter().skip(skipped) {
            assert!(save.write_some(&mut file.0).unwrap());
            subject.run(lines);
        }
        let saved = save.write_all(&mut file.0).unwrap();
        assert_eq!(file.contents(&saved), wanted);
    }
}

#[test]
fn one_save_at_a_time() {
    let mut subject = filled();
    let mut save = Save::begin(&subject.store).unwrap();
    assert!(Save::begin(&subject.store).is_none());
    save.write_some(&mut File::new().0).unwrap();
    subject.run(&["set string two"]);
    drop(save);
    let wanted = subject.contents();
    subject.run(&["set string three"]);
    assert_ne!(subject.contents(), wanted);
}

#[test]
fn unknown_keys_are_named_and_come_back() {
    let mut subject = Subject::new();
    subject.run(&["set a 1", "3: set b 1"]);
    subject.run(&["unheard-of a x"]);
    subject.run(&["3: unheard-of b y"]);
    let mut file = File::new();
    let mut saved = Save::begin(&subject.store).unwrap().write_all(&mut file.0).unwrap();
    saved.unknown.sort_by(|one, other| one.key.cmp(&other.key));
    let of = |db, key: &[u8], exists| UnknownKey { db, key: key.into(), exists };
    let unknown =
        vec![of(0, b"a", true), of(3, b"b", true), of(0, b"x", false), of(3, b"y", false)];
    assert_eq!(saved, Saved { keys: 0, unknown: unknown.clone() });

    let mut restored = Subject::new();
    let mut loader = Loader::new(Arc::clone(&restored.store), None);
    unknown.iter().for_each(|key| loader.unknown(key));
    loader.finish();
    let mut again = Save::begin(&restored.store).unwrap().write_all(&mut file.0).unwrap();
    again.unknown.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(again.unknown, unknown);
    assert_eq!(restored.store.len(), 2);
    restored.run(&["set a 2"]);
    assert_eq!(restored.contents().len(), 1);
}

/// The writer adds to all counters at once, while saves go on.
#[test]
fn saves_beside_a_writer_are_of_one_moment() {
    const COUNTERS: usize = 300;
    let rounds = if cfg!(miri) { 2 } else { 40 };
    let mut subject = Subject::new();
    let unit: Vec<String> = (0..COUNTERS)
        .map(|n| match n % 3 {
            0 => format!("incr c{n}"),
            1 => format!("hincrby c{n} f 1"),
            _ => format!("{}: zincrby c{n} 1 m", n % 2),
        })
        .collect();
    let unit: Vec<&str> = unit.iter().map(String::as_str).collect();
    subject.run(&unit);
    let store = Arc::clone(&subject.store);
    // As a slice of a link has it while it writes.
    let turn = Mutex::new(1);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let mut count = turn.lock().unwrap();
                subject.run(&unit);
                *count += 1;
                drop(count);
                std::thread::yield_now();
            }
        });
        let mut moments = Vec::new();
        for _ in 0..rounds {
            let (save, wanted) = {
                let count = turn.lock().unwrap();
                (Save::begin(&store).unwrap(), *count)
            };
            let mut file = File::new();
            let saved = save.write_all(&mut file.0).unwrap();
            let contents = file.contents(&saved);
            assert_eq!(contents.len(), COUNTERS);
            let expected = [format!("{:?}", Item::Int(wanted)), format!("{:?}", wanted as f64)];
            let text = format!("{:?}", Item::Bytes(wanted.to_string().as_bytes()));
            for (key, told) in contents {
                let last = told.last().unwrap();
                assert!(expected.contains(last) || *last == text, "{key:?}: {last}, not {wanted}");
            }
            moments.push(wanted);
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(moments.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(moments.first() < moments.last());
    });
}
