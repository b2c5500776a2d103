//! Whatever happens to its slots, a cluster answers as a plain store.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eslaver_cluster::{Shard, of_key};
use eslaver_core::commands::Learned;
use eslaver_store::{Answer, Arg, Patience, Reader, Store, Witness, Writer};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::cluster::{Cluster, SHARDS, answer, apply, found, list, text, words};

const TAGS: usize = 5;
const KEYS: usize = 4;
const LATER: &str = "4000000000000";

/// What happens to a cluster.
#[derive(Debug, Clone, Copy)]
enum Op {
    /// One of the writes, to a key.
    Write(usize, usize),
    /// A slot begins to be moved key by key, to one of the others.
    Migrate(usize, u16),
    /// A key of it is restored there; its source drops it later.
    Restore(usize),
    /// The source drops a key that was restored.
    Drop(usize),
    /// All else is moved, and the slot changes its owner.
    Finish(usize),
    /// All comes back.
    Return(usize),
    /// A slot is imported as a whole.
    Import(usize, u16),
    /// That is complete, or has failed.
    Complete(usize),
    Fail(usize),
    /// A page of a scan.
    Page(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let (key, tag) = (0..TAGS * KEYS, 0..TAGS);
    prop_oneof![
        8 => (key.clone(), 0usize..9).prop_map(|(key, write)| Op::Write(key, write)),
        2 => (tag.clone(), 0..SHARDS).prop_map(|(tag, to)| Op::Migrate(tag, to)),
        6 => key.clone().prop_map(Op::Restore),
        4 => key.prop_map(Op::Drop),
        1 => tag.clone().prop_map(Op::Finish),
        1 => tag.clone().prop_map(Op::Return),
        2 => (tag.clone(), 0..SHARDS).prop_map(|(tag, to)| Op::Import(tag, to)),
        1 => tag.clone().prop_map(Op::Complete),
        1 => tag.prop_map(Op::Fail),
        3 => (1usize..5).prop_map(Op::Page),
    ]
}

fn key(number: usize) -> String {
    format!("{{{}}}{}", number / KEYS, number % KEYS)
}

fn tag(number: usize) -> u16 {
    of_key(number.to_string().as_bytes())
}

/// A cluster, and a plain store with the same keys.
struct Both {
    cluster: Cluster,
    plain: Arc<Store>,
    writer: Writer,
    /// Keys that were restored by the new owner, and not dropped by the old one.
    twice: BTreeSet<usize>,
    /// Where a slot is imported as a whole, by tag.
    imports: BTreeMap<usize, Shard>,
    scan: Option<Scan>,
    count: usize,
}

/// A scan: where it goes on, what it has found, and what has been there all the while.
struct Scan {
    cursor: i64,
    all: Vec<Vec<u8>>,
    stable: BTreeSet<Vec<u8>>,
}

impl Both {
    fn new() -> Self {
        let plain = Arc::new(Store::new());
        let writer = Writer::new(Arc::clone(&plain), Learned::default(), None);
        let cluster = Cluster::new();
        (0..TAGS).for_each(|of| cluster.routes.set(tag(of), Some(Shard(of as u16 % SHARDS)), None));
        let (twice, imports) = Default::default();
        Self { cluster, plain, writer, twice, imports, scan: None, count: 0 }
    }

