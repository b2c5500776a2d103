//! Readers beside the writer and a mover, where a scheduler chooses at each step of the locking who runs next:
//! `make schedules`.
#![cfg(shuttle)]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::RefCell;
use std::sync::Arc;

use eslaver_cluster::{Routes, Shard, of_key};
use eslaver_core::commands::Learned;
use eslaver_store::{
    Answer, Arg, Command, Compaction, Layout, Patience, Queries, ReadError, Reader, Shards, Step,
    Store, Tree, Witness, Writer,
};
use shuttle::thread;

/// How many schedules are tried of each case, half of them at random.
const SCHEDULES: usize = 3000;
/// How often a schedule prefers another thread without need.
const DEPTH: usize = 4;

/// Words of a command of a database.
type Line = (u32, &'static str);

fn apply(writer: &mut Writer, unit: &[Line]) {
    let words: Vec<Vec<&[u8]>> =
        unit.iter().map(|(_, line)| line.split(' ').map(str::as_bytes).collect()).collect();
    let unit: Vec<_> = unit
        .iter()
        .zip(&words)
        .map(|((db, _), words)| Command { db: *db, name: words[0], args: &words[1..] })
        .collect();
    writer.apply(&unit, 0, |command, refusal| panic!("{command:?}: {refusal}"));
}

fn ask(reader: &Reader<'_>, name: &str, args: &[Arg<'_>]) -> Result<Answer, ReadError> {
    let mut tree = Tree::default();
    Queries::default().answer(reader, name, args, &mut tree)?;
    Ok(tree.into_answer().unwrap())
}

/// Both keys by one read.
fn at_once(store: &Store, patience: Patience) -> Option<Answer> {
    let keys = Arg::List(vec![Arg::Bytes(b"a"), Arg::Bytes(b"b")]);
    match ask(&Reader::new(store, 0, 0, patience), "mget", &[keys]) {
        Err(ReadError::Busy) => None,
        found => Some(found.unwrap()),
    }
}

/// Both keys by two reads, if they are of one moment.
fn by_witness(store: &Store, patience: Patience) -> Option<Answer> {
    let witness = RefCell::new(Witness::default());
    let reader = Reader::new(store, 0, 0, patience).noting(&witness);
    let found = [b"a", b"b"].map(|key| ask(&reader, "get", &[Arg::Bytes(key)]));
    let [Ok(one), Ok(other)] = found else { return None };
    store.is_as_seen(&witness.borrow())?.then(|| Answer::List(vec![one, other]))
}

/// Has each unit be applied beside two readers, which see none of it or all, and one that moves what
/// there is.
fn explore(units: &'static [&'static [Line]]) {
    let case = move || {
        let store = Arc::new(Store::new());
        let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
        apply(&mut writer, &[(0, "mset a 0 b 0"), (1, "mset a 1 b 1")]);
        let readers = [Patience::Short, Patience::Long].map(|patience| {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                for look in [at_once, by_witness] {
                    if let Some(Answer::List(found)) = look(&store, patience) {
                        assert!(found[0] == found[1], "{found:?}");
                        assert_ne!(found[0], Answer::Atom("undefined"));
                    }
                }
            })
        });
        let mover = {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                let mut at = Compaction::default();
                while store.compact(&mut at, &|_| true) == Step::Taken {}
            })
        };
        units.iter().for_each(|unit| apply(&mut writer, unit));
        mover.join().unwrap();
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    };
    shuttle::check_random(case, SCHEDULES / 2);
    shuttle::check_pct(case, SCHEDULES / 2, DEPTH);
}

#[test]
fn transactions() {
    explore(&[&[(0, "set a 2"), (0, "set b 2")], &[(0, "mset b 3 a 3")]]);
}

#[test]
fn keys_that_move() {
    explore(&[&[(0, "del a"), (0, "rename b a"), (0, "copy a b")]]);
}

#[test]
fn databases_that_are_swapped() {
    explore(&[&[(0, "swapdb 0 1")], &[(0, "set a 4"), (0, "swapdb 0 1"), (1, "set b 4")]]);
}

#[test]
fn databases_that_are_emptied() {
    explore(&[&[(0, "flushall"), (0, "set b 5"), (0, "set a 5")]]);
}

/// Two shards, which move a slot.
#[derive(Default)]
struct Cluster {
    routes: Routes,
    stores: [Arc<Store>; 2],
}

