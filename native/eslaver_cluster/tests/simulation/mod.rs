//! A cluster, the links that follow it, and the process that asks its masters.

mod servers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use eslaver_cluster::{Cluster, Deed, Hold, Mark, Member, Range, Route, Shard, Statement, Verdict};
use eslaver_core::commands::Learned;
use servers::{Effect, KEYS, Moving, Record, SHARDS, SLOTS, Servers, Version};

/// What may happen.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// A client writes a key, or deletes it.
    Write(u8),
    Delete(u8),
    /// A slot begins to move, key by key; goes on; ends; is given up.
    MoveKeys(u8, u8),
    MoveKey(u8),
    MovedKeys(u8),
    MoveBack(u8),
    /// A slot begins to move at once; goes on; ends; is given up.
    MoveSlot(u8, u8, bool),
    Import(u8),
    Imported(u8),
    Cancel(u8),
    /// A shard removes what has left it.
    Trim(u8),
    /// A link handles so many commands, if it may.
    Follow(u8, u8),
    /// A master is asked about itself; the answer is used.
    Ask(u8),
    Commit(u8),
    /// The process begins, or ends, to find out whether a held stream may go on.
    Round(u8),
}

/// What is not left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) gate: bool,
    pub(crate) claims: bool,
    pub(crate) imports: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { gate: true, claims: true, imports: true }
    }
}

/// A question about a held stream: how far it goes if all others have come as far.
struct Round {
    own: Statement,
    others: Vec<(usize, Statement)>,
}

pub(crate) struct Simulation {
    rules: Rules,
    servers: Servers,
    cluster: Cluster,
    members: Vec<Arc<Member>>,
    stores: Vec<BTreeMap<usize, Version>>,
    /// How many commands of each stream have been handled.
    at: Vec<usize>,
    answers: Vec<VecDeque<Statement>>,
    rounds: Vec<Option<Round>>,
    /// The version of each key that the reader has seen last, and the last that was made in a stream
    /// as far as it has been handled.
    seen: [Version; KEYS],
    made: [Version; KEYS],
    /// The slots that marks have given to who has them, which has not said so since.
    gained: [bool; SLOTS],
    pub(crate) holds: usize,
    pub(crate) moves: usize,
}

impl Simulation {
    /// Goes through all steps, and then on until all streams have been handled.
    pub(crate) fn run(steps: &[Step], rules: Rules) -> Result<(), String> {
        let mut simulation = Self::new(rules);
        for (number, step) in steps.iter().enumerate() {
            simulation.step(step).map_err(|error| format!("step {number}, {step:?}: {error}"))?;
        }
        simulation.finish()
    }

    pub(crate) fn new(rules: Rules) -> Self {
        let cluster = Cluster::default();
        let members: Vec<_> =
            (0..SHARDS).filter_map(|shard| cluster.add(servers::node(shard).as_bytes())).collect();
        let mut simulation = Self {
            rules,
            servers: Servers::new(),
            cluster,
            members,
            stores: vec![BTreeMap::new(); SHARDS],
            at: vec![0; SHARDS],
            answers: vec![VecDeque::new(); SHARDS],
            rounds: (0..SHARDS).map(|_| None).collect(),
            seen: [0; KEYS],
            made: [0; KEYS],
            gained: [false; SLOTS],
            holds: 0,
            moves: 0,
        };
        for shard in 0..SHARDS {
            simulation.members[shard].set_handled(0);
            simulation.ask(shard);
            simulation.commit(shard);
        }
        simulation.moves = 0;
        simulation
    }

