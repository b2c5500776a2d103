//! Times: the system's, by which keys expire, and one that never goes back.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The time in ms since the epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The time since it was asked for first, whatever is done to the system's clock.
pub(crate) fn elapsed() -> Duration {
    BEGAN.elapsed()
}
