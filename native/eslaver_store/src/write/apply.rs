//! What applies a command.

use crate::write::arguments::Args;
use crate::write::context::Context;
use crate::write::refusal::Refusal;

/// Applies a command.
pub(crate) type Apply = fn(&mut Context<'_, '_>, &Args<'_>) -> Result<(), Refusal>;
