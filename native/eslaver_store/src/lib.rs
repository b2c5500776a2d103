//! A keyspace: what a replica holds of its master, for one writer and many readers.
//!
//! Nothing here knows of Erlang, sockets or clocks; the time is a parameter.
#![forbid(unsafe_code)]

pub mod collections;
mod keyspace;
mod load;
mod read;
#[cfg(test)]
mod testing;
pub mod values;
mod write;

pub use keyspace::slot;
pub use keyspace::store::{ReadError, Store};
pub use keyspace::trash::Trash;
pub use keyspace::version::{Server, Version};
pub use read::query::Arg;
pub use read::reader::{Patience, Reader};
pub use read::reply::{Answer, Reply, Tree};
pub use read::table::Queries;
pub use write::functions::Functions;
pub use write::refusal::Refusal;
pub use write::writer::{Command, Writer};
