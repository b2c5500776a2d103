//! Writes keys and values as an RDB file, or one value as a payload, for a server of a given version.
//!
//! [`Writer`] takes what a [`Sink`](super::Sink) is given, with counts before elements, and puts out
//! the file in pieces. It writes the simplest form of each type: servers load these, whatever their
//! version, and choose an encoding in memory by their own configuration.
//!
//! | module | writes |
//! |---|---|
//! | `writer` | header, opcodes, keys, checksum; it checks that elements match their announced count |
//! | `contents` | nothing: it tells how each version begins a value |
//! | `dialect`, `feature` | nothing: they know the versions, and what each of them has |
//! | `output` | the pieces, and their checksum |
//! | `primitive` | lengths, strings, scores |
//! | `listpack`, `node` | a stream's entries |
//! | `groups` | a stream's counters, groups and producers |
//! | `array`, `module` | an array's elements, a module's fields |
mod array;
mod contents;
mod dialect;
mod error;
mod feature;
mod groups;
mod listpack;
mod module;
mod node;
mod output;
mod primitive;
mod writer;

pub use contents::Contents;
pub use dialect::{Dialect, Server};
pub use error::WriteError;
pub use node::StreamNodes;
pub use output::{Output, PIECE};
pub use writer::Writer;
