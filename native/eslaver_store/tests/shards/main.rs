//! A cluster read as one: whatever moves, it answers as a plain store with the same keys.
#![allow(clippy::unwrap_used, clippy::panic)]

mod cases;
mod cluster;
mod model;
mod moving;
