//! Finds a command in the table.

use super::rule::Rule;
use super::table::COMMANDS;

/// RediSearch's commands have the names of indexes where others have their keys.
const OF_INDEXES: &[u8] = b"ft.";

/// The rule for a command, by its name in lower case.
pub(super) fn rule(lower: &[u8]) -> Option<&'static Rule> {
    match COMMANDS.binary_search_by(|(known, _)| known.as_bytes().cmp(lower)) {
        Ok(found) => COMMANDS.get(found).map(|(_, rule)| rule),
        Err(_) => lower.starts_with(OF_INDEXES).then_some(&Rule::Keys(&[])),
    }
}
