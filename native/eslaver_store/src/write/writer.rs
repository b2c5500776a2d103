//! Applies a command, or a transaction, as one change.

use std::sync::Arc;

use eslaver_cluster::{SLOTS, of_key};
use eslaver_core::commands::{self, Effect, Key, Learned};
use eslaver_core::filter::Filter;

use crate::heap;
use crate::keyspace::entry::Entry;
use crate::keyspace::latest::LatestDbs;
use crate::keyspace::session::Session;
use crate::keyspace::store::Store;
use crate::keyspace::trash::Trash;
use crate::write::apply::Apply;
use crate::write::command::Command;
use crate::write::context::Context;
use crate::write::fault;
use crate::write::functions::Functions;
use crate::write::refusal::Refusal;
use crate::write::scope::{self, Scope};
use crate::write::table::{Commands, Known};
use crate::write::watch::{Changed, Watch};

/// How many arguments of an unknown command are taken for keys, and how long one is.
const ARGUMENTS: usize = 1000;
const LONGEST_ARGUMENT: usize = 65_536;
/// With more keys of which it is not known whether they exist, only a full resync helps.
const UNSURE: usize = 10_000;

/// The one that changes a keyspace.
#[derive(Debug)]
pub struct Writer {
    store: Arc<Store>,
    dbs: LatestDbs,
    commands: Commands,
    watch: Option<Watch>,
    state: State,
}

/// What the writer goes by, and what has come of its commands.
#[derive(Debug)]
struct State {
    learned: Learned,
    filter: Option<Filter>,
    trash: Trash,
    functions: Functions,
    has_new_functions: bool,
    needs_resync: bool,
    applied: u64,
}

/// What a command does to the keyspace.
enum Change {
    Nothing,
    Keys(Apply),
    Functions,
    Db,
    AllDbs,
    Swap(u32, u32),
    Slots(Vec<(u16, u16)>),
    Refused(Refusal),
}

impl Change {
    /// Whether it is of databases as such, rather than of keys in them.
    fn is_of_dbs(&self) -> bool {
        matches!(self, Self::Db | Self::AllDbs | Self::Swap(..))
    }
}

impl Writer {
    /// A writer of this keyspace, of which there must be no other. `learned` is what the master told
    /// of its commands, and `filter` what the keyspace is to hold.
    pub fn new(store: Arc<Store>, learned: Learned, filter: Option<Filter>) -> Self {
        let state = State {
            learned,
            filter,
            trash: Trash::new(Arc::clone(store.account())),
            functions: Functions::default(),
            has_new_functions: false,
            needs_resync: false,
            applied: 0,
        };
        let dbs = LatestDbs::new(Arc::clone(&store));
        Self { store, dbs, commands: Commands::new(), watch: None, state }
    }

