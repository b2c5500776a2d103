//! A read that panics half-way, for tests.

use crate::keyspace::error::ReadError;
use crate::read::answer::Answer;
use crate::read::query::Args;
use crate::read::reader::Reader;
use crate::read::reply::Reply;

pub(crate) const QUERIES: &[(&str, Answer)] = &[("fault", fault)];

/// `fault(Key)`: panics while the key is locked.
#[allow(clippy::panic)]
fn fault(reader: &Reader<'_>, args: Args<'_>, reply: &mut dyn Reply) -> Result<(), ReadError> {
    reply.begin();
    reader.entry(args.bytes(0)?, |_| panic!("a fault that a test asked for"))
}
