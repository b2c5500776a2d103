//! A mirror's keyspace, as Erlang holds it.
//!
//! | module | what it is for |
//! |---|---|
//! | `registry` | finds a keyspace, or those of a cluster, by its mirror's name |
//! | `state` | the keyspace: its current store, and what outlives a link |
//! | `applied` | what has been applied, and where that stands in the stream |
//! | `projections` | what a mirror's projections have still to take in |
//! | `awaited` | what its mirror waits for |
//! | `keeper` | what the process that keeps these asks of its keyspace |
//! | `calls` | what a mirror's server asks of its keyspace |
//! | `save`, `restore` | a keyspace as a file, and back |
//! | `file` | what both have in common |
//! | `reads` | reads of keyspaces, and of clusters |
//! | `sessions` | reads that are to see one moment |
//! | `query` | terms as queries |
//! | `answer` | answers as terms |
//! | `names` | atoms as the names of queries and of their arguments |
//! | `fault` | faults that tests ask for |
//! | `reaper` | the thread that drops what is out of reach |
//! | `compactor` | has it move together what is not, and give memory back |

mod answer;
mod applied;
mod awaited;
mod calls;
mod compactor;
mod fault;
mod file;
mod keeper;
mod names;
mod projections;
mod query;
mod reads;
mod reaper;
pub(crate) mod registry;
mod restore;
mod save;
mod sessions;
mod state;

pub(crate) use applied::Position;
pub(crate) use fault::Fault;
pub(crate) use names::load;
pub(crate) use projections::Projections;
pub(crate) use state::{Current, Entry, Keyspace, Status};
