//! What the locking is made of. With `--cfg shuttle`, tests choose at each step of it which thread
//! runs next: `tests/schedules.rs`.

#[cfg(not(shuttle))]
pub(crate) use {
    parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard},
    std::hint::spin_loop,
    std::sync::atomic::{AtomicBool, AtomicU64, Ordering},
    std::thread::{sleep, yield_now},
};

#[cfg(shuttle)]
pub(crate) use {
    scheduled::RwLock,
    shuttle::hint::spin_loop,
    shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering},
    shuttle::sync::{RwLockReadGuard, RwLockWriteGuard},
    shuttle::thread::{sleep, yield_now},
};

#[cfg(shuttle)]
mod scheduled {
    use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

    use shuttle::sync::{RwLockReadGuard, RwLockWriteGuard};

    /// A lock with the calls of parking_lot, which knows no poison.
    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T>(shuttle::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) fn is_locked(&self) -> bool {
            self.try_write().is_none()
        }

        pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
            whole(self.0.read())
        }

        pub(crate) fn read_recursive(&self) -> RwLockReadGuard<'_, T> {
            whole(self.0.read())
        }

        pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
            whole(self.0.write())
        }

        pub(crate) fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
            free(self.0.try_read())
        }

        pub(crate) fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
            free(self.0.try_write())
        }
    }

    fn whole<G>(result: LockResult<G>) -> G {
        result.unwrap_or_else(PoisonError::into_inner)
    }

    fn free<G>(result: TryLockResult<G>) -> Option<G> {
        match result {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
