//! Reads, alone or of one moment.

use std::cell::RefCell;
use std::panic::{RefUnwindSafe, UnwindSafe};

use eslaver_store::{Patience, ReadError, Reader, Witness};
use parking_lot::Mutex;
use rustler::schedule::consume_timeslice;
use rustler::{Atom, Encoder, Env, NifResult, Resource, ResourceArc, Term};

use crate::keyspace::answer::Answer;
use crate::keyspace::query::{self, NoQuery};
use crate::keyspace::registry;
use crate::keyspace::state::{Current, Keyspace, Status};
use crate::{atoms, clock};

/// The parts of a query that are read on a normal scheduler.
const SHORT_QUERY: usize = 2000;
/// A time at which nothing has expired.
const UNEXPIRED: i64 = 0;
/// How many terms are made in a hundredth of the time that a process may run.
const TERMS_A_PERCENT: usize = 150;

/// Reads that are to see one moment. It belongs to one process.
pub(crate) struct Session {
    name: Atom,
    seen: Mutex<Seen>,
}

impl UnwindSafe for Session {}
impl RefUnwindSafe for Session {}

#[rustler::resource_impl]
impl Resource for Session {}

/// What the reads of a session have found so far.
enum Seen {
    Nothing,
    /// There was no answer, for this reason.
    Failure(Atom),
    /// Which store they were of, and what in it.
    Store(u64, RefCell<Witness>),
}

/// What is to be answered.
enum Found<'a> {
    Answer(Term<'a>),
    Failure(Atom),
    Busy,
    TakesLong,
    Changed,
}

impl<'a> Found<'a> {
    fn encode(self, env: Env<'a>) -> Term<'a> {
        match self {
            Found::Answer(term) => term,
            Found::Failure(why) => (atoms::error(), why).encode(env),
            Found::Busy => atoms::busy().encode(env),
            Found::TakesLong => atoms::takes_long().encode(env),
            Found::Changed => atoms::changed().encode(env),
        }
    }
}

/// A read of the keyspace with this name.
#[derive(Clone, Copy)]
struct Question<'a> {
    db: u32,
    query: Term<'a>,
    now: i64,
    patience: Patience,
}

impl<'a> Question<'a> {
    /// No master has a db of such a number.
    fn new(db: Term<'a>, query: Term<'a>, patience: Patience) -> Self {
        Self::at(clock::now(), db, query, patience)
    }

    /// One that sees what has not expired at `now`.
    fn at(now: i64, db: Term<'a>, query: Term<'a>, patience: Patience) -> Self {
        Self { db: db.decode().unwrap_or(u32::MAX), query, now, patience }
    }

    fn ask(
        self,
        env: Env<'a>,
        current: &Current,
        witness: Option<&RefCell<Witness>>,
    ) -> NifResult<Found<'a>> {
        let most = match self.patience {
            Patience::Short => SHORT_QUERY,
            Patience::Long => usize::MAX,
        };
        let mut args = query::Args::new();
        let query = match query::read(self.query, most, &mut args) {
            Ok(query) => query,
            Err(NoQuery::TooLong) => return Ok(Found::TakesLong),
            Err(NoQuery::Bad) => return Err(rustler::Error::BadArg),
        };
        let reader = Reader::new(&current.store, self.db, self.now, self.patience);
        let reader = match witness {
            None => reader,
            Some(witness) => reader.noting(witness),
        };
        let mut answer = Answer::new(env);
        let result = query.answer(&reader, &args, &mut answer);
        if answer.made() >= TERMS_A_PERCENT && self.patience == Patience::Short {
            let percent = (answer.made() / TERMS_A_PERCENT).min(100);
            consume_timeslice(env, i32::try_from(percent).unwrap_or(100));
        }
        Ok(match result {
            Ok(()) => Found::Answer(answer.term().ok_or(rustler::Error::BadArg)?),
            Err(ReadError::Busy) => Found::Busy,
            Err(ReadError::TakesLong) => Found::TakesLong,
            Err(ReadError::WrongType) => Found::Failure(atoms::wrongtype()),
            Err(ReadError::Unknown) => Found::Failure(atoms::unknown()),
            Err(ReadError::Broken) => Found::Failure(atoms::loading()),
            Err(ReadError::BadQuery) => return Err(rustler::Error::BadArg),
        })
    }
}

/// Hands what readers get of the keyspace with this name to `with`, or why they get nothing.
#[inline]
fn with_current<R>(name: Atom, with: impl FnOnce(Result<&Current, Atom>) -> R) -> R {
    let keyspaces = registry::all();
    let Some(keyspace) = registry::find_keyspace(&keyspaces, name) else {
        return with(Err(atoms::not_running()));
    };
    let current = keyspace.current();
    match &*current {
        None => with(Err(atoms::loading())),
        Some(current) if !keyspace.serves_stale && !current.is_fresh() => with(Err(atoms::stale())),
        Some(current) => with(Ok(current)),
    }
}

fn read<'a>(env: Env<'a>, name: Atom, question: Question<'a>) -> NifResult<Term<'a>> {
    let found = with_current(name, |current| match current {
        Ok(current) => question.ask(env, current, None),
        Err(why) => Ok(Found::Failure(why)),
    })?;
    Ok(found.encode(env))
}