    pub(crate) fn step(&mut self, step: &Step) -> Result<(), String> {
        if self.is_left_out(step) {
            return self.read_all();
        }
        let servers = &mut self.servers;
        match *step {
            Step::Write(key) => servers.write(key.into()),
            Step::Delete(key) => servers.delete(key.into()),
            Step::MoveKeys(slot, to) => {
                servers.move_keys(slot.into(), to.into());
            }
            Step::MoveKey(slot) => servers.move_key(slot.into()),
            Step::MovedKeys(slot) => servers.moved_keys(slot.into()),
            Step::MoveBack(slot) => servers.move_back(slot.into()),
            Step::MoveSlot(slot, to, valkey) => {
                servers.move_slot(slot.into(), to.into(), valkey);
            }
            Step::Import(slot) => {
                servers.import(slot.into());
            }
            Step::Imported(slot) => servers.imported(slot.into()),
            Step::Cancel(slot) => servers.cancel(slot.into()),
            Step::Trim(shard) => servers.trim(shard.into()),
            Step::Follow(shard, count) => {
                for _ in 0..count {
                    if !self.follow(shard.into())? {
                        break;
                    }
                }
            }
            Step::Ask(shard) => self.ask(shard.into()),
            Step::Commit(shard) => self.commit(shard.into()),
            Step::Round(shard) => self.round(shard.into()),
        }
        self.read_all()
    }

    /// What a reader may see wrong: a slot that begins to move key by key, or whose move is given up,
    /// while a link is behind by what was written before; and slots that move, key by key one at a
    /// time, before the process has heard of the last move, of both shards.
    fn is_left_out(&self, step: &Step) -> bool {
        let have_come = || (0..SHARDS).all(|shard| self.has_come(shard));
        let is_asking = || {
            let is_in_a_round = self.rounds.iter().any(Option::is_some);
            is_in_a_round || self.answers.iter().any(|answers| !answers.is_empty())
        };
        match *step {
            Step::MoveBack(_) => !have_come(),
            Step::MoveKeys(..) => {
                let are_known = || (0..SLOTS).all(|slot| self.is_known(slot) && self.is_said(slot));
                !have_come() || is_asking() || !are_known()
            }
            Step::MoveSlot(slot, ..) => is_asking() || !self.is_known(slot.into()),
            _ => false,
        }
    }

    /// Whether the last move of a slot is known to have ended.
    fn is_known(&self, slot: usize) -> bool {
        let owner = Some(Shard(self.servers.owners[slot] as u16));
        let route = self.cluster.routes().get(servers::number_of(slot));
        let is_moving = matches!(self.servers.moving[slot], Some(Moving::Keys { .. }));
        !is_moving && (route.owner, route.other) == (owner, None)
    }

    /// Whether all shards have said of themselves whether they own a slot, since that has changed.
    fn is_said(&self, slot: usize) -> bool {
        let number = servers::number_of(slot);
        let (_, standings) = self.cluster.standings();
        let mut shards = standings.iter().enumerate();
        !self.gained[slot]
            && shards.all(|(shard, standing)| {
                standing.own.has(number) == (shard == self.servers.owners[slot])
            })
    }

    /// Whether all of a stream has been handled.
    fn has_come(&self, shard: usize) -> bool {
        self.at[shard] == self.servers.servers[shard].stream.len()
    }

    /// Handles the next command of a stream, if there is one and it may be.
    fn follow(&mut self, shard: usize) -> Result<bool, String> {
        let at = self.at[shard];
        let Some(record) = self.servers.servers[shard].stream.get(at).cloned() else {
            return Ok(false);
        };
        if !self.judge(shard, &record) {
            self.holds += usize::from(self.members[shard].take_untold());
            return Ok(false);
        }
        let store = &mut self.stores[shard];
        match record.effect {
            Effect::None => {}
            Effect::Put(key, version) => {
                store.insert(key, version);
            }
            Effect::Drop(keys) => store.retain(|key, _| !keys.contains(key)),
        }
        if let Some((key, version)) = record.made
            && !self.is_unknown(shard, key)
        {
            self.made[key] = self.made[key].max(version);
        }
        self.at[shard] += 1;
        self.members[shard].set_handled(self.at[shard] as u64);
        self.read_all().map_err(|error| format!("{error}, behind {at} of shard {shard}"))?;
        Ok(true)
    }

