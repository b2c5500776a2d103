//! What values are made of. None of it knows of keys, commands or locks.
//!
//! | module | holds |
//! |---|---|
//! | [`element`] | one string, packed: short ones and integers take few bytes |
//! | [`score`] | one score, packed |
//! | [`record`] | an element with what its type holds behind it, and its own time to live |
//! | [`packed`] | a small collection: its records in one byte string |
//! | [`table`] | a large set or hash, or the scores of a large sorted set |
//! | [`tree`] | large lists, sorted sets, streams: a counted B+-tree with shared nodes |
//! | [`chunks`] | a long string in shared chunks |
//! | [`mover`] | moves parts of all these, so that memory can be given back |

pub mod chunks;
pub mod element;
pub mod mover;
pub mod packed;
pub mod record;
pub mod score;
pub mod table;
pub mod tree;
