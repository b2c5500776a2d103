//! What values are made of. None of it knows of keys, commands or locks.
//!
//! | module | holds |
//! |---|---|
//! | [`element`] | one string, packed: short ones and integers take few bytes |
//! | [`chunks`] | a long string, in pieces |
//! | [`tree`] | large lists, sorted sets, streams: a counted B+-tree with shared nodes |

pub mod chunks;
pub mod element;
pub mod tree;
