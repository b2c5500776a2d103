//! A keyspace: what a replica holds of its master, for one writer and many readers.
//!
//! Nothing here knows of Erlang, sockets or clocks; the time is a parameter.
#![forbid(unsafe_code)]

pub mod collections;
