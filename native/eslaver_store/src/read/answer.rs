//! What answers a query.

use crate::keyspace::error::ReadError;
use crate::read::query::Args;
use crate::read::reader::Reader;
use crate::read::reply::Reply;

/// Answers a query. After an error, what the reply has been given counts for nothing.
pub(crate) type Answer = fn(&Reader<'_>, Args<'_>, &mut dyn Reply) -> Result<(), ReadError>;
