//! Sets and hashes, whose elements may have times of their own.

use std::collections::BTreeMap;

use super::{Change, Done, Held, Timed, Value, number};

/// How many elements a command sets times for stands before them.
const FIRST_TIMED: usize = 4;

impl Change<'_> {
    pub(super) fn of_set(&mut self, name: &str) -> Option<Done> {
        Some(match name {
            "sadd" => self.sadd(),
            "sdiffstore" => self.algebra(|all, member| {
                all[0].contains_key(member) && !all[1..].iter().any(|set| set.contains_key(member))
            }),
            "sinterstore" => {
                self.algebra(|all, member| all.iter().all(|set| set.contains_key(member)))
            }
            "smove" => self.smove(),
            "spexpireat" => self.set_times(),
            "srem" => self.srem(),
            "sunionstore" => self.algebra(|_, _| true),
            _ => return None,
        })
    }

    pub(super) fn of_hash(&mut self, name: &str) -> Option<Done> {
        Some(match name {
            "hdel" => self.hdel(),
            "hincrby" => self.hincrby(),
            "hmset" | "hset" => self.hset(),
            "hpexpireat" => self.hash_times(),
            "hpersist" => self.hpersist(),
            _ => return None,
        })
    }

    /// A set, made where it is missing.
    fn members(&mut self, key: &[u8]) -> Option<&mut Timed<()>> {
        let place = (self.db, key.to_vec());
        let new = || Held { value: Value::Set(BTreeMap::new()), expire_at: None };
        match &mut self.model.keys.entry(place).or_insert_with(new).value {
            Value::Set(set) => Some(set),
            _ => None,
        }
    }

    fn fields(&mut self, key: &[u8]) -> Option<&mut Timed<Vec<u8>>> {
        let place = (self.db, key.to_vec());
        let new = || Held { value: Value::Hash(BTreeMap::new()), expire_at: None };
        match &mut self.model.keys.entry(place).or_insert_with(new).value {
            Value::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    fn sadd(&mut self) -> Done {
        let members = self.rest(1);
        let set = self.members(self.arg(0)?)?;
        for member in members {
            set.entry(member.clone()).or_insert(((), None));
        }
        Some(())
    }

    fn srem(&mut self) -> Done {
        let (key, members) = (self.arg(0)?, self.rest(1));
        let set = self.members(key)?;
        members.iter().for_each(|member| _ = set.remove(member));
        self.tidy(key);
        Some(())
    }

    /// Where a time is concerned, what happens depends on the server.
    fn smove(&mut self) -> Done {
        let (from, to, member) = (self.arg(0)?, self.arg(1)?, self.arg(2)?);
        if self.get(to).is_some()
            && self.members(to)?.get(member).is_some_and(|(_, at)| at.is_some())
        {
            return None;
        }
        let (_, at) = self.members(from)?.get(member).copied()?;
        if at.is_some() {
            return None;
        }
        if from == to {
            return Some(());
        }
        self.members(from)?.remove(member);
        self.members(to)?.insert(member.to_vec(), ((), None));
        self.tidy(from);
        Some(())
    }

    /// Of members with times a replica does not know which the master has counted.
    fn algebra(&mut self, has: fn(&[Timed<()>], &[u8]) -> bool) -> Done {
        let mut all = Vec::new();
        for key in self.rest(1) {
            all.push(match self.get(key) {
                None => BTreeMap::new(),
                Some(Held { value: Value::Set(set), .. }) => set.clone(),
                Some(_) => return None,
            });
        }
        if all.iter().flat_map(BTreeMap::values).any(|(_, at)| at.is_some()) {
            return None;
        }
        let members = all.iter().flat_map(BTreeMap::keys).filter(|member| has(&all, member));
        let set = members.map(|member| (member.clone(), ((), None))).collect();
        let target = self.arg(0)?;
        self.put_value(target, Value::Set(set));
        self.model.keys.remove_entry(&(self.db, target.to_vec())).map_or(Some(()), |(key, held)| {
            if !held.value.is_empty() {
                self.model.keys.insert(key, held);
            }
            Some(())
        })
    }

    /// `spexpireat key ms members 1 member`.
    fn set_times(&mut self) -> Done {
        let (at, members) = (self.int(1)?, self.rest(FIRST_TIMED));
        let key = self.arg(0)?;
        self.get(key)?;
        for member in members {
            self.members(key)?.get_mut(member)?.1 = Some(at);
        }
        Some(())
    }

    fn hset(&mut self) -> Done {
        let fields = self.rest(1);
        let hash = self.fields(self.arg(0)?)?;
        for pair in fields.chunks(2) {
            let [field, value] = pair else { return None };
            hash.insert(field.clone(), (value.clone(), None));
        }
        Some(())
    }

    fn hdel(&mut self) -> Done {
        let (key, fields) = (self.arg(0)?, self.rest(1));
        let hash = self.fields(key)?;
        fields.iter().for_each(|field| _ = hash.remove(field));
        self.tidy(key);
        Some(())
    }

    fn hincrby(&mut self) -> Done {
        let (field, by) = (self.arg(1)?, self.int(2)?);
        let old = self.fields(self.arg(0)?)?.entry(field.to_vec()).or_insert((b"0".to_vec(), None));
        let value = if old.0.is_empty() { 0 } else { number(&old.0)? };
        old.0 = value.checked_add(by)?.to_string().into_bytes();
        Some(())
    }

    /// `hpexpireat key ms fields 1 field`.
    fn hash_times(&mut self) -> Done {
        let (at, fields) = (self.int(1)?, self.rest(FIRST_TIMED));
        let key = self.arg(0)?;
        self.get(key)?;
        for field in fields {
            self.fields(key)?.get_mut(field)?.1 = Some(at);
        }
        Some(())
    }

    /// `hpersist key fields 1 field`.
    fn hpersist(&mut self) -> Done {
        let key = self.arg(0)?;
        self.get(key)?;
        for field in self.rest(FIRST_TIMED - 1) {
            self.fields(key)?.get_mut(field)?.1 = None;
        }
        Some(())
    }
}
