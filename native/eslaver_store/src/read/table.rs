//! Which function answers which query.

use hashbrown::HashMap;

use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::query::{Arg, Args};
use crate::read::reader::Reader;
use crate::read::reply::Reply;
use crate::read::{
    array, fault, gcra, geo, hash, key, list, object, path_hash, set, sort, stream, stream_full,
    stream_info, string, vectorset, whole, zset,
};

const FAMILIES: &[&[(&str, Answer)]] = &[
    array::QUERIES,
    fault::QUERIES,
    gcra::QUERIES,
    geo::QUERIES,
    hash::QUERIES,
    key::QUERIES,
    list::QUERIES,
    object::QUERIES,
    path_hash::QUERIES,
    set::QUERIES,
    sort::QUERIES,
    stream::QUERIES,
    stream_full::QUERIES,
    stream_info::QUERIES,
    string::QUERIES,
    vectorset::QUERIES,
    whole::QUERIES,
    zset::QUERIES,
];

/// All queries that can be answered, by name.
#[derive(Debug)]
pub struct Queries(HashMap<&'static str, Answer, foldhash::fast::RandomState>);

/// A query that can be answered.
#[derive(Debug, Clone, Copy)]
pub struct Query(Answer);

impl Query {
    /// Answers it. After an error, what `reply` has been given counts for nothing.
    #[inline]
    pub fn answer(
        self,
        reader: &Reader<'_>,
        args: &[Arg<'_>],
        reply: &mut dyn Reply,
    ) -> Result<(), ReadError> {
        (self.0)(reader, Args(args), reply)
    }
}

impl Default for Queries {
    fn default() -> Self {
        Self(FAMILIES.iter().copied().flatten().copied().collect())
    }
}

impl Queries {
    /// All of them, with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Query)> {
        self.0.iter().map(|(&name, &answer)| (name, Query(answer)))
    }

    /// Answers the query of this name. After an error, what `reply` has been given counts for
    /// nothing.
    pub fn answer(
        &self,
        reader: &Reader<'_>,
        name: &str,
        args: &[Arg<'_>],
        reply: &mut dyn Reply,
    ) -> Result<(), ReadError> {
        let answer = self.0.get(name).ok_or(ReadError::BadQuery)?;
        answer(reader, Args(args), reply)
    }
}
