//! Events as Erlang terms, from the bottom up: `etf` and `message` make terms, `draft` is a message
//! in the making, `value` writes a key of a snapshot to it, and `batch` gathers events. `snapshot`
//! makes a batch the sink of a snapshot's decoder. `news` and `notices` are messages of their own.

pub(crate) mod batch;
mod draft;
mod etf;
pub(crate) mod event;
mod list;
pub(crate) mod message;
mod meta;
mod names;
pub(crate) mod news;
pub(crate) mod notices;
mod offsets;
pub(crate) mod snapshot;
mod stream;
mod value;