    /// Applies commands so that readers see all of them or none. `now` is in ms since the epoch.
    /// What cannot be applied is handed to `refused`, once its keys have been marked as unknown.
    pub fn apply(
        &mut self,
        unit: &[Command<'_>],
        now: i64,
        mut refused: impl FnMut(&Command<'_>, Refusal),
    ) {
        if let [command] = unit
            && let Some(known) = self.commands.get(command.name)
        {
            return self.apply_known(command, known, now, refused);
        }
        let Self { store, dbs, commands, state, .. } = self;
        let changes = unit.iter().map(|command| (command, state.change(commands, command)));
        state.apply_unit(store, dbs, changes.collect(), now, &mut refused);
        self.note_changes(unit);
    }

    /// The command of a name that is one of the last of the stream.
    #[inline]
    pub(crate) fn recent(&self, name: &[u8]) -> Option<Known> {
        self.commands.recent(name)
    }

    /// Remembers a name of the stream, which is this in lower case.
    pub(crate) fn remember(&mut self, name: &[u8], lower: &[u8]) {
        self.commands.remember(name, lower);
    }

    /// Applies a command alone.
    #[inline]
    pub(crate) fn apply_known(
        &mut self,
        command: &Command<'_>,
        known: Known,
        now: i64,
        mut refused: impl FnMut(&Command<'_>, Refusal),
    ) {
        let Self { store, dbs, state, .. } = self;
        if dbs.latest().get(command.db).is_none() || has_other_db(command) {
            state.ensure_dbs(store, command);
        }
        let mut session = Session::new(store, dbs.latest());
        let result = state.apply_to_keys(&mut session, known.apply, command, now);
        state.settle(&mut session, command, now, result, &mut refused);
        drop(session);
        self.note_changes(std::slice::from_ref(command));
    }

    #[inline]
    fn note_changes(&mut self, unit: &[Command<'_>]) {
        let Self { watch, state, .. } = self;
        if let Some(watch) = watch {
            // What it notes goes elsewhere.
            heap::aside(|| unit.iter().for_each(|command| watch.note(command, &state.learned)));
        }
    }

    /// The store that it changes.
    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Notes from now on which keys change.
    pub fn set_watch(&mut self, watch: Watch) {
        self.watch = Some(watch);
    }

    /// What has changed of the keys that are watched, since this was called last; `None` if nothing
    /// has.
    pub fn take_changes(&mut self) -> Option<Vec<Changed>> {
        self.watch.as_mut().and_then(Watch::take)
    }

    /// Has the processor fetch what it needs for these keys of a database, best [`AHEAD`] of them.
    /// Memory is slow, but looks at several places at once, if nothing is waited for in between.
    ///
    /// [`AHEAD`]: eslaver_core::resp::AHEAD
    #[inline]
    pub fn warm(&mut self, db: u32, keys: &[&[u8]]) {
        if let Some(db) = self.dbs.latest().get(db) {
            db.warm(keys);
        }
    }

    /// The names of all commands that change keys here, in lower case.
    pub fn commands(&self) -> impl Iterator<Item = &'static [u8]> {
        self.commands.names()
    }

    /// Has this command, if it is one that can be applied, spoil the value of its first key and panic.
    /// It is for tests of what a panic leaves behind.
    pub fn set_faulty(&mut self, command: &[u8]) {
        self.commands.replace(command, fault::apply);
    }

    /// Whether something could not be applied that only a full resync makes good again.
    pub fn needs_resync(&self) -> bool {
        self.state.needs_resync
    }

    /// How many commands have been applied, or refused, since this was called last.
    pub fn take_applied(&mut self) -> u64 {
        std::mem::take(&mut self.state.applied)
    }

    /// The libraries of the master's functions.
    pub fn functions(&self) -> &Functions {
        &self.state.functions
    }

    /// The libraries, if they have changed since this was called last.
    pub fn take_new_functions(&mut self) -> Option<Functions> {
        std::mem::take(&mut self.state.has_new_functions).then(|| self.state.functions.clone())
    }

    /// Has the libraries be those of a snapshot.
    pub fn set_functions(&mut self, functions: Functions) {
        self.state.functions = functions;
    }

    /// What is out of reach since this was called last.
    pub fn take_trash(&mut self) -> Trash {
        std::mem::replace(&mut self.state.trash, Trash::new(Arc::clone(self.store.account())))
    }
}

/// Whether a command may be for another database than the selected one, too.
fn has_other_db(command: &Command<'_>) -> bool {
    matches!(command.name, b"copy" | b"move")
}

impl State {
    fn apply_unit(
        &mut self,
        store: &Store,
        latest: &mut LatestDbs,
        changes: Vec<(&Command<'_>, Change)>,
        now: i64,
        refused: &mut impl FnMut(&Command<'_>, Refusal),
    ) {
        if changes.iter().any(|(_, change)| change.is_of_dbs()) {
            store.begin_exclusive();
            for (command, change) in changes {
                // A command before it may have removed the database.
                self.ensure_dbs_of(store, command, &change);
                let session = Session::new(store, latest.latest());
                self.apply_one(session, command, change, now, refused);
            }
            store.end_exclusive();
            // what is gone must not be kept
            latest.latest();
        } else {
            changes.iter().for_each(|(command, change)| self.ensure_dbs_of(store, command, change));
            let mut session = Session::new(store, latest.latest());
            for (command, change) in changes {
                session = self.apply_one(session, command, change, now, refused);
            }
        }
    }

    fn ensure_dbs_of(&self, store: &Store, command: &Command<'_>, change: &Change) {
        // The keys of one that is refused are marked.
        if matches!(change, Change::Keys(_) | Change::Refused(_)) {
            self.ensure_dbs(store, command);
        }
    }

    /// The databases of a command are there before it needs them.
    fn ensure_dbs(&self, store: &Store, command: &Command<'_>) {
        store.ensure_db(command.db);
        if has_other_db(command) {
            commands::keys(&self.learned, command.name, command.args, |key| {
                key.db.into_iter().for_each(|db| store.ensure_db(db));
            });
        }
    }

    #[inline]
    fn change(&self, table: &Commands, command: &Command<'_>) -> Change {
        if let Some(known) = table.get(command.name) {
            return Change::Keys(known.apply);
        }
        if command.name == b"function" {
            return Change::Functions;
        }
        let mut changes_keys = false;
        let effect = commands::keys(&self.learned, command.name, command.args, |key| {
            changes_keys |= key.changed;
        });
        match effect {
            Effect::NotAWrite => Change::Nothing,
            // It is about something else than keys, as an index.
            Effect::Keys if !changes_keys => Change::Nothing,
            Effect::Db => Change::Db,
            Effect::AllDbs => Change::AllDbs,
            Effect::Swap(one, other) => Change::Swap(one, other),
            Effect::Slots => match commands::slots(command.name, command.args) {
                Some(ranges) => Change::Slots(ranges),
                None => Change::Refused(Refusal::Syntax),
            },
            Effect::Keys | Effect::Unnamed | Effect::Unknown => Change::Refused(Refusal::NotKnown),
        }
    }

    fn apply_one<'s>(
        &mut self,
        mut session: Session<'s>,
        command: &Command<'_>,
        change: Change,
        now: i64,
        refused: &mut impl FnMut(&Command<'_>, Refusal),
    ) -> Session<'s> {
        self.applied += u64::from(!matches!(change, Change::Nothing | Change::Keys(_)));
        let result = match change {
            Change::Nothing => Ok(()),
            Change::Keys(apply) => self.apply_to_keys(&mut session, apply, command, now),
            Change::Functions => self.change_functions(command),
            Change::Db => {
                session.store().change_dbs(|dbs| {
                    dbs.take(command.db).into_iter().for_each(|db| self.trash.db(db));
                });
                Ok(())
            }
            Change::AllDbs => {
                session.store().change_dbs(|dbs| dbs.take_all().for_each(|db| self.trash.db(db)));
                Ok(())
            }
            Change::Swap(one, other) => self.swap(session.store(), one, other),
            Change::Slots(ranges) => {
                self.remove_slots(&mut session, &ranges);
                Ok(())
            }
            Change::Refused(refusal) => Err(refusal),
        };
        self.settle(&mut session, command, now, result, refused);
        session
    }

    /// What could not be applied must not be shown wrong.
    #[inline]
    fn settle(
        &mut self,
        session: &mut Session<'_>,
        command: &Command<'_>,
        now: i64,
        result: Result<(), Refusal>,
        refused: &mut impl FnMut(&Command<'_>, Refusal),
    ) {
        if let Err(refusal) = result {
            self.mark(session, command, now);
            heap::aside(|| refused(command, refusal));
        }
        session.settle();
    }

    #[inline]
    fn apply_to_keys(
        &mut self,
        session: &mut Session<'_>,
        apply: Apply,
        command: &Command<'_>,
        now: i64,
    ) -> Result<(), Refusal> {
        self.applied += 1;
        let mut context =
            Context::new(session, &mut self.trash, command.db, now).ok_or(Refusal::Missing)?;
        let Some(filter) = &self.filter else {
            return apply(&mut context, command.args);
        };
        match scope::of(command, filter, &self.learned) {
            Scope::Whole => apply(&mut context, command.args),
            Scope::InputsMissing => Err(Refusal::Filtered),
            Scope::AllBut(unwanted) => {
                let result = apply(&mut context, command.args);
                for (db, key) in unwanted {
                    context.in_db(db)?.remove(key);
                }
                result
            }
        }
    }

    /// No key can be marked where it fails: what there is of functions, only a snapshot tells.
    fn change_functions(&mut self, command: &Command<'_>) -> Result<(), Refusal> {
        let (result, _) = heap::aside(|| self.functions.change(command.args));
        self.has_new_functions = true;
        self.needs_resync |= result.is_err();
        result
    }

    fn swap(&self, store: &Store, one: u32, other: u32) -> Result<(), Refusal> {
        let wanted = |db| self.filter.as_ref().is_none_or(|filter| scope::has_db(filter, db));
        if !(wanted(one) && wanted(other)) {
            return Err(Refusal::Filtered);
        }
        store.change_dbs(|dbs| {
            let (first, second) = (dbs.take(one), dbs.take(other));
            first.into_iter().for_each(|db| dbs.put(other, db));
            second.into_iter().for_each(|db| dbs.put(one, db));
        });
        Ok(())
    }

    fn remove_slots(&mut self, session: &mut Session<'_>, ranges: &[(u16, u16)]) {
        let is_in = |slot| ranges.iter().any(|&(first, last)| (first..=last).contains(&slot));
        for (number, db) in session.dbs().iter() {
            let removed = if db.layout().is_by_slot() {
                let slots = (0..SLOTS).filter(|&slot| is_in(slot)).map(usize::from);
                session.remove_where(number, db, slots, |_| true)
            } else {
                let is_gone = |entry: &Entry| is_in(of_key(entry.key()));
                session.remove_where(number, db, 0..db.stripe_count(), is_gone)
            };
            session.charge_none();
            for entry in removed {
                let kind = entry.kind();
                let large = entry.into_large();
                session.charge(kind);
                large.into_iter().for_each(|large| self.trash.value(large));
                session.charge_none();
            }
            session.charge_none();
        }
    }

    /// What a command that cannot be applied would have changed is not shown wrong.
    fn mark(&mut self, session: &mut Session<'_>, command: &Command<'_>, now: i64) {
        let mut changed = Vec::new();
        let effect = commands::keys(&self.learned, command.name, command.args, |key| {
            if key.changed {
                changed.push(key);
            }
        });
        let marked = match effect {
            Effect::Keys => self.forget(session, command, &changed, now),
            Effect::Unknown => self.suspect(session, command, now),
            _ => None,
        };
        self.needs_resync |= marked.is_none();
    }

    fn forget(
        &mut self,
        session: &mut Session<'_>,
        command: &Command<'_>,
        changed: &[Key],
        now: i64,
    ) -> Option<()> {
        for key in changed {
            let db = key.db.unwrap_or(command.db);
            let name = command.args.get(key.index)?;
            if self.filter.as_ref().is_none_or(|filter| scope::wants(filter, db, name)) {
                Context::new(session, &mut self.trash, db, now)?.forget(name);
            }
        }
        Some(())
    }

    /// Any argument may be a key that has been changed, or made. Without an existing key among them,
    /// or with more of them than can be remembered, only a full resync helps.
    fn suspect(
        &mut self,
        session: &mut Session<'_>,
        command: &Command<'_>,
        now: i64,
    ) -> Option<()> {
        let mut context = Context::new(session, &mut self.trash, command.db, now)?;
        let wanted = |key: &&&[u8]| {
            self.filter.as_ref().is_none_or(|filter| scope::wants(filter, command.db, key))
        };
        let (existing, others): (Vec<&[u8]>, Vec<&[u8]>) =
            command.args.iter().filter(wanted).partition(|key| context.exists(key));
        existing.iter().for_each(|key| context.forget(key));
        let fit = others.len() <= ARGUMENTS
            && others.iter().all(|key| key.len() <= LONGEST_ARGUMENT)
            && others.len() + context.unsure() <= UNSURE;
        if !fit {
            return None;
        }
        others.iter().for_each(|key| context.doubt(key));
        (!existing.is_empty()).then_some(())
    }
}
