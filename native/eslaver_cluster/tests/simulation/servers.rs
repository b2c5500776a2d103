//! The masters of a cluster, and what they write into their streams.

use std::collections::{BTreeMap, VecDeque};

use eslaver_cluster::{Slots, of_key};

pub(crate) const SHARDS: usize = 3;
pub(crate) const SLOTS: usize = 3;
pub(crate) const KEYS: usize = 9;

/// A version of a key, counted from 0, at which it does not exist.
pub(crate) type Version = usize;

/// What a command of a stream does to its shard's keys.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    None,
    Put(usize, Version),
    Drop(Vec<usize>),
}

/// A command of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) words: Vec<Vec<u8>>,
    pub(crate) effect: Effect,
    /// The version of a key that a user has made by it.
    pub(crate) made: Option<(usize, Version)>,
}

#[derive(Debug)]
pub(crate) enum Moving {
    /// Key by key.
    Keys { to: usize },
    /// All at once: what is still to be copied, in order.
    Slot { to: usize, valkey: bool, name: String, queue: VecDeque<(usize, Option<Version>)> },
}

#[derive(Debug, Default)]
pub(crate) struct Server {
    pub(crate) data: BTreeMap<usize, Version>,
    pub(crate) stream: Vec<Record>,
    pub(crate) epoch: u64,
    /// Slots that have left, and whose keys are still there.
    trims: Vec<(usize, bool)>,
}

#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) servers: Vec<Server>,
    pub(crate) owners: [usize; SLOTS],
    pub(crate) moving: [Option<Moving>; SLOTS],
    /// For each key whether it exists, version by version.
    pub(crate) history: Vec<Vec<bool>>,
    epoch: u64,
    names: usize,
}

pub(crate) fn slot_of(key: usize) -> usize {
    key % SLOTS
}

pub(crate) fn key(key: usize) -> Vec<u8> {
    format!("{{{}}}{key}", slot_of(key)).into_bytes()
}

pub(crate) fn number_of(slot: usize) -> u16 {
    of_key(&key(slot))
}

