//! The time by which keys expire: that of the system.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time in ms since the epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
