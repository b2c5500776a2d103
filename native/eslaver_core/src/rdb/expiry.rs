//! Expiries of a hash's fields and a set's members.

use super::error::ErrorKind;
use super::sink::Sink;

/// Redis keeps no such expiry beyond 48 bits of milliseconds. Valkey has no such limit.
pub(super) const MAX: u64 = (1 << 48) - 1;

/// Checks the least expiry of a value, which its times to live count from.
pub(super) fn check_base(base: u64) -> Result<(), ErrorKind> {
    if base > MAX + 1 { Err(ErrorKind::BadExpiry) } else { Ok(()) }
}

/// Gives the sink an expiry, as a time to live from `base`. 0 stands for no expiry, 1 for `base`.
pub(super) fn relative<S: Sink>(base: u64, ttl: u64, sink: &mut S) -> Result<(), ErrorKind> {
    match ttl.checked_sub(1) {
        Some(after) => absolute(base.checked_add(after), sink),
        None => Ok(()),
    }
}

/// Gives the sink an expiry, if that is a time a server could have written.
pub(super) fn absolute<S: Sink>(at: Option<u64>, sink: &mut S) -> Result<(), ErrorKind> {
    let at = at.filter(|&at| at <= MAX).ok_or(ErrorKind::BadExpiry)?;
    sink.expiry(at);
    Ok(())
}
