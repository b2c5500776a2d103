//! Answers as terms.

use std::cell::Cell;
use std::os::raw::c_uint;

use eslaver_store::Reply;
use rustler::sys::{self, ErlNifTerm};
use rustler::{Atom, Env, Term};
use smallvec::SmallVec;

use crate::atoms;
use crate::keyspace::names;

/// A stack that has grown beyond this for a large answer is not kept.
const KEPT: usize = 16 * 1024;
/// The parts of a map of no more keys are kept without an allocation.
const FEW: usize = 32;

thread_local! {
    static STACK: Cell<Vec<ErlNifTerm>> = const { Cell::new(Vec::new()) };
}

/// Makes terms of an answer, its parts first.
pub(crate) struct Answer<'a> {
    env: Env<'a>,
    parts: Vec<ErlNifTerm>,
    /// Where the parts of each open compound begin.
    begun: SmallVec<[usize; 4]>,
    made: usize,
    /// What stands for what is missing.
    missing: Atom,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(env: Env<'a>, missing: Atom) -> Self {
        Self { env, parts: STACK.take(), begun: SmallVec::new(), made: 0, missing }
    }

    /// The terms that have been made, as a measure of the time they took.
    pub(crate) fn made(&self) -> usize {
        self.made
    }

    /// The answer, if it is whole.
    pub(crate) fn term(&self) -> Option<Term<'a>> {
        match (self.parts.as_slice(), self.begun.is_empty()) {
            // SAFETY: all parts are terms of this environment.
            (&[term], true) => Some(unsafe { Term::new(self.env, term) }),
            _ => None,
        }
    }

    #[inline]
    fn push(&mut self, term: ErlNifTerm) {
        self.made += 1;
        self.parts.push(term);
    }

    fn end(&mut self, make: impl FnOnce(Env<'a>, &[ErlNifTerm]) -> ErlNifTerm) {
        let from = self.begun.pop().unwrap_or_default();
        let made = make(self.env, self.parts.get(from..).unwrap_or_default());
        self.parts.truncate(from);
        self.push(made);
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        let mut parts = std::mem::take(&mut self.parts);
        if parts.capacity() <= KEPT {
            parts.clear();
            STACK.set(parts);
        }
    }
}

impl Reply for Answer<'_> {
    #[inline]
    fn atom(&mut self, name: &'static str) {
        let atom = names::to_atom(self.env, name);
        self.push(atom);
    }

    #[inline]
    fn missing(&mut self) {
        self.push(self.missing.as_c_arg());
    }

    fn int(&mut self, value: i64) {
        // SAFETY: the environment is that of the NIF that runs, as in all that follow.
        let term = unsafe { sys::enif_make_int64(self.env.as_c_arg(), value) };
        self.push(term);
    }

    fn unsigned(&mut self, value: u64) {
        // SAFETY: see `int`.
        let term = unsafe { sys::enif_make_uint64(self.env.as_c_arg(), value) };
        self.push(term);
    }

    fn float(&mut self, value: f64) {
        if !value.is_finite() {
            return self.missing();
        }
        // SAFETY: see `int`. The value is finite.
        let term = unsafe { sys::enif_make_double(self.env.as_c_arg(), value) };
        self.push(term);
    }

    #[inline]
    fn bytes(&mut self, value: &[u8]) {
        let mut term = ErlNifTerm::default();
        // SAFETY: the VM gives `value.len()` writable bytes, which nothing else refers to yet.
        unsafe {
            let data = sys::enif_make_new_binary(self.env.as_c_arg(), value.len(), &mut term);
            std::ptr::copy_nonoverlapping(value.as_ptr(), data, value.len());
        }
        self.push(term);
    }

    fn pieces(&mut self, len: usize, pieces: &mut dyn Iterator<Item = &[u8]>) {
        let mut term = ErlNifTerm::default();
        // SAFETY: the VM gives `len` writable bytes, which it clears for nobody: so they are zeroed
        // before they are seen as a slice.
        let data = unsafe {
            let data = sys::enif_make_new_binary(self.env.as_c_arg(), len, &mut term);
            if len == 0 {
                &mut []
            } else {
                std::ptr::write_bytes(data, 0, len);
                std::slice::from_raw_parts_mut(data, len)
            }
        };
        let mut rest = data;
        for piece in pieces {
            let Some((here, behind)) = rest.split_at_mut_checked(piece.len()) else {
                break;
            };
            here.copy_from_slice(piece);
            rest = behind;
        }
        self.push(term);
    }

    #[inline]
    fn begin(&mut self) {
        self.begun.push(self.parts.len());
    }

    fn end_list(&mut self) {
        self.end(|env, parts| {
            let count = parts.len() as c_uint;
            // SAFETY: `parts` are terms of this environment, and as many as is said.
            unsafe { sys::enif_make_list_from_array(env.as_c_arg(), parts.as_ptr(), count) }
        });
    }

    fn end_tuple(&mut self) {
        self.end(|env, parts| {
            let count = parts.len() as c_uint;
            // SAFETY: see `end_list`.
            unsafe { sys::enif_make_tuple_from_array(env.as_c_arg(), parts.as_ptr(), count) }
        });
    }

    fn end_map(&mut self) {
        self.end(|env, parts| {
            let (pairs, _) = parts.as_chunks::<2>();
            let keys: SmallVec<[ErlNifTerm; FEW]> = pairs.iter().map(|&[key, _]| key).collect();
            let values: SmallVec<[ErlNifTerm; FEW]> =
                pairs.iter().map(|&[_, value]| value).collect();
            let mut map = ErlNifTerm::default();
            // SAFETY: see `end_list`. It fails, and makes no map, only if a key comes twice.
            let made = unsafe {
                let (keys, values) = (keys.as_ptr(), values.as_ptr());
                sys::enif_make_map_from_arrays(env.as_c_arg(), keys, values, pairs.len(), &mut map)
            };
            if made == 0 { atoms::undefined().as_c_arg() } else { map }
        });
    }
}
