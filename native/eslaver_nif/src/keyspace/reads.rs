//! Reads of keyspaces, and of clusters.

use std::cell::RefCell;

use eslaver_store::{Patience, ReadError, Reader, Witness};
use rustler::schedule::consume_timeslice;
use rustler::{Atom, Encoder, Env, NifResult, ResourceArc, Term};

use crate::cluster::{Cluster, View};
use crate::keyspace::answer::Answer;
use crate::keyspace::query::{self, NoQuery};
use crate::keyspace::registry::{self, Named};
use crate::keyspace::state::{Current, Keyspace, Status};
use crate::{atoms, clock};

/// The parts of a query that are read on a normal scheduler.
const SHORT_QUERY: usize = 2000;
/// A time at which nothing has expired.
const UNEXPIRED: i64 = 0;
/// How many terms are made in a hundredth of the time that a process may run.
const TERMS_A_PERCENT: usize = 150;

/// What is to be answered.
pub(super) enum Found<'a> {
    Answer(Term<'a>),
    Failure(Atom),
    Busy,
    TakesLong,
    Changed,
    CrossSlot,
}

impl<'a> Found<'a> {
    pub(super) fn encode(self, env: Env<'a>) -> Term<'a> {
        match self {
            Found::Answer(term) => term,
            Found::Failure(why) => (atoms::error(), why).encode(env),
            Found::Busy => atoms::busy().encode(env),
            Found::TakesLong => atoms::takes_long().encode(env),
            Found::Changed => atoms::changed().encode(env),
            Found::CrossSlot => atoms::crossslot().encode(env),
        }
    }
}

/// A read of the keyspace with this name.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    db: u32,
    query: Term<'a>,
    now: i64,
    patience: Patience,
}

impl<'a> Question<'a> {
    /// No master has a db of such a number.
    pub(super) fn new(db: Term<'a>, query: Term<'a>, patience: Patience) -> Self {
        Self::at(clock::now(), db, query, patience)
    }

    /// One that sees what has not expired at `now`.
    fn at(now: i64, db: Term<'a>, query: Term<'a>, patience: Patience) -> Self {
        Self { db: db.decode().unwrap_or(u32::MAX), query, now, patience }
    }

    pub(super) fn ask(
        self,
        env: Env<'a>,
        readable: &Readable<'_>,
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
        let reader = readable.reader(self.db, self.now, self.patience);
        let reader = match witness {
            None => reader,
            Some(witness) => reader.noting(witness),
        };
        let mut answer = Answer::new(env, readable.missing());
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
            Err(ReadError::Broken | ReadError::Loading) => Found::Failure(atoms::loading()),
            Err(ReadError::Stale) => Found::Failure(atoms::stale()),
            Err(ReadError::NotServed) => Found::Failure(atoms::not_served()),
            Err(ReadError::CrossSlot) => Found::CrossSlot,
            Err(ReadError::BadQuery) => return Err(rustler::Error::BadArg),
        })
    }
}

/// What readers get.
pub(super) enum Readable<'a> {
    Store(&'a Current, &'a Keyspace),
    Cluster(&'a ResourceArc<Cluster>, &'a View<'a>),
}

impl Readable<'_> {
    #[inline]
    fn reader(&self, db: u32, now: i64, patience: Patience) -> Reader<'_> {
        match self {
            Self::Store(current, _) => Reader::new(&current.store, db, now, patience),
            Self::Cluster(_, view) => Reader::of_cluster(*view, db, now, patience),
        }
    }

    /// What they get for what is missing.
    #[inline]
    fn missing(&self) -> Atom {
        match self {
            Self::Store(_, keyspace) => keyspace.policy.missing,
            Self::Cluster(cluster, _) => cluster.missing,
        }
    }

    /// Whether everything that was read is still so, if it can be told now.
    pub(super) fn is_as_seen(&self, witness: &Witness) -> Option<bool> {
        self.reader(0, UNEXPIRED, Patience::Short).is_as_seen(witness)
    }
}

/// Hands what readers get of the mirror with this name to `with`, or why they get nothing.
#[inline]
pub(super) fn with_readable<R>(
    name: Atom,
    with: impl FnOnce(Result<Readable<'_>, Atom>) -> R,
) -> R {
    let names = registry::all();
    let keyspace = match registry::find(&names, name) {
        None => return with(Err(atoms::not_running())),
        Some(Named::Cluster(cluster)) => {
            let view = View::of(cluster);
            return with(Ok(Readable::Cluster(cluster, &view)));
        }
        Some(Named::Keyspace(keyspace)) => keyspace,
    };
    let current = keyspace.current();
    match &*current {
        None => with(Err(atoms::loading())),
        Some(current) if !keyspace.policy.serves_stale && !current.is_fresh() => {
            with(Err(atoms::stale()))
        }
        Some(current) => with(Ok(Readable::Store(current, keyspace))),
    }
}

fn read<'a>(env: Env<'a>, name: Atom, question: Question<'a>) -> NifResult<Term<'a>> {
    let found = with_readable(name, |found| match found {
        Ok(readable) => question.ask(env, &readable, None),
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
        Some(current) => question.ask(env, &Readable::Store(current, keyspace), None)?,
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
    match registry::find(&registry::all(), name) {
        None => atoms::not_running(),
        Some(Named::Keyspace(keyspace)) => status_atom(keyspace.status()),
        Some(Named::Cluster(cluster)) => status_atom(cluster.status()),
    }
}

pub(super) fn status_atom(status: Status) -> Atom {
    match status {
        Status::Loading => atoms::loading(),
        Status::Fresh => atoms::fresh(),
        Status::Stale => atoms::stale(),
    }
}
