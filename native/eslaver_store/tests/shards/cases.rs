//! What is not served, and what witnesses know.

use std::cell::RefCell;
use std::sync::Arc;

use eslaver_cluster::{SLOTS, Shard, of_key};
use eslaver_core::commands::Learned;
use eslaver_store::{Answer, Arg, Layout, Patience, ReadError, Reader, Store, Witness, Writer};

use crate::cluster::{Cluster, Words, answer, apply, found, list, text, words};

fn two_shards() -> Cluster {
    let cluster = Cluster::new();
    for slot in 0..SLOTS {
        cluster.routes.set(slot, Some(Shard(u16::from(slot >= SLOTS / 2))), None);
    }
    cluster.run("a", &words("set a 1"));
    cluster.run("b", &words("set b 2"));
    cluster
}

fn set(cluster: &Cluster, key: &str, owner: Option<u16>, other: Option<u16>) {
    cluster.routes.set(of_key(key.as_bytes()), owner.map(Shard), other.map(Shard));
}

#[test]
fn a_key_of_a_slot_without_an_owner_is_not_served() {
    let cluster = two_shards();
    set(&cluster, "a", None, None);
    assert_eq!(cluster.ask("get", &[text("a")]), Err(ReadError::NotServed));
    assert_eq!(cluster.ask("mget", &[list(&["a", "b"])]), Err(ReadError::NotServed));
    assert_eq!(cluster.ask("get", &[text("b")]), Ok(Answer::Bytes(b"2".to_vec())));
    assert_eq!(cluster.ask("dbsize", &[]), Ok(Answer::Int(1)));
    assert_eq!(cluster.ask("keys", &[text("*")]).map(found), Ok(vec![b"b".to_vec()]));
}

#[test]
fn nothing_is_read_where_no_slot_is_served() {
    let cluster = Cluster::new();
    let any = [Arg::Int(0), Arg::Atom("any"), Arg::Atom("any"), Arg::Int(10)];
    for (name, args) in [("dbsize", &[][..]), ("keys", &[text("*")]), ("scan", &any)] {
        assert_eq!(cluster.ask(name, args), Err(ReadError::NotServed), "{name}");
    }
}

/// What the owner has is read. What it lacks may be with another shard, of which nothing is known.
#[test]
fn a_shard_without_data_is_loading() {
    let mut cluster = two_shards();
    cluster.stores[2] = None;
    set(&cluster, "a", Some(1), Some(2));
    set(&cluster, "b", Some(2), None);
    assert_eq!(cluster.ask("get", &[text("a")]), Ok(Answer::Bytes(b"1".to_vec())));
    assert_eq!(cluster.ask("get", &[text("{a}x")]), Err(ReadError::Loading));
    assert_eq!(cluster.ask("mget", &[list(&["a", "{a}x"])]), Err(ReadError::Loading));
    assert_eq!(cluster.ask("mget", &[list(&["a"])]).map(found), Ok(vec![b"1".to_vec()]));
    assert_eq!(cluster.ask("get", &[text("b")]), Err(ReadError::Loading));
    assert_eq!(cluster.ask("dbsize", &[]), Err(ReadError::Loading));
}

#[test]
fn a_shard_that_serves_no_old_data_is_stale() {
    let mut cluster = two_shards();
    cluster.serves = false;
    assert_eq!(cluster.ask("get", &[text("a")]), Err(ReadError::Stale));
    assert_eq!(cluster.ask("keys", &[text("*")]), Err(ReadError::Stale));
}

#[test]
fn reads_of_one_slot_refuse_others() {
    let cluster = two_shards();
    let witness = RefCell::new(Witness::of_one_slot());
    let reader = cluster.reader().noting(&witness);
    let get = |key| answer(&reader, "get", &[text(key)]);
    assert_eq!(get("a"), Ok(Answer::Bytes(b"1".to_vec())));
    assert_eq!(get("{a}b"), Ok(Answer::Atom("undefined")));
    assert_eq!(get("b"), Err(ReadError::CrossSlot));
    assert_eq!(answer(&reader, "mget", &[list(&["a", "b"])]), Err(ReadError::CrossSlot));
    assert_eq!(answer(&reader, "dbsize", &[]), Err(ReadError::CrossSlot));
    assert_eq!(answer(&reader, "keys", &[text("*")]), Err(ReadError::CrossSlot));
    assert_eq!(answer(&reader, "randomkey", &[]), Err(ReadError::CrossSlot));
    assert_eq!(cluster.reader().is_as_seen(&witness.borrow()), Some(true));
}

