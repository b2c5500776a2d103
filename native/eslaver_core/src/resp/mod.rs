//! The command stream: bytes in, commands out.
//!
//! A master sends its replicas arrays of bulk strings. Before 2.8 it also sent `SELECT` as an
//! inline command, and any master may send bare newlines: both are read. Every byte counts in
//! exactly one [`Command::len`]: skipped bytes belong to the command after them.
//!
//! | module | has |
//! |---|---|
//! | `parser` | where commands begin and end in the bytes |
//! | `inline` | the words of an inline command |
//! | `command` | a command, and its arguments |
//! | `encode` | a command as bytes |
//! | `limits` | what a command may be at most |
mod command;
mod encode;
mod error;
mod inline;
mod limits;
mod parser;

pub use command::{Args, ArgsIter, Command};
pub use encode::encode;
pub use error::{Error, ErrorKind};
pub(crate) use inline::words;
pub use limits::Limits;
pub use parser::{AHEAD, Commands};
