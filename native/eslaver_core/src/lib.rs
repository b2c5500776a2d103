//! The replica's side of the Redis replication protocol, without I/O: bytes in, events out.
//!
//! Nothing here knows of Erlang, sockets, clocks or threads. Each module takes bytes, at any split,
//! and says what they mean:
//!
//! | module | bytes | gives |
//! |---|---|---|
//! | [`lines`] | anything | lines, and the bytes after the last of them |
//! | [`handshake`] | the lines from `PING` to the answer of `PSYNC` | what to send, how the sync begins |
//! | [`reply`] | an answer of any form | its value |
//! | [`transfer`] | the snapshot's envelope: `$<len>` or `$EOF:<mark>` | the snapshot's own bytes, and its end |
//! | [`rdb`] | the snapshot | keys and values, handed to a sink |
//! | [`resp`] | the command stream | commands, and their length in it |
//! | [`replay`] | a command of KeyDB that wraps others | these |
//! | [`position`] | commands | the offset, db and transaction that the stream stands at |
//! | [`arrivals`] | how many have been read, and when | since when some of them have to wait |
//! | [`commands`] | a command | which of its arguments are keys, and which of these it changes |
//! | [`decimal`] | a decimal of few digits | the number |
//! | [`filter`], [`glob`] | a key, or a command | whether it is wanted |
//! | [`interests`] | a command | what it changes, and who wants to know of that |
#![forbid(unsafe_code)]

pub mod arrivals;
pub mod commands;
pub mod decimal;
pub mod filter;
pub mod glob;
pub mod handshake;
pub mod interests;
pub mod lines;
pub mod position;
pub mod rdb;
pub mod replay;
pub mod reply;
pub mod resp;
pub mod transfer;