#[test]
fn a_witness_knows_of_changes_of_what_was_read() {
    type Change = fn(&mut Cluster);
    let cases: [(&str, Change, bool); 9] = [
        ("nothing", |_| (), true),
        ("another key", |cluster| cluster.run("b", &words("set b 3")), true),
        ("the key", |cluster| cluster.run("a", &words("set a 3")), false),
        ("its slot", |cluster| cluster.run("{a}", &words("set {a} 3")), false),
        ("its route", |cluster| set(cluster, "a", Some(1), Some(2)), false),
        ("another route", |cluster| set(cluster, "b", Some(2), None), true),
        (
            "its owner, and back",
            |cluster| {
                set(cluster, "a", Some(2), None);
                set(cluster, "a", Some(1), None);
            },
            false,
        ),
        ("its store", |cluster| cluster.stores[1] = cluster.stores[2].clone(), false),
        ("another store", |cluster| cluster.stores[0] = cluster.stores[2].clone(), true),
    ];
    for (what, change, same) in cases {
        let mut cluster = two_shards();
        assert_eq!(of_key(b"a") / (SLOTS / 2), 1);
        let witness = RefCell::<Witness>::default();
        let seen = answer(&cluster.reader().noting(&witness), "get", &[text("a")]);
        assert_eq!(seen, Ok(Answer::Bytes(b"1".to_vec())));
        change(&mut cluster);
        assert_eq!(cluster.reader().is_as_seen(&witness.borrow()), Some(same), "{what}");
    }
}

/// A failure is a part of the moment, too.
#[test]
fn a_witness_knows_why_there_was_no_answer() {
    let mut cluster = two_shards();
    set(&cluster, "a", None, None);
    let store = cluster.stores[0].take();
    let witness = RefCell::<Witness>::default();
    let get =
        |cluster: &Cluster, key| answer(&cluster.reader().noting(&witness), "get", &[text(key)]);
    assert_eq!(get(&cluster, "a"), Err(ReadError::NotServed));
    assert_eq!(get(&cluster, "b"), Err(ReadError::Loading));
    let is_as_seen = |cluster: &Cluster| cluster.reader().is_as_seen(&witness.borrow());
    assert_eq!(is_as_seen(&cluster), Some(true));
    cluster.stores[0] = store.clone();
    assert_eq!(is_as_seen(&cluster), Some(false));
    cluster.stores[0] = None;
    set(&cluster, "a", Some(0), None);
    assert_eq!(is_as_seen(&cluster), Some(false));
}

/// A slot is walked in one go, with its keys locked.
#[test]
fn a_large_slot_takes_patience() {
    let cluster = two_shards();
    let keys: Vec<String> = (0..5000).map(|n| format!("{{a}}{n}")).collect();
    keys.iter().for_each(|key| cluster.run(key, &words(&format!("set {key} 1"))));
    let short = Reader::of_cluster(&cluster, 0, 0, Patience::Short);
    let any = [Arg::Int(0), Arg::Atom("any"), Arg::Atom("any"), Arg::Int(10)];
    assert_eq!(answer(&short, "scan", &any), Err(ReadError::TakesLong));
    assert_eq!(answer(&short, "keys", &[text("*")]), Err(ReadError::TakesLong));
    assert_eq!(answer(&short, "get", &[text("{a}1")]), Ok(Answer::Bytes(b"1".to_vec())));
    assert_eq!(answer(&short, "dbsize", &[]), Ok(Answer::Int(5002)));
    assert_eq!(cluster.ask("keys", &[text("*")]).map(found).unwrap().len(), 5002);
}

/// Slots go with all their keys, in a store by slots as in another.
#[test]
fn slots_are_trimmed_in_either_layout() {
    let commands: Vec<Words> = (0..300).map(|n| words(&format!("set k{n} {n}"))).collect();
    let mut counts = Vec::new();
    for layout in [Layout::Hashed, Layout::Slots] {
        let store = Arc::new(Store::laid_out(layout));
        let mut writer = Writer::new(Arc::clone(&store), Learned::default(), None);
        commands.iter().for_each(|command| apply(&mut writer, command));
        apply(&mut writer, &words("trimslots RANGES 2 0 4000 10000 16383"));
        let reader = Reader::new(&store, 0, 0, Patience::Long);
        let keys = found(answer(&reader, "keys", &[text("*")]).unwrap());
        assert!(keys.iter().all(|key| (4001..10000).contains(&of_key(key))));
        counts.push((keys.len(), store.len()));
    }
    let left = (0..300).filter(|n| (4001..10000).contains(&of_key(format!("k{n}").as_bytes())));
    let left = left.count();
    assert_eq!(counts, [(left, left); 2]);
}
