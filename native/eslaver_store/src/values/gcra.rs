//! Rate limits (of Redis built with GCRA): the theoretical arrival time, in µs since the epoch.

use crate::values::{NewValue, Type, ValueRef};

/// A value of this time.
pub(crate) fn new(time: i64) -> NewValue {
    NewValue::Packed { kind: Type::Gcra, form: 0, payload: time.to_le_bytes().to_vec() }
}

/// The time that a value is, where it is one.
pub(crate) fn of(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Packed { kind: Type::Gcra, payload, .. } => {
            payload.try_into().ok().map(i64::from_le_bytes)
        }
        _ => None,
    }
}
