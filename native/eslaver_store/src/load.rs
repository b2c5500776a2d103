//! Fills a store with a snapshot, and makes a value of a `DUMP` payload.

use eslaver_core::rdb::{self, Sink};

use crate::values::NewValue;

/// The value of a `DUMP` payload.
pub(crate) fn payload(_payload: &[u8]) -> Option<NewValue> {
    None
}
