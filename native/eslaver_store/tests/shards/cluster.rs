//! A cluster of three small stores, and keys that move between them.

use std::sync::Arc;

use eslaver_cluster::{Routes, Shard, of_key};
use eslaver_core::commands::Learned;
use eslaver_store::{
    Answer, Arg, Command, Layout, Patience, Queries, ReadError, Reader, Shards, Store, Tree, Writer,
};
use parking_lot::Mutex;

pub(crate) const SHARDS: u16 = 3;

/// A command's words, the first of which is the name.
pub(crate) type Words = Vec<Vec<u8>>;

pub(crate) fn words(text: &str) -> Words {
    text.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

pub(crate) fn text(text: &str) -> Arg<'_> {
    Arg::Bytes(text.as_bytes())
}

pub(crate) fn list<'a>(keys: &[&'a str]) -> Arg<'a> {
    Arg::List(keys.iter().map(|key| text(key)).collect())
}

/// Applies a command to a store.
pub(crate) fn apply(writer: &mut Writer, words: &Words) {
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let unit = [Command { db: 0, name: words[0], args: &words[1..] }];
    writer.apply(&unit, 0, |command, refusal| panic!("{command:?}: {refusal}"));
    drop(writer.take_trash());
}

/// Answers a query by itself.
pub(crate) fn answer(
    reader: &Reader<'_>,
    name: &str,
    args: &[Arg<'_>],
) -> Result<Answer, ReadError> {
    let mut tree = Tree::default();
    Queries::default().answer(reader, name, args, &mut tree)?;
    Ok(tree.into_answer().unwrap())
}

/// The stores, each with its writer.
pub(crate) struct Cluster {
    pub(crate) routes: Routes,
    pub(crate) stores: Vec<Option<Arc<Store>>>,
    pub(crate) writers: Vec<Mutex<Writer>>,
    pub(crate) serves: bool,
}

impl Shards for Cluster {
    fn routes(&self) -> &Routes {
        &self.routes
    }

    fn end(&self) -> u16 {
        SHARDS
    }

    fn store(&self, Shard(number): Shard) -> Option<&Store> {
        self.stores.get(usize::from(number))?.as_deref()
    }

    fn serves(&self, _shard: Shard) -> bool {
        self.serves
    }
}

impl Cluster {
    /// One without routes.
    pub(crate) fn new() -> Self {
        let stores: Vec<_> =
            (0..SHARDS).map(|_| Arc::new(Store::laid_out(Layout::Slots))).collect();
        let writer = |store| Mutex::new(Writer::new(Arc::clone(store), Learned::default(), None));
        let writers = stores.iter().map(writer).collect();
        Self {
            routes: Routes::default(),
            stores: stores.into_iter().map(Some).collect(),
            writers,
            serves: true,
        }
    }

    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader::of_cluster(self, 0, 0, Patience::Long)
    }

    pub(crate) fn ask(&self, name: &str, args: &[Arg<'_>]) -> Result<Answer, ReadError> {
        answer(&self.reader(), name, args)
    }

    /// Applies a command at a shard.
    pub(crate) fn run_at(&self, Shard(number): Shard, command: &Words) {
        apply(&mut self.writers[usize::from(number)].lock(), command);
    }

    /// What is at a shard, wherever its slot is.
    fn ask_at(&self, shard: Shard, name: &str, args: &[Arg<'_>]) -> Answer {
        let store = self.store(shard).unwrap();
        answer(&Reader::new(store, 0, 0, Patience::Long), name, args).unwrap()
    }

    pub(crate) fn has(&self, shard: Shard, key: &str) -> bool {
        self.ask_at(shard, "exists", &[text(key)]) == Answer::Atom("true")
    }

    /// Applies a command where a client would be sent to: at the owner, unless that has lost the key to
    /// whom it moves its slot.
    pub(crate) fn run(&self, key: &str, command: &Words) {
        let route = self.routes.get(of_key(key.as_bytes()));
        let owner = route.owner.unwrap();
        match route.other {
            Some(other) if !self.has(owner, key) => self.run_at(other, command),
            _ => self.run_at(owner, command),
        }
    }

    /// Gives a shard a copy of a key that another one has.
    pub(crate) fn copy(&self, key: &str, from: Shard, to: Shard) {
        let Answer::Tuple(value) = self.ask_at(from, "value", &[text(key), Arg::Atom("any")])
        else {
            return;
        };
        let [Answer::Atom(kind), value] = &value[..] else { panic!("{value:?}") };
        let name = match *kind {
            "string" => "set",
            "set" => "sadd",
            "list" => "rpush",
            "hash" => "hset",
            other => panic!("{other}"),
        };
        let mut command = words(&format!("{name} {key}"));
        strings(value, &mut command);
        self.run_at(to, &words(&format!("del {key}")));
        self.run_at(to, &command);
        if let Answer::Int(at) = self.ask_at(from, "pexpiretime", &[text(key)]) {
            self.run_at(to, &words(&format!("pexpireat {key} {at}")));
        }
    }
}

fn strings(answer: &Answer, to: &mut Words) {
    match answer {
        Answer::Bytes(bytes) => to.push(bytes.clone()),
        Answer::List(parts) | Answer::Tuple(parts) => parts.iter().for_each(|p| strings(p, to)),
        Answer::Map(pairs) => {
            pairs.iter().flat_map(|(field, value)| [field, value]).for_each(|p| strings(p, to));
        }
        other => panic!("{other:?}"),
    }
}

/// The strings of a list.
pub(crate) fn found(answer: Answer) -> Vec<Vec<u8>> {
    let Answer::List(parts) = answer else { panic!("{answer:?}") };
    let bytes = |part| match part {
        Answer::Bytes(bytes) => bytes,
        other => panic!("{other:?}"),
    };
    parts.into_iter().map(bytes).collect()
}
