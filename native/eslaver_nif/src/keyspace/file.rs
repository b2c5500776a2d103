//! What saving and restoring have in common: a thread, and a message at its end.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use eslaver_core::rdb::{self, write::WriteError};
use eslaver_store::TrailerError;
use rustler::{Atom, Encoder, Env, LocalPid, NifResult, OwnedEnv, Term};

use crate::atoms;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// There is no data yet.
    #[error("there is no data yet")]
    Loading,
    /// Only a full resync tells what the master has.
    #[error("the data is incomplete")]
    Incomplete,
    /// The mirror is gone.
    #[error("the mirror has stopped")]
    Stopped,
    /// Another save is on.
    #[error("the mirror is being saved")]
    Busy,
    /// The file's data is another part of the master's.
    #[error("another filter was in force when it was saved")]
    OtherScope,
    /// The file's data is too large.
    #[error("its data takes more than max_memory")]
    Memory,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Write(#[from] WriteError),
    #[error("{0}")]
    Read(#[from] rdb::Error),
    #[error("{0}")]
    Trailer(#[from] TrailerError),
    #[error("eslaver panicked; this is a bug")]
    Panicked,
}

impl Failure {
    fn to_term<'a>(&self, env: Env<'a>) -> Term<'a> {
        let reason = match self {
            Failure::Loading => atoms::loading().encode(env),
            Failure::Incomplete => atoms::incomplete().encode(env),
            Failure::Stopped => atoms::not_running().encode(env),
            other => other.to_string().encode(env),
        };
        (atoms::error(), reason).encode(env)
    }
}

/// A result, as Erlang gets it.
pub(super) trait Told {
    fn to_term<'a>(&self, env: Env<'a>) -> NifResult<Term<'a>>;
}

/// Runs `work` on a thread, and sends `{eslaver_nif, Tag, Result}` when it is done.
pub(super) fn run<T: Told>(
    name: &str,
    to: LocalPid,
    tag: Atom,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<(), Failure> {
    let job = move || {
        let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Failure::Panicked));
        send(to, tag, &result);
    };
    thread::Builder::new().name(name.into()).spawn(job)?;
    Ok(())
}

/// What a call answers that has begun to run something.
pub(super) fn begun<'a>(env: Env<'a>, begun: Result<(), Failure>) -> Term<'a> {
    match begun {
        Ok(()) => atoms::ok().encode(env),
        Err(failure) => failure.to_term(env),
    }
}

fn send<T: Told>(to: LocalPid, tag: Atom, result: &Result<T, Failure>) {
    // The process may be gone.
    let _ = OwnedEnv::new().send_and_clear(&to, |env| {
        let term = match result {
            Ok(told) => told.to_term(env).unwrap_or_else(|_| Failure::Panicked.to_term(env)),
            Err(failure) => failure.to_term(env),
        };
        (atoms::eslaver_nif(), tag, term)
    });
}
