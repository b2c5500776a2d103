//! Panics, of which none is expected: only where one came from is told, as its message may have keys
//! or values in it.

use std::cell::RefCell;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A panic that was caught, of this thread.
pub(crate) struct Caught {
    /// The file, line and column that it came from.
    pub(crate) place: String,
}

/// From now on panics of this library are noted instead of shown in full.
pub(crate) fn load() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        // standard error may be closed
        let _ = writeln!(std::io::stderr(), "eslaver panicked at {place}; this is a bug");
        PLACE.set(place);
    }));
}

/// Runs `body` to its end or to a panic.
pub(crate) fn catch<R>(body: impl FnOnce() -> R) -> Result<R, Caught> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|_| Caught { place: PLACE.take() })
}
