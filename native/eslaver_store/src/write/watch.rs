//! Notes which keys have changed, for whoever keeps something in step with them.

use std::sync::Arc;

use eslaver_core::commands::{self, Effect, Learned};
use eslaver_core::glob::Glob;
use hashbrown::HashSet;

use crate::write::command::Command;

/// Keys whose changes are noted.
#[derive(Debug, Clone)]
pub struct Interest {
    /// Their database.
    pub db: u32,
    /// A key is among them if it matches any of these.
    pub keys: Vec<Glob>,
}

/// What has changed of the keys of an [`Interest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// These keys, or they may have.
    Keys(HashSet<Box<[u8]>, foldhash::fast::RandomState>),
    /// Perhaps all of them.
    All,
}

/// What has changed of the keys of each interest.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    interests: Arc<[Interest]>,
    changes: Vec<Changed>,
}

impl Default for Changed {
    fn default() -> Self {
        Self::Keys(HashSet::default())
    }
}

impl Changed {
    /// Whether nothing has.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Keys(keys) if keys.is_empty())
    }

    fn add(&mut self, key: &[u8]) {
        if let Self::Keys(keys) = self {
            keys.get_or_insert_with(key, |key| key.into());
        }
    }

    /// What has changed later has changed, too.
    pub fn merge(&mut self, later: Self) {
        match (&mut *self, later) {
            (Self::Keys(keys), Self::Keys(later)) => keys.extend(later),
            (_, Self::All) => *self = Self::All,
            (Self::All, _) => {}
        }
    }
}

impl Watch {
    /// Nothing has changed so far.
    pub fn new(interests: Arc<[Interest]>) -> Self {
        let changes = vec![Changed::default(); interests.len()];
        Self { interests, changes }
    }

    /// What has changed since this was called last, by interest; `None` if nothing has.
    pub fn take(&mut self) -> Option<Vec<Changed>> {
        let has_changes = !self.changes.iter().all(Changed::is_none);
        has_changes.then(|| self.changes.iter_mut().map(std::mem::take).collect())
    }

    /// A command has been applied. It is noted also where it has changed nothing, as one that the
    /// master refused elsewhere.
    pub(crate) fn note(&mut self, command: &Command<'_>, learned: &Learned) {
        let Self { interests, changes } = self;
        let effect = commands::keys(learned, command.name, command.args, |key| {
            if let Some(name) = command.args.get(key.index).filter(|_| key.changed) {
                let db = key.db.unwrap_or(command.db);
                for (interest, changed) in interests.iter().zip(changes.iter_mut()) {
                    if interest.db == db && interest.keys.iter().any(|glob| glob.matches(name)) {
                        changed.add(name);
                    }
                }
            }
        });
        let concerns = |db: u32| match effect {
            Effect::Keys | Effect::NotAWrite => false,
            Effect::Db | Effect::Unnamed | Effect::Unknown => db == command.db,
            Effect::AllDbs | Effect::Slots => true,
            Effect::Swap(one, other) => db == one || db == other,
        };
        for (interest, changed) in interests.iter().zip(changes) {
            if concerns(interest.db) {
                *changed = Changed::All;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys<const N: usize>(keys: [&str; N]) -> Changed {
        Changed::Keys(keys.iter().map(|key| key.as_bytes().into()).collect())
    }

    fn watch() -> Watch {
        let interest = |db, globs: &[&str]| Interest {
            db,
            keys: globs.iter().map(|&glob| Glob::new(glob)).collect(),
        };
        Watch::new([interest(0, &["a*", "b?"]), interest(1, &["*"])].into())
    }

    /// What of the two interests is noted for a command of a database.
    fn noted(db: u32, line: &str) -> (Changed, Changed) {
        let mut watch = watch();
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let command = Command { db, name: words[0], args: &words[1..] };
        watch.note(&command, &Learned::default());
        let mut changes = watch.take().unwrap_or_else(|| vec![Changed::default(); 2]);
        let second = changes.pop().unwrap();
        (changes.pop().unwrap(), second)
    }

    #[test]
    fn keys_that_match_are_noted() {
        for (db, line, first, second) in [
            (0, "set a 1", keys(["a"]), keys([])),
            (0, "set c 1", keys([]), keys([])),
            (1, "set a 1", keys([]), keys(["a"])),
            (2, "set a 1", keys([]), keys([])),
            (0, "mset a 1 b1 1 c 1 a 2", keys(["a", "b1"]), keys([])),
            (0, "rename a b2", keys(["a", "b2"]), keys([])),
            // what is only read has not changed
            (0, "sunionstore a1 a2 a3", keys(["a1"]), keys([])),
            (0, "move a 1", keys(["a"]), keys(["a"])),
            (0, "copy a x db 1", keys([]), keys(["x"])),
            (0, "ping", keys([]), keys([])),
            (0, "flushdb", Changed::All, keys([])),
            (1, "flushdb", keys([]), Changed::All),
            (2, "flushall", Changed::All, Changed::All),
            (2, "swapdb 0 3", Changed::All, keys([])),
            (2, "swapdb 0 1", Changed::All, Changed::All),
            (0, "no-command a", Changed::All, keys([])),
        ] {
            assert_eq!(noted(db, line), (first, second), "{line} in db {db}");
        }
    }

    #[test]
    fn what_was_taken_is_not_told_again() {
        let mut watch = watch();
        let command = Command { db: 0, name: b"del", args: &[b"a"] };
        assert_eq!(watch.take(), None);
        watch.note(&command, &Learned::default());
        assert_eq!(watch.take(), Some(vec![keys(["a"]), keys([])]));
        assert_eq!(watch.take(), None);
    }

    #[test]
    fn changes_are_merged() {
        for (before, later, both) in [
            (keys(["a"]), keys(["a", "b"]), keys(["a", "b"])),
            (keys(["a"]), Changed::All, Changed::All),
            (Changed::All, keys(["a"]), Changed::All),
            (keys([]), keys([]), keys([])),
        ] {
            let mut merged = before.clone();
            merged.merge(later);
            assert_eq!(merged, both, "{before:?}");
        }
    }
}
