//! All that is read of a store, beside the model.

use std::collections::{BTreeMap, BTreeSet};

use eslaver_core::filter::Filter;
use eslaver_store::{Answer, Arg, Patience, Queries, ReadError, Reader, Store};

use super::{Held, Model, NOW, Timed, Value};

/// Reads of a store at [`NOW`].
#[derive(Debug)]
pub(crate) struct Reads<'a> {
    store: &'a Store,
    queries: Queries,
}

fn bytes(text: &[u8]) -> Answer {
    Answer::Bytes(text.to_vec())
}

fn int(value: usize) -> Answer {
    Answer::Int(value as i128)
}

fn truth(value: bool) -> Answer {
    Answer::Atom(if value { "true" } else { "false" })
}

fn sorted(answer: Answer) -> Answer {
    match answer {
        Answer::List(mut parts) => {
            parts.sort_by_key(|part| format!("{part:?}"));
            Answer::List(parts)
        }
        Answer::Map(mut pairs) => {
            pairs.sort_by_key(|pair| format!("{pair:?}"));
            Answer::Map(pairs)
        }
        other => other,
    }
}

fn list(parts: impl IntoIterator<Item = Answer>) -> Answer {
    Answer::List(parts.into_iter().collect())
}

fn is_live(at: Option<i64>) -> bool {
    at.is_none_or(|at| at > NOW)
}

