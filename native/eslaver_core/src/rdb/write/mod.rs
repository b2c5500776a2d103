//! The way back: keys and values, written as an RDB file that a server of a given version loads.
//!
//! [`Writer`] is told what a [`Sink`](super::Sink) is told, with counts before elements, and hands
//! out the file's bytes in pieces. Of each type it writes the simplest form that the version has:
//! servers still load the forms of their oldest versions, and give values the encodings that they
//! would have given them anyway.
//!
//! | module | writes |
//! |---|---|
//! | `writer` | header, opcodes, keys, checksum; and holds each call to what is announced |
//! | `contents` | nothing: it says how a value begins, in which version |
//! | `dialect` | nothing: which server has which types |
//! | `output` | nothing: it gathers bytes, sums them and hands them out |
//! | `primitive` | lengths, strings, scores |
//! | `listpack`, `node` | a stream's entries |
//! | `groups` | all of a stream that is not its entries |
//! | `array`, `module` | an array's elements, a module's fields |
mod array;
mod contents;
mod dialect;
mod error;
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