#[rustler::nif(name = "keyspace_read")]
fn read_short<'a>(env: Env<'a>, name: Atom, db: Term<'a>, query: Term<'a>) -> NifResult<Term<'a>> {
    read(env, name, Question::new(db, query, Patience::Short))
}

#[rustler::nif(name = "keyspace_read_dirty", schedule = "DirtyCpu")]
fn read_long<'a>(env: Env<'a>, name: Atom, db: Term<'a>, query: Term<'a>) -> NifResult<Term<'a>> {
    read(env, name, Question::new(db, query, Patience::Long))
}

/// Answers what is in the keyspace, however old it is.
fn read_own<'a>(env: Env<'a>, keyspace: &Keyspace, question: Question<'a>) -> NifResult<Term<'a>> {
    let found = match &*keyspace.current() {
        None => Found::Failure(atoms::loading()),
        Some(current) => question.ask(env, current, None)?,
    };
    Ok(found.encode(env))
}

#[rustler::nif(name = "projections_read")]
fn read_own_short<'a>(
    env: Env<'a>,
    keyspace: ResourceArc<Keyspace>,
    db: Term<'a>,
    query: Term<'a>,
) -> NifResult<Term<'a>> {
    read_own(env, &keyspace, Question::at(UNEXPIRED, db, query, Patience::Short))
}

#[rustler::nif(name = "projections_read_dirty", schedule = "DirtyCpu")]
fn read_own_long<'a>(
    env: Env<'a>,
    keyspace: ResourceArc<Keyspace>,
    db: Term<'a>,
    query: Term<'a>,
) -> NifResult<Term<'a>> {
    read_own(env, &keyspace, Question::at(UNEXPIRED, db, query, Patience::Long))
}

/// How the data of the mirror with this name is.
#[rustler::nif(name = "keyspace_status")]
fn status(name: Atom) -> Atom {
    let keyspaces = registry::all();
    registry::find_keyspace(&keyspaces, name)
        .map_or(atoms::not_running(), |keyspace| status_atom(keyspace))
}

pub(crate) fn status_atom(keyspace: &Keyspace) -> Atom {
    match keyspace.status() {
        Status::Loading => atoms::loading(),
        Status::Fresh => atoms::fresh(),
        Status::Stale => atoms::stale(),
    }
}

/// Reads of the mirror with this name that are to see one moment.
#[rustler::nif]
fn session_new(name: Atom) -> ResourceArc<Session> {
    ResourceArc::new(Session { name, seen: Mutex::new(Seen::Nothing) })
}

fn read_in<'a>(env: Env<'a>, session: &Session, question: Question<'a>) -> NifResult<Term<'a>> {
    let mut seen = session.seen.lock();
    let found = with_current(session.name, |current| {
        if let Seen::Nothing = *seen {
            *seen = match current {
                Ok(current) => Seen::Store(current.edition, RefCell::default()),
                Err(why) => Seen::Failure(why),
            };
        }
        match (current, &*seen) {
            (Err(why), Seen::Failure(before)) if why == *before => Ok(Found::Failure(why)),
            // what is noted stays noted, should this panic
            (Ok(current), Seen::Store(edition, witness)) if current.edition == *edition => {
                witnessed(env, question, current, witness)
            }
            _ => Ok(Found::Changed),
        }
    })?;
    Ok(found.encode(env))
}

fn witnessed<'a>(
    env: Env<'a>,
    question: Question<'a>,
    current: &Current,
    witness: &RefCell<Witness>,
) -> NifResult<Found<'a>> {
    let found = question.ask(env, current, Some(witness));
    if witness.borrow().has_changed() { found.map(|_| Found::Changed) } else { found }
}

#[rustler::nif(name = "session_read")]
fn read_in_short<'a>(
    env: Env<'a>,
    session: ResourceArc<Session>,
    db: Term<'a>,
    query: Term<'a>,
) -> NifResult<Term<'a>> {
    read_in(env, &session, Question::new(db, query, Patience::Short))
}

#[rustler::nif(name = "session_read_dirty", schedule = "DirtyCpu")]
fn read_in_long<'a>(
    env: Env<'a>,
    session: ResourceArc<Session>,
    db: Term<'a>,
    query: Term<'a>,
) -> NifResult<Term<'a>> {
    read_in(env, &session, Question::new(db, query, Patience::Long))
}

/// Whether everything that was read is still so, or `busy`.
#[rustler::nif]
fn session_unchanged(session: ResourceArc<Session>) -> Atom {
    let seen = session.seen.lock();
    let unchanged = with_current(session.name, |current| match (&*seen, current) {
        (Seen::Nothing, _) => Some(true),
        (Seen::Failure(before), Err(why)) => Some(why == *before),
        // that it has become stale meanwhile does not change it
        (Seen::Store(..), Err(why)) if why == atoms::stale() => Some(true),
        (Seen::Store(edition, witness), Ok(current)) if current.edition == *edition => {
            current.store.is_as_seen(&witness.borrow())
        }
        _ => Some(false),
    });
    match unchanged {
        Some(true) => atoms::r#true(),
        Some(false) => atoms::r#false(),
        None => atoms::busy(),
    }
}