    fn route(&self, of: usize) -> (Shard, Option<Shard>) {
        let route = self.cluster.routes.get(tag(of));
        (route.owner.unwrap(), route.other)
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Write(number, write) => self.write(number, write),
            Op::Migrate(of, to) => {
                let (owner, other) = self.route(of);
                if other.is_none() && owner != Shard(to) && !self.imports.contains_key(&of) {
                    self.cluster.routes.set(tag(of), Some(owner), Some(Shard(to)));
                }
            }
            Op::Restore(number) => self.restore(number),
            Op::Drop(number) => self.drop(number),
            Op::Finish(of) => {
                let (_, Some(other)) = self.route(of) else { return };
                for number in of * KEYS..(of + 1) * KEYS {
                    self.restore(number);
                    self.drop(number);
                }
                self.cluster.routes.set(tag(of), Some(other), None);
            }
            Op::Return(of) => {
                let (owner, Some(other)) = self.route(of) else { return };
                for number in of * KEYS..(of + 1) * KEYS {
                    self.drop(number);
                    self.cluster.copy(&key(number), other, owner);
                    self.cluster.run_at(other, &words(&format!("del {}", key(number))));
                }
                self.cluster.routes.set(tag(of), Some(owner), None);
            }
            Op::Import(of, to) => {
                let (owner, other) = self.route(of);
                if other.is_none() && owner != Shard(to) && !self.imports.contains_key(&of) {
                    let keys = of * KEYS..(of + 1) * KEYS;
                    keys.for_each(|number| self.cluster.copy(&key(number), owner, Shard(to)));
                    self.imports.insert(of, Shard(to));
                }
            }
            Op::Complete(of) => {
                if let Some(to) = self.imports.remove(&of) {
                    let (from, _) = self.route(of);
                    self.cluster.routes.set(tag(of), Some(to), None);
                    self.check();
                    self.trim(of, from);
                }
            }
            Op::Fail(of) => {
                if let Some(to) = self.imports.remove(&of) {
                    self.trim(of, to);
                }
            }
            Op::Page(count) => self.page(count),
        }
    }

    fn write(&mut self, number: usize, write: usize) {
        self.drop(number);
        self.count += 1;
        let (key, count) = (key(number), self.count);
        let command = match write {
            0 | 1 => format!("set {key} {count}"),
            2 => format!("del {key}"),
            3 if self.keys().contains(key.as_bytes()) => format!("pexpireat {key} {LATER}"),
            _ => {
                let kind = answer(&self.plain_reader(), "type", &[text(&key)]).unwrap();
                match (kind, write) {
                    (Answer::Atom("none"), 4 | 5) | (Answer::Atom("hash"), _) => {
                        format!("hset {key} f{} {count}", count % 3)
                    }
                    (Answer::Atom("none"), 6) | (Answer::Atom("list"), _) => {
                        format!("rpush {key} {count}")
                    }
                    (Answer::Atom("none" | "set"), _) => format!("sadd {key} {count} x"),
                    _ => format!("append {key} {count}"),
                }
            }
        };
        let command = words(&command);
        apply(&mut self.writer, &command);
        self.cluster.run(&key, &command);
        if let Some(&to) = self.imports.get(&(number / KEYS)) {
            self.cluster.run_at(to, &command);
        }
    }

    fn restore(&mut self, number: usize) {
        let (owner, Some(other)) = self.route(number / KEYS) else { return };
        if self.cluster.has(owner, &key(number)) {
            self.cluster.copy(&key(number), owner, other);
            self.twice.insert(number);
        }
    }

    fn drop(&mut self, number: usize) {
        if self.twice.remove(&number) {
            let (owner, _) = self.route(number / KEYS);
            self.cluster.run_at(owner, &words(&format!("del {}", key(number))));
        }
    }

    fn trim(&self, of: usize, at: Shard) {
        let slot = tag(of);
        self.cluster.run_at(at, &words(&format!("trimslots RANGES 1 {slot} {slot}")));
    }

