//! Readers beside the writer: what belongs together is never seen in part.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use eslaver_core::commands::Learned;
use eslaver_store::{
    Answer, Arg, Command, Patience, Queries, ReadError, Reader, Store, Tree, Writer,
};

const READERS: usize = 3;
const TIME: Duration = Duration::from_millis(if cfg!(miri) { 1 } else { 100 });

static QUERIES: LazyLock<Queries> = LazyLock::new(Queries::default);

/// A command's words, the first of which is the name.
type Words = Vec<Vec<u8>>;

fn words(text: &str) -> Words {
    text.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// Applies commands, each for a database, as one change.
fn apply(writer: &mut Writer, unit: &[(u32, Words)]) {
    let words: Vec<Vec<&[u8]>> =
        unit.iter().map(|(_, words)| words.iter().map(Vec::as_slice).collect()).collect();
    let unit: Vec<_> = unit
        .iter()
        .zip(&words)
        .map(|((db, _), words)| Command { db: *db, name: words[0], args: &words[1..] })
        .collect();
    writer.apply(&unit, 0, |command, refusal| panic!("{command:?}: {refusal}"));
    drop(writer.take_trash());
}

fn try_ask(store: &Store, db: u32, name: &str, args: &[Arg<'_>]) -> Result<Answer, ReadError> {
    let mut tree = Tree::default();
    let reader = Reader::new(store, db, 0, Patience::Long);
    QUERIES.answer(&reader, name, args, &mut tree)?;
    Ok(tree.into_answer().unwrap())
}

fn ask(store: &Store, db: u32, name: &str, args: &[Arg<'_>]) -> Answer {
    try_ask(store, db, name, args).unwrap()
}

fn keys<'a>(names: &[&'a str]) -> Arg<'a> {
    Arg::List(names.iter().map(|name| Arg::Bytes(name.as_bytes())).collect())
}

