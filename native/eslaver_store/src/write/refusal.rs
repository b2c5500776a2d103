//! Why a command cannot be applied.

use crate::collections::record::Refused;
use crate::values::Type;

/// Why a command cannot be applied. It names no key and no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A key has another type than it must have on the master.
    #[error("a key is of another type: {0:?}")]
    WrongType(Type),
    /// A key is missing that the master must have.
    #[error("a key is missing")]
    Missing,
    /// The arguments are not those of the command.
    #[error("the arguments are not those of the command")]
    Syntax,
    /// A number, or a result, is out of its range.
    #[error("a number is out of range")]
    Range,
    /// A value is not as the command needs it.
    #[error("a value is not as the command needs it")]
    Value,
    /// It needs keys that the filter keeps out.
    #[error("it needs keys that the filter keeps out")]
    Filtered,
    /// The command is not known here.
    #[error("the command is not known")]
    NotKnown,
}

impl From<Refused> for Refusal {
    fn from(_: Refused) -> Self {
        Self::Range
    }
}
