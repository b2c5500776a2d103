//! Those commands of RedisJSON that remove a key. What the others do is not known here, where there
//! are no documents.

use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg};
use crate::write::context::Context;
use crate::write::refusal::Refusal;

pub(crate) const COMMANDS: &[(&str, Apply)] = &[("json.del", del), ("json.forget", del)];

/// Of the root, with which the key goes, or of a part.
fn del(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let key = arg(args, 0)?;
    match args {
        [_] | [_, b"$" | b"."] => {
            context.remove(key);
        }
        _ => context.forget(key),
    }
    Ok(())
}
