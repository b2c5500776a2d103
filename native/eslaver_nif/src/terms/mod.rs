//! Events as Erlang terms.

pub(crate) mod batch;
pub(crate) mod etf;
pub(crate) mod message;
pub(crate) mod names;
pub(crate) mod stream;
pub(crate) mod value;
