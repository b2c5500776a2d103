//! A cluster: which shard has which slot, as the streams of its masters tell, and what of these
//! streams must wait for another.
//!
//! No I/O, threads or unsafe code.
//!
//! | module | is |
//! |---|---|
//! | `slot`, `slots` | the slot of a key; sets of slots |
//! | `routes` | where the keys of each slot are read, without a lock |
//! | `mark` | what masters tell in their streams of slots that move |
//! | `deed` | what a command does, as far as slots are concerned |
//! | `member` | a shard: how far its stream may go, and has gone |
//! | `restored` | the keys that have come to a shard one by one |
//! | `ledger` | what is known of slots besides their routes, and how routes change |
//! | `cluster` | all of it: which command may be handled now, and who has made it |
//!
//! # Why deletions wait
//!
//! While a slot moves, each key of it is deleted at one shard once it is at another. The streams of the
//! two come in no order. So a deletion waits until the cluster's process has cleared it: it has made
//! sure that the stream of the other shard has been handled up to a later moment. Then a reader that
//! looks at the owner first, and then at the shard that shares the slot, finds every key.

#![forbid(unsafe_code)]

mod cluster;
mod deed;
mod ledger;
mod mark;
mod member;
mod restored;
mod routes;
mod slot;
mod slots;

pub use cluster::{Cluster, Origin, Standing, Verdict};
pub use deed::Deed;
pub use ledger::{Move, Statement};
pub use mark::{Import, Mark, of_field};
pub use member::{Hold, Member};
pub use routes::{Route, Routes, Shard};
pub use slot::{SLOTS, of_key};
pub use slots::{Range, Slots};
