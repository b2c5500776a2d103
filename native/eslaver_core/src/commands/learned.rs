//! Commands missing in the table, from a master's reply to `COMMAND`.

use std::collections::{HashMap, HashSet};

use super::arguments::{Arguments, number};
use super::effect::{Effect, Key};
use super::lookup::rule;
use crate::reply::Value;

/// Commands that a master described, besides those of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    commands: HashMap<Box<[u8]>, Rule>,
    /// Names in the table that are looked up here instead, for tests.
    hidden: HashSet<Vec<u8>>,
}

/// How the keys of a learned command are found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    NotAWrite,
    Keys(Vec<Spec>),
    /// It changes keys without naming them.
    Unnamed,
    /// A function finds them that only the master has.
    Unknown,
    /// The rule of the subcommand that is the first argument applies.
    Container(HashMap<Box<[u8]>, Rule>),
}

/// Where keys are. As in a master's reply, the command's name has the index 0.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spec {
    begin: Begin,
    find: Find,
    changed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Begin {
    Index(usize),
    /// Behind this word, which is searched from an index on, or backwards from a negative index,
    /// which counts from the end.
    Keyword(Box<[u8]>, i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Find {
    /// Up to `last`, counted from the first key, or from the end if it is negative. A `limit` of 2
    /// or more stands for that part of the rest.
    Range { last: i64, step: usize, limit: usize },
    /// The number of them is the argument at `at`. They begin at `first`. Both count from `begin`.
    Count { at: usize, first: usize, step: usize },
}

impl Learned {
    /// Nothing learned yet, and these names of the table hidden.
    pub fn hiding(names: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { commands: HashMap::new(), hidden: names.into_iter().collect() }
    }

    /// Whether nothing was learned.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.hidden.is_empty()
    }

    pub(super) fn hides(&self, lower: &[u8]) -> bool {
        !self.hidden.is_empty() && self.hidden.contains(lower)
    }

    pub(super) fn keys<A: Arguments + ?Sized>(
        &self,
        lower: &[u8],
        args: &A,
        each: &mut impl FnMut(Key),
    ) -> Effect {
        let found = match self.commands.get(lower) {
            Some(Rule::Container(subcommands)) => args
                .argument(0)
                .and_then(|sub| subcommands.get(sub.to_ascii_lowercase().as_slice())),
            other => other,
        };
        match found {
            Some(Rule::NotAWrite) => Effect::NotAWrite,
            Some(Rule::Unnamed) => Effect::Unnamed,
            Some(Rule::Keys(specs)) => {
                specs.iter().for_each(|spec| spec.each(args, each));
                Effect::Keys
            }
            Some(Rule::Unknown | Rule::Container(_)) | None => Effect::Unknown,
        }
    }

    /// Learns from the reply to `COMMAND`. Descriptions of an unexpected form are skipped.
    pub fn take(&mut self, reply: &Value) {
        for command in reply.array().unwrap_or_default() {
            let Some(name) = command.array().and_then(|parts| parts.first()?.text()) else {
                continue;
            };
            let lower = name.to_ascii_lowercase();
            if rule(&lower).is_some() && !self.hides(&lower) {
                continue;
            }
            if let Some(rule) = described(command, true) {
                self.commands.insert(lower.into(), rule);
            }
        }
    }
}

/// The rule for a command, or a subcommand, of the reply.
fn described(command: &Value, may_contain: bool) -> Option<Rule> {
    let [_name, _arity, flags, first, last, step, more @ ..] = command.array()? else {
        return None;
    };
    if let (true, Some(subcommands)) = (may_contain, more.get(3).and_then(Value::array))
        && !subcommands.is_empty()
    {
        let rules = subcommands.iter().filter_map(|sub| {
            let name = sub.array()?.first()?.text()?;
            let bar = name.iter().position(|&byte| byte == b'|')?;
            Some((name.get(bar + 1..)?.to_ascii_lowercase().into(), described(sub, false)?))
        });
        return Some(Rule::Container(rules.collect()));
    }
    let has = |flag: &[u8]| has(flags, flag);
    if !has(b"write") && !has(b"may_replicate") {
        return Some(Rule::NotAWrite);
    }
    let specs = more.get(2).and_then(Value::array);
    let names_keys = match specs {
        Some(specs) => !specs.is_empty(),
        None => first.integer()? != 0,
    };
    // a module may write to other things than keys, such as its indexes
    let has_others = has(b"movablekeys") || has(b"module");
    if has(b"write") && !names_keys && !has_others {
        return Some(Rule::Unnamed);
    }
    let keys = match specs {
        Some(specs) => Spec::all(specs),
        None => Spec::legacy(first.integer()?, last.integer()?, step.integer()?),
    };
    // if keys are fixed but said to move, a function finds them
    let tells = |specs: &Vec<Spec>| !has(b"movablekeys") || !specs.iter().all(Spec::is_fixed);
    Some(keys.filter(tells).map_or(Rule::Unknown, Rule::Keys))
}

impl Spec {
    /// The specs of Redis 7.0 and later, or `None` if one of them is incomplete.
    fn all(specs: &[Value]) -> Option<Vec<Self>> {
        let mut found = Vec::new();
        for spec in specs {
            let flags = spec.field(b"flags")?;
            let has = |flag: &[u8]| has(flags, flag);
            if has(b"not_key") {
                continue;
            }
            if has(b"incomplete") {
                return None;
            }
            let changed = has(b"RW") || has(b"OW") || has(b"RM");
            let begin = Begin::read(spec.field(b"begin_search")?)?;
            found.push(Spec { begin, find: Find::read(spec.field(b"find_keys")?)?, changed });
        }
        Some(found)
    }

    /// The specs of servers before 7.0: a first and a last key. All of them may change.
    fn legacy(first: i64, last: i64, step: i64) -> Option<Vec<Self>> {
        if first == 0 {
            return Some(Vec::new());
        }
        let step = usize::try_from(step).ok().filter(|&step| step > 0)?;
        let begin = Begin::Index(usize::try_from(first).ok()?);
        let last = if last < 0 { last } else { last.checked_sub(first).filter(|&n| n >= 0)? };
        Some(vec![Spec { begin, find: Find::Range { last, step, limit: 0 }, changed: true }])
    }

    fn is_fixed(&self) -> bool {
        matches!((&self.begin, &self.find), (Begin::Index(_), Find::Range { .. }))
    }

    fn each<A: Arguments + ?Sized>(&self, args: &A, each: &mut impl FnMut(Key)) {
        let Some((first, end, step)) = self.place(args) else { return };
        for index in (first.max(1)..end.min(args.count() + 1)).step_by(step) {
            each(Key { index: index - 1, db: None, changed: self.changed });
        }
    }

    /// The first key, the end, and the step.
    fn place<A: Arguments + ?Sized>(&self, args: &A) -> Option<(usize, usize, usize)> {
        let total = args.count() + 1;
        let begin = match &self.begin {
            Begin::Index(index) => *index,
            Begin::Keyword(word, from) => behind(word, *from, args)?,
        };
        match self.find {
            Find::Range { last, step, limit } => {
                let end = match usize::try_from(last) {
                    Ok(last) => begin.saturating_add(last).saturating_add(1),
                    Err(_) => {
                        let back = usize::try_from(last.unsigned_abs()).ok()?;
                        let end = match limit {
                            0 | 1 => total,
                            _ => begin.saturating_add(total.saturating_sub(begin) / limit),
                        };
                        (end + 1).saturating_sub(back)
                    }
                };
                Some((begin, end, step))
            }
            Find::Count { at, first, step } => {
                let at = begin.checked_add(at)?.checked_sub(1)?;
                let count = args.argument(at).and_then(number::<usize>)?;
                let first = begin.checked_add(first)?;
                Some((first, count.saturating_mul(step).saturating_add(first), step))
            }
        }
    }
}

/// The index behind a word.
fn behind<A: Arguments + ?Sized>(word: &[u8], from: i64, args: &A) -> Option<usize> {
    let total = args.count() + 1;
    let is_word = |&index: &usize| {
        args.argument(index - 1).is_some_and(|argument| argument.eq_ignore_ascii_case(word))
    };
    let found = match usize::try_from(from) {
        Ok(from) => (from.max(1)..total).find(is_word),
        Err(_) => {
            let back = usize::try_from(from.unsigned_abs()).ok()?;
            (1..=total.saturating_sub(back)).rev().find(is_word)
        }
    };
    found.map(|index| index + 1)
}

impl Begin {
    fn read(search: &Value) -> Option<Self> {
        let spec = search.field(b"spec")?;
        match search.field(b"type")?.text()? {
            b"index" => Some(Begin::Index(index(spec, b"index")?)),
            b"keyword" => {
                let word = spec.field(b"keyword")?.text()?;
                Some(Begin::Keyword(word.into(), spec.field(b"startfrom")?.integer()?))
            }
            _ => None,
        }
    }
}

impl Find {
    fn read(keys: &Value) -> Option<Self> {
        let spec = keys.field(b"spec")?;
        let step = index(spec, b"keystep").filter(|&step| step > 0)?;
        match keys.field(b"type")?.text()? {
            b"range" => {
                let last = spec.field(b"lastkey")?.integer()?;
                Some(Find::Range { last, step, limit: index(spec, b"limit")? })
            }
            b"keynum" => {
                let (at, first) = (index(spec, b"keynumidx")?, index(spec, b"firstkey")?);
                Some(Find::Count { at, first, step })
            }
            _ => None,
        }
    }
}

fn has(flags: &Value, flag: &[u8]) -> bool {
    flags.array().is_some_and(|flags| flags.iter().any(|one| one.text() == Some(flag)))
}

fn index(spec: &Value, name: &[u8]) -> Option<usize> {
    usize::try_from(spec.field(name)?.integer()?).ok()
}
