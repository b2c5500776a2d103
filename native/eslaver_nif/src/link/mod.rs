//! A link: its configuration, its slices, and why it has ended.

pub(crate) mod applier;
mod both;
pub(crate) mod config;
pub(crate) mod end;
mod intake;
mod load;
pub(crate) mod loan;
pub(crate) mod part;
mod phase;
pub(crate) mod shared;
mod sieve;
pub(crate) mod slice;
pub(crate) mod start;
mod stream;
pub(crate) mod waiting;