    fn plain_reader(&self) -> Reader<'_> {
        Reader::new(&self.plain, 0, 0, Patience::Long)
    }

    fn keys(&self) -> BTreeSet<Vec<u8>> {
        found(answer(&self.plain_reader(), "keys", &[text("*")]).unwrap()).into_iter().collect()
    }

    fn page(&mut self, count: usize) {
        let Scan { cursor, mut all, stable } = match self.scan.take() {
            Some(scan) => scan,
            None => Scan { cursor: 0, all: Vec::new(), stable: self.keys() },
        };
        let args = [Arg::Int(cursor), Arg::Atom("any"), Arg::Atom("any"), Arg::Int(count as i64)];
        let Answer::Tuple(page) = self.cluster.ask("scan", &args).unwrap() else { panic!() };
        let [Answer::Int(next), keys] = &page[..] else { panic!("{page:?}") };
        all.extend(found(keys.clone()));
        if *next != 0 {
            self.scan = Some(Scan { cursor: i64::try_from(*next).unwrap(), all, stable });
            return;
        }
        for key in stable {
            let times = all.iter().filter(|other| **other == key).count();
            assert_eq!(times, 1, "{} is found {times} times", key.escape_ascii());
        }
    }

    /// Every query answers as of the plain store.
    fn check(&mut self) {
        let keys = self.keys();
        if let Some(Scan { stable, .. }) = &mut self.scan {
            stable.retain(|key| keys.contains(key));
        }
        for number in 0..TAGS * KEYS {
            let key = key(number);
            for (name, args) in [
                ("value", vec![text(&key), Arg::Atom("any")]),
                ("exists", vec![text(&key)]),
                ("pexpiretime", vec![text(&key)]),
                ("scard", vec![text(&key)]),
                ("hget", vec![text(&key), text("f1")]),
            ] {
                self.compare(name, &args, |answer| answer);
            }
        }
        let names: Vec<String> = (0..TAGS * KEYS).map(key).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.compare("mget", &[list(&names)], |answer| answer);
        self.compare("dbsize", &[], |answer| answer);
        for pattern in ["*", "{1}*", "*3"] {
            self.compare("keys", &[text(pattern)], sorted);
        }
        for pair in names.chunks(3) {
            self.compare("sunion", &[list(pair)], sorted);
            self.compare("sinter", &[list(pair)], sorted);
        }
        let any = [Arg::Atom("any"), Arg::Atom("any"), Arg::Int(1_000_000)];
        self.compare("scan", &[&[Arg::Int(0)], &any[..]].concat(), |answer| match answer {
            Answer::Tuple(mut parts) => sorted(parts.pop().unwrap()),
            other => other,
        });
        match self.cluster.ask("randomkey", &[]).unwrap() {
            Answer::Bytes(key) => assert!(keys.contains(&key)),
            other => assert!(keys.is_empty(), "{other:?}"),
        }
    }

    fn compare(&self, name: &str, args: &[Arg<'_>], of: impl Fn(Answer) -> Answer) {
        let wanted = answer(&self.plain_reader(), name, args).map(&of);
        assert_eq!(self.cluster.ask(name, args).map(&of), wanted, "{name} {args:?}");
    }
}

fn sorted(answer: Answer) -> Answer {
    let mut keys = found(answer);
    keys.sort();
    Answer::List(keys.into_iter().map(Answer::Bytes).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_cluster_answers_as_one_store(ops in vec(op(), 1..60)) {
        let mut both = Both::new();
        for op in ops {
            both.run(op);
            both.check();
        }
        both.page(1_000_000);
    }

    /// Where any answer has changed, the witness of the reads says so.
    #[test]
    fn what_was_read_is_known_to_have_changed(
        before in vec(op(), 0..30),
        seen in vec(0..TAGS * KEYS, 1..4),
        after in vec(op(), 0..4),
    ) {
        let mut both = Both::new();
        before.into_iter().for_each(|op| both.run(op));
        let witness = RefCell::<Witness>::default();
        let read = |both: &Both, witness: &RefCell<Witness>| -> Vec<Answer> {
            let reader = both.cluster.reader().noting(witness);
            let value = |&number| answer(&reader, "value", &[text(&key(number)), Arg::Atom("any")]);
            seen.iter().map(|number| value(number).unwrap()).collect()
        };
        let versions = |both: &Both| -> Vec<u32> {
            let slots = seen.iter().map(|number| tag(number / KEYS));
            slots.map(|slot| both.cluster.routes.get(slot).version).collect()
        };
        let (first, routes) = (read(&both, &witness), versions(&both));
        let is_as_seen =
            |both: &Both| both.cluster.reader().is_as_seen(&witness.borrow()).unwrap();
        prop_assert!(is_as_seen(&both));
        after.into_iter().for_each(|op| both.run(op));
        let still = is_as_seen(&both);
        let now = read(&both, &RefCell::default());
        prop_assert!(!still || (now == first && versions(&both) == routes));
    }
}
