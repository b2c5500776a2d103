//! What of a command a keyspace with a filter can follow: it has only the keys and databases that
//! pass, and a command comes whole when any of its keys does.

use eslaver_core::commands::{self, Learned};
use eslaver_core::filter::Filter;

use crate::write::command::Command;

/// What of a command can be applied.
pub(crate) enum Scope<'a> {
    /// All of it.
    Whole,
    /// All of it, if these keys, which it also writes, are removed afterwards.
    AllBut(Vec<(u32, &'a [u8])>),
    /// Nothing: it reads keys that are filtered out.
    InputsMissing,
}

/// What of a command can be applied.
pub(crate) fn of<'a>(command: &Command<'a>, filter: &Filter, learned: &Learned) -> Scope<'a> {
    let mut unwanted = Vec::new();
    let mut inputs_missing = reads_by_patterns(command, filter);
    commands::keys(learned, command.name, command.args, |key| {
        let db = key.db.unwrap_or(command.db);
        if let Some(&name) = command.args.get(key.index)
            && !wants(filter, db, name)
        {
            match key.changed {
                true => unwanted.push((db, name)),
                false => inputs_missing = true,
            }
        }
    });
    match (inputs_missing, unwanted.is_empty()) {
        (true, _) => Scope::InputsMissing,
        (false, true) => Scope::Whole,
        (false, false) => Scope::AllBut(unwanted),
    }
}

/// No argument names the keys that `SORT` finds by patterns.
fn reads_by_patterns(command: &Command<'_>, filter: &Filter) -> bool {
    command.name == b"sort"
        && filter.keys.is_some()
        && command.args.iter().any(|arg| arg.contains(&b'*'))
}

/// Whether the keyspace is to hold this key.
pub(crate) fn wants(filter: &Filter, db: u32, key: &[u8]) -> bool {
    has_db(filter, db)
        && filter.keys.as_ref().is_none_or(|globs| globs.iter().any(|glob| glob.matches(key)))
}

/// Whether the keyspace is to hold this database.
pub(crate) fn has_db(filter: &Filter, db: u32) -> bool {
    filter.dbs.as_ref().is_none_or(|dbs| dbs.contains(&db))
}
