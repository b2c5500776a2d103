//! The external term format, as far as events need it.
//!
//! The VM makes many small terms several times faster from one such binary than by a call for each:
//! they take one piece of memory instead of one for each 1.6 KB, which another thread must free.
//! Only atoms cost more, as each is looked up by its name.

const VERSION: u8 = 131;
const SMALL_INTEGER: u8 = 97;
const INTEGER: u8 = 98;
const NEW_FLOAT: u8 = 70;
const SMALL_BIG: u8 = 110;
const SMALL_ATOM: u8 = 119;
const SMALL_TUPLE: u8 = 104;
const LARGE_TUPLE: u8 = 105;
const NIL: u8 = 106;
const LIST: u8 = 108;
const BINARY: u8 = 109;
const MAP: u8 = 116;

/// A buffer that has grown beyond this for a large value shrinks after it.
const KEPT: usize = 1 << 20;
/// The memory of a term besides its bytes here: a pointer to it and its header take 24 bytes, and
/// the five bytes before those of a binary are counted already.
const TERM_WEIGHT: usize = 24 - 5;

/// Where to write the number of a list's or map's elements at its end.
#[derive(Clone, Copy)]
pub(crate) struct Count(usize);

/// Terms, one after the other. None of them may have 2^32 elements or bytes. Such strings are
/// refused before; a container of that size spoils the terms.
#[derive(Default)]
pub(crate) struct Terms {
    bytes: Vec<u8>,
    count: usize,
    spoilt: bool,
}

impl Terms {
    /// Bytes written.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The approximate size of the terms in the memory of a process.
    #[inline]
    pub(crate) fn weight(&self) -> usize {
        self.bytes.len() + self.count * TERM_WEIGHT
    }

    /// Drops everything behind the first `length` bytes.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.count = 0;
        self.spoilt = false;
    }

    /// The bytes from `start` on.
    pub(crate) fn since(&self, start: usize) -> &[u8] {
        &self.bytes[start..]
    }

    /// Adds terms that were written elsewhere.
    pub(crate) fn append(&mut self, terms: &[u8]) {
        self.bytes.extend_from_slice(terms);
    }

    #[inline]
    pub(crate) fn binary(&mut self, bytes: &[u8]) {
        self.count += 1;
        self.sized(BINARY, bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// One binary of several parts.
    pub(crate) fn joined(&mut self, parts: [&str; 3]) {
        self.count += 1;
        self.sized(BINARY, parts.iter().map(|part| part.len()).sum());
        for part in parts {
            self.bytes.extend_from_slice(part.as_bytes());
        }
    }

    #[inline]
    pub(crate) fn int(&mut self, value: i64) {
        self.count += 1;
        if let Ok(byte) = u8::try_from(value) {
            self.bytes.extend_from_slice(&[SMALL_INTEGER, byte]);
        } else if let Ok(value) = i32::try_from(value) {
            self.bytes.push(INTEGER);
            self.bytes.extend_from_slice(&value.to_be_bytes());
        } else {
            self.big(value < 0, value.unsigned_abs());
        }
    }

    pub(crate) fn uint(&mut self, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.int(value),
            Err(_) => self.big(false, value),
        }
    }

    fn big(&mut self, negative: bool, value: u64) {
        let digits = value.to_le_bytes();
        self.bytes.extend_from_slice(&[SMALL_BIG, digits.len() as u8, u8::from(negative)]);
        self.bytes.extend_from_slice(&digits);
    }

    /// A float, or an atom for values that Erlang floats do not have.
    #[inline]
    pub(crate) fn float(&mut self, value: f64) {
        if value.is_finite() {
            self.bytes.push(NEW_FLOAT);
            self.bytes.extend_from_slice(&value.to_be_bytes());
        } else if value.is_nan() {
            self.atom("nan");
        } else {
            self.atom(if value > 0.0 { "inf" } else { "-inf" });
        }
    }

    /// One of our own names, which are short.
    pub(crate) fn atom(&mut self, name: &'static str) {
        self.bytes.extend_from_slice(&[SMALL_ATOM, name.len() as u8]);
        self.bytes.extend_from_slice(name.as_bytes());
    }

    /// A tuple of the terms that follow.
    #[inline]
    pub(crate) fn tuple(&mut self, arity: u8) {
        self.count += 1;
        self.bytes.extend_from_slice(&[SMALL_TUPLE, arity]);
    }

    #[inline]
    pub(crate) fn list(&mut self) -> Count {
        self.counted(LIST)
    }

    #[inline]
    pub(crate) fn end_list(&mut self, list: Count, elements: usize) {
        self.set(list, elements);
        self.bytes.push(NIL);
    }

    /// The elements of an open list so far.
    pub(crate) fn elements(&self, Count(at): Count) -> &[u8] {
        &self.bytes[at + size_of::<u32>()..]
    }

    /// Drops the elements of an open list.
    pub(crate) fn empty_list(&mut self, Count(at): Count) {
        self.bytes.truncate(at + size_of::<u32>());
    }

    /// Drops an open list.
    pub(crate) fn drop_list(&mut self, Count(at): Count) {
        self.bytes.truncate(at - 1);
    }

    pub(crate) fn map(&mut self) -> Count {
        self.counted(MAP)
    }

    pub(crate) fn end_map(&mut self, map: Count, pairs: usize) {
        self.set(map, pairs);
    }

    /// A list of these, each written by `write`.
    pub(crate) fn list_of<T>(&mut self, elements: &[T], mut write: impl FnMut(&mut Self, &T)) {
        let list = self.list();
        for element in elements {
            write(self, element);
        }
        self.end_list(list, elements.len());
    }

    #[inline]
    fn counted(&mut self, tag: u8) -> Count {
        self.sized(tag, 0);
        Count(self.bytes.len() - size_of::<u32>())
    }

    #[inline]
    fn sized(&mut self, tag: u8, size: usize) {
        let [a, b, c, d] = self.size(size);
        self.bytes.extend_from_slice(&[tag, a, b, c, d]);
    }

    #[inline]
    fn set(&mut self, Count(at): Count, count: usize) {
        let end = at + size_of::<u32>();
        let count = self.size(count);
        self.bytes[at..end].copy_from_slice(&count);
    }

    #[inline]
    fn size(&mut self, size: usize) -> [u8; 4] {
        self.spoilt |= u32::try_from(size).is_err();
        (size as u32).to_be_bytes()
    }
}

/// The terms of a message, which are one tuple.
pub(crate) struct Body {
    pub(crate) terms: Terms,
}

impl Body {
    const HEAD: usize = 2 + size_of::<u32>();

    pub(crate) fn new() -> Self {
        let mut body = Self { terms: Terms::default() };
        body.clear();
        body
    }

    /// The tuple of `arity` terms, unless they are spoilt.
    pub(crate) fn whole(&mut self, arity: usize) -> Option<&[u8]> {
        self.terms.set(Count(2), arity);
        (!self.terms.spoilt).then_some(&self.terms.bytes)
    }

    /// Bytes of the terms.
    pub(crate) fn content(&self) -> usize {
        self.terms.len() - Self::HEAD
    }

    pub(crate) fn clear(&mut self) {
        self.terms.clear();
        self.terms.bytes.extend_from_slice(&[VERSION, LARGE_TUPLE]);
        self.terms.bytes.extend_from_slice(&[0; Self::HEAD - 2]);
    }
}
