//! The offsets of a batch's commands, for a server that stops within the batch.

use eslaver_core::position::Position;

/// For each command of a batch, in order, the position behind it: 12 bytes, most significant first.
///
/// | bits | what they are |
/// |---|---|
/// | 1 | whether a cluster has made it as it moves its slots |
/// | 63 | the offset |
/// | 1 | whether that is within a transaction |
/// | 31 | the selected db |
///
/// `eslaver_position` reads them.
#[derive(Default)]
pub(crate) struct Offsets(Vec<u8>);

impl Offsets {
    #[inline]
    pub(crate) fn push(&mut self, position: Position, is_migration: bool) {
        let transaction = u32::from(position.in_transaction) << 31;
        let migration = u64::from(is_migration) << 63;
        self.0.extend_from_slice(&(migration | position.offset).to_be_bytes());
        self.0.extend_from_slice(&(transaction | position.db).to_be_bytes());
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