    /// Whether what a shard writes is not read yet: as an owner that it is not any more, which, until
    /// its master has been asked, may also be what it writes once it gets the slot back; or to a slot
    /// of which it is not known yet that it does not move to a third shard any more.
    fn is_unknown(&self, shard: usize, key: usize) -> bool {
        let slot = servers::number_of(servers::slot_of(key));
        let Route { owner, other, .. } = self.cluster.routes().get(slot);
        let is_read = [owner, other].contains(&Some(Shard(shard as u16)));
        !is_read && (other.is_some() || self.cluster.standings().1[shard].own.has(slot))
    }

    fn judge(&mut self, shard: usize, record: &Record) -> bool {
        let Some((name, args)) = record.words.split_first() else { unreachable!("it has a name") };
        let (deed, slot) = Deed::of(&Learned::default(), name, args);
        let is_left_out = match &deed {
            Deed::Deletes | Deed::Empties(_) => !self.rules.gate,
            Deed::Writes(_) | Deed::Restores => !self.rules.claims,
            Deed::Marks(Mark::Begun(_)) => !self.rules.imports,
            _ => false,
        };
        let store = &self.stores[shard];
        let has = |key: &[u8]| store.keys().any(|&number| servers::key(number) == key);
        let verdict = match is_left_out {
            true => return true,
            false => {
                let at = self.at[shard] as u64;
                self.cluster.judge(&self.members[shard], (&deed, slot), args, at, has)
            }
        };
        match verdict {
            Verdict::Held => false,
            Verdict::Passes { moves, .. } => {
                self.moves += moves.len();
                for slot in 0..SLOTS {
                    let number = servers::number_of(slot);
                    let has = |&(first, last): &Range| (first..=last).contains(&number);
                    self.gained[slot] |= moves.iter().any(|moved| moved.ranges.iter().any(has));
                }
                true
            }
        }
    }

    fn statement(&self, shard: usize) -> Statement {
        let (owned, importing) = self.servers.slots(shard);
        let server = &self.servers.servers[shard];
        let node = Some(servers::node(shard).into_bytes().into());
        let from = server.stream.len() as u64;
        Statement { node, epoch: server.epoch, owned, importing, from, to: from }
    }

    /// Asks, once the last answer has been used.
    fn ask(&mut self, shard: usize) {
        if !self.answers[shard].is_empty() {
            return;
        }
        let statement = self.statement(shard);
        self.answers[shard].push_back(statement);
    }

    fn commit(&mut self, shard: usize) {
        let handled = self.at[shard] as u64;
        if let Some(first) = self.answers[shard].front()
            && first.from <= handled
        {
            let first = first.clone();
            self.answers[shard].pop_front();
            self.state(shard, first);
        }
    }

    fn state(&mut self, shard: usize, statement: Statement) {
        for slot in 0..SLOTS {
            let number = servers::number_of(slot);
            let is_owner = self.cluster.routes().get(number).owner == Some(Shard(shard as u16));
            if is_owner && statement.to <= self.at[shard] as u64 {
                self.gained[slot] &= !statement.owned.has(number);
            }
        }
        self.moves += self.cluster.commit(Shard(shard as u16), statement).len();
    }

    fn round(&mut self, shard: usize) {
        if !self.members[shard].is_held() {
            self.rounds[shard] = None;
        } else if let Some(round) = &self.rounds[shard] {
            let have_come = round.others.iter().all(|(other, statement)| {
                statement.from <= self.at[*other] as u64 || self.is_not_waited_for(shard, *other)
            });
            if have_come && let Some(Round { own, others }) = self.rounds[shard].take() {
                for (other, statement) in others {
                    self.state(other, statement);
                }
                let to = own.to;
                self.state(shard, own);
                self.cluster.clear(Shard(shard as u16), to);
            }
        } else {
            let own = self.statement(shard);
            let others = self.involved(shard).into_iter();
            let others = others.map(|other| (other, self.statement(other))).collect();
            self.rounds[shard] = Some(Round { own, others });
        }
    }

