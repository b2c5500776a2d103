//! Write commands, applied as the master's own replicas apply them.
//!
//! | module | is |
//! |---|---|
//! | `writer` | applies a command, or a transaction, as one change |
//! | `feed` | makes units of a stream's commands |
//! | `context` | what a command sees of keys: reads, changes, puts, removes |
//! | `apply` | what applies a command |
//! | `command` | a command, as it is to be applied |
//! | `table` | which function applies which command |
//! | `refusal` | why a command cannot be applied |
//! | `fault` | a command that panics, for tests |
//! | `watch` | notes which keys have changed |
//! | `scope` | what of a command a keyspace with a filter can follow |
//! | `arguments` | numbers and options among a command's arguments |
//! | the others | a family of commands each |
//!
//! What they apply comes from a master, for which it has succeeded: they need not check what it has
//! checked. Where something cannot be as the master must have it, they refuse; the keys concerned
//! are then marked as unknown.

pub(crate) mod apply;
pub(crate) mod arguments;
pub(crate) mod array;
pub(crate) mod bit;
pub(crate) mod command;
pub(crate) mod context;
pub(crate) mod fault;
pub(crate) mod feed;
pub(crate) mod functions;
pub(crate) mod gcra;
pub(crate) mod geo;
pub(crate) mod hash;
pub(crate) mod hll;
pub(crate) mod json;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod path_hash;
pub(crate) mod refusal;
pub(crate) mod scope;
pub(crate) mod set;
pub(crate) mod sort;
pub(crate) mod stream;
pub(crate) mod stream_args;
pub(crate) mod stream_claim;
pub(crate) mod stream_group;
pub(crate) mod string;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod timed;
pub(crate) mod vectorset;
pub(crate) mod watch;
pub(crate) mod writer;
pub(crate) mod zset;
