//! A command that spoils a value and panics, for tests: nothing else shows what a panic leaves behind.

use crate::keyspace::entry::ValueMut;
use crate::write::arguments::Args;
use crate::write::context::Context;
use crate::write::refusal::Refusal;

/// Leaves half of a change in the value of the first key.
#[allow(clippy::panic)]
pub(crate) fn apply(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let key = args.first().ok_or(Refusal::Syntax)?;
    let kind = context.read(key, |entry| entry.map(|entry| entry.kind()));
    context.edit(key, kind.ok_or(Refusal::Missing)?, |entry| {
        if let ValueMut::Packed(mut edit) = entry.value_mut() {
            edit.bytes().push(0xff);
            panic!("a fault that a test asked for");
        }
    })?;
    panic!("a fault that a test asked for");
}
