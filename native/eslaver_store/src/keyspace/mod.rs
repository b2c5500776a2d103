//! The keys, and who may look at them when.
//!
//! | module | is |
//! |---|---|
//! | `block` | a key and a small value in one allocation |
//! | `entry` | a key with its value, of any size |
//! | `layout` | which stripe a key is in |
//! | `db` | a database: its keys in stripes, each with a lock |
//! | `dbs` | the databases of a store |
//! | `store` | the databases, as readers find them |
//! | `shards` | the stores of a cluster's shards, read as one |
//! | `view` | where a reader looks for keys: in a store, or in those of shards |
//! | `capture` | a database as it was at one moment, taken while the writer goes on |
//! | `copies` | entries as they were, for whoever saves them |
//! | `moment` | the same for all of them |
//! | `session` | what the writer has locked, until its change is whole |
//! | `sync` | what the locking is made of |
//! | `usage` | how many keys of each type there are |
//! | `account` | the bytes that all of it takes, by type |
//! | `kept` | what a reader keeps when it has left the lock |
//! | `version` | the version of the master whose keys they are |
//! | `witness` | what reads have found, to see whether it is still so |
//! | `trash` | values out of reach, to be dropped outside locks |

pub(crate) mod account;
pub(crate) mod block;
pub(crate) mod capture;
pub(crate) mod compaction;
pub(crate) mod copies;
pub(crate) mod db;
pub(crate) mod dbs;
pub(crate) mod entry;
pub(crate) mod kept;
pub(crate) mod layout;
pub(crate) mod moment;
pub(crate) mod session;
pub(crate) mod shards;
pub(crate) mod store;
pub(crate) mod sync;
pub(crate) mod trash;
pub(crate) mod usage;
pub(crate) mod version;
pub(crate) mod view;
pub(crate) mod witness;