impl<'a> Reads<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store, queries: Queries::default() }
    }

    pub(crate) fn try_ask(
        &self,
        db: u32,
        name: &str,
        args: &[Arg<'_>],
    ) -> Result<Answer, ReadError> {
        let ask = |patience| {
            let mut tree = eslaver_store::Tree::default();
            let reader = Reader::new(self.store, db, NOW, patience);
            self.queries.answer(&reader, name, args, &mut tree)?;
            Ok(tree.into_answer().expect("a whole answer"))
        };
        let answer = ask(Patience::Long);
        match ask(Patience::Short) {
            Err(ReadError::TakesLong) => {}
            _ if name.contains("rand") => {}
            short => {
                let same = [&short, &answer].map(|answer| answer.clone().map(sorted));
                assert_eq!(same[0], same[1], "{name}");
            }
        }
        answer
    }

    pub(crate) fn ask(&self, db: u32, name: &str, args: &[Arg<'_>]) -> Answer {
        self.try_ask(db, name, args).unwrap_or_else(|error| panic!("{name} {args:?}: {error}"))
    }

    /// Panics where the store holds something else than the model.
    pub(crate) fn assert_all(&self, model: &Model) {
        for db in 0..3 {
            let of_db = || model.keys.iter().filter(move |((number, _), _)| *number == db);
            let keys = of_db().map(|((_, key), held)| (key.clone(), held));
            let keys: BTreeMap<Vec<u8>, &Held> = keys.collect();
            let live = keys.iter().filter(|(_, held)| is_live(held.expire_at));
            let names: Vec<_> = live.map(|(key, _)| bytes(key)).collect();
            let pattern = [Arg::Bytes(b"*")];
            assert_eq!(sorted(self.ask(db, "keys", &pattern)), sorted(list(names.clone())));
            assert_eq!(self.ask(db, "dbsize", &[]), int(keys.len()), "db {db}");
            self.assert_scan(db, names);
            for kind in ["s", "n", "l", "t", "h"] {
                for number in 0..3 {
                    let key = format!("{kind}{number}").into_bytes();
                    let held = keys.get(&key).copied();
                    self.assert_key(db, &key, held);
                }
            }
            self.assert_together(db, &keys);
        }
    }

    /// With a filter, what the model holds of wanted keys, except those that are marked: their number.
    pub(crate) fn assert_wanted(&self, model: &Model, filter: &Filter) -> usize {
        let mut marked = 0;
        for db in 0..3 {
            for kind in ["s", "n", "l", "t", "h"] {
                for number in 0..3 {
                    let key = format!("{kind}{number}").into_bytes();
                    let wanted = filter.dbs.as_ref().is_none_or(|dbs| dbs.contains(&db))
                        && filter
                            .keys
                            .as_ref()
                            .is_none_or(|globs| globs.iter().any(|glob| glob.matches(&key)));
                    let held = model.keys.get(&(db, key.clone())).filter(|_| wanted);
                    match self.try_ask(db, "exists", &[Arg::Bytes(&key)]) {
                        Err(ReadError::Unknown) if wanted => marked += 1,
                        _ => self.assert_key(db, &key, held),
                    }
                }
            }
        }
        marked
    }

    fn assert_scan(&self, db: u32, mut expected: Vec<Answer>) {
        let mut found = Vec::new();
        let mut cursor = 0;
        loop {
            let args = [Arg::Int(cursor), Arg::Atom("any"), Arg::Atom("any"), Arg::Int(7)];
            let Answer::Tuple(parts) = self.ask(db, "scan", &args) else { panic!("no tuple") };
            let [Answer::Int(next), Answer::List(keys)] = &parts[..] else { panic!("{parts:?}") };
            found.extend(keys.iter().cloned());
            cursor = *next as i64;
            if cursor == 0 {
                break;
            }
        }
        expected.sort_by_key(|key| format!("{key:?}"));
        assert_eq!(sorted(Answer::List(found)), Answer::List(expected));
    }

    fn assert_key(&self, db: u32, key: &[u8], held: Option<&Held>) {
        let live = held.filter(|held| is_live(held.expire_at));
        let ask =
            |name: &str, more: &[Arg<'_>]| self.ask(db, name, &[&[Arg::Bytes(key)], more].concat());
        assert_eq!(ask("exists", &[]), truth(live.is_some()), "{}", key.escape_ascii());
        let time = match live {
            None => Answer::Atom("undefined"),
            Some(Held { expire_at: None, .. }) => Answer::Atom("infinity"),
            Some(Held { expire_at: Some(at), .. }) => Answer::Int((*at).into()),
        };
        assert_eq!(ask("pexpiretime", &[]), time, "{}", key.escape_ascii());
        let (kind, other) = match live.map(|held| &held.value) {
            None => ("none", None),
            Some(Value::String(_)) => ("string", Some("llen")),
            Some(Value::List(_)) => ("list", Some("scard")),
            Some(Value::Set(_)) => ("set", Some("hlen")),
            Some(Value::Hash(_)) => ("hash", Some("strlen")),
        };
        assert_eq!(ask("type", &[]), Answer::Atom(kind), "{}", key.escape_ascii());
        if let Some(other) = other {
            let wrong = self.try_ask(db, other, &[Arg::Bytes(key)]);
            assert_eq!(wrong, Err(ReadError::WrongType));
        }
        match live.map(|held| &held.value) {
            None => {
                assert_eq!(ask("get", &[]), Answer::Atom("undefined"));
                assert_eq!(ask("llen", &[]), int(0));
                assert_eq!(ask("smembers", &[]), list([]));
                assert_eq!(ask("hgetall", &[]), Answer::Map(Vec::new()));
            }
            Some(Value::String(text)) => assert_string(&ask, text),
            Some(Value::List(elements)) => assert_list(&ask, elements),
            Some(Value::Set(members)) => self.assert_set(&ask, members),
            Some(Value::Hash(fields)) => self.assert_hash(&ask, fields),
        }
    }

    fn assert_set(&self, ask: &dyn Fn(&str, &[Arg<'_>]) -> Answer, members: &Timed<()>) {
        let live: Vec<_> =
            members.iter().filter(|(_, (_, at))| is_live(*at)).map(|(member, _)| member).collect();
        let expected = sorted(list(live.iter().map(|member| bytes(member))));
        assert_eq!(ask("scard", &[]), int(live.len()));
        assert_eq!(sorted(ask("smembers", &[])), expected);
        assert_eq!(sorted(scanned("sscan", ask)), expected);
        assert_eq!(sorted(ask("srandmember_count", &[Arg::Int(100_000)])), expected);
        let few = ask("srandmember_count", &[Arg::Int(3)]);
        let Answer::List(few) = few else { panic!("no list") };
        assert_eq!(few.len(), live.len().min(3));
        let mut asked: Vec<Vec<u8>> = members.keys().cloned().collect();
        asked.push(b"other".to_vec());
        let args = [Arg::List(asked.iter().map(|member| Arg::Bytes(member)).collect())];
        let is_member = |member: &Vec<u8>| members.get(member).is_some_and(|(_, at)| is_live(*at));
        assert_eq!(ask("smismember", &args), list(asked.iter().map(|m| truth(is_member(m)))));
        let time = |member: &Vec<u8>| members.get(member).map(|(_, at)| *at);
        assert_eq!(ask("spexpiretime", &args), list(asked.iter().map(|m| expiry(time(m)))));
    }

    fn assert_hash(&self, ask: &dyn Fn(&str, &[Arg<'_>]) -> Answer, fields: &Timed<Vec<u8>>) {
        let live = || fields.iter().filter(|(_, (_, at))| is_live(*at));
        let pair = |(field, (value, _)): (&Vec<u8>, &(Vec<u8>, Option<i64>))| {
            Answer::Tuple(vec![bytes(field), bytes(value)])
        };
        let expected = sorted(list(live().map(pair)));
        assert_eq!(ask("hlen", &[]), int(live().count()));
        let map = live().map(|(field, (value, _))| (bytes(field), bytes(value))).collect();
        assert_eq!(sorted(ask("hgetall", &[])), sorted(Answer::Map(map)));
        assert_eq!(sorted(scanned("hscan", ask)), expected);
        let keys = sorted(list(live().map(|(field, _)| bytes(field))));
        assert_eq!(sorted(ask("hkeys", &[])), keys);
        let mut asked: Vec<Vec<u8>> = fields.keys().cloned().collect();
        asked.push(b"other".to_vec());
        let args = [Arg::List(asked.iter().map(|field| Arg::Bytes(field)).collect())];
        let value = |field: &Vec<u8>| match fields.get(field) {
            Some((value, at)) if is_live(*at) => bytes(value),
            _ => Answer::Atom("undefined"),
        };
        assert_eq!(ask("hmget", &args), list(asked.iter().map(value)));
        let time = |field: &Vec<u8>| fields.get(field).map(|(_, at)| *at);
        assert_eq!(ask("hpexpiretime", &args), list(asked.iter().map(|f| expiry(time(f)))));
    }

    /// Reads of several keys.
    fn assert_together(&self, db: u32, keys: &BTreeMap<Vec<u8>, &Held>) {
        let live = |name: &str| {
            keys.get(name.as_bytes()).filter(|held| is_live(held.expire_at)).map(|h| &h.value)
        };
        let names = ["s0", "s1", "l0", "s2", "none"];
        let args = [Arg::List(names.map(|name| Arg::Bytes(name.as_bytes())).to_vec())];
        let values = names.map(|name| match live(name) {
            Some(Value::String(text)) => bytes(text),
            _ => Answer::Atom("undefined"),
        });
        assert_eq!(self.ask(db, "mget", &args), list(values));
        let names = ["t0", "t1", "t2"];
        let sets: Option<Vec<BTreeSet<&Vec<u8>>>> = names
            .iter()
            .map(|name| match live(name) {
                None => Some(BTreeSet::new()),
                Some(Value::Set(set)) => {
                    Some(set.iter().filter(|(_, (_, at))| is_live(*at)).map(|(m, _)| m).collect())
                }
                Some(_) => None,
            })
            .collect();
        let Some(sets) = sets else { return };
        let args = [Arg::List(names.map(|name| Arg::Bytes(name.as_bytes())).to_vec())];
        let all = sets.iter().flatten().copied().collect::<BTreeSet<_>>();
        let members = |has: &dyn Fn(&Vec<u8>) -> bool| {
            sorted(list(all.iter().filter(|member| has(member)).map(|member| bytes(member))))
        };
        let union = members(&|_| true);
        let intersection = members(&|member| sets.iter().all(|set| set.contains(member)));
        let difference = members(&|member| {
            sets[0].contains(member) && !sets[1..].iter().any(|set| set.contains(member))
        });
        assert_eq!(sorted(self.ask(db, "sunion", &args)), union);
        assert_eq!(sorted(self.ask(db, "sinter", &args)), intersection);
        assert_eq!(sorted(self.ask(db, "sdiff", &args)), difference);
    }
}

/// As `spexpiretime` and `hpexpiretime` tell a time.
fn expiry(at: Option<Option<i64>>) -> Answer {
    match at {
        Some(None) => Answer::Atom("infinity"),
        Some(Some(at)) if at > NOW => Answer::Int(at.into()),
        None | Some(Some(_)) => Answer::Atom("undefined"),
    }
}

/// All that a scan finds. What is there all the while comes once.
fn scanned(name: &str, ask: &dyn Fn(&str, &[Arg<'_>]) -> Answer) -> Answer {
    let mut found = Vec::new();
    let mut cursor = 0;
    loop {
        let args = [Arg::Int(cursor), Arg::Atom("any"), Arg::Int(10)];
        let Answer::Tuple(parts) = ask(name, &args) else { panic!("no tuple") };
        let [Answer::Int(next), Answer::List(more)] = &parts[..] else { panic!("{parts:?}") };
        found.extend(more.iter().cloned());
        cursor = *next as i64;
        if cursor == 0 {
            return Answer::List(found);
        }
    }
}

fn assert_string(ask: &dyn Fn(&str, &[Arg<'_>]) -> Answer, text: &[u8]) {
    assert!(ask("get", &[]) == bytes(text), "a string of {}", text.len());
    assert_eq!(ask("strlen", &[]), int(text.len()));
    let ones: u32 = text.iter().map(|byte| byte.count_ones()).sum();
    assert_eq!(ask("bitcount", &[Arg::Atom("all")]), int(ones as usize));
    for at in [0, 8, 100, text.len() * 4, text.len() * 8] {
        let bit = text.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0);
        assert_eq!(ask("getbit", &[Arg::Int(at as i64)]), int(bit.into()));
    }
    for (start, end) in [(0, 10), (-5, -1), (32_760, 32_780), (1, -2)] {
        let len = text.len() as i64;
        let from = |index: i64| if index < 0 { (index + len).max(0) } else { index };
        let (first, last) = (from(start), from(end).min(len - 1));
        let part = if first <= last { &text[first as usize..=last as usize] } else { b"" };
        let answer = ask("getrange", &[Arg::Int(start), Arg::Int(end)]);
        assert!(answer == bytes(part), "{start} {end} of {len}");
    }
}

fn assert_list(ask: &dyn Fn(&str, &[Arg<'_>]) -> Answer, elements: &[Vec<u8>]) {
    assert_eq!(ask("llen", &[]), int(elements.len()));
    let all = list(elements.iter().map(|element| bytes(element)));
    assert_eq!(ask("lrange", &[Arg::Int(0), Arg::Int(-1)]), all);
    let middle = elements.len() / 2;
    for at in [0, 1, middle, elements.len() - 1, elements.len()] {
        let expected = elements.get(at).map_or(Answer::Atom("undefined"), |found| bytes(found));
        assert_eq!(ask("lindex", &[Arg::Int(at as i64)]), expected);
    }
    let last = elements.last().expect("no list is empty");
    assert_eq!(ask("lindex", &[Arg::Int(-1)]), bytes(last));
    let found = elements.iter().enumerate().filter(|(_, element)| *element == last);
    let args = [Arg::Bytes(last), Arg::Int(1), Arg::Int(0), Arg::Int(0)];
    assert_eq!(ask("lpos", &args), list(found.map(|(at, _)| int(at))));
}
