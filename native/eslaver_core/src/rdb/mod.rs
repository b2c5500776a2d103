//! The snapshot: an RDB file of any version, decoded as its bytes come.
//!
//! [`Decoder`] is fed the snapshot's bytes in pieces of any size and hands what they hold to a
//! [`Sink`], which decides how it is represented. One module per encoding:
//!
//! | module | decodes |
//! |---|---|
//! | `decoder` | header, opcodes, keys, checksum |
//! | `dump` | the payload of `DUMP` and `RESTORE`: one value alone |
//! | `input`, `piece` | nothing: they hold the bytes at hand, and sum them |
//! | `value` | the values: one state per shape of value, resumable between any two elements |
//! | `version` | the magic: whose snapshot it is |
//! | `limits` | nothing: how long a string may be |
//! | `skip` | nothing: it passes over values that the sink does not want |
//! | `cursor`, `string`, `lzf` | the primitives: lengths, strings, numbers, compression |
//! | `listpack`, `ziplist`, `intset`, `zipmap` | containers that come as one string |
//! | `unpack` | what those hold, by the type that they are of |
//! | `stream`, `entries`, `module`, `array`, `path_hash` | the types that are small formats of their own |
//! | `template` | hash templates, and the hashes that use them |
//! | `float` | nothing: it writes an array's floats |
//!
//! [`write`](mod@write) is the mirror image: it writes an RDB file.
mod array;
mod cursor;
mod decoder;
mod dump;
mod entries;
mod error;
mod float;
mod input;
mod intset;
mod limits;
mod listpack;
mod lzf;
mod module;
mod path_hash;
mod piece;
mod seen;
mod sink;
mod skip;
mod stream;
mod string;
mod template;
mod unpack;
mod value;
mod version;
pub mod write;
mod ziplist;
mod zipmap;

pub use decoder::{Decoder, Status};
pub use dump::{DumpError, decode_dump};
pub use error::{Error, ErrorKind};
pub use limits::Limits;
pub use piece::Piece;
pub use sink::{
    Consumer, Group, Idempotency, Item, Kind, LeftOut, Meta, ModuleField, Nothing, Pending,
    Producer, Sink, StreamId, StreamMeta,
};
pub use version::Family;
