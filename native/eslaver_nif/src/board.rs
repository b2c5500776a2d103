//! What a process shows of itself, for others to read at any time, whatever it is doing.
//!
//! There is no table that a process would have to own: a board is gone when its process is.

use std::collections::BTreeMap;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::LazyLock;

use parking_lot::Mutex;
use rustler::env::SavedTerm;
use rustler::{Atom, Encoder, Env, LocalPid, Monitor, OwnedEnv, Resource, ResourceArc, Term};

use crate::atoms;

/// The board of one process.
pub(crate) struct Board {
    owner: LocalPid,
    shown: Mutex<Option<Shown>>,
}

impl UnwindSafe for Board {}
impl RefUnwindSafe for Board {}

struct Shown {
    env: OwnedEnv,
    term: SavedTerm,
}

static BOARDS: LazyLock<Mutex<BTreeMap<LocalPid, ResourceArc<Board>>>> =
    LazyLock::new(Mutex::default);

#[rustler::resource_impl]
impl Resource for Board {
    const IMPLEMENTS_DOWN: bool = true;

    /// Its process is gone.
    fn down<'a>(&'a self, _env: Env<'a>, _pid: LocalPid, _monitor: Monitor) {
        BOARDS.lock().remove(&self.owner);
    }
}

/// An empty board of the calling process, in the place of one that it has had.
#[rustler::nif]
fn board_new(env: Env<'_>) -> ResourceArc<Board> {
    let owner = env.pid();
    let board = ResourceArc::new(Board { owner, shown: Mutex::new(None) });
    if board.monitor(Some(env), &owner).is_some() {
        BOARDS.lock().insert(board.owner, board.clone());
    }
    board
}

/// Shows a term in the place of the one before.
#[rustler::nif]
fn board_show(board: ResourceArc<Board>, term: Term<'_>) -> Atom {
    let env = OwnedEnv::new();
    let shown = Shown { term: env.save(term), env };
    let before = board.shown.lock().replace(shown);
    drop(before);
    atoms::ok()
}

/// `{ok, Term}` of what the process shows, or `none`.
#[rustler::nif]
fn board_read<'a>(env: Env<'a>, owner: LocalPid) -> Term<'a> {
    let board = BOARDS.lock().get(&owner).cloned();
    let Some(board) = board else { return atoms::none().encode(env) };
    match &*board.shown.lock() {
        Some(shown) => {
            let term = shown.env.run(|own| shown.term.load(own).in_env(env));
            (atoms::ok(), term).encode(env)
        }
        None => atoms::none().encode(env),
    }
}
