//! The command stream: bytes in, commands out.
//!
//! A master sends its replicas arrays of bulk strings. Before 2.8 it also sent `SELECT` as an inline
//! command, and any master may send bare newlines, so both forms are read. Every byte belongs to
//! exactly one command's [`Command::len`]: what is skipped counts for the command after it.
//!
//! | module | has |
//! |---|---|
//! | `parser` | where commands begin and end in the bytes |
//! | `inline` | the words of an inline command |
//! | `command` | a command, and its arguments |
//! | `encode` | the way back: a command as bytes |
mod command;
mod encode;
mod error;
mod inline;
mod limits;
mod parser;

pub use command::{Args, ArgsIter, Command};
pub use encode::encode;
pub use error::{Error, ErrorKind};
pub use limits::Limits;
pub use parser::Commands;