fn len(answer: &Answer) -> usize {
    match answer {
        Answer::List(parts) => parts.len(),
        Answer::Int(count) => usize::try_from(*count).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn all_alike(answer: &Answer) -> bool {
    match answer {
        Answer::List(parts) => parts.windows(2).all(|pair| pair[0] == pair[1]),
        other => panic!("{other:?}"),
    }
}

/// Has a writer begin with some commands and then write again and again, while readers look.
fn beside(
    first: &[(u32, Words)],
    mut write: impl FnMut(usize) -> Vec<(u32, Words)>,
    look: impl Fn(&Store) + Sync,
) {
    let store = Arc::new(Store::new());
    let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
    apply(&mut writer, first);
    let (done, looks) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let readers = [(); READERS].map(|()| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    look(&store);
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let has_failed = || readers.iter().any(|reader| reader.is_finished());
        let end = Instant::now() + TIME;
        let mut count = 0;
        while (Instant::now() < end || looks.load(Ordering::Relaxed) < READERS) && !has_failed() {
            count += 1;
            apply(&mut writer, &write(count));
        }
        done.store(true, Ordering::Relaxed);
    });
    look(&store);
}

#[test]
fn transactions_are_seen_whole() {
    let write = |count| {
        let pair = ["a", "b", "c"].map(|key| (0, words(&format!("set {key} {count}"))));
        pair.to_vec()
    };
    beside(&write(0), write, |store| {
        let found = ask(store, 0, "mget", &[keys(&["a", "b", "c"])]);
        assert!(all_alike(&found), "{found:?}");
    });
}

/// Long strings, whose parts readers share with the writer.
#[test]
fn long_strings_are_seen_whole() {
    let fill = |count: usize| vec![b'a' + (count % 26) as u8; 50_000];
    let write = |count| {
        let words = vec![b"setrange".to_vec(), b"s".to_vec(), b"0".to_vec(), fill(count)];
        vec![(0, words)]
    };
    beside(&write(0), write, |store| match ask(store, 0, "get", &[Arg::Bytes(b"s")]) {
        Answer::Bytes(bytes) => {
            assert!(bytes.len() == 50_000 && bytes.iter().all(|b| *b == bytes[0]))
        }
        other => panic!("{other:?}"),
    });
}

#[test]
fn rotating_lists_keep_their_length() {
    let list = |key: &str, len: usize| {
        let elements: Vec<_> = (0..len).map(|number| format!("e{number}")).collect();
        (0, words(&format!("rpush {key} {}", elements.join(" "))))
    };
    let write = |_| vec![(0, words("rpoplpush few few")), (0, words("lmove many many left right"))];
    beside(&[list("few", 20), list("many", 2000)], write, |store| {
        for (key, count) in [("few", 20), ("many", 2000)] {
            let key = Arg::Bytes(key.as_bytes());
            assert_eq!(len(&ask(store, 0, "llen", std::slice::from_ref(&key))), count);
            let all = ask(store, 0, "lrange", &[key, Arg::Int(0), Arg::Int(-1)]);
            let Answer::List(mut all) = all else { panic!("no list") };
            all.sort_by_key(|element| format!("{element:?}"));
            all.dedup();
            assert_eq!(all.len(), count);
        }
    });
}

#[test]
fn members_that_move_are_in_one_set() {
    const COUNT: usize = 600;
    let members: Vec<_> = (0..COUNT).map(|number| format!("m{number}")).collect();
    let first = (0, words(&format!("sadd one {}", members.join(" "))));
    let write = |count: usize| {
        let (member, round) = (count % COUNT, count / COUNT);
        let (from, to) = if round.is_multiple_of(2) { ("one", "other") } else { ("other", "one") };
        vec![(0, words(&format!("smove {from} {to} m{member}")))]
    };
    // Member 0 goes first in the next round only.
    let write = |count: usize| write(count - 1);
    beside(&[first], write, |store| {
        let both = [keys(&["one", "other"])];
        assert_eq!(len(&ask(store, 0, "sunion", &both)), COUNT);
        assert_eq!(len(&ask(store, 0, "sinter", &both)), 0);
    });
}

#[test]
fn hashes_are_swapped_whole() {
    for fields in [10, 1000] {
        let write = |count: usize| {
            let pairs: Vec<_> = (0..fields).map(|field| format!("f{field} {count}")).collect();
            vec![
                (0, words(&format!("hset next {}", pairs.join(" ")))),
                (0, words("rename next hash")),
            ]
        };
        beside(&write(0), write, |store| {
            let values = ask(store, 0, "hvals", &[Arg::Bytes(b"hash")]);
            assert_eq!(len(&values), fields);
            assert!(all_alike(&values));
            let next = ask(store, 0, "exists", &[Arg::Bytes(b"next")]);
            assert_eq!(next, Answer::Atom("false"));
        });
    }
}

#[test]
fn databases_are_flushed_and_swapped_at_once() {
    let fill = |count: usize| {
        let set = |db, key: &str| (db, words(&format!("set {key} {count}")));
        vec![set(0, "a"), set(0, "b"), set(1, "a"), set(1, "b")]
    };
    let write = |count: usize| match count % 3 {
        0 => [vec![(0, words("flushall"))], fill(count)].concat(),
        1 => vec![(0, words("swapdb 0 1"))],
        _ => [vec![(1, words("flushdb"))], fill(count)].concat(),
    };
    beside(&fill(0), write, |store| {
        for db in [0, 1] {
            let found = ask(store, db, "mget", &[keys(&["a", "b"])]);
            assert!(all_alike(&found), "{found:?}");
            assert_ne!(found, Answer::List(vec![Answer::Atom("undefined"); 2]));
        }
    });
}

/// A key that is renamed, or gets a value of another type, is one key all the while.
#[test]
fn keys_are_counted_at_one_moment() {
    let write = |count: usize| match count % 3 {
        0 => vec![(0, words("flushall")), (0, words("set a 1")), (0, words("set b 1"))],
        1 => vec![(0, words("del b")), (0, words("rpush b x"))],
        _ => vec![(0, words("rename b c")), (0, words("set b 1")), (0, words("del c"))],
    };
    beside(&write(0), write, |store| assert_eq!(ask(store, 0, "dbsize", &[]), Answer::Int(2)));
}

/// Each of these units changes the keys, is cut short by a panic, and is never seen.
#[test]
fn after_a_panic_nothing_is_read() {
    for begin in ["set a 2", "flushall", "swapdb 0 1", "move b 1"] {
        let store = Arc::new(Store::new());
        let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
        apply(&mut writer, &[(0, words("mset a 1 b 1"))]);
        let panicked = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..READERS {
                scope.spawn(|| {
                    loop {
                        let ended = panicked.load(Ordering::Relaxed);
                        let mget = try_ask(&store, 0, "mget", &[keys(&["a", "b"])]);
                        let size = try_ask(&store, 0, "dbsize", &[]);
                        let scan = try_ask(&store, 0, "keys", &[Arg::Bytes(b"*")]);
                        match mget {
                            Err(ReadError::Broken) => {}
                            Ok(values) if !ended => {
                                assert_eq!(
                                    values,
                                    Answer::List(vec![Answer::Bytes(b"1".into()); 2])
                                )
                            }
                            other => panic!("{other:?}"),
                        }
                        if ended {
                            assert_eq!([size, scan], [(); 2].map(|()| Err(ReadError::Broken)));
                            break;
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(5));
            let quiet = std::panic::take_hook();
            std::panic::set_hook(Box::new(|_| {}));
            // That it cannot be applied makes this one panic.
            let unit = [(0, words(begin)), (0, words("no-command a")), (0, words("lpush b x"))];
            let result = catch_unwind(AssertUnwindSafe(|| apply(&mut writer, &unit)));
            std::panic::set_hook(quiet);
            assert!(result.is_err());
            assert!(store.is_broken());
            panicked.store(true, Ordering::Relaxed);
        });
    }
}

/// What is sorted by keys that change all the while has an answer, and it is of one moment: all keys
/// that it is sorted by are changed together.
#[test]
fn sorting_has_an_answer() {
    let write = |count: usize| {
        let mut words = vec![b"mset".to_vec()];
        for key in 0..50 {
            words.push(format!("w_{key}").into_bytes());
            words.push(count.to_string().into_bytes());
        }
        vec![(0, words)]
    };
    let mut first = vec![(0, words("rpush list"))];
    first[0].1.extend((0..50).map(|key: usize| key.to_string().into_bytes()));
    beside(&first, write, |store| {
        let all = Arg::Tuple(vec![Arg::Int(0), Arg::Int(-1)]);
        let args = [
            Arg::Bytes(b"list"),
            Arg::Atom("nosort"),
            Arg::List(vec![Arg::Bytes(b"w_*")]),
            all,
            Arg::Atom("asc"),
            Arg::Atom("false"),
        ];
        let found = ask(store, 0, "sort_ro", &args);
        assert_eq!(len(&found), 50);
        assert!(all_alike(&found), "{found:?}");
    });
}
