//! The command that writes rate limits: masters replicate `GCRA` by the value that it has come to.

use crate::values::gcra;
use crate::write::apply::Apply;
use crate::write::arguments::{Args, arg, int};
use crate::write::context::Context;
use crate::write::refusal::Refusal;

pub(crate) const COMMANDS: &[(&str, Apply)] = &[("gcrasetvalue", gcrasetvalue)];

/// The key expires at the time itself. No file holds a negative one.
fn gcrasetvalue(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let time = int(args, 1)?;
    if time < 0 {
        return Err(Refusal::Range);
    }
    context.put(arg(args, 0)?, gcra::new(time), Some(time / 1000));
    Ok(())
}
