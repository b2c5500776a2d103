//! A keyspace: what a replica holds of its master, for one writer and many readers.
//!
//! Nothing here knows of Erlang, sockets or clocks; the time is a parameter.
#![forbid(unsafe_code)]

pub mod collections;
mod keyspace;
mod load;
mod read;
mod save;
pub mod values;
mod write;

pub use keyspace::slot;
pub use keyspace::store::{Patience, ReadError, Store};
pub use keyspace::trash::Trash;
pub use keyspace::usage::TypeUsage;
pub use keyspace::version::{Server, Version};
pub use keyspace::witness::Witness;
pub use load::{Loader, Problem};
pub use read::query::Arg;
pub use read::reader::Reader;
pub use read::reply::{Answer, Reply, Tree};
pub use read::table::{Queries, Query};
pub use save::{Saved, save};
pub use write::feed::Feed;
pub use write::refusal::Refusal;
pub use write::writer::{Command, Writer};
