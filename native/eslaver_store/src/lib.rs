//! A keyspace: what a replica holds of its master, for one writer and many readers.
//!
//! Nothing here knows of Erlang, sockets or clocks; the time is a parameter. A [`Loader`] fills a
//! [`Store`] with a snapshot, a [`Feed`] applies the command stream as the master's own replicas do,
//! [`Queries`] answer what readers ask, and a [`Save`] writes it all as a file that servers load.
//!
//! ```
//! use std::sync::Arc;
//!
//! use eslaver_core::commands::Learned;
//! use eslaver_store::{Answer, Arg, Command, Feed, Patience, Queries, Reader, Store, Tree, Writer};
//!
//! let store = Arc::new(Store::new());
//! let mut feed = Feed::new(Writer::new(Arc::clone(&store), Learned::default(), None));
//! let refused = |command: &Command<'_>, refusal| {
//!     eprintln!("{}: {refusal}", command.name.escape_ascii());
//! };
//! let applied = |commands: &[Command<'_>]| println!("{} applied", commands.len());
//! feed.command(0, b"HSET", &[b"user:1", b"name", b"Ada"], 0, refused, applied);
//!
//! let reader = Reader::new(&store, 0, 0, Patience::Short);
//! let mut tree = Tree::default();
//! let query = [Arg::Bytes(b"user:1"), Arg::Bytes(b"name")];
//! Queries::default().answer(&reader, "hget", &query, &mut tree)?;
//! assert_eq!(tree.into_answer(), Some(Answer::Bytes(b"Ada".to_vec())));
//! # Ok::<(), eslaver_store::ReadError>(())
//! ```
//!
//! | module | is |
//! |---|---|
//! | [`collections`] | what values are made of: packed strings, tables, trees, chunks |
//! | [`values`] | what a key holds: a module for each type |
//! | `keyspace` | keys in striped, locked databases; sessions of the writer; what takes memory |
//! | [`heap`] | what stores and the allocator tell each other |
//! | `write` | the write commands, a module for each family |
//! | `read` | the reads, a module for each family |
//! | `load`, `save` | a snapshot, in and out |
//!
//! The writer locks the stripes of the keys that it changes until a command, or a transaction, is
//! whole; readers lock those that they look at. So a reader sees all of a transaction or nothing. What
//! is large is shared: a reader takes a clone under the lock, which costs nothing, and walks it outside.
#![forbid(unsafe_code)]

pub mod collections;
pub mod heap;
mod keyspace;
mod load;
mod read;
mod save;
#[cfg(test)]
mod testing;
pub mod values;
mod write;

pub use keyspace::account::Account;
pub use keyspace::compaction::{Compaction, Step};
pub use keyspace::error::ReadError;
pub use keyspace::layout::Layout;
pub use keyspace::look::Patience;
pub use keyspace::shards::Shards;
pub use keyspace::store::Store;
pub use keyspace::trash::Trash;
pub use keyspace::usage::TypeUsage;
pub use keyspace::version::{Server, Version};
pub use keyspace::witness::Witness;
pub use load::{Loader, Problem};
pub use read::query::Arg;
pub use read::reader::Reader;
pub use read::reply::{Answer, Reply, Tree};
pub use read::table::{Queries, Query};
pub use save::{Save, Saved, Trailer, TrailerError, UnknownKey};
pub use write::command::Command;
pub use write::feed::Feed;
pub use write::functions::Functions;
pub use write::refusal::Refusal;
pub use write::watch::{Changed, Interest, Watch};
pub use write::writer::Writer;