    /// Whether a stream waits, perhaps for this one, at a place behind which this one needs nothing.
    fn is_not_waited_for(&self, shard: usize, other: usize) -> bool {
        match (self.members[shard].hold(), self.members[other].hold()) {
            (Some(Hold::Import(_)), Some(Hold::Deletion(_))) => true,
            (Some(Hold::Deletion(_)), Some(Hold::Order(Shard(waits_for)))) => {
                usize::from(waits_for) == shard
            }
            _ => false,
        }
    }

    /// The shards that this one's slots move to or from, or have moved to; or the one whose stream is
    /// to be handled first.
    fn involved(&self, shard: usize) -> BTreeSet<usize> {
        if let Some(Hold::Order(Shard(other)) | Hold::Import(Shard(other))) =
            self.members[shard].hold()
        {
            return BTreeSet::from([usize::from(other)]);
        }
        let mut others = BTreeSet::new();
        for slot in 0..SLOTS {
            let owner = self.servers.owners[slot];
            let Route { owner: known, other, .. } =
                self.cluster.routes().get(servers::number_of(slot));
            let is_ours = [known, other].contains(&Some(Shard(shard as u16))) || owner == shard;
            if is_ours {
                others.insert(owner);
                if let Some(Moving::Keys { to }) = self.servers.moving[slot] {
                    others.insert(to);
                }
            }
        }
        others.extend(self.members[shard].waits_for().map(|Shard(other)| usize::from(other)));
        others.remove(&shard);
        others
    }

    /// What a reader finds of a key.
    fn find(&self, key: usize) -> Option<Version> {
        let slot = servers::number_of(servers::slot_of(key));
        let Route { owner, other, .. } = self.cluster.routes().get(slot);
        let at = |Shard(shard)| self.stores[usize::from(shard)].get(&key).copied();
        owner.and_then(at).or_else(|| other.and_then(at))
    }

    fn read_all(&mut self) -> Result<(), String> {
        (0..KEYS).try_for_each(|key| self.read(key))
    }

    fn read(&mut self, key: usize) -> Result<(), String> {
        let (seen, found) = (self.seen[key], self.find(key));
        let at_least = seen.max(self.made[key]);
        let history = &self.servers.history[key];
        self.seen[key] = match found {
            Some(version) if version < seen => {
                return Err(format!("key {key} goes back from {seen} to {version}"));
            }
            Some(version) => version,
            None => match (at_least..history.len()).find(|&version| !history[version]) {
                Some(version) => version,
                None => return Err(format!("key {key} is missing since {at_least}")),
            },
        };
        Ok(())
    }

    /// Handles all that there is. A stream may wait for one that waits for it; then a time limit would
    /// end that, and a reader may see anything.
    fn finish(&mut self) -> Result<(), String> {
        let mut idle = 0;
        while idle < 4 {
            let before = (self.at.clone(), self.answers.iter().map(VecDeque::len).sum::<usize>());
            for shard in 0..SHARDS {
                self.step(&Step::Ask(shard as u8))?;
                self.step(&Step::Round(shard as u8))?;
                self.step(&Step::Follow(shard as u8, 100))?;
                while self.answers[shard]
                    .front()
                    .is_some_and(|answer| answer.from <= self.at[shard] as u64)
                {
                    self.step(&Step::Commit(shard as u8))?;
                }
            }
            let after = (self.at.clone(), self.answers.iter().map(VecDeque::len).sum::<usize>());
            idle = if after.0 == before.0 { idle + 1 } else { 0 };
        }
        if (0..SHARDS).any(|shard| self.at[shard] < self.servers.servers[shard].stream.len()) {
            return Ok(());
        }
        for key in 0..KEYS {
            let version = self.servers.history[key].len() - 1;
            let now = Some(version).filter(|&version| self.servers.history[key][version]);
            if self.find(key) != now {
                return Err(format!("key {key} is {:?} at last, not {now:?}", self.find(key)));
            }
        }
        Ok(())
    }
}
