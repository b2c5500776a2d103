//! A mirror's keyspace, as Erlang holds it.
//!
//! | module | what it is for |
//! |---|---|
//! | `registry` | finds a keyspace by its mirror's name |
//! | `state` | the keyspace: its current store, and what outlives a link |
//! | `calls` | what a mirror's server asks of its keyspace |
//! | `reads` | reads, alone or of one moment |
//! | `query` | terms as queries |
//! | `answer` | answers as terms |
//! | `names` | atoms as the names of queries and of their arguments |
//! | `reaper` | the thread that drops what is out of reach |

mod answer;
mod calls;
mod names;
mod query;
mod reads;
mod reaper;
mod registry;
mod state;

pub(crate) use names::load;
pub(crate) use state::{Entry, Keyspace, Position};
