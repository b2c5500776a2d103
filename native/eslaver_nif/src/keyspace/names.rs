//! Atoms as the names of queries and of their arguments, and names as atoms.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;

use eslaver_store::{Queries, Query};
use foldhash::fast::RandomState;
use rustler::sys::ErlNifTerm;
use rustler::{Atom, Env, Term};

use crate::atoms;

static QUERIES: OnceLock<HashMap<ErlNifTerm, Query, RandomState>> = OnceLock::new();

thread_local! {
    /// The names of atoms. Atoms stay for as long as the node, and so may their names.
    static NAMES: RefCell<HashMap<ErlNifTerm, &'static str, RandomState>> = RefCell::default();
    /// The atoms of names, by where these lie and how long they are.
    static ATOMS: RefCell<HashMap<(usize, usize), ErlNifTerm, RandomState>> = RefCell::default();
}

/// Makes the atoms of all queries.
pub(crate) fn load(env: Env<'_>) {
    QUERIES.get_or_init(|| {
        let queries = Queries::default();
        let atom = |(name, query)| Some((Atom::from_str(env, name).ok()?.as_c_arg(), query));
        queries.iter().filter_map(atom).collect()
    });
}

/// The query of this name.
#[inline]
pub(crate) fn query(name: ErlNifTerm) -> Option<Query> {
    QUERIES.get()?.get(&name).copied()
}

/// The name of an atom.
#[inline]
pub(crate) fn of_atom(atom: Term<'_>) -> Option<&'static str> {
    // options are mostly left out
    if atoms::r#false() == atom { Some("false") } else { other_name(atom) }
}

fn other_name(atom: Term<'_>) -> Option<&'static str> {
    NAMES.with_borrow_mut(|names| {
        if let Some(&name) = names.get(&atom.as_c_arg()) {
            return Some(name);
        }
        let name = &*atom.atom_to_string().ok()?.leak();
        names.insert(atom.as_c_arg(), name);
        Some(name)
    })
}

/// The atom of a name.
#[inline]
pub(crate) fn to_atom(env: Env<'_>, name: &'static str) -> ErlNifTerm {
    match name {
        "undefined" => atoms::undefined().as_c_arg(),
        "true" => atoms::r#true().as_c_arg(),
        "false" => atoms::r#false().as_c_arg(),
        _ => ATOMS.with_borrow_mut(|atoms| {
            *atoms.entry((name.as_ptr().addr(), name.len())).or_insert_with(|| {
                let atom = Atom::from_str(env, name).unwrap_or_else(|_| atoms::undefined());
                atom.as_c_arg()
            })
        }),
    }
}
