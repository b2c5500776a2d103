//! A cluster, as Erlang holds it.
//!
//! | module | what it is for |
//! |---|---|
//! | `state` | the cluster: its routes, and the keyspaces of its shards |
//! | `keyspaces` | the keyspaces of a mirror's shards, by the shards' numbers |
//! | `view` | the shards, as a reader finds them |
//! | `calls` | what its process asks of it |
//! | `shards` | what its process asks of its shards, and tells of them |

mod calls;
mod keyspaces;
mod shards;
mod state;
mod view;

pub(crate) use keyspaces::Keyspaces;
pub(crate) use state::{Cluster, told};
pub(crate) use view::View;
