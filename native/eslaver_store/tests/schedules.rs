//! Readers beside the writer and a mover, where a scheduler chooses at each step of the locking who runs next:
//! `make schedules`.
#![cfg(shuttle)]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::RefCell;
use std::sync::Arc;

use eslaver_core::commands::Learned;
use eslaver_store::{
    Answer, Arg, Command, Compaction, Patience, Queries, ReadError, Reader, Step, Store, Tree,
    Witness, Writer,
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
        readers.map(|reader| reader.join().unwrap());
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
