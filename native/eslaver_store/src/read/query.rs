//! What a reader asks: a name and its arguments.

use crate::keyspace::error::ReadError;

/// An argument of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Arg<'a> {
    /// A string.
    Bytes(&'a [u8]),
    /// An integer.
    Int(i64),
    /// An integer that is greater than an `i64`.
    Unsigned(u64),
    /// A float.
    Float(f64),
    /// A name, as `infinity` or `withscores`.
    Atom(&'a str),
    /// A list.
    List(Vec<Arg<'a>>),
    /// A tuple.
    Tuple(Vec<Arg<'a>>),
}

/// The arguments of a query. Whoever asks has checked them: where they are not those of the query,
/// the answer is [`ReadError::BadQuery`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Args<'q>(pub(crate) &'q [Arg<'q>]);

impl<'q> Args<'q> {
    pub(crate) fn at(self, index: usize) -> Result<&'q Arg<'q>, ReadError> {
        self.0.get(index).ok_or(ReadError::BadQuery)
    }

    pub(crate) fn len(self) -> usize {
        self.0.len()
    }

    pub(crate) fn bytes(self, index: usize) -> Result<&'q [u8], ReadError> {
        match self.at(index)? {
            Arg::Bytes(bytes) => Ok(bytes),
            _ => Err(ReadError::BadQuery),
        }
    }

    pub(crate) fn int(self, index: usize) -> Result<i64, ReadError> {
        match self.at(index)? {
            Arg::Int(value) => Ok(*value),
            _ => Err(ReadError::BadQuery),
        }
    }

    /// An integer that is not negative.
    pub(crate) fn unsigned(self, index: usize) -> Result<u64, ReadError> {
        match self.at(index)? {
            Arg::Int(value) => u64::try_from(*value).map_err(|_| ReadError::BadQuery),
            Arg::Unsigned(value) => Ok(*value),
            _ => Err(ReadError::BadQuery),
        }
    }

    pub(crate) fn atom(self, index: usize) -> Result<&'q str, ReadError> {
        match self.at(index)? {
            Arg::Atom(name) => Ok(name),
            _ => Err(ReadError::BadQuery),
        }
    }

    pub(crate) fn list(self, index: usize) -> Result<Args<'q>, ReadError> {
        match self.at(index)? {
            Arg::List(items) | Arg::Tuple(items) => Ok(Args(items)),
            _ => Err(ReadError::BadQuery),
        }
    }

    /// A list of strings, as of keys or fields.
    pub(crate) fn strings(self, index: usize) -> Result<Vec<&'q [u8]>, ReadError> {
        let items = self.list(index)?;
        (0..items.len()).map(|index| items.bytes(index)).collect()
    }
}
