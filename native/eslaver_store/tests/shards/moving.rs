//! Readers of a cluster beside keys that move: none is missing, twice, or older than before.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use eslaver_cluster::{Shard, of_key};
use eslaver_store::{Answer, Arg};

use crate::cluster::{Cluster, SHARDS, answer, list, text, words};

const KEYS: [&str; 4] = ["{m}0", "{m}1", "{m}2", "{m}3"];
const READERS: usize = 2;
const TIME: Duration = Duration::from_millis(400);

/// Moves the slot on, key by key or as a whole, and back. Each move of a key leaves it in two places for
/// a moment, and the one that it leaves drops it last.
fn turn(cluster: &Cluster, count: usize, writes: &mut usize) {
    let slot = of_key(b"m");
    let owner = cluster.routes.get(slot).owner.unwrap();
    let next = Shard((owner.0 + 1) % SHARDS);
    let mut write = |at: &[Shard], key: &str| {
        *writes += 1;
        at.iter().for_each(|&shard| cluster.run_at(shard, &words(&format!("set {key} {writes}"))));
    };
    let del = |shard, key: &str| cluster.run_at(shard, &words(&format!("del {key}")));
    match count % 3 {
        // as a whole
        0 => {
            KEYS.iter().for_each(|key| cluster.copy(key, owner, next));
            // The import has them first, and is not seen.
            write(&[next, owner], KEYS[count % KEYS.len()]);
            cluster.routes.set(slot, Some(next), None);
            cluster.run_at(owner, &words(&format!("trimslots RANGES 1 {slot} {slot}")));
        }
        // key by key
        1 => {
            cluster.routes.set(slot, Some(owner), Some(next));
            for key in KEYS {
                cluster.copy(key, owner, next);
                del(owner, key);
                write(&[next], key);
            }
            cluster.routes.set(slot, Some(next), None);
        }
        // and back
        _ => {
            cluster.routes.set(slot, Some(owner), Some(next));
            for key in KEYS {
                cluster.copy(key, owner, next);
                del(owner, key);
            }
            for key in KEYS {
                cluster.copy(key, next, owner);
                del(next, key);
                write(&[owner], key);
            }
            cluster.routes.set(slot, Some(owner), None);
        }
    }
}

fn number(answer: &Answer) -> usize {
    let Answer::Bytes(bytes) = answer else { panic!("{answer:?}") };
    String::from_utf8(bytes.clone()).unwrap().parse().unwrap()
}

fn parts(answer: Answer) -> Vec<Answer> {
    let Answer::List(parts) = answer else { panic!("{answer:?}") };
    parts
}

/// One look at everything; `seen` is what was seen before.
fn look(cluster: &Cluster, seen: &mut BTreeMap<&'static str, usize>) {
    let mut see = |key, value: usize| {
        let before = seen.insert(key, value).unwrap_or(0);
        assert!(value >= before, "{key}: {value} after {before}");
    };
    for key in KEYS {
        see(key, number(&cluster.ask("get", &[text(key)]).unwrap()));
    }
    let all = parts(cluster.ask("mget", &[list(&KEYS)]).unwrap());
    KEYS.iter().zip(&all).for_each(|(key, value)| see(key, number(value)));
    let reader = cluster.reader();
    let mut keys = parts(answer(&reader, "keys", &[text("*")]).unwrap());
    keys.sort_by_key(|key| format!("{key:?}"));
    assert_eq!(keys, KEYS.map(|key| Answer::Bytes(key.as_bytes().to_vec())));
    assert_eq!(answer(&reader, "dbsize", &[]), Ok(Answer::Int(KEYS.len() as i128)));
    let random = answer(&reader, "randomkey", &[]).unwrap();
    assert!(keys.contains(&random), "{random:?}");
    let any = [Arg::Int(0), Arg::Atom("any"), Arg::Atom("any"), Arg::Int(1)];
    let page = answer(&reader, "scan", &any).unwrap();
    assert!(
        matches!(&page, Answer::Tuple(parts) if matches!(&parts[1], Answer::List(keys) if keys.len() == 4)),
        "{page:?}"
    );
}

#[test]
fn keys_that_move_are_seen_once_and_never_older() {
    let cluster = Cluster::new();
    cluster.routes.set(of_key(b"m"), Some(Shard(0)), None);
    KEYS.iter().for_each(|key| cluster.run_at(Shard(0), &words(&format!("set {key} 0"))));
    let (done, looks) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let readers = [(); READERS].map(|()| {
            scope.spawn(|| {
                let mut seen = BTreeMap::new();
                while !done.load(Ordering::Relaxed) {
                    look(&cluster, &mut seen);
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let has_failed = || readers.iter().any(|reader| reader.is_finished());
        let (mut count, mut writes) = (0, 0);
        let end = Instant::now() + TIME;
        while (Instant::now() < end || looks.load(Ordering::Relaxed) < READERS) && !has_failed() {
            turn(&cluster, count, &mut writes);
            count += 1;
        }
        done.store(true, Ordering::Relaxed);
    });
}
