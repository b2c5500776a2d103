//! Which function applies which command.

use hashbrown::HashMap;

use crate::write::apply::Apply;
use crate::write::{
    array, bit, gcra, geo, hash, hll, json, key, list, path_hash, set, sort, stream, stream_claim,
    stream_group, string, vectorset, zset,
};

/// Commands, by their names in lower case.
pub(crate) type Commands = HashMap<&'static [u8], Apply, foldhash::fast::RandomState>;

const FAMILIES: &[&[(&str, Apply)]] = &[
    array::COMMANDS,
    bit::COMMANDS,
    gcra::COMMANDS,
    geo::COMMANDS,
    hash::COMMANDS,
    hll::COMMANDS,
    json::COMMANDS,
    key::COMMANDS,
    list::COMMANDS,
    path_hash::COMMANDS,
    set::COMMANDS,
    sort::COMMANDS,
    stream::COMMANDS,
    stream_claim::COMMANDS,
    stream_group::COMMANDS,
    string::COMMANDS,
    vectorset::COMMANDS,
    zset::COMMANDS,
];

/// All commands that can be applied.
pub(crate) fn all() -> Commands {
    FAMILIES.iter().copied().flatten().map(|&(name, apply)| (name.as_bytes(), apply)).collect()
}
