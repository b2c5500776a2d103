//! Commands of strings.

use crate::values::{NewValue, Type};
use crate::write::arguments::{Args, arg};
use crate::write::context::Context;
use crate::write::refusal::Refusal;
use crate::write::table::Apply;

pub(crate) const COMMANDS: &[(&str, Apply)] = &[("set", set)];

fn set(context: &mut Context<'_, '_>, args: &Args<'_>) -> Result<(), Refusal> {
    let value = NewValue::Packed { kind: Type::String, form: 0, payload: arg(args, 1)?.to_vec() };
    context.put(arg(args, 0)?, value, None);
    Ok(())
}
