//! A cluster: which shard has which slot, as the streams of its masters tell.
//!
//! No I/O, threads or unsafe code.

#![forbid(unsafe_code)]

mod routes;
mod slot;

pub use routes::{Route, Routes, Shard};
pub use slot::{SLOTS, of_key};