impl Shards for Cluster {
    fn routes(&self) -> &Routes {
        &self.routes
    }

    fn end(&self) -> u16 {
        2
    }

    fn store(&self, Shard(number): Shard) -> Option<&Store> {
        self.stores.get(usize::from(number)).map(Arc::as_ref)
    }

    fn serves(&self, _shard: Shard) -> bool {
        true
    }
}

/// What happens to the slot: a command at a shard, or another route.
#[derive(Clone, Copy)]
enum Change {
    At(u16, &'static str),
    Route(u16, Option<u16>),
}

/// The keys are with one shard or the other all the while. So a reader finds each, and its number does
/// not become smaller.
fn explore_moves(before: &'static [Change], changes: &'static [Change]) {
    const KEYS: [&[u8]; 2] = [b"{m}a", b"{m}b"];
    let case = move || {
        let store = || Arc::new(Store::laid_out(Layout::Slots));
        let cluster = Arc::new(Cluster { stores: [store(), store()], ..Cluster::default() });
        let writer = |store| Writer::new(Arc::clone(store), Learned::default(), None);
        let mut writers = cluster.stores.each_ref().map(writer);
        let mut change = {
            let cluster = Arc::clone(&cluster);
            move |change: Change| match change {
                Change::At(at, line) => apply(&mut writers[usize::from(at)], &[(0, line)]),
                Change::Route(owner, other) => {
                    let slot = of_key(KEYS[0]);
                    cluster.routes.set(slot, Some(Shard(owner)), other.map(Shard));
                }
            }
        };
        before.iter().for_each(|of| change(*of));
        let readers = [Patience::Short, Patience::Long].map(|patience| {
            let cluster = Arc::clone(&cluster);
            thread::spawn(move || {
                let reader = Reader::of_cluster(&*cluster, 0, 0, patience);
                let keys = Arg::List(KEYS.map(Arg::Bytes).to_vec());
                let mut before = [0, 0];
                for (name, args) in
                    [("get", Arg::Bytes(KEYS[0])), ("mget", keys.clone()), ("mget", keys)]
                {
                    let found = match ask(&reader, name, &[args]) {
                        Err(ReadError::Busy) => continue,
                        found => found.unwrap(),
                    };
                    let found = match found {
                        Answer::List(found) => found,
                        found => vec![found],
                    };
                    for (found, before) in found.iter().zip(&mut before) {
                        let Answer::Bytes(found) = found else { panic!("{found:?}") };
                        assert!(found[0] >= *before, "{found:?} after {before}");
                        *before = found[0];
                    }
                }
            })
        });
        changes.iter().for_each(|of| change(*of));
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    };
    shuttle::check_random(case, SCHEDULES / 2);
    shuttle::check_pct(case, SCHEDULES / 2, DEPTH);
}

#[test]
fn keys_that_move_one_by_one() {
    use Change::{At, Route};
    explore_moves(
        &[At(0, "mset {m}a 1 {m}b 1"), Route(0, None)],
        &[
            Route(0, Some(1)),
            At(1, "set {m}a 1"),
            At(0, "del {m}a"),
            At(1, "set {m}a 2"),
            At(1, "set {m}b 1"),
            At(0, "del {m}b"),
            Route(1, None),
            At(1, "set {m}a 3"),
        ],
    );
}

#[test]
fn keys_that_move_to_and_fro() {
    use Change::{At, Route};
    explore_moves(
        &[At(0, "set {m}b 1"), At(1, "set {m}a 1"), Route(0, Some(1))],
        &[At(0, "set {m}a 1"), At(1, "del {m}a")],
    );
    explore_moves(
        &[At(0, "mset {m}a 1 {m}b 1"), Route(0, Some(1))],
        &[
            At(1, "set {m}a 1"),
            At(0, "del {m}a"),
            At(0, "set {m}a 1"),
            At(1, "del {m}a"),
            Route(0, None),
            At(0, "set {m}a 2"),
        ],
    );
}

#[test]
fn slots_that_move_as_a_whole() {
    use Change::{At, Route};
    explore_moves(
        &[At(0, "mset {m}a 1 {m}b 1"), Route(0, None)],
        &[
            At(1, "mset {m}a 1 {m}b 1"),
            At(0, "set {m}a 2"),
            At(1, "set {m}a 2"),
            Route(1, None),
            At(0, "trimslots RANGES 1 0 16383"),
            At(1, "set {m}b 2"),
        ],
    );
}
