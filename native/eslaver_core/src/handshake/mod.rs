//! From `PING` to the answer of `PSYNC`: bytes in, what to do out.
//!
//! | step | sent | goes on after |
//! |---|---|---|
//! | [`Step::Ping`] | `PING` | `+…`, and refusals that `AUTH` may lift |
//! | [`Step::Auth`] | `AUTH [user] password`, if configured | `+…` |
//! | [`Step::ClientName`] … | `CLIENT SETNAME`, `CLIENT SETINFO` | anything |
//! | [`Step::ListeningPort`] | `REPLCONF listening-port` | anything but "who are you" and "you may not" |
//! | [`Step::IpAddress`] | `REPLCONF ip-address`, if configured | the same |
//! | [`Step::Capabilities`] | `REPLCONF capa eof capa psync2` | the same |
//! | [`Step::NoCompress`] | `REPLCONF rdb-no-compress 1`, if configured | the same |
//! | [`Step::Version`] | `REPLCONF version`, which Redis does not know | the same |
//! | [`Step::Role`] | `ROLE`, if configured | any value, except of a Sentinel |
//! | [`Step::Info`] | `INFO`, if configured | the same |
//! | [`Step::MyId`] | `CLUSTER MYID`, if a node is expected | any value, except another node's id |
//! | [`Step::Commands`] | `COMMAND`, if configured | any value |
//! | [`Step::Psync`] | `PSYNC`, if the node may be followed | refusals after which a real replica tries `SYNC` |
//! | [`Step::Sync`] | `SYNC` | — |
//!
//! What follows `PING`, up to `PSYNC`, is sent at once. A master older than the errors' codes says
//! the same things in words; both are read.
//!
//! | module | has |
//! |---|---|
//! | `config` | what the master is told |
//! | `machine` | which step follows which answer |
//! | `step` | the steps, and the commands they send |
//! | `peer` | what the node tells of itself, and whether it may be followed |
//! | `role`, `info` | the answers that tell it |
//! | `words` | words that several answers have |
//! | `answer` | what to do after an answer, and the good answers to `PSYNC` |
//! | `refusal` | what an error line means |

mod answer;
mod config;
mod info;
mod machine;
mod peer;
mod refusal;
mod role;
mod step;
mod words;

pub use answer::Reply;
pub use config::{Config, Questions, ReadFrom, Resume};
pub use machine::Handshake;
pub use peer::{Peer, Role};
pub use refusal::Refusal;
pub use step::Step;
