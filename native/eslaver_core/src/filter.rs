//! Filters: which keys of a snapshot and which commands of the stream are wanted.
//!
//! [`Filter`] judges one key or command. [`Gate`] follows the stream, so that what passes is still
//! a stream: a command comes in its transaction and for its db.

use std::collections::HashSet;

use crate::commands::{self, Arguments, Effect, Learned};
use crate::glob::Glob;
use crate::position::Position;
use crate::rdb::Kind;
use crate::resp::Command;

/// What is wanted. `None` stands for all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Keys, in the snapshot and in commands.
    pub keys: Option<Vec<Glob>>,
    /// Names of commands, in lower case.
    pub commands: Option<HashSet<Vec<u8>>>,
    /// Types of the snapshot's keys.
    pub types: Option<Vec<Kind>>,
    /// Dbs, of the snapshot's keys and of commands.
    pub dbs: Option<Vec<u32>>,
}

impl Filter {
    /// Whether a key of the snapshot is wanted.
    #[inline]
    pub fn wants_key(&self, key: &[u8], kind: Kind, db: u32) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&kind))
            && self.has_db(db)
            && self.has_key(key)
    }

    /// Whether a command for this db is wanted, and what it does.
    ///
    /// A command with keys is wanted if one of its keys is, changed or only read, and if its db is,
    /// or the db of one of its keys. For a command without keys, the db decides alone: `FLUSHALL`
    /// is for all dbs, `SWAPDB` for two. All arguments of an unknown command count as keys.
    pub fn wants_command<A: Arguments + ?Sized>(
        &self,
        learned: &Learned,
        name: &[u8],
        args: &A,
        db: u32,
    ) -> Option<Effect> {
        if let Some(wanted) = &self.commands
            && !wanted.contains(&name.to_ascii_lowercase())
        {
            return None;
        }
        let (mut keyed, mut has_key, mut has_db) = (false, self.keys.is_none(), self.has_db(db));
        let effect = commands::keys(learned, name, args, |key| {
            keyed = true;
            has_key = has_key || args.argument(key.index).is_some_and(|key| self.has_key(key));
            has_db = has_db || key.db.is_some_and(|db| self.has_db(db));
        });
        let wanted = match effect {
            Effect::Keys if keyed => has_key && has_db,
            Effect::Unknown => has_db && self.has_any(args),
            Effect::Keys | Effect::Db | Effect::Unnamed | Effect::NotAWrite => has_db,
            Effect::AllDbs | Effect::Slots => true,
            Effect::Swap(one, other) => self.has_db(one) || self.has_db(other),
        };
        wanted.then_some(effect)
    }

    /// Whether any argument could be a wanted key, or there are no arguments.
    fn has_any<A: Arguments + ?Sized>(&self, args: &A) -> bool {
        let count = args.count();
        count == 0
            || (0..count).filter_map(|index| args.argument(index)).any(|arg| self.has_key(arg))
    }

    #[inline]
    fn has_db(&self, db: u32) -> bool {
        self.dbs.as_ref().is_none_or(|dbs| dbs.contains(&db))
    }

    #[inline]
    fn has_key(&self, key: &[u8]) -> bool {
        self.keys.as_ref().is_none_or(|globs| globs.iter().any(|glob| glob.matches(key)))
    }
}

/// What comes before a command that passes, in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Before {
    /// The `MULTI` of its transaction.
    pub multi: bool,
    /// A `SELECT` of this db.
    pub select: Option<u32>,
}

/// Lets commands of a stream through.
///
/// The filter does not apply to `MULTI`, `EXEC` and `SELECT`. `MULTI` comes with the first command
/// of the transaction that passes, and `EXEC` if `MULTI` came. `SELECT`, if the gate tells it,
/// comes with the first command that passes for another db than the last one told. `MULTI` within a
/// transaction changes nothing, as for a real replica: the first `EXEC` ends the transaction.
#[derive(Debug, Clone)]
pub struct Gate {
    selects: bool,
    told: Option<u32>,
    open: bool,
}

impl Gate {
    /// A gate at the start of a stream, or where one goes on. `open` tells whether that is within a
    /// transaction whose `MULTI` has passed, `selects` whether to tell `SELECT`.
    pub fn new(selects: bool, open: bool) -> Self {
        Self { selects, told: None, open }
    }

    /// Whether a command passes. `before` is the position before it.
    pub fn pass(
        &mut self,
        filter: &Filter,
        learned: &Learned,
        command: &Command<'_>,
        before: Position,
    ) -> Option<Before> {
        let name = command.name();
        let is = |upper: &[u8]| name.eq_ignore_ascii_case(upper);
        match name.len() {
            4 | 7 if is(b"EXEC") || is(b"DISCARD") => {
                return std::mem::take(&mut self.open).then(Before::default);
            }
            5 if is(b"MULTI") => return None,
            6 if is(b"SELECT") => return None,
            _ => {}
        }
        let effect = filter.wants_command(learned, name, &command.args(), before.db)?;
        let of_db = matches!(effect, Effect::Keys | Effect::Db | Effect::Unnamed | Effect::Unknown);
        let select = self.selects && of_db && self.told != Some(before.db);
        if select {
            self.told = Some(before.db);
        }
        let multi = before.in_transaction && !self.open;
        self.open = before.in_transaction;
        Some(Before { multi, select: select.then_some(before.db) })
    }

    /// The next command that passes is told its db again.
    pub fn forget_db(&mut self) {
        self.told = None;
    }

    /// Whether `MULTI` has passed and `EXEC` has not.
    pub fn is_open(&self) -> bool {
        self.open
    }
}
