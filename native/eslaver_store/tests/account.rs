//! What a store says that it takes is what the allocator has given it, whoever frees it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod model;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eslaver_core::commands::Learned;
use eslaver_core::rdb::write::{Dialect, Writer as RdbWriter};
use eslaver_core::rdb::{Decoder, Family, Status};
use eslaver_store::{
    Account, Arg, Compaction, Feed, Loader, Patience, Queries, Reader, Save, Step, Store, Trash,
    Tree, Writer, heap,
};
use model::commands::Choices;
use model::{Model, NOW};

thread_local! {
    /// The bytes that this thread has allocated and not freed.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    /// The bytes that it has allocated.
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

fn count(bytes: isize) {
    LIVE.set(LIVE.get() + bytes);
    ALLOCATED.set(ALLOCATED.get() + usize::try_from(bytes).unwrap_or(0));
    heap::count(bytes);
}

// SAFETY: all is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Commands of all types, as a master would let them pass, each transaction with `MULTI` and `EXEC`.
fn stream(seed: u64, length: usize) -> Vec<model::Command> {
    let mut random = fastrand::Rng::with_seed(seed);
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
    let (mut choices, mut model, mut stream) = (Choices(&bytes), Model::default(), Vec::new());
    let frame = |name| model::Command { db: 0, name, args: Vec::new() };
    while !choices.is_empty() {
        let mut unit = choices.unit();
        unit.retain(|command| model.apply(command));
        let is_one = unit.len() == 1;
        stream.extend((!is_one).then(|| frame("multi")));
        stream.extend(unit);
        stream.extend((!is_one).then(|| frame("exec")));
    }
    stream
}

fn feed(store: &Arc<Store>) -> Feed {
    // What a thread's first look at a store allocates is the thread's.
    let _ = store.len();
    Feed::new(Writer::new(Arc::clone(store), Learned::default(), None))
}

fn apply(feed: &mut Feed, command: &model::Command) {
    let args: Vec<&[u8]> = command.args.iter().map(Vec::as_slice).collect();
    take(feed, command.db, command.name.as_bytes(), &args);
}

fn take(feed: &mut Feed, db: u32, name: &[u8], args: &[&[u8]]) {
    feed.command(db, name, args, NOW, |command, why| panic!("{command:?}: {why}"), |_| ());
}

fn run(feed: &mut Feed, line: &str) {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    take(feed, 0, words[0], &words[1..]);
}

/// Drops all that is out of reach.
fn sweep(mut trash: Trash) {
    while let Some(left) = trash.sweep() {
        trash = left;
    }
}

fn sweep_of(feed: &mut Feed) {
    sweep(feed.writer().take_trash());
}

fn rdb() -> RdbWriter<Vec<u8>> {
    RdbWriter::new(Dialect::new(Family::Redis, 17).unwrap(), Vec::new())
}

fn live() -> isize {
    LIVE.get()
}

/// Drops a store that is nobody else's: what that frees is what it has told, apart from the store's
/// own few words.
fn assert_told(store: Arc<Store>) {
    let bytes = |store: Arc<Store>| {
        let account = Arc::clone(store.account());
        let (told, before) = (account.bytes(), live());
        drop(Arc::into_inner(store).expect("somebody else has it"));
        (told, usize::try_from(before - live()).unwrap())
    };
    let (none, own) = bytes(Arc::new(Store::new()));
    assert_eq!(none, 0);
    let (told, freed) = bytes(store);
    assert_eq!(told + own, freed);
}

fn told(store: &Store) -> Vec<(&'static str, usize)> {
    store.usage().iter().map(|of| (of.kind, of.bytes)).filter(|(_, bytes)| *bytes > 0).collect()
}

/// Removes all keys: no type takes anything any more.
fn assert_none_left(feed: &mut Feed, store: &Store) {
    assert!(!told(store).is_empty());
    for db in 0..4 {
        take(feed, db, b"flushdb", &[]);
    }
    sweep_of(feed);
    assert_eq!(told(store), []);
}

#[test]
fn commands_are_charged() {
    for seed in 0..9 {
        let store = Arc::new(Store::new());
        let mut feed = feed(&store);
        for (number, command) in stream(seed, 4000).iter().enumerate() {
            apply(&mut feed, command);
            if number % 50 == 0 {
                sweep_of(&mut feed);
            }
        }
        if seed % 3 == 0 {
            assert_none_left(&mut feed, &store);
        }
        // part of a transaction is held back
        if seed % 2 == 0 {
            run(&mut feed, "multi");
            run(&mut feed, "set key value");
        }
        sweep_of(&mut feed);
        drop(feed);
        assert_told(store);
    }
}

#[test]
fn types_take_what_their_keys_take() {
    let store = Arc::new(Store::new());
    let mut feed = feed(&store);
    let before = live();
    run(&mut feed, "set string value");
    let string = usize::try_from(live() - before).unwrap();
    run(&mut feed, "hset hash field value");
    run(&mut feed, "set hash value");
    run(&mut feed, "rename string other");
    run(&mut feed, "move other 1");
    run(&mut feed, "copy hash third");
    let of: usize = told(&store).iter().map(|(_, bytes)| bytes).sum();
    assert_eq!(told(&store), [("string", of)]);
    assert!(of > 0 && of < string, "{of}, {string}");
    drop(feed);
    assert_told(store);
}

/// When the keys are gone, so are the tables that held them.
#[test]
fn memory_comes_back() {
    let store = Arc::new(Store::new());
    let mut feed = feed(&store);
    run(&mut feed, "set key value");
    let least = store.account().bytes();
    let mut each = |name: &str, keep: usize| {
        for number in (0..50_000).filter(|number| keep == 0 || number % keep != 0) {
            let value = if name == "set" { " value" } else { "" };
            run(&mut feed, &format!("{name} key:{number}{value}"));
        }
        store.account().bytes()
    };
    let full = each("set", 0);
    let few = each("del", 50);
    assert!(few < full / 3, "{few} of {full}");
    let none = each("del", 0);
    // a stripe keeps the smallest table that there is
    assert!(none < least + 4096 * 128, "{none}, {least} at first");
    drop(feed);
    assert_told(store);
}

/// Commands that make values with parts of their own.
fn large() -> Vec<String> {
    let many = |command: &str, each: fn(usize) -> String| {
        let words: Vec<String> = (0..500).map(each).collect();
        format!("{command} {}", words.join(" "))
    };
    vec![
        format!("set long-string {}", "x".repeat(50_000)),
        many("rpush long-list", |n| format!("e{n}")),
        many("sadd large-set", |n| format!("m{n}")),
        many("sadd large-ints", |n| format!("{}", n * 1000)),
        many("zadd large-zset", |n| format!("{} m{n}", n % 7)),
        many("hset large-hash", |n| format!("f{n} v{n}")),
    ]
}

#[test]
fn loads_are_charged() {
    for seed in 0..4 {
        let store = Arc::new(Store::new());
        let mut from = feed(&store);
        stream(seed, 4000).iter().for_each(|command| apply(&mut from, command));
        large().iter().for_each(|line| run(&mut from, line));
        let mut rdb = rdb();
        Save::begin(&store).unwrap().write_all(&mut rdb).unwrap();
        let file = rdb.finish().unwrap();
        for length in [file.len(), file.len() / 2, file.len() / 3] {
            let loaded = Arc::new(Store::new());
            let mut loader = Loader::new(Arc::clone(&loaded), None);
            let mut decoder = Decoder::new();
            for piece in file[..length].chunks(100) {
                decoder.feed(piece);
                while decoder.next(&mut loader).unwrap() == Status::Event {}
            }
            drop(loader);
            if length == file.len() {
                assert_none_left(&mut feed(&loaded), &loaded);
            }
            assert_told(loaded);
        }
    }
}

/// The writer leaves copies for whoever saves, who may stop half-way.
#[test]
fn saves_give_back() {
    for seed in 0..6 {
        let store = Arc::new(Store::new());
        let mut feed = feed(&store);
        let (mut save, mut rdb) = (None, rdb());
        for (number, command) in stream(seed, 4000).iter().enumerate() {
            if number % 200 == 0 {
                drop(save.take());
                save = Save::begin(&store);
            }
            if let Some(save) = &mut save
                && number % 3 == 0
                && number % 400 < 300
            {
                save.write_some(&mut rdb).unwrap();
            }
            apply(&mut feed, command);
        }
        drop(save);
        if seed % 2 == 0 {
            assert_none_left(&mut feed, &store);
        }
        sweep_of(&mut feed);
        drop(feed);
        assert_told(store);
    }
}

/// A reader frees what the writer has replaced while it looked.
#[test]
fn readers_give_back() {
    const READS: [(&str, &str); 6] = [
        ("hgetall", "hash"),
        ("smembers", "set"),
        ("zcard", "zset"),
        ("lrange", "list"),
        ("get", "string"),
        ("sunion", "set"),
    ];
    let store = Arc::new(Store::new());
    let mut feed = feed(&store);
    let queries = Queries::default();
    let done = AtomicBool::new(false);
    let read = |store: &Store| {
        for (name, key) in READS {
            let key = Arg::Bytes(key.as_bytes());
            let args = match name {
                "lrange" => vec![key, Arg::Int(0), Arg::Int(-1)],
                "sunion" => vec![Arg::List(vec![key])],
                _ => vec![key],
            };
            let reader = Reader::new(store, 0, NOW, Patience::Long);
            queries.answer(&reader, name, &args, &mut Tree::default()).unwrap();
        }
    };
    // The list of databases, which a reader may be the last to have, is made now.
    run(&mut feed, "set key value");
    let account: &Account = store.account();
    let mut random = fastrand::Rng::with_seed(1);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    read(&store);
                }
            });
        }
        for round in 0..40 {
            for _ in 0..1000 {
                let element = random.u32(..2000);
                run(&mut feed, &format!("hset hash field:{element} value"));
                run(&mut feed, &format!("sadd set member:{element}"));
                run(&mut feed, &format!("zadd zset {element} member:{element}"));
                run(&mut feed, &format!("rpush list element:{element}"));
                run(&mut feed, &format!("setrange string {} x", element * 100));
            }
            sweep_of(&mut feed);
            if round % 4 == 3 {
                ["hash", "set", "zset", "list", "string"]
                    .iter()
                    .for_each(|key| run(&mut feed, &format!("del {key}")));
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    sweep_of(&mut feed);
    run(&mut feed, "set key value");
    assert!(account.bytes() > 0);
    assert_none_left(&mut feed, &store);
    drop(feed);
    assert_told(store);
}

/// Moves all that a store holds, and says how many bytes each step has moved.
fn move_all(store: &Store) -> Vec<usize> {
    let (mut at, mut steps) = (Compaction::default(), Vec::new());
    loop {
        let before = ALLOCATED.get();
        match store.compact(&mut at, &|_| true) {
            Step::Done => return steps,
            step => assert_eq!(step, Step::Taken),
        }
        steps.push(ALLOCATED.get() - before);
    }
}

fn saved(store: &Store) -> Vec<u8> {
    let mut rdb = rdb();
    Save::begin(store).unwrap().write_all(&mut rdb).unwrap();
    rdb.finish().unwrap()
}

/// What is moved holds what it held, and takes what it took: how many bytes that is.
fn assert_moves(store: &Store) -> usize {
    let state = || (store.account().bytes(), told(store), saved(store));
    let before = state();
    let steps = move_all(store);
    assert!(state() == before);
    // No lock is held for long.
    let most = steps.iter().max().unwrap();
    assert!(*most <= 96 << 10, "{most} at once");
    steps.iter().sum()
}

#[test]
fn what_is_moved_stays_the_same() {
    for seed in 0..6 {
        let store = Arc::new(Store::new());
        let mut feed = feed(&store);
        let (mut at, mut random) = (Compaction::default(), fastrand::Rng::with_seed(seed));
        for command in &stream(seed, 4000) {
            apply(&mut feed, command);
            let odd = random.usize(1..5);
            if store.compact(&mut at, &|address| address / 16 % odd == 0) == Step::Done {
                at = Compaction::default();
            }
        }
        sweep_of(&mut feed);
        assert!(assert_moves(&store) > 0);
        drop(feed);
        assert_told(store);
    }
}

#[test]
fn large_values_are_moved_in_pieces() {
    let store = Arc::new(Store::new());
    let mut feed = feed(&store);
    for number in 0..20_000 {
        run(&mut feed, &format!("hset hash field:{number} value:{number}"));
        run(&mut feed, &format!("sadd set member:{number}"));
        run(&mut feed, &format!("zadd zset {number}.5 member:{number}"));
        run(&mut feed, &format!("rpush list element:{number}"));
        run(&mut feed, &format!("setrange string {} x", number * 200));
        run(&mut feed, &format!("xadd stream {number}-1 field value:{number}"));
    }
    run(&mut feed, &format!("hset hash field:1 {}", "long".repeat(2000)));
    // Each part once, and none is forgotten.
    let kept: usize = told(&store).iter().map(|(_, bytes)| bytes).sum();
    let moved = assert_moves(&store);
    assert!(moved.abs_diff(kept) <= kept / 50, "{moved} of {kept}");
    let copies = ["hash", "set", "zset", "list", "string", "stream"];
    copies.iter().for_each(|key| run(&mut feed, &format!("copy {key} {key}:2")));
    // What is shared stays where it is, and so does all else of it.
    assert!(move_all(&store).iter().sum::<usize>() < 10_000);
    drop(feed);
    assert_told(store);
}
