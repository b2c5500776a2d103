//! What a filter lets through, to one who has only that to go by.

use eslaver_core::commands::{self, Effect, Learned};
use eslaver_core::filter::{Filter, Gate};
use eslaver_core::glob::Glob;
use eslaver_core::position::{Position, Tracker};
use eslaver_core::resp::{Command, Commands, Limits};

use crate::glob::matches_slowly;

/// A mode, the length of a pattern, the pattern, and a command stream.
pub(crate) fn check(bytes: &[u8]) {
    let (mode, bytes) = crate::mode(bytes);
    let (size, bytes) = crate::mode(bytes);
    let (pattern, stream) = bytes.split_at(usize::from(size).min(bytes.len()));
    let filter = Filter {
        keys: (mode & 1 != 0).then(|| vec![Glob::new(pattern)]),
        dbs: (mode & 2 != 0).then(|| vec![0, u32::from(mode >> 4)]),
        commands: None,
        types: None,
    };
    let selects = mode & 4 != 0;
    let mut told = Told { gate: Gate::new(selects, false), selects, db: None, open: false };
    let mut commands = Commands::new(Limits::default());
    let mut tracker = Tracker::new(0, 0);
    commands.feed(stream);
    while let Ok(Some(command)) = commands.next() {
        let before = tracker.position();
        told.command(&filter, pattern, &command, before);
        if tracker.apply(&command).is_err() {
            return;
        }
        assert_eq!(tracker.position().offset, before.offset + command.len());
        assert!(!told.open || tracker.position().in_transaction, "open after the transaction");
    }
}

/// What has passed.
struct Told {
    gate: Gate,
    selects: bool,
    db: Option<u32>,
    open: bool,
}

impl Told {
    fn command(&mut self, filter: &Filter, pattern: &[u8], command: &Command<'_>, at: Position) {
        let name = command.name().to_ascii_uppercase();
        let passed = self.gate.pass(filter, &Learned::default(), command, at);
        if matches!(name.as_slice(), b"EXEC" | b"DISCARD") {
            assert_eq!(passed.is_some(), self.open, "EXEC passes where MULTI has");
            self.open = false;
            return;
        }
        let Some(before) = passed else { return };
        assert!(!matches!(name.as_slice(), b"MULTI" | b"SELECT"));
        assert_eq!(before.multi, at.in_transaction && !self.open, "MULTI is told once");
        self.open = at.in_transaction;
        self.db = before.select.or(self.db);
        assert!(self.selects || before.select.is_none());
        let effect = self.is_wanted(filter, pattern, command, at);
        let of_no_db =
            matches!(effect, Effect::AllDbs | Effect::Slots | Effect::Swap(..) | Effect::NotAWrite);
        if self.selects && !of_no_db {
            assert_eq!(self.db, Some(at.db), "a command for a db that was not told");
        }
    }

    /// A command with keys has passed for one of them.
    fn is_wanted(
        &self,
        filter: &Filter,
        pattern: &[u8],
        command: &Command<'_>,
        at: Position,
    ) -> Effect {
        let args = command.args();
        let mut keys = Vec::new();
        let effect = commands::keys(&Learned::default(), command.name(), &args, |key| {
            keys.push((args.get(key.index).expect("a key that is no argument"), key.db));
        });
        let db_is = |db: u32| filter.dbs.as_ref().is_none_or(|dbs| dbs.contains(&db));
        if effect == Effect::Keys && !keys.is_empty() {
            let by_key =
                filter.keys.is_none() || keys.iter().any(|(key, _)| matches_slowly(pattern, key));
            let by_db = db_is(at.db) || keys.iter().any(|(_, db)| db.is_some_and(db_is));
            assert!(by_key && by_db, "passed, though nobody wants it");
        }
        effect
    }
}
