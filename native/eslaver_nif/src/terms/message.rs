//! Messages built outside any process, and moved to their receiver instead of copied.
//!
//! Rustler copies every term that it sends from a scheduler thread. Handing over the environment
//! takes a quarter less time for each event.

use std::os::raw::{c_char, c_uint};

use rustler::sys::{self, ErlNifCharEncoding, ErlNifEnv, ErlNifTerm};
use rustler::{Atom, Env, LocalPid, Term};

use crate::atoms;

/// A term of the message that built it, good until that message is sent or dropped.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Built(ErlNifTerm);

impl From<Atom> for Built {
    fn from(atom: Atom) -> Self {
        Built(atom.as_c_arg())
    }
}

/// A message being built.
pub(crate) struct Message {
    env: *mut ErlNifEnv,
}

// SAFETY: an environment of `enif_alloc_env` belongs to no thread; `&mut self` keeps it to one.
unsafe impl Send for Message {}

impl Message {
    pub(crate) fn new() -> Self {
        // SAFETY: no preconditions; the VM aborts rather than return null.
        Self { env: unsafe { sys::enif_alloc_env() } }
    }

    #[inline]
    pub(crate) fn binary(&mut self, bytes: &[u8]) -> Built {
        let mut term = ErlNifTerm::default();
        // SAFETY: the VM gives `bytes.len()` writable bytes, which nothing else refers to yet.
        unsafe {
            let data = sys::enif_make_new_binary(self.env, bytes.len(), &mut term);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len());
        }
        Built(term)
    }

    /// A list of these bytes as characters.
    pub(crate) fn string(&mut self, bytes: &[u8]) -> Built {
        let encoding = ErlNifCharEncoding::ERL_NIF_LATIN1;
        let start = bytes.as_ptr().cast::<c_char>();
        // SAFETY: reads `bytes.len()` bytes from `start`.
        Built(unsafe { sys::enif_make_string_len(self.env, start, bytes.len(), encoding) })
    }

    pub(crate) fn uint(&mut self, value: u64) -> Built {
        // SAFETY: `env` is ours and live, as in all that follow.
        Built(unsafe { sys::enif_make_uint64(self.env, value) })
    }

    #[inline]
    pub(crate) fn tuple(&mut self, elements: &[Built]) -> Built {
        let terms = elements.as_ptr().cast::<ErlNifTerm>();
        // SAFETY: `Built` is a transparent term, and all of them are of this environment.
        let tuple =
            unsafe { sys::enif_make_tuple_from_array(self.env, terms, elements.len() as c_uint) };
        Built(tuple)
    }

    #[inline]
    pub(crate) fn list(&mut self, elements: &[Built]) -> Built {
        let terms = elements.as_ptr().cast::<ErlNifTerm>();
        // SAFETY: see `tuple`.
        let list =
            unsafe { sys::enif_make_list_from_array(self.env, terms, elements.len() as c_uint) };
        Built(list)
    }

    pub(crate) fn map(&mut self, pairs: &[(Atom, Built)]) -> Built {
        let (keys, values): (Vec<Built>, Vec<Built>) =
            pairs.iter().map(|&(key, value)| (Built::from(key), value)).unzip();
        let mut map = ErlNifTerm::default();
        // SAFETY: see `tuple`. It fails, and leaves `map` unchanged, only if a key comes twice.
        unsafe {
            sys::enif_make_map_from_arrays(
                self.env,
                keys.as_ptr().cast(),
                values.as_ptr().cast(),
                pairs.len(),
                &mut map,
            );
        }
        Built(map)
    }

    /// The elements of a tuple in the external term format, unless the VM rejects it.
    pub(crate) fn decode(&mut self, external: &[u8]) -> Option<Vec<Built>> {
        let mut term = ErlNifTerm::default();
        let (mut arity, mut elements) = (0, std::ptr::null());
        // SAFETY: reads `external.len()` bytes from its start. The elements of a tuple are as many
        // as its arity says, and lie where `elements` points while its environment is not cleared.
        unsafe {
            let (start, length) = (external.as_ptr(), external.len());
            // no new atoms: all of ours exist
            let options = sys::ERL_NIF_BIN2TERM_SAFE;
            if sys::enif_binary_to_term(self.env, start, length, &mut term, options) != length
                || sys::enif_get_tuple(self.env, term, &mut arity, &mut elements) == 0
            {
                return None;
            }
            let arity = usize::try_from(arity).ok()?;
            // an empty tuple has no elements to point to
            let terms = if arity == 0 { &[] } else { std::slice::from_raw_parts(elements, arity) };
            Some(terms.iter().copied().map(Built).collect())
        }
    }

    /// A copy of a term that was made elsewhere.
    pub(crate) fn take_in(&mut self, term: Term<'_>) -> Built {
        // SAFETY: the term's environment lives for as long as the term, and the copy is of ours.
        Built(unsafe { sys::enif_make_copy(self.env, term.as_c_arg()) })
    }

    /// Copies a term for the caller of a NIF.
    pub(crate) fn copy<'a>(&self, caller: Env<'a>, term: Built) -> Term<'a> {
        // SAFETY: `term` is of this environment, which lives on, and the copy is of the caller's.
        unsafe { Term::new(caller, sys::enif_make_copy(caller.as_c_arg(), term.0)) }
    }

    /// Sends `{eslaver_link, Caller, Term}` and empties the message.
    pub(crate) fn send_from_link(&mut self, caller: Env<'_>, to: LocalPid, term: Built) {
        // SAFETY: makes no term on any heap, a local pid being one word.
        let link = unsafe { sys::enif_make_pid(self.env, *caller.pid().as_c_arg()) };
        let link = Built(link);
        let term = self.tuple(&[atoms::eslaver_link().into(), link, term]);
        self.send(caller, to, term);
    }

    /// Sends a term and empties the message. It is no error if the receiver is gone.
    pub(crate) fn send(&mut self, caller: Env<'_>, to: LocalPid, term: Built) {
        if !self.try_send(caller, to, term) {
            self.clear();
        }
    }

    /// Sends a term and empties the message, or keeps all of it and says so: if the receiver is gone,
    /// or if the process that runs the NIF has been killed meanwhile, which sends nothing any more.
    pub(crate) fn try_send(&mut self, caller: Env<'_>, to: LocalPid, term: Built) -> bool {
        // SAFETY: `caller` is the environment of the NIF that runs on this thread.
        let sent =
            unsafe { sys::enif_send(caller.as_c_arg(), to.as_c_arg(), self.env, term.0) != 0 };
        if sent {
            self.clear();
        }
        sent
    }

    fn clear(&mut self) {
        // SAFETY: no holder of a `Built` of this message uses it again.
        unsafe { sys::enif_clear_env(self.env) }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: `env` came from `enif_alloc_env` and is freed once.
        unsafe { sys::enif_free_env(self.env) }
    }
}
