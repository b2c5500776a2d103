//! The snapshot: an RDB file of any version, decoded as its bytes come.
//!
//! Feed [`Decoder`] the snapshot's bytes in pieces of any size. It hands their content to a
//! [`Sink`], which decides how to represent it. There is one module per encoding:
//!
//! | module | decodes |
//! |---|---|
//! | `decoder` | header, opcodes, keys, checksum |
//! | `dump` | the payload of `DUMP` and `RESTORE`: one value alone |
//! | `functions` | libraries of functions alone |
//! | `input`, `piece` | nothing: they hold the bytes at hand, and compute the checksum |
//! | `value` | the values: one state per shape of value, resumable between any two elements |
//! | `types`, `opcodes` | nothing: they name the types of values, and the opcodes |
//! | `element`, `expiry` | the elements of a value that has a count, and when they expire |
//! | `version`, `family` | the magic: which family of servers made the snapshot |
//! | `limits` | nothing: how long a string may be |
//! | `seen` | nothing: it finds duplicate members and fields |
//! | `skip` | nothing: it passes over values that the sink does not want |
//! | `cursor`, `string`, `lzf` | the primitives: lengths, strings, numbers, compression |
//! | `listpack`, `ziplist`, `intset`, `zipmap` | containers that come as one string |
//! | `unpack` | the elements of these containers |
//! | `stream`, `entries`, `module`, `array`, `path_hash` | the types that are small formats of their own |
//! | `template` | hash templates, and the hashes that use them |
//! | `float` | nothing: it formats an array's floats |
//!
//! [`write`](mod@write) is the mirror image: it writes an RDB file.
mod array;
mod cursor;
mod decoder;
mod dump;
mod element;
mod entries;
mod error;
mod expiry;
mod family;
mod float;
mod functions;
mod input;
mod intset;
mod limits;
mod listpack;
mod lzf;
mod module;
mod opcodes;
mod path_hash;
mod piece;
mod seen;
mod sink;
mod skip;
mod stream;
mod string;
mod template;
mod types;
mod unpack;
mod value;
mod version;
pub mod write;
mod ziplist;
mod zipmap;

pub use decoder::{Decoder, Status};
pub use dump::{DumpError, decode_dump};
pub use error::{Error, ErrorKind};
pub use family::Family;
pub use functions::{decode_functions, library_name};
pub use limits::Limits;
pub use piece::Piece;
pub use sink::{
    Consumer, Group, Idempotency, Item, Kind, LeftOut, Meta, ModuleField, Nothing, Pending,
    Producer, Sink, StreamId, StreamMeta,
};