pub(crate) fn node(shard: usize) -> String {
    format!("node{shard}")
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

impl Servers {
    pub(crate) fn new() -> Self {
        let server = |number| Server { epoch: number as u64 + 1, ..Server::default() };
        Self {
            servers: (0..SHARDS).map(server).collect(),
            owners: std::array::from_fn(|slot| slot % SHARDS),
            moving: std::array::from_fn(|_| None),
            history: vec![vec![false]; KEYS],
            epoch: SHARDS as u64,
            names: 0,
        }
    }

    fn tell(&mut self, shard: usize, words: Vec<Vec<u8>>) {
        self.servers[shard].stream.push(Record { words, effect: Effect::None, made: None });
    }

    fn put(&mut self, shard: usize, number: usize, version: Version, word: &str, made: bool) {
        let made = made.then_some((number, version));
        let mut line = words(&[word]);
        line.push(key(number));
        line.extend([b"0".to_vec(), b"x".to_vec()].into_iter().skip(usize::from(word == "SET")));
        let server = &mut self.servers[shard];
        server.data.insert(number, version);
        server.stream.push(Record { words: line, effect: Effect::Put(number, version), made });
    }

    fn drop(&mut self, shard: usize, number: usize, word: &str, made: Option<(usize, Version)>) {
        let mut line = words(&[word]);
        line.push(key(number));
        let server = &mut self.servers[shard];
        server.data.remove(&number);
        server.stream.push(Record { words: line, effect: Effect::Drop(vec![number]), made });
    }

    /// Where a client of the cluster finds a key.
    fn at(&self, number: usize) -> usize {
        let slot = slot_of(number);
        let owner = self.owners[slot];
        match &self.moving[slot] {
            Some(Moving::Keys { to }) if !self.servers[owner].data.contains_key(&number) => *to,
            _ => owner,
        }
    }

    fn copy(&mut self, number: usize, version: Option<Version>) {
        if let Some(Moving::Slot { queue, .. }) = &mut self.moving[slot_of(number)] {
            queue.push_back((number, version));
        }
    }

    pub(crate) fn write(&mut self, number: usize) {
        let version = self.history[number].len();
        self.history[number].push(true);
        self.put(self.at(number), number, version, "SET", true);
        self.copy(number, Some(version));
    }

    pub(crate) fn delete(&mut self, number: usize) {
        let shard = self.at(number);
        if self.servers[shard].data.contains_key(&number) {
            let version = self.history[number].len();
            self.history[number].push(false);
            self.drop(shard, number, "DEL", Some((number, version)));
            self.copy(number, None);
        }
    }

    /// Whether a slot may be moved there now.
    fn may_move(&self, slot: usize, to: usize) -> bool {
        let is_free = |server: &Server| server.trims.iter().all(|&(trimmed, _)| trimmed != slot);
        self.moving[slot].is_none() && self.owners[slot] != to && is_free(&self.servers[to])
    }

    pub(crate) fn move_keys(&mut self, slot: usize, to: usize) {
        if self.may_move(slot, to) {
            self.moving[slot] = Some(Moving::Keys { to });
        }
    }

    fn keys_at(&self, shard: usize, slot: usize) -> Vec<(usize, Version)> {
        let data = &self.servers[shard].data;
        let of_slot = data.iter().filter(|&(&number, _)| slot_of(number) == slot);
        of_slot.map(|(&number, &version)| (number, version)).collect()
    }

    fn carry(&mut self, from: usize, to: usize, (number, version): (usize, Version)) {
        self.put(to, number, version, "RESTORE-ASKING", false);
        self.drop(from, number, "DEL", None);
    }

    pub(crate) fn move_key(&mut self, slot: usize) {
        let owner = self.owners[slot];
        if let Some(Moving::Keys { to }) = self.moving[slot]
            && let Some(&first) = self.keys_at(owner, slot).first()
        {
            self.carry(owner, to, first);
        }
    }

    fn take_over(&mut self, slot: usize, to: usize) {
        self.epoch += 1;
        self.servers[to].epoch = self.epoch;
        self.owners[slot] = to;
        self.moving[slot] = None;
    }

    pub(crate) fn moved_keys(&mut self, slot: usize) {
        if let Some(Moving::Keys { to }) = self.moving[slot] {
            let owner = self.owners[slot];
            self.keys_at(owner, slot).into_iter().for_each(|key| self.carry(owner, to, key));
            self.take_over(slot, to);
        }
    }

    pub(crate) fn move_back(&mut self, slot: usize) {
        if let Some(Moving::Keys { to }) = self.moving[slot] {
            let owner = self.owners[slot];
            self.keys_at(to, slot).into_iter().for_each(|key| self.carry(to, owner, key));
            self.moving[slot] = None;
        }
    }

    fn task(&mut self, shard: usize, slot: usize, (to, name): (usize, &str), state: &str) {
        let (from, slot) = (node(self.owners[slot]), number_of(slot));
        let task = format!("{name}:{from}:{}:{state}:{slot}-{slot}", node(to));
        self.tell(shard, words(&["CLUSTER", "SYNCSLOTS", "CONF", "ASM-TASK", &task]));
    }

    fn job(&mut self, to: usize, line: &[&str]) {
        let mut line = words(line);
        line.splice(0..0, words(&["CLUSTER", "SYNCSLOTS"]));
        self.tell(to, line);
    }

    pub(crate) fn move_slot(&mut self, slot: usize, to: usize, valkey: bool) {
        if !self.may_move(slot, to) {
            return;
        }
        self.names += 1;
        let (name, from) = (format!("task{}", self.names), self.owners[slot]);
        if valkey {
            let (source, number) = (node(from), number_of(slot).to_string());
            let line = ["ESTABLISH", "SOURCE", &source, "NAME", &name, "SLOTSRANGE"];
            self.job(to, &[&line[..], &[&number, &number]].concat());
        } else {
            self.task(to, slot, (to, &name), "import:connecting");
            self.task(from, slot, (to, &name), "migrate:wait-rdbchannel");
        }
        let keys = self.keys_at(from, slot).into_iter();
        let queue = keys.map(|(number, version)| (number, Some(version))).collect();
        self.moving[slot] = Some(Moving::Slot { to, valkey, name, queue });
    }

    pub(crate) fn import(&mut self, slot: usize) -> bool {
        let Some(Moving::Slot { to, queue, .. }) = &mut self.moving[slot] else { return false };
        let (to, next) = (*to, queue.pop_front());
        match next {
            Some((number, Some(version))) => self.put(to, number, version, "SET", false),
            Some((number, None)) if self.servers[to].data.contains_key(&number) => {
                self.drop(to, number, "DEL", None);
            }
            _ => {}
        }
        next.is_some()
    }

    pub(crate) fn imported(&mut self, slot: usize) {
        while self.import(slot) {}
        let Some(Moving::Slot { to, valkey, name, .. }) = &self.moving[slot] else { return };
        let (to, valkey, name, from) = (*to, *valkey, name.clone(), self.owners[slot]);
        if valkey {
            self.job(to, &["FINISH", "STATE", "SUCCESS", "NAME", &name, "MESSAGE", ""]);
        } else {
            self.task(to, slot, (to, &name), "import:completed");
            self.task(from, slot, (to, &name), "migrate:completed");
        }
        self.take_over(slot, to);
        self.servers[from].trims.push((slot, valkey));
    }

    pub(crate) fn cancel(&mut self, slot: usize) {
        let Some(Moving::Slot { to, valkey, name, .. }) = &self.moving[slot] else { return };
        let (to, valkey, name) = (*to, *valkey, name.clone());
        if valkey {
            self.empty(to, slot, true);
            self.job(to, &["FINISH", "STATE", "FAILED", "NAME", &name]);
        } else {
            self.task(to, slot, (to, &name), "import:failed");
            self.empty(to, slot, false);
        }
        self.moving[slot] = None;
    }

    pub(crate) fn trim(&mut self, shard: usize) {
        if let Some((slot, valkey)) = self.servers[shard].trims.pop() {
            self.empty(shard, slot, valkey);
        }
    }

    fn empty(&mut self, shard: usize, slot: usize, valkey: bool) {
        let keys: Vec<usize> = self.keys_at(shard, slot).iter().map(|&(key, _)| key).collect();
        if valkey {
            keys.into_iter().for_each(|number| self.drop(shard, number, "UNLINK", None));
            return;
        }
        self.servers[shard].data.retain(|&number, _| slot_of(number) != slot);
        let number = number_of(slot).to_string();
        let words = words(&["TRIMSLOTS", "RANGES", "1", &number, &number]);
        let record = Record { words, effect: Effect::Drop(keys), made: None };
        self.servers[shard].stream.push(record);
    }

    /// The slots that a shard owns, and those whose keys are moved to it.
    pub(crate) fn slots(&self, shard: usize) -> (Slots, Slots) {
        let (mut owned, mut importing) = (Slots::default(), Slots::default());
        for slot in 0..SLOTS {
            if self.owners[slot] == shard {
                owned.insert(number_of(slot));
            }
            if matches!(self.moving[slot], Some(Moving::Keys { to }) if to == shard) {
                importing.insert(number_of(slot));
            }
        }
        (owned, importing)
    }
}
